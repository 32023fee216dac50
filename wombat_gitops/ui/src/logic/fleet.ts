import { mdiAlertCircle, mdiAlertOutline, mdiCheckCircle } from '@mdi/js'
import type { Build, ServiceStatus } from '@/api/types'
import { count } from './format'
import type { Look } from './status'

export interface Verdict {
  look: Look
  /** What it means for people who came for a download or wait for a build. */
  text: string
}

const down = (text: string): Verdict => ({ look: { word: 'Something is down', icon: mdiAlertCircle, color: 'error' }, text })
const careful = (text: string): Verdict => ({ look: { word: 'Needs attention', icon: mdiAlertOutline, color: 'warning' }, text })

/** Is it down? The worst that is known, in one sentence; *now* in milliseconds. */
export function verdict(status: ServiceStatus, now: number): Verdict {
  const working = status.builders.filter((builder) => builder.state === 'working')
  const waiting = `${count(status.queued, 'build')} ${status.queued === 1 ? 'waits' : 'wait'}`
  const overdue = status.sources.filter((source) => source.due_at !== null && Date.parse(source.due_at) < now)
  const unreadable = Object.values(status.unreadable).flat().length
  if (!status.connected) return down('The broker does not answer: nothing new is built or shown until it is back. Files that are here already can still be downloaded.')
  if (working.length === 0 && status.queued > 0) return down(`No builder takes new builds, and ${waiting}. Start one with “wombat builder”.`)
  if (status.stale) return careful('The catalogue is being read again: what is shown may be old.')
  if (overdue.length > 0) return careful(`Nobody has looked at ${count(overdue.length, 'source')} for too long: changes there are not seen. Is its watcher running?`)
  if (unreadable > 0) return careful(`What is stored as ${unreadable === 1 ? 'one entry' : `${unreadable} entries`} cannot be read, and so is not shown.`)
  if (working.length === 0) return careful('No builder takes new builds. Nothing waits for one now.')
  return {
    look: { word: 'Everything works', icon: mdiCheckCircle, color: 'success' },
    text: status.queued === 0 ? 'No build waits.' : `${waiting} for a builder.`,
  }
}

/** Queued builds in the order they stand in the queue. */
export function inQueue(builds: Build[]): Build[] {
  return builds.filter((build) => build.position !== null).sort((one, other) => (one.position ?? 0) - (other.position ?? 0))
}
