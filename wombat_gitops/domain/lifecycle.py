"""The life of a build: every change that its record may go through.

Functions here take a record and return the next one, or raise `IllegalTransition`. They know no
clock and no store: `services.queue` calls them and writes the result by compare-and-set.

    queued ──claim──▶ running ──▶ succeeded
      ▲ │               │ ├─────▶ failed      (user error, or attempts spent)
      │ │               │ └─────▶ cancelled
      │ └─▶ cancelled, superseded
      └─── given back, or lost lease or transient failure with attempts left     retry: any final state ──▶ queued
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import IllegalTransition
from wombat_gitops.domain.records import (
    KILLS_BUILDERS,
    MAX_ATTEMPTS,
    Attempt,
    BuildRecord,
    BuildState,
    Failure,
    FailureKind,
    Origin,
    Step,
    StepRun,
    StoredLog,
)

if TYPE_CHECKING:
    from wombat_gitops.domain.model import Artifact, BuildSpec

KEPT_ATTEMPTS: Final = 20
"""Attempts that a record remembers; older ones are forgotten, and their numbers never given again."""

_KEPT_TAILS: Final = 3
"""Attempts whose last lines a record repeats; those of the others are in their logs."""

RETURNS: Final = 10
"""Attempts in a row that a builder may give back for what it lacks; the next one counts as failed, so that a build
that needs more than any builder has comes to an end."""

_BACKOFF: Final = timedelta(seconds=5)
_BACKOFF_CAP: Final = timedelta(minutes=5)

_EVERYWHERE: Final = frozenset({"CorruptData", "IllegalTransition", "InternalError"})
"""Reasons of internal failures that no other builder would be spared."""


_NEXT: Final[dict[BuildState, frozenset[BuildState]]] = {
    BuildState.QUEUED: frozenset({BuildState.RUNNING, BuildState.CANCELLED, BuildState.SUPERSEDED}),
    BuildState.RUNNING: frozenset(
        {
            BuildState.RUNNING,
            BuildState.QUEUED,
            BuildState.SUCCEEDED,
            BuildState.FAILED,
            BuildState.CANCELLED,
        }
    ),
    BuildState.SUCCEEDED: frozenset({BuildState.QUEUED}),
    BuildState.FAILED: frozenset({BuildState.QUEUED}),
    BuildState.CANCELLED: frozenset({BuildState.QUEUED}),
    BuildState.SUPERSEDED: frozenset({BuildState.QUEUED}),
}


def _move(record: BuildRecord, state: BuildState, now: datetime) -> BuildRecord:
    if state not in _NEXT[record.state]:
        msg = f"build `{record.id[:12]}` cannot go from `{record.state}` to `{state}`"
        raise IllegalTransition(msg)
    return replace(record, state=state, changed_at=now)


def _expect(record: BuildRecord, move: str, *states: BuildState) -> None:
    """Several moves end in the same state, so the table alone does not tell a lost build from a retried one."""
    if record.state not in states:
        msg = f"build `{record.id[:12]}` is `{record.state}` and cannot be {move}"
        raise IllegalTransition(msg)


def queued(identity: str, spec: BuildSpec, origin: Origin, priority: int, now: datetime) -> BuildRecord:
    """A new record, waiting for a builder."""
    return BuildRecord(identity, spec, BuildState.QUEUED, now, now, origin, priority)


def claimed(record: BuildRecord, builder: str, claim: str, now: datetime, sandbox: str = "") -> BuildRecord:
    """*builder* takes the build and starts a new attempt, with foreign code in such a sandbox."""
    _expect(record, "claimed", BuildState.QUEUED)
    number = record.attempts[-1].number + 1 if record.attempts else 1
    return replace(
        _move(record, BuildState.RUNNING, now),
        attempts=(*_history(record.attempts), Attempt(number, builder, claim, now, sandbox=sandbox)),
        tries_left=record.tries_left - 1,
        not_before=None,
    )


def stepped(record: BuildRecord, step: Step, now: datetime) -> BuildRecord:
    """The running attempt ends its step, if any, and begins *step*."""
    _expect(record, "stepped", BuildState.RUNNING)
    ended = _end_step(record.attempt, now)
    attempt = replace(ended, steps=(*ended.steps, StepRun(step, now)))
    return _with_attempt(_move(record, BuildState.RUNNING, now), attempt)


def succeeded(
    record: BuildRecord,
    artifact: Artifact,
    log: StoredLog | None,
    now: datetime,
    contents: StoredLog | None = None,
    reference: StoredLog | None = None,
) -> BuildRecord:
    """The attempt produced *artifact*, which is in the object store."""
    moved = _move(record, BuildState.SUCCEEDED, now)
    ended = _end_attempt(moved, "succeeded", now, log=log)
    return replace(ended, artifact=artifact, contents=contents, reference=reference, failure=None, lost="")


def failed(
    record: BuildRecord, failure: Failure, log: StoredLog | None, now: datetime, jitter: float = 0.0
) -> BuildRecord:
    """The attempt failed: the build is queued again where time or another builder can help, else it has failed.

    Args:
        jitter: 0 to 1, spreads the retries of builds that failed together over half the back-off.
    """
    _expect(record, "failed", BuildState.RUNNING)
    helps = failure.kind is FailureKind.TRANSIENT or is_internal(failure)
    again = helps and record.tries_left > 0 and not record.cancel_requested
    moved = _move(record, BuildState.QUEUED if again else BuildState.FAILED, now)
    ended = replace(_end_attempt(moved, "failed", now, failure=failure, log=log), failure=failure)
    if not again:
        return ended
    return replace(ended, not_before=now + _delay(MAX_ATTEMPTS - record.tries_left, jitter))


def lost(record: BuildRecord, now: datetime) -> BuildRecord:
    """The attempt's lease ran out: its builder is gone."""
    _expect(record, "lost", BuildState.RUNNING)
    if record.cancel_requested:
        return cancelled(record, now)
    failure = _loss(record)
    again = record.tries_left > 0
    moved = _move(record, BuildState.QUEUED if again else BuildState.FAILED, now)
    return replace(_end_attempt(moved, "lost", now, failure=failure), failure=failure)


