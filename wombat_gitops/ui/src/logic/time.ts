const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** "1 m 36 s": at most two units; below ten seconds with one decimal. */
export function duration(seconds: number): string {
  const whole = Math.max(0, seconds)
  if (whole < 9.95) return `${(Math.round(whole * 10) / 10).toString()} s`
  const total = Math.round(whole)
  if (total < MINUTE) return `${total} s`
  if (total < HOUR) return `${Math.floor(total / MINUTE)} m ${total % MINUTE} s`
  const minutes = Math.floor((total % HOUR) / MINUTE)
  if (total < DAY) return `${Math.floor(total / HOUR)} h ${minutes} m`
  return `${Math.floor(total / DAY)} d ${Math.floor((total % DAY) / HOUR)} h`
}

/** "3 min ago", "in 5 s"; *now* is in milliseconds, as `Date.now()` gives it. */
export function relative(iso: string, now: number): string {
  const seconds = Math.round((now - Date.parse(iso)) / 1000)
  if (Number.isNaN(seconds)) return 'unknown'
  const size = Math.abs(seconds)
  if (size < 3) return 'just now'
  const text = coarse(size)
  return seconds < 0 ? `in ${text}` : `${text} ago`
}

function coarse(seconds: number): string {
  if (seconds < MINUTE) return `${seconds} s`
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`
  if (seconds < 60 * DAY) return `${Math.floor(seconds / DAY)} days`
  if (seconds < 730 * DAY) return `${Math.floor(seconds / (30 * DAY))} months`
  return `${Math.floor(seconds / (365 * DAY))} years`
}

/** "2026-11-24 04:18:15 UTC". */
export function absolute(iso: string): string {
  const time = new Date(iso)
  if (Number.isNaN(time.getTime())) return iso
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** Binaries of a manifest that is in no commit yet carry the start of Unix time. */
export function isUncommitted(iso: string): boolean {
  return Date.parse(iso) === 0
}
