import { count } from './format'

interface Place {
  position: number
  platform: string
  ahead: readonly { source: string; builds: number }[]
  builders: readonly string[]
  needs: { cgo: boolean; memory: number; labels: Record<string, string> }
}

/** "1st", "2nd", "23rd", "111th". */
export function ordinal(number: number): string {
  const tens = number % 100
  const ending = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][number % 10] ?? 'th')
  return `${number.toLocaleString('en')}${ending}`
}

/** "2 builds of source main and 1 build of people are ahead."; "" for the first one. */
export function aheadText(ahead: Place['ahead']): string {
  if (ahead.length === 0) return ''
  const parts = ahead.slice(0, 3).map(({ source, builds }) => `${count(builds, 'build')} ${source === '' ? 'that people asked for' : `of source “${source}”`}`)
  const rest = ahead.slice(3).reduce((sum, { builds }) => sum + builds, 0)
  if (rest > 0) parts.push(`${count(rest, 'build')} of other sources`)
  const only = ahead.length === 1 && ahead[0]?.builds === 1
  return `${joined(parts)} ${only ? 'is' : 'are'} ahead.`
}

/** What the build takes of a builder, and who has it. */
export function takersText({ platform, needs, builders }: Place): string {
  const wanted = [platform]
  if (needs.cgo) wanted.push('a C compiler')
  if (needs.memory > 0) wanted.push(`${(needs.memory / 2 ** 30).toFixed(1)} GiB of memory`)
  wanted.push(...Object.entries(needs.labels).map(([key, value]) => `label ${key}=${value}`))
  const need = `It needs a builder for ${joined(wanted)}`
  if (builders.length === 0) return `${need}; none is at work.`
  const shown = builders.slice(0, 5)
  const names = builders.length > shown.length ? [...shown, `${builders.length - shown.length} more`] : shown
  return `${need}: ${joined(names)} can take it.`
}

function joined(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}
