import {
  mdiAlertCircle,
  mdiAlertOutline,
  mdiCancel,
  mdiCheckCircle,
  mdiCircleOutline,
  mdiClockOutline,
  mdiCloseCircleOutline,
  mdiEyeOffOutline,
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

const BUILDER: Record<string, Look> = {
  working: { word: 'Online', icon: mdiCheckCircle, color: 'success' },
  draining: { word: 'Draining', icon: mdiPauseCircleOutline, color: 'warning' },
  quarantined: { word: 'Quarantined', icon: mdiAlertOutline, color: 'error' },
}

export const BUILD_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'superseded'] as const

/** Look of a build's state. A word that is new to this page is shown as it is. */
export const buildLook = (state: string): Look => BUILD[state] ?? unknown(state)
export const healthLook = (health: string): Look => HEALTH[health] ?? unknown(health)
export const syncLook = (sync: string): Look => SYNC[sync] ?? unknown(sync)

/** Look of a builder: an online one that builds nothing says so. */
export function builderLook({ state, busy }: { state: string; busy: number }): Look {
  const look = BUILDER[state] ?? unknown(state)
  return state === 'working' && busy === 0 ? { ...look, word: `${look.word} (idle)` } : look
}

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

/** What one cause has made untrue: its first condition that says what happened, and whether a person has to act. */
export interface Cause<C> {
  condition: C
  stalled: boolean
}

/** Troubles by their cause, told once each: a host that refuses is behind `FetchFailed`, `Ready` and `Stalled`. */
export function causes<C extends { type: string; status: boolean; reason: string; message: string }>(conditions: readonly C[]): Cause<C>[] {
  const groups = new Map<string, C[]>()
  for (const condition of conditions.filter(isTrouble)) {
    const key = `${condition.reason}\n${condition.message}`
    groups.set(key, [...(groups.get(key) ?? []), condition])
  }
  return [...groups.values()].flatMap((group) => {
    const condition = group.find(({ type }) => !GENERAL.has(type)) ?? group[0]
    return condition ? [{ condition, stalled: condition.type !== 'Stalled' && group.some(({ type }) => type === 'Stalled') }] : []
  })
}

const GENERAL = new Set(['Ready', 'Stalled'])

/** How a distribution is shown: what is withdrawn is never called healthy. */
export function distributionLook(item: { version: string; health: string; retired: boolean; withdrawn: Withdrawal | null }): Look {
  if (item.retired) return { word: 'Retired', icon: mdiCloseCircleOutline, color: 'quiet' }
  return isWithdrawn(item) ? { word: 'Withdrawn', icon: mdiCancel, color: 'error' } : healthLook(item.health)
}

interface Withdrawal {
  versions: readonly string[]
}

/** Is the version that the manifest asks for withdrawn, and not only older ones? */
export function isWithdrawn({ version, withdrawn }: { version: string; withdrawn: Withdrawal | null }): boolean {
  return withdrawn !== null && (withdrawn.versions.length === 0 || withdrawn.versions.includes(version))
}

/** How a source is shown: by the API's own word for it, or as unwatched once it is overdue by this clock. */
export function sourceLook(
  source: { state: string; due_at: string | null; conditions: readonly { type: string; status: boolean }[] },
  now: number,
): Look {
  const overdue = source.due_at !== null && Date.parse(source.due_at) < now
  if (overdue || source.state === 'Unwatched') return { word: 'Not watched', icon: mdiEyeOffOutline, color: 'warning' }
  if (source.state === 'Unread') return { word: 'Not read yet', icon: mdiCircleOutline, color: 'quiet' }
  if (source.state === 'Progressing') return { word: 'Progressing', icon: mdiSync, color: 'info' }
  if (source.state === 'Ready') return { word: 'Ready', icon: mdiCheckCircle, color: 'success' }
  const ready = source.conditions.find(({ type }) => type === 'Ready')?.status
  return ready ? { word: 'Read, with problems', icon: mdiAlertOutline, color: 'warning' } : { word: 'Not ready', icon: mdiAlertCircle, color: 'error' }
}

/** Why the newest commit is not the one that is shown; "" where it is. */
export function unusedNote(source: { revision: string; observed_revision: string; conditions: readonly { type: string; status: boolean }[] }): string {
  if (source.observed_revision === '' || source.observed_revision === source.revision) return ''
  return source.conditions.some(isTrouble) ? 'and is not used' : 'which is being read'
}

export function conditionTitle(condition: { type: string; reason: string }): string {
  return TITLES[condition.type] ?? condition.reason
}
