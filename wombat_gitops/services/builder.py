"""A builder: sees every queued build, claims what it can, works on up to N at once.

What it knows of the queue comes from the store's feed: all that is queued when it starts, and every
change afterwards. Nothing is handed to it by a message that could be lost.

When something fails halfway: a builder that stops gives its builds back; one that is killed leaves a
lease that runs out; one that was taken for dead finds its claim gone and drops its result.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.catalogue import BuilderPresence
from wombat_gitops.domain.errors import CorruptData, InternalError, TransientError, UserError, WombatError
from wombat_gitops.domain.lifecycle import BuildRecord, BuildState, Failure, FailureKind, StepFailed, StoredLog
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.subjects import builder_lease
from wombat_gitops.ports import Attempts, Corrupt, LogStream, ObjectStore, Put, Removed, Reset, Store, Synced
from wombat_gitops.services.claims import Claim, LeaseLost, claim
from wombat_gitops.services.engine import file_digest
from wombat_gitops.services.joblog import JobLog
from wombat_gitops.services.queue import Inputs

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wombat_gitops.ports import Versioned, Workspace
    from wombat_gitops.services.engine import Built, Engine

_FINISH_SECONDS: Final = 600.0
"""How long a finished attempt tries to publish its result while the broker is away."""

_TAIL_LINES: Final = 20

_log = structlog.get_logger(__name__)


class _Signal(Enum):
    """Why a running attempt is interrupted."""

    CANCEL = auto()
    LOST = auto()
    STOP = auto()


class _Running:
    """An attempt under way and what interrupts it."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._signal: asyncio.Future[_Signal] = asyncio.get_running_loop().create_future()

    def interrupt(self, signal: _Signal) -> None:
        """End the attempt early; the first reason counts."""
        if not self._signal.done():
            self._signal.set_result(signal)

    async def interrupted(self) -> _Signal:
        """Wait until somebody interrupts the attempt."""
        return await asyncio.shield(self._signal)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a builder is: its id `<name>.<start>` (unique for each start), host, package version, workers."""

    id: str
    host: str
    version: str
    workers: int


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything a builder reads and writes; of *records* it only follows what happens."""

    records: Store[BuildRecord]
    attempts: Attempts
    leases: Store[Lease]
    presence: Store[BuilderPresence]
    inputs: Inputs
    objects: ObjectStore
    logs: LogStream


@dataclass(frozen=True, slots=True)
class Chance:
    """What a builder takes from the world and a test decides.

    Attributes:
        new_mark: a fresh random text for each claim.
    """

    clock: Callable[[], datetime]
    new_mark: Callable[[], str]