def _loss(record: BuildRecord) -> Failure:
    """Why an attempt has ended whose builder is gone; the last one of a build that lost them all says so."""
    step, spent = record.step.step if record.step else None, counted(record)
    if record.tries_left > 0 or any(attempt.ended_as not in {"lost", None} for attempt in spent):
        message = f"builder `{record.attempt.builder}` stopped answering"
        return Failure(FailureKind.TRANSIENT, "BuilderLost", message, step)
    names = ", ".join(f"`{attempt.builder}`" for attempt in spent)
    message = f"every builder that worked on it was lost: {names}"
    hint = "find out what it does to its builders (memory, most often) before you retry it"
    return Failure(FailureKind.INTERNAL, KILLS_BUILDERS, message, step, "", hint)


def counted(record: BuildRecord) -> tuple[Attempt, ...]:
    """The attempts that were spent since a person last retried the build, oldest first."""
    spent = MAX_ATTEMPTS - record.tries_left
    return tuple(attempt for attempt in record.attempts if attempt.ended_as != "released")[-spent:] if spent else ()


def is_internal(failure: Failure) -> bool:
    """Whether the machine of the builder is to blame, so that another one may well succeed."""
    return failure.kind is FailureKind.INTERNAL and failure.reason not in _EVERYWHERE


def released(
    record: BuildRecord, log: StoredLog | None, now: datetime, failure: Failure | None = None, jitter: float = 0.0
) -> BuildRecord:
    """A builder gives its build back; the attempt does not count against the build.

    Args:
        failure: what the builder lacks, space for example: the build waits a little, so that another builder can take
            it. After `RETURNS` such attempts in a row the next one counts. None where the builder stops.
        jitter: as for `failed`.
    """
    _expect(record, "released", BuildState.RUNNING)
    if record.cancel_requested:
        return cancelled(record, now, log)
    returns = _returns(record)
    if failure is not None and returns >= RETURNS:
        return failed(record, failure, log, now, jitter)
    moved = _move(record, BuildState.QUEUED, now)
    ended = replace(_end_attempt(moved, "released", now, failure=failure, log=log), tries_left=record.tries_left + 1)
    if failure is None:
        return ended
    return replace(ended, failure=failure, not_before=now + _delay(returns + 1, jitter))


