"""One attempt of a build, from the claim to the written result, as a builder carries it out.

When something fails halfway: whatever happens, the attempt ends with a reason, or its claim is somebody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from wombat_gitops.domain.errors import (
    CorruptData,
    DoesNotFit,
    InternalError,
    StoreFull,
    TransientError,
    Unreachable,
    UserError,
    WombatError,
)
from wombat_gitops.domain.gofailure import NO_SPACE
from wombat_gitops.domain.records import BuildRecord, Failure, FailureKind, StepFailed, StoredLog
from wombat_gitops.services.claims import LeaseLost
from wombat_gitops.services.disk import is_caused_by_full
from wombat_gitops.services.engine import Built, file_digest
from wombat_gitops.services.joblog import JobLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from wombat_gitops.ports import LogStream, ObjectStore, Workspace
    from wombat_gitops.services.claims import Claim
    from wombat_gitops.services.engine import Engine
    from wombat_gitops.services.queue import Inputs

_FINISH_SECONDS: Final = 600.0
"""How long a builder that stops, or is to end an attempt, tries to write the result while the broker is away."""

_TAIL_LINES: Final = 20
_SHORT: Final = 500

_log = structlog.get_logger(__name__)


class Signal(Enum):
    """Why a running attempt is interrupted."""

    CANCEL = auto()
    LOST = auto()
    STOP = auto()


class Running:
    """An attempt under way and what interrupts it."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._signal: asyncio.Future[Signal] = asyncio.get_running_loop().create_future()

    def interrupt(self, signal: Signal) -> None:
        """End the attempt early; the first reason counts."""
        if not self._signal.done():
            self._signal.set_result(signal)

    async def interrupted(self) -> Signal:
        """Wait until somebody interrupts the attempt."""
        return await asyncio.shield(self._signal)


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The attempt ended for something that the builder lacked, which says nothing about the build."""

    failure: Failure


Outcome: TypeAlias = Built | Failure | GivenBack | Signal
"""How an attempt ends: with an artifact, with a reason, given back, or because somebody interrupted it."""

_LACKS: Final = frozenset(
    {
        (FailureKind.INTERNAL, NO_SPACE),
        (FailureKind.TRANSIENT, Unreachable.__name__),
        (FailureKind.TRANSIENT, StoreFull.__name__),
    }
)
"""Failures for want of space on this machine, and of a broker and a service that take what is to be written."""


class Execution:
    """Carries out the attempts of one builder.

    Args:
        builder: id of the builder.
        workspace: a private folder for the attempt of that name, removed when left.
        beat_seconds: how often a sign of life is given.
        gives_back: what ends for something that the builder lacks costs the build no attempt; else it is a failure.
    """

    def __init__(
        self,
        builder: str,
        engine: Engine,
        inputs: Inputs,
        objects: ObjectStore,
        logs: LogStream,
        workspace: Callable[[str], AbstractContextManager[Workspace]],
        *,
        beat_seconds: float,
        gives_back: bool = True,
    ) -> None:
        self._builder = builder
        self._engine = engine
        self._inputs = inputs
        self._objects = objects
        self._logs = logs
        self._workspace = workspace
        self._beat_seconds = beat_seconds
        self._gives_back = gives_back

    async def run(self, running: Running) -> Outcome:
        """Work on an attempt and write how it ended; `LOST` where that could not be written."""
        build, number = running.claim.record.id, running.claim.record.attempt.number
        # This task and those it starts tell nothing but this attempt.
        structlog.contextvars.bind_contextvars(build=build, builder=self._builder, attempt=number)
        done = asyncio.Event()
        outcome: Outcome = Signal.LOST
        try:
            async with asyncio.TaskGroup() as group:
                # Ended by an event, not by cancelling, and only after the result is written: the
                # lease has to live until then.
                group.create_task(self._keep_lease(running, done), name=f"lease {build[:12]}")
                try:
                    outcome = await self._in_workspace(running, f"{build[:16]}-{number}")
                finally:
                    done.set()
        except* LeaseLost as lost:
            _log.warning("build_dropped", build=build, builder=self._builder, error=str(lost.exceptions[0]))
        except* WombatError as error:
            _log.error("build_abandoned", build=build, builder=self._builder, error=str(error.exceptions[0]))
        return outcome

    async def _in_workspace(self, running: Running, name: str) -> Outcome:
        """Work in a private folder; a machine that has no room for one, or for the log, ends the attempt."""
        try:
            with self._workspace(name) as workspace:
                return await self._work(running, workspace)
        except* OSError as errors:
            outcome = self._ended(_as_failure(_first_of(errors), running.claim.record, None))
        await self._finish(running, outcome, None)
        return outcome

    async def _keep_lease(self, running: Running, done: asyncio.Event) -> None:
        """Renew it from the first beat on: until then the claim itself is the sign of life."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._beat_seconds):
                    await done.wait()
            if done.is_set():
                return
            try:
                await running.claim.renew()
            except TransientError as error:
                build = running.claim.record.id
                _log.warning("lease_not_renewed", build=build, builder=self._builder, error=error.message)

    async def _work(self, running: Running, workspace: Workspace) -> Outcome:
        record = running.claim.record
        log = JobLog(workspace.root / "log", self._logs, record.id, record.attempt.number)
        async with asyncio.TaskGroup() as group:
            group.create_task(log.publish(), name=f"log {record.id[:12]}")
            try:
                outcome = await self._outcome(running, workspace, log)
                await log.say(_last_words(outcome))
            finally:
                log.end()
        if outcome is Signal.LOST:
            msg = f"build `{record.id[:12]}` was taken from this builder"
            raise LeaseLost(msg)
        stored = await self._store_log(record.id, log)
        await self._finish(running, outcome, stored)
        return outcome

    async def _outcome(self, running: Running, workspace: Workspace, log: JobLog) -> Outcome:
        """Run the engine until it ends or the attempt is interrupted."""
        work = asyncio.create_task(self._build(running.claim, workspace, log))
        interrupted = asyncio.create_task(running.interrupted())
        either: set[asyncio.Task[Built | Signal]] = {work, interrupted}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else interrupted.result()
        except LeaseLost:
            return Signal.LOST
        except StepFailed as error:
            return self._ended(error.failure)
        except Exception as error:  # noqa: BLE001 - an attempt always ends with a reason
            return self._ended(_as_failure(error, running.claim.record, log))
        finally:
            for task in either:
                task.cancel()
            await asyncio.gather(*either, return_exceptions=True)

    def _ended(self, failure: Failure) -> Failure | GivenBack:
        lacks = (failure.kind, failure.reason) in _LACKS
        return GivenBack(failure) if lacks and self._gives_back else failure

    async def _build(self, taken: Claim, workspace: Workspace, log: JobLog) -> Built:
        spec = taken.record.spec
        lock = await self._inputs.load(spec)
        return await self._engine.build(spec, lock, workspace, log, taken.step, lambda: taken.record.policies)

    async def _store_log(self, build: str, log: JobLog) -> StoredLog | None:
        sha256, size = await asyncio.to_thread(file_digest, log.path)
        try:
            await self._objects.put(log.path, sha256, size)
        except WombatError as error:
            _log.warning("log_not_stored", build=build, builder=self._builder, error=error.message)
            return None
        return StoredLog(sha256, size)

    async def _finish(self, running: Running, outcome: Outcome, log: StoredLog | None) -> None:
        """Write the result, however long the broker is away: who gives up here loses the build an attempt."""
        try:
            async with asyncio.timeout(None) as limit:
                hurry = asyncio.create_task(_limit_once(running, limit), name="limit of a result")
                try:
                    await self._write_result(running.claim, outcome, log)
                finally:
                    hurry.cancel()
        except TimeoutError as error:
            msg = f"the result could not be written within {_FINISH_SECONDS:g} s"
            raise Unreachable(msg) from error

    async def _write_result(self, taken: Claim, outcome: Outcome, log: StoredLog | None) -> None:
        while True:
            try:
                await _write(taken, outcome, log)
            except LeaseLost:
                raise
            except DoesNotFit as error:
                shorter = _shorter(outcome, error)
                if shorter == outcome:
                    raise
                outcome = shorter
            except TransientError as error:
                build = taken.record.id
                _log.warning("result_not_written_yet", build=build, builder=self._builder, error=error.message)
                await asyncio.sleep(1)
            else:
                record = taken.record
                _log.info("build_ended", build=record.id, builder=self._builder, state=str(record.state))
                return


