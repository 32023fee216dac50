import type { Attempt, Build, Step } from '@/api/types'
import { attemptLook, buildLook, type Look } from './status'
import { duration } from './time'

/** The steps of a build, in order. */
export const STEPS = ['fetch', 'generate', 'check', 'compile', 'smoke', 'upload'] as const

const STEP_WORDS: Record<string, string> = {
  fetch: 'Fetch modules',
  check: 'Check packages',
  generate: 'Generate source',
  compile: 'Compile',
  smoke: 'Check the binary',
  upload: 'Upload',
}

export function stepWord(step: string): string {
  return STEP_WORDS[step] ?? step
}

export interface TimelineStep {
  step: string
  state: 'done' | 'running' | 'failed' | 'stopped' | 'waiting'
  /** Seconds so far; null before the step began. */
  seconds: number | null
}

/** All steps of an attempt, those to come as well; *now* in milliseconds. */
export function timeline(attempt: Attempt | undefined, now: number): TimelineStep[] {
  const ran = attempt?.steps ?? []
  const known: readonly string[] = STEPS
  const names = [...known, ...ran.map((run) => run.step).filter((step) => !known.includes(step))]
  return names.map((step) => {
    const run = ran.find((candidate) => candidate.step === step)
    if (!attempt || !run) return { step, state: 'waiting', seconds: null }
    return { step, state: stepState(attempt, run, run === ran.at(-1)), seconds: run.seconds ?? since(run.started_at, now) }
  })
}

function stepState(attempt: Attempt, run: Step, last: boolean): TimelineStep['state'] {
  if (!last || attempt.ended_as === 'succeeded') return 'done'
  if (attempt.ended_as === null) return run.seconds === null ? 'running' : 'done'
  return attempt.ended_as === 'failed' ? 'failed' : 'stopped'
}

function since(iso: string, now: number): number {
  return Math.max(0, (now - Date.parse(iso)) / 1000)
}

/** Seconds an attempt took, or has taken so far. */
export function attemptSeconds(attempt: Attempt, now: number): number {
  return since(attempt.started_at, attempt.ended_at === null ? now : Date.parse(attempt.ended_at))
}

/** "Running for 1 m 36 s: compile", "Queued for 4 s, first in line". */
export function sentence(build: Build, now: number): string {
  const attempt = build.attempts.at(-1)
  if (build.state === 'running' && attempt) {
    const step = attempt.steps.at(-1)
    const text = `Running for ${duration(attemptSeconds(attempt, now))}${step ? `: ${stepWord(step.step).toLowerCase()}` : ''}`
    return build.cancel_requested ? `${text}; being cancelled` : text
  }
  if (build.state === 'queued') return queuedSentence(build, now)
  if (!attempt) return buildLook(build.state).word
  const took = duration(attemptSeconds(attempt, now))
  const tries = build.attempts.length > 1 ? `, attempt ${attempt.number}` : ''
  return build.state === 'succeeded' ? `Succeeded in ${took}${tries}` : `${buildLook(build.state).word} after ${took}${tries}`
}

function queuedSentence(build: Build, now: number): string {
  const waiting = duration(since(build.changed_at, now))
  const place = build.position === null ? '' : build.position === 1 ? ', next in line' : `, number ${build.position} in line`
  return `Queued for ${waiting}${place}`
}

export function lookOf(attempt: Attempt): Look {
  return attemptLook(attempt.ended_as)
}

/** The line that says most about a failure: the guilty package, then the first error. */
export function failureLine(failure: { culprit: string; message: string }): string {
  return failure.culprit === '' || failure.message.includes(failure.culprit)
    ? failure.message
    : `${failure.culprit}: ${failure.message}`
}

/** The attempt that the address asks for, else the newest. */
export function attemptOf<T extends { number: number }>(attempts: readonly T[], asked: unknown): T | undefined {
  return attempts.find((attempt) => String(attempt.number) === asked) ?? attempts.at(-1)
}

/** What to look for in a log to find a failure: its message, then the end of it behind the place. */
export function errorTexts({ message }: { message: string }): string[] {
  const whole = message.slice(0, 200)
  const end = whole.slice(whole.indexOf(': ') + 2)
  return whole.includes(': ') && end !== '' ? [whole, end] : [whole]
}