def _returns(record: BuildRecord) -> int:
    """How many attempts in a row, before the one that runs, were given back for what their builder lacked."""
    before = reversed(record.attempts[:-1])
    return sum(1 for _ in takewhile(lambda each: each.ended_as == "released" and each.failure is not None, before))


def _delay(failures: int, jitter: float) -> timedelta:
    delay: timedelta = min(_BACKOFF * 2 ** max(failures - 1, 0), _BACKOFF_CAP)
    return delay * (1 + jitter / 2)


def cancel_asked(record: BuildRecord, now: datetime) -> BuildRecord:
    """A queued build is cancelled at once; a running one is marked, and its builder ends it.

    Raises:
        IllegalTransition: the build has already ended.
    """
    if record.state is BuildState.RUNNING:
        return replace(record, cancel_requested=True, changed_at=now)
    return cancelled(record, now)


def cancelled(record: BuildRecord, now: datetime, log: StoredLog | None = None) -> BuildRecord:
    """The build is over because a person stopped it."""
    moved = _move(record, BuildState.CANCELLED, now)
    if record.state is BuildState.RUNNING:
        moved = _end_attempt(moved, "cancelled", now, log=log)
    return replace(moved, cancel_requested=False)


def superseded(record: BuildRecord, now: datetime) -> BuildRecord:
    """A queued build whose manifest asks for something else by now."""
    return _move(record, BuildState.SUPERSEDED, now)


def retried(record: BuildRecord, now: datetime) -> BuildRecord:
    """Queue an ended build again with a new set of attempts."""
    _expect(record, "retried", *(state for state in BuildState if state.final))
    return replace(
        _move(record, BuildState.QUEUED, now),
        round=record.round + 1,
        tries_left=MAX_ATTEMPTS,
        not_before=None,
        cancel_requested=False,
        failure=None,
        artifact=None,
        contents=None,
        reference=None,
    )


def artifact_judged(record: BuildRecord, lost: str) -> BuildRecord:
    """The artifact of a build that has succeeded was looked at: see `BuildRecord.lost`, "" where it is good."""
    _expect(record, "judged", BuildState.SUCCEEDED)
    return replace(record, lost=lost)


def _history(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """What a record keeps of earlier attempts when a new one begins, so that no number of retries outgrows a value."""
    kept = attempts[-(KEPT_ATTEMPTS - 1) :]
    older, newer = kept[: -(_KEPT_TAILS - 1)], kept[-(_KEPT_TAILS - 1) :]
    return (*map(_without_tail, older), *newer)


def _without_tail(attempt: Attempt) -> Attempt:
    if attempt.failure is None or not attempt.failure.tail:
        return attempt
    return replace(attempt, failure=replace(attempt.failure, tail=()))


def _with_attempt(record: BuildRecord, attempt: Attempt) -> BuildRecord:
    return replace(record, attempts=(*record.attempts[:-1], attempt))


def _end_step(attempt: Attempt, now: datetime) -> Attempt:
    if not attempt.steps or attempt.steps[-1].seconds is not None:
        return attempt
    last = attempt.steps[-1]
    seconds = round((now - last.started_at).total_seconds(), 3)
    return replace(attempt, steps=(*attempt.steps[:-1], replace(last, seconds=seconds)))


def _end_attempt(
    record: BuildRecord,
    ended_as: str,
    now: datetime,
    *,
    failure: Failure | None = None,
    log: StoredLog | None = None,
) -> BuildRecord:
    attempt = replace(_end_step(record.attempt, now), ended_at=now, ended_as=ended_as, failure=failure, log=log)
    return replace(_with_attempt(record, attempt), cancel_requested=False)