async def _write(taken: Claim, outcome: Outcome, log: StoredLog | None) -> None:
    match outcome:
        case Failure():
            await taken.fail(outcome, log)
        case GivenBack(failure):
            await taken.give_back(log, failure)
        case Signal.CANCEL:
            await taken.cancelled(log)
        case Signal():
            await taken.give_back(log)
        case _:
            await taken.succeed(outcome.artifact, log, outcome.contents, outcome.reference)


async def _limit_once(running: Running, limit: asyncio.Timeout) -> None:
    """Bound *limit* as soon as the attempt is interrupted."""
    await running.interrupted()
    limit.reschedule(asyncio.get_running_loop().time() + _FINISH_SECONDS)


def _as_failure(error: Exception, record: BuildRecord, log: JobLog | None) -> Failure:
    if isinstance(error, TransientError):
        kind, reason = FailureKind.TRANSIENT, type(error).__name__
    elif isinstance(error, UserError):
        kind, reason = FailureKind.USER, type(error).__name__
    else:
        kind, reason = FailureKind.INTERNAL, type(error).__name__
    step = record.step.step if record.step else None
    tail = log.tail(_TAIL_LINES) if log is not None else ()
    if is_caused_by_full(error):
        message, hint = "the builder's disk is full", "free space in the data folder"
        return Failure(FailureKind.INTERNAL, NO_SPACE, message, step=step, hint=hint, tail=tail)
    known = isinstance(error, WombatError)
    if not known or isinstance(error, InternalError | CorruptData):
        _log.error("attempt_broke", build=record.id, builder=record.attempt.builder, exc_info=error)
    message = error.message if isinstance(error, WombatError) else f"{reason} inside the builder"
    hint = error.hint if isinstance(error, WombatError) else ""
    return Failure(kind, reason, message, step=step, hint=hint, tail=tail)


def _shorter(outcome: Outcome, error: DoesNotFit) -> Outcome:
    """What to write of an attempt whose result is larger than the broker takes."""
    if isinstance(outcome, Failure):
        return replace(outcome, message=outcome.message[:_SHORT], hint=outcome.hint[:_SHORT], tail=())
    if isinstance(outcome, GivenBack):
        return GivenBack(replace(outcome.failure, message=outcome.failure.message[:_SHORT], tail=()))
    if isinstance(outcome, Built):
        return Failure(FailureKind.USER, type(error).__name__, error.message, hint=error.hint)
    return outcome


def _first_of(group: BaseExceptionGroup[Exception]) -> Exception:
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


def _last_words(outcome: Outcome) -> str:
    match outcome:
        case Failure():
            return f"==> failed: {outcome.message}"
        case GivenBack(failure):
            return f"==> given back: {failure.message}"
        case Signal.CANCEL:
            return "==> cancelled"
        case Signal.STOP:
            return "==> given back: the builder stops"
        case Signal():
            return "==> dropped: another builder has it by now"
        case _:
            return "==> succeeded"
