import { mdiAlertCircle, mdiAlertOutline, mdiCheckCircle, mdiHelpCircleOutline } from '@mdi/js'
import type { Build, ServiceStatus } from '@/api/types'
import { count } from './format'
import type { Look } from './status'

const HEALTH: Record<string, Look> = {
  ok: { word: 'Everything works', icon: mdiCheckCircle, color: 'success' },
  degraded: { word: 'Needs attention', icon: mdiAlertOutline, color: 'warning' },
  down: { word: 'Something is down', icon: mdiAlertCircle, color: 'error' },
}

/** How the verdict of the server is shown. */
export const healthOf = (state: string): Look => HEALTH[state] ?? { word: state, icon: mdiHelpCircleOutline, color: 'quiet' }

/** What waits, where nothing is wrong; the list of the queue says when it is empty. */
export function queueNote({ queued }: Pick<ServiceStatus, 'queued'>): string {
  if (queued === 0) return ''
  return `${count(queued, 'build')} ${queued === 1 ? 'waits' : 'wait'} for a builder.`
}

/** "4 of 50 failed (8%)"; "" where nothing was judged. */
export function failureNote({ succeeded, failed, lost, failure_rate: rate }: { succeeded: number; failed: number; lost: number; failure_rate: number | null }): string {
  if (rate === null) return ''
  const judged = succeeded + failed + lost
  if (failed + lost === 0) return `None of the last ${count(judged, 'build')} failed`
  return `${(failed + lost).toLocaleString('en')} of the last ${count(judged, 'build')} failed (${Math.round(rate * 100)}%)${lost > 0 ? `, ${lost} of them when it fell silent` : ''}`
}

/** Queued builds in the order they stand in the queue. */
export function inQueue(builds: Build[]): Build[] {
  return builds.filter((build) => build.position !== null).sort((one, other) => (one.position ?? 0) - (other.position ?? 0))
}
