import {
  mdiAlertCircle,
  mdiAlertOutline,
  mdiCancel,
  mdiCheckCircle,
  mdiCircleOutline,
  mdiClockOutline,
  mdiHelpCircleOutline,
  mdiPauseCircleOutline,
  mdiProgressWrench,
  mdiSkipNextCircleOutline,
  mdiSync,
  mdiSyncAlert,
} from '@mdi/js'

/** How a state is shown: never by colour alone. */
export interface Look {
  word: string
  icon: string
  color: string
}

const BUILD: Record<string, Look> = {
  queued: { word: 'Queued', icon: mdiClockOutline, color: 'info' },
  running: { word: 'Running', icon: mdiProgressWrench, color: 'info' },
  succeeded: { word: 'Succeeded', icon: mdiCheckCircle, color: 'success' },
  failed: { word: 'Failed', icon: mdiAlertCircle, color: 'error' },
  cancelled: { word: 'Cancelled', icon: mdiCancel, color: 'quiet' },
  superseded: { word: 'Superseded', icon: mdiSkipNextCircleOutline, color: 'quiet' },
  missing: { word: 'Not built', icon: mdiCircleOutline, color: 'quiet' },
}

const HEALTH: Record<string, Look> = {
  Healthy: { word: 'Healthy', icon: mdiCheckCircle, color: 'success' },
  Progressing: { word: 'Progressing', icon: mdiProgressWrench, color: 'info' },
  Degraded: { word: 'Degraded', icon: mdiAlertCircle, color: 'error' },
  Suspended: { word: 'Suspended', icon: mdiPauseCircleOutline, color: 'warning' },
  Missing: { word: 'Not built', icon: mdiCircleOutline, color: 'quiet' },
}

const SYNC: Record<string, Look> = {
  Synced: { word: 'Synced', icon: mdiSync, color: 'success' },
  OutOfSync: { word: 'Out of sync', icon: mdiSyncAlert, color: 'warning' },
  Unknown: { word: 'Sync unknown', icon: mdiHelpCircleOutline, color: 'quiet' },
}

export const BUILD_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'superseded'] as const

/** Look of a build's state. A word that is new to this page is shown as it is. */
export const buildLook = (state: string): Look => BUILD[state] ?? unknown(state)
export const healthLook = (health: string): Look => HEALTH[health] ?? unknown(health)
export const syncLook = (sync: string): Look => SYNC[sync] ?? unknown(sync)

/** Look of an attempt, which may also end as `lost` or `released`. */
export function attemptLook(endedAs: string | null): Look {
  if (endedAs === null) return buildLook('running')
  if (endedAs === 'lost') return { word: 'Builder lost', icon: mdiAlertOutline, color: 'warning' }
  if (endedAs === 'released') return { word: 'Given back', icon: mdiSkipNextCircleOutline, color: 'quiet' }
  return buildLook(endedAs)
}

function unknown(word: string): Look {
  return { word, icon: mdiHelpCircleOutline, color: 'quiet' }
}

const NORMAL = new Set(['Ready', 'Reconciling'])

/** Is this condition bad news? `Ready` is when it is false, every abnormal one while it is true. */
export function isTrouble(condition: { type: string; status: boolean }): boolean {
  return condition.type === 'Ready' ? !condition.status : condition.status && !NORMAL.has(condition.type)
}

const TITLES: Record<string, string> = {
  ArtifactMissing: 'An artifact is gone from the store',
  FetchFailed: 'The repository could not be read',
  InvalidManifest: 'The manifest has errors',
  NameConflict: 'Two manifests have the same name',
  NoBuilder: 'No builder can build this',
  Ready: 'Not ready',
  PolicyViolated: 'A policy does not allow it',
  Stalled: 'Waiting for a person',
  VerificationFailed: 'The commit is not signed as it must be',
}

export function conditionTitle(condition: { type: string; reason: string }): string {
  return TITLES[condition.type] ?? condition.reason
}