class Builder:
    """Claims and runs builds until it is stopped."""

    def __init__(
        self,
        identity: Identity,
        backend: Backend,
        engine: Engine,
        workspace: Callable[[str], AbstractContextManager[Workspace]],
        chance: Chance,
        *,
        lease_seconds: float,
    ) -> None:
        """Make a builder.

        Args:
            workspace: a private folder for the attempt of that name, removed when left.
            lease_seconds: after how long without a sign of life the sweeper gives a build to others.
        """
        self.identity = identity
        self._backend = backend
        self._engine = engine
        self._workspace = workspace
        self._chance = chance
        self._beat_seconds = lease_seconds / 3
        self._queued: dict[str, Versioned[BuildRecord]] = {}
        self._running: dict[str, _Running] = {}
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._started_at = chance.clock()

    @property
    def busy(self) -> int:
        """How many attempts run now."""
        return len(self._running)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; then give every running build back and return."""
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._follow(), name="builder feed"),
                group.create_task(self._stop_on(stop), name="builder stop"),
                group.create_task(self._show_presence(), name="builder presence"),
            ]
            async with asyncio.TaskGroup() as attempts:
                await self._dispatch(attempts, stop)
                for running in self._running.values():
                    running.interrupt(_Signal.STOP)
            self._ended.set()
            helpers[0].cancel()
        with contextlib.suppress(TransientError):
            await self._backend.presence.remove(builder_lease(self.identity.id))

    async def _stop_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _follow(self) -> None:
        async for change in self._backend.records.follow():
            match change:
                case Put(entry):
                    self._note(entry)
                case Removed(key) | Corrupt(key):
                    self._queued.pop(key, None)
                    if key in self._running:
                        self._running[key].interrupt(_Signal.LOST)
                case Reset():
                    self._queued.clear()
                    for running in self._running.values():
                        running.interrupt(_Signal.LOST)
                case Synced():
                    pass
            self._wake.set()

    def _note(self, entry: Versioned[BuildRecord]) -> None:
        record = entry.value
        if record.state is BuildState.QUEUED:
            self._queued[entry.key] = entry
        else:
            self._queued.pop(entry.key, None)
        running = self._running.get(entry.key)
        if running is None or entry.revision < running.claim.revision:
            return
        if not running.claim.holds(record):
            running.interrupt(_Signal.LOST)
        elif record.cancel_requested:
            running.interrupt(_Signal.CANCEL)

    async def _dispatch(self, attempts: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._wake.clear()
            taken = await self._claim_next() if len(self._running) < self.identity.workers else None
            if taken is not None:
                running = _Running(taken)
                self._running[taken.record.id] = running
                attempts.create_task(self._attempt(running), name=f"build {taken.record.id[:12]}")
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._seconds_to_next())

    async def _claim_next(self) -> Claim | None:
        for entry in self._candidates():
            try:
                taken = await claim(
                    self._backend.attempts,
                    self._backend.leases,
                    entry.key,
                    self.identity.id,
                    self._chance.new_mark(),
                )
            except TransientError as error:
                _log.warning("claim_failed", build=entry.key, builder=self.identity.id, error=error.message)
                return None
            if self._queued.get(entry.key) is entry:
                del self._queued[entry.key]
            if taken is not None:
                return taken
        return None

    def _candidates(self) -> list[Versioned[BuildRecord]]:
        """What may start now: by priority, then age, then spread so that a fleet does not race for one key."""
        now = self._chance.clock()

        def order(entry: Versioned[BuildRecord]) -> tuple[int, int, bytes]:
            record = entry.value
            spread = hashlib.sha256(f"{self.identity.id} {entry.key}".encode()).digest()
            return (-record.priority, int(record.requested_at.timestamp()), spread)

        ready = [
            entry
            for entry in self._queued.values()
            if entry.key not in self._running and (entry.value.not_before is None or entry.value.not_before <= now)
        ]
        return sorted(ready, key=order)

    def _seconds_to_next(self) -> float | None:
        """Seconds until a build that is being held back may start; None when there is none."""
        if len(self._running) >= self.identity.workers:
            return None
        times = [entry.value.not_before for entry in self._queued.values() if entry.value.not_before is not None]
        if not times:
            return None
        return max((min(times) - self._chance.clock()) / timedelta(seconds=1), 0.05)

    async def _attempt(self, running: _Running) -> None:
        build, number = running.claim.record.id, running.claim.record.attempt.number
        # This task and those it starts tell nothing but this attempt.
        structlog.contextvars.bind_contextvars(build=build, builder=self.identity.id, attempt=number)
        done = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                # Ended by an event, not by cancelling, and only after the result is written: the
                # lease has to live until then.
                group.create_task(self._keep_lease(running, done), name=f"lease {build[:12]}")
                try:
                    with self._workspace(f"{build[:16]}-{number}") as workspace:
                        await self._work(running, workspace)
                finally:
                    done.set()
        except* LeaseLost as lost:
            _log.warning("build_dropped", build=build, builder=self.identity.id, error=str(lost.exceptions[0]))
        except* WombatError as error:
            _log.error("build_abandoned", build=build, builder=self.identity.id, error=str(error.exceptions[0]))
        finally:
            self._running.pop(build, None)
            self._wake.set()

    async def _keep_lease(self, running: _Running, done: asyncio.Event) -> None:
        while not done.is_set():
            try:
                await running.claim.renew()
            except TransientError as error:
                build = running.claim.record.id
                _log.warning("lease_not_renewed", build=build, builder=self.identity.id, error=error.message)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), self._beat_seconds)

    async def _work(self, running: _Running, workspace: Workspace) -> None:
        record = running.claim.record
        log = JobLog(workspace.root / "log", self._backend.logs, record.id, record.attempt.number)
        async with asyncio.TaskGroup() as group:
            group.create_task(log.publish(), name=f"log {record.id[:12]}")
            try:
                outcome = await self._outcome(running, workspace, log)
                await log.say(_last_words(outcome))
            finally:
                log.end()
        if outcome is _Signal.LOST:
            msg = f"build `{record.id[:12]}` was taken from this builder"
            raise LeaseLost(msg)
        stored = await self._store_log(record.id, log)
        async with asyncio.timeout(_FINISH_SECONDS):
            await self._finish(running.claim, outcome, stored)

    async def _outcome(self, running: _Running, workspace: Workspace, log: JobLog) -> Built | Failure | _Signal:
        """Run the engine until it ends or the attempt is interrupted."""
        work = asyncio.create_task(self._build(running.claim, workspace, log))
        interrupted = asyncio.create_task(running.interrupted())
        either: set[asyncio.Task[Built | _Signal]] = {work, interrupted}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else interrupted.result()
        except LeaseLost:
            return _Signal.LOST
        except StepFailed as error:
            return error.failure
        except Exception as error:  # noqa: BLE001 - an attempt always ends with a reason
            return _as_failure(error, running.claim.record, log)
        finally:
            for task in either:
                task.cancel()
            await asyncio.gather(*either, return_exceptions=True)

    async def _build(self, taken: Claim, workspace: Workspace, log: JobLog) -> Built:
        spec = taken.record.spec
        lock = await self._backend.inputs.load(spec)
        return await self._engine.build(spec, lock, workspace, log, taken.step, lambda: taken.record.policies)

    async def _store_log(self, build: str, log: JobLog) -> StoredLog | None:
        sha256, size = await asyncio.to_thread(file_digest, log.path)
        try:
            await self._backend.objects.put(log.path, sha256, size)
        except WombatError as error:
            _log.warning("log_not_stored", build=build, builder=self.identity.id, error=error.message)
            return None
        return StoredLog(sha256, size)

    async def _finish(self, taken: Claim, outcome: Built | Failure | _Signal, log: StoredLog | None) -> None:
        while True:
            try:
                match outcome:
                    case Failure():
                        await taken.fail(outcome, log)
                    case _Signal.CANCEL:
                        await taken.cancelled(log)
                    case _Signal():
                        await taken.give_back(log)
                    case _:
                        await taken.succeed(outcome.artifact, log, outcome.contents)
            except LeaseLost:
                raise
            except TransientError as error:
                build = taken.record.id
                _log.warning("result_not_written_yet", build=build, builder=self.identity.id, error=error.message)
                await asyncio.sleep(1)
            else:
                record = taken.record
                _log.info("build_ended", build=record.id, builder=self.identity.id, state=str(record.state))
                return

    async def _show_presence(self) -> None:
        beat = 0
        while not self._ended.is_set():
            beat += 1
            presence = BuilderPresence(
                self.identity.id,
                self.identity.host,
                self.identity.version,
                self.identity.workers,
                self.busy,
                self._started_at,
                beat,
            )
            try:
                await self._backend.presence.put(builder_lease(self.identity.id), presence)
            except TransientError as error:
                _log.warning("presence_not_renewed", builder=self.identity.id, error=error.message)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._beat_seconds)


def _as_failure(error: Exception, record: BuildRecord, log: JobLog) -> Failure:
    if isinstance(error, TransientError):
        kind, reason = FailureKind.TRANSIENT, type(error).__name__
    elif isinstance(error, UserError):
        kind, reason = FailureKind.USER, type(error).__name__
    else:
        kind, reason = FailureKind.INTERNAL, type(error).__name__
    known = isinstance(error, WombatError)
    if not known or isinstance(error, InternalError | CorruptData):
        _log.error("attempt_broke", build=record.id, builder=record.attempt.builder, exc_info=error)
    message = error.message if isinstance(error, WombatError) else f"{reason} inside the builder"
    hint = error.hint if isinstance(error, WombatError) else ""
    step = record.step.step if record.step else None
    return Failure(kind, reason, message, step=step, hint=hint, tail=log.tail(_TAIL_LINES))


def _last_words(outcome: Built | Failure | _Signal) -> str:
    match outcome:
        case Failure():
            return f"==> failed: {outcome.message}"
        case _Signal.CANCEL:
            return "==> cancelled"
        case _Signal.STOP:
            return "==> given back: the builder stops"
        case _Signal():
            return "==> dropped: another builder has it by now"
        case _:
            return "==> succeeded"
