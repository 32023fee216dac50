"""The right to work on one attempt, as the builder that has it sees it.

`AttemptDesk` is the queue's side: it alone writes what happens to an attempt, by compare-and-set, and
repeating a request that was carried out already changes nothing. `Claim` is the builder's side.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.errors import InternalError, TransientError
from wombat_gitops.domain.messages import (
    AttemptAnswer,
    AttemptClaim,
    AttemptEnd,
    AttemptOutcome,
    AttemptStep,
    Lease,
)
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.subjects import build_lease

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from wombat_gitops.domain.model import Artifact
    from wombat_gitops.domain.records import BuildRecord, Failure, Step, StoredLog
    from wombat_gitops.ports import Attempts, Store, Versioned


class LeaseLost(TransientError):
    """Another builder has the build by now, or it was ended by somebody else."""


_KEPT: Final = 1_000
"""Records of attempts under way that a desk keeps, so that their next step need not read them again."""


class AttemptDesk:
    """`ports.Attempts` over the records themselves.

    What it wrote itself it tries to write over without reading it again: the compare-and-set tells when another
    desk, or a person's cancel, was there in between. It says no only after it has read the record anew.

    Args:
        random: 0 to 1, spreads retries (see `lifecycle.failed`).
    """

    def __init__(self, records: Store[BuildRecord], clock: Callable[[], datetime], random: Callable[[], float]) -> None:
        self._records = records
        self._clock = clock
        self._random = random
        self._kept: OrderedDict[str, Versioned[BuildRecord]] = OrderedDict()

    async def claim(self, asked: AttemptClaim) -> AttemptAnswer:
        """Start a new attempt of a queued build; of many builders that ask, one gets it."""
        while True:
            entry = await self._records.get(asked.build)
            if entry is None or _holds(entry.value, asked):
                return _answer(entry, asked)
            if entry.value.state is not BuildState.QUEUED or _was_claimed(entry.value, asked):
                return AttemptAnswer(holds=False)
            wanted = lifecycle.claimed(entry.value, asked.builder, asked.claim, self._clock(), asked.sandbox)
            written = await self._write(entry, wanted)
            if written is not None:
                return _answer(written, asked)

    async def step(self, asked: AttemptStep) -> AttemptAnswer:
        """The attempt begins a step."""

        def begin(record: BuildRecord) -> BuildRecord | None:
            current = record.step
            if current is not None and current.step is asked.step and current.seconds is None:
                return None
            return lifecycle.stepped(record, asked.step, self._clock())

        return await self._change(asked, begin)

    async def end(self, asked: AttemptEnd) -> AttemptAnswer:
        """The attempt ends; at most one attempt of a build ever publishes a result."""
        return await self._change(asked, lambda record: self._ended(record, asked))

    def _ended(self, record: BuildRecord, asked: AttemptEnd) -> BuildRecord:
        now = self._clock()
        match asked.outcome:
            case AttemptOutcome.SUCCEEDED:
                if asked.artifact is None:
                    msg = "an attempt cannot succeed without an artifact"
                    raise InternalError(msg)
                return lifecycle.succeeded(record, asked.artifact, asked.log, now, asked.contents, asked.reference)
            case AttemptOutcome.FAILED:
                if asked.failure is None:
                    msg = "an attempt cannot fail without a reason"
                    raise InternalError(msg)
                return lifecycle.failed(record, asked.failure, asked.log, now, self._random())
            case AttemptOutcome.CANCELLED:
                return lifecycle.cancelled(record, now, asked.log)
            case AttemptOutcome.RELEASED:
                return lifecycle.released(record, asked.log, now, asked.failure, self._random())

    async def _change(
        self, asked: AttemptStep | AttemptEnd, change: Callable[[BuildRecord], BuildRecord | None]
    ) -> AttemptAnswer:
        entry = self._kept.get(asked.build)
        while True:
            if entry is None or not _holds(entry.value, asked):
                entry = await self._records.get(asked.build)
            if entry is None:
                return _GONE
            if not _holds(entry.value, asked):
                return AttemptAnswer(entry.value, entry.revision, _was_ended(entry.value, asked))
            wanted = change(entry.value)
            written = entry if wanted is None else await self._write(entry, wanted)
            if written is not None:
                return AttemptAnswer(written.value, written.revision, holds=True)
            entry = None

    async def _write(self, entry: Versioned[BuildRecord], wanted: BuildRecord) -> Versioned[BuildRecord] | None:
        self._kept.pop(entry.key, None)
        written = await self._records.replace(entry, wanted)
        if written is not None and written.value.state is BuildState.RUNNING:
            self._kept[entry.key] = written
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return written


_GONE = AttemptAnswer(holds=False)


def _holds(record: BuildRecord, asked: AttemptClaim | AttemptStep | AttemptEnd) -> bool:
    """Whether the attempt that runs is the one that *asked* speaks of."""
    if record.state is not BuildState.RUNNING or not record.attempts:
        return False
    return (record.attempt.builder, record.attempt.claim) == (asked.builder, asked.claim)


def _was_claimed(record: BuildRecord, asked: AttemptClaim) -> bool:
    """Whether *asked* comes late: its attempt has been made and is over, and nobody waits for another one."""
    return any((each.builder, each.claim) == (asked.builder, asked.claim) for each in record.attempts)


def _was_ended(record: BuildRecord, asked: AttemptStep | AttemptEnd) -> bool:
    """Whether *asked* is repeated: its attempt has ended just so, by an answer that was lost on its way."""
    if not isinstance(asked, AttemptEnd):
        return False
    mine = (asked.builder, asked.claim, asked.outcome.value)
    return any((each.builder, each.claim, each.ended_as) == mine for each in record.attempts)


def _answer(entry: Versioned[BuildRecord] | None, asked: AttemptClaim) -> AttemptAnswer:
    return AttemptAnswer(entry.value, entry.revision, _holds(entry.value, asked)) if entry is not None else _GONE


class Claim:
    """The right to work on one attempt.

    Its fence is the attempt's random claim text: once the record names another attempt, or none, every
    method that writes here raises `LeaseLost` and has changed nothing. Made by `claim`.
    """

    def __init__(self, attempts: Attempts, leases: Store[Lease], record: BuildRecord, revision: int) -> None:
        self._attempts = attempts
        self._leases = leases
        self._record = record
        self._revision = revision
        self._mark = record.attempt.claim
        self._builder = record.attempt.builder
        self._beat = 0

    @property
    def record(self) -> BuildRecord:
        """The record as it was last answered to this claim."""
        return self._record

    @property
    def revision(self) -> int:
        """Revision of that record."""
        return self._revision

    def holds(self, record: BuildRecord) -> bool:
        """Whether *record* still names this claim's attempt as the one that runs."""
        return record.state is BuildState.RUNNING and bool(record.attempts) and record.attempt.claim == self._mark

    async def renew(self) -> None:
        """Show that the builder lives."""
        self._beat += 1
        await self._leases.put(self._lease, Lease(self._builder, self._mark, self._beat))

    async def step(self, step: Step) -> None:
        """The attempt begins *step*."""
        self._take(await self._attempts.step(AttemptStep(self._record.id, self._builder, self._mark, step)))

    async def succeed(
        self,
        artifact: Artifact,
        log: StoredLog | None,
        contents: StoredLog | None = None,
        reference: StoredLog | None = None,
    ) -> None:
        """Publish the result; at most one attempt of a build ever can."""
        await self._end(AttemptOutcome.SUCCEEDED, artifact=artifact, log=log, contents=contents, reference=reference)

    async def fail(self, failure: Failure, log: StoredLog | None) -> None:
        """End the attempt without a result; the build may be queued again (see `lifecycle.failed`)."""
        await self._end(AttemptOutcome.FAILED, failure=failure, log=log)

    async def cancelled(self, log: StoredLog | None) -> None:
        """End the attempt and the build because somebody asked for it."""
        await self._end(AttemptOutcome.CANCELLED, log=log)

    async def give_back(self, log: StoredLog | None, failure: Failure | None = None) -> None:
        """End the attempt and queue the build again (see `lifecycle.released`).

        Args:
            failure: what the builder lacks; None where it stops.
        """
        await self._end(AttemptOutcome.RELEASED, failure=failure, log=log)

    @property
    def _lease(self) -> str:
        return build_lease(self._builder, self._record.id)

    async def _end(
        self,
        outcome: AttemptOutcome,
        *,
        artifact: Artifact | None = None,
        failure: Failure | None = None,
        log: StoredLog | None = None,
        contents: StoredLog | None = None,
        reference: StoredLog | None = None,
    ) -> None:
        asked = AttemptEnd(self._record.id, self._builder, self._mark, outcome)
        asked = replace(asked, artifact=artifact, failure=failure, log=log, contents=contents, reference=reference)
        self._take(await self._attempts.end(asked))
        if not self._beat:
            return  # it was over before its first sign of life
        try:
            await self._leases.remove(self._lease)
        except TransientError:
            return  # a stale lease of an ended build is never looked at

    def _take(self, answer: AttemptAnswer) -> None:
        if not answer.holds or answer.build is None:
            msg = f"build `{self._record.id[:12]}` was taken from this builder"
            raise LeaseLost(msg)
        self._record, self._revision = answer.build, answer.revision


async def claim(
    attempts: Attempts, leases: Store[Lease], build: str, builder: str, mark: str, sandbox: str = ""
) -> Claim | None:
    """Take a queued build for *builder*, or return None where somebody else was faster.

    Args:
        mark: a fresh random text, unique for this attempt.
        sandbox: how *builder* contains foreign code.
    """
    answer = await attempts.claim(AttemptClaim(build, builder, mark, sandbox))
    if not answer.holds or answer.build is None:
        return None
    return Claim(attempts, leases, answer.build, answer.revision)
