"""A builder: sees every queued build, claims what it can, works on up to N at once.

What it knows of the queue comes from the store's feed: all that is queued when it starts, and every
change afterwards. Nothing is handed to it by a message that could be lost.

When something fails halfway: a builder that stops ends its builds in the time it is given and gives the others
back; one that is killed leaves a lease that runs out; one that was taken for dead finds its claim gone and drops its
result.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from wombat_gitops.domain.capability import EVERYTHING, Capabilities
from wombat_gitops.domain.catalogue import BuilderOrder, BuilderPresence, BuilderState
from wombat_gitops.domain.errors import DoesNotFit, InternalError, TransientError
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.scheduling import is_left_to_others
from wombat_gitops.domain.subjects import builder_lease, builder_name, builder_order
from wombat_gitops.ports import Attempts, Corrupt, LogStream, ObjectStore, Put, Removed, Reset, Store, Synced, Versioned
from wombat_gitops.services.attempt import Execution, Running, Signal
from wombat_gitops.services.claims import Claim, claim
from wombat_gitops.services.dispatch import Waiting
from wombat_gitops.services.presence import Others, Presence
from wombat_gitops.services.quarantine import Quarantine
from wombat_gitops.services.queue import Inputs
from wombat_gitops.services.room import Room, RoomCheck

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wombat_gitops.ports import Workspace
    from wombat_gitops.services.engine import Engine
    from wombat_gitops.services.quarantine import SelfTest

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a builder is: its id `<name>.<start>` (unique for each start), host, package version, workers, abilities."""

    id: str
    host: str
    version: str
    workers: int
    can: Capabilities = EVERYTHING


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything a builder reads and writes; *records* and *orders* it only follows."""

    records: Store[BuildRecord]
    attempts: Attempts
    leases: Store[Lease]
    presence: Store[BuilderPresence]
    orders: Store[BuilderOrder]
    inputs: Inputs
    objects: ObjectStore
    logs: LogStream


@dataclass(frozen=True, slots=True)
class Chance:
    """What a builder takes from the world and a test decides.

    Attributes:
        new_mark: a fresh random text for each claim.
        monotonic: seconds that only grow.
        pause: waits for some seconds: until the next look at the machine, or until a stop is forced.
        room: measures the disks; None where nothing is looked at, and want of space is a failure like others.
    """

    clock: Callable[[], datetime]
    new_mark: Callable[[], str]
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    room: RoomCheck | None = None


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
        stop_seconds: float = 0.0,
        self_test: SelfTest | None = None,
        test_first: bool = True,
    ) -> None:
        """Make a builder.

        Args:
            workspace: a private folder for the attempt of that name, removed when left.
            lease_seconds: after how long without a sign of life the sweeper gives a build to others.
            stop_seconds: how long running builds may go on once the builder is asked to stop.
            self_test: says what is wrong with this machine, or "".
            test_first: claim nothing before that test was passed.
        """
        self.identity = identity
        self._backend = backend
        self._chance = chance
        self._beat_seconds = lease_seconds / 3
        self._stop_seconds = stop_seconds
        self._waiting = Waiting(identity.id, identity.can)
        self._running: dict[str, Running] = {}
        self._wake = asyncio.Event()
        self._started_at = chance.clock()
        self._stopping = False
        self._drained = False
        self._orders_known = False
        self._execution = Execution(
            identity.id,
            engine,
            backend.inputs,
            backend.objects,
            backend.logs,
            workspace,
            beat_seconds=self._beat_seconds,
            gives_back=chance.room is not None,
        )
        self._presence = Presence(builder_lease(identity.id), backend.presence, self._describe, self._beat_seconds)
        self._others = Others(identity.id, backend.presence, chance.monotonic, lease_seconds)
        self._quarantine = Quarantine(identity.id, self_test, chance.pause, self._changed, at_start=test_first)
        self._room = Room(identity.id, chance.room, chance.pause, self._changed)

    @property
    def busy(self) -> int:
        """How many attempts run now."""
        return len(self._running)

    @property
    def state(self) -> tuple[BuilderState, str]:
        """What it does about new builds, and why, where that is not to take them."""
        if self._stopping:
            return BuilderState.DRAINING, "it stops"
        unfit = self._room.reason or self._quarantine.reason
        if unfit:
            return BuilderState.QUARANTINED, unfit
        if self._drained:
            return BuilderState.DRAINING, "an operator drains it"
        return BuilderState.WORKING, ""

    async def run(self, stop: asyncio.Event, hurry: asyncio.Event | None = None) -> None:
        """Work until *stop*; then end what can be ended in time, give the rest back, and return.

        Args:
            hurry: give everything back at once.
        """
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._follow(), name="builder feed"),
                group.create_task(self._follow_orders(), name="builder orders"),
                group.create_task(self._quarantine.run(), name="builder quarantine"),
                group.create_task(self._room.run(), name="builder room"),
                group.create_task(self._stop_on(stop), name="builder stop"),
            ]
            group.create_task(self._presence.run(), name="builder presence")
            async with asyncio.TaskGroup() as attempts:
                await self._dispatch(attempts, stop)
                await self._finish_in_time(hurry or asyncio.Event())
                for running in self._running.values():
                    running.interrupt(Signal.STOP)
            self._presence.end()
            for helper in helpers:
                helper.cancel()

    def _describe(self, beat: int) -> BuilderPresence:
        state, reason = self.state
        who = self.identity
        return BuilderPresence(
            who.id, who.host, who.version, who.workers, self.busy, self._started_at, beat, state, reason, who.can
        )

    def _changed(self) -> None:
        self._presence.changed()
        self._wake.set()

    async def _stop_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping = True
        self._changed()

    async def _finish_in_time(self, hurry: asyncio.Event) -> None:
        """Wait until the running builds have ended, or their time is over, or somebody is in a hurry."""
        if not self._running or not self._stop_seconds:
            return
        _log.info("builder_finishing", builder=self.identity.id, running=self.busy, seconds=self._stop_seconds)
        ends = [
            asyncio.ensure_future(self._chance.pause(self._stop_seconds)),
            asyncio.ensure_future(hurry.wait()),
            asyncio.ensure_future(self._idle()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _idle(self) -> None:
        while self._running:
            self._wake.clear()
            await self._wake.wait()

    async def _follow_orders(self) -> None:
        """Do as the operator says; nothing is claimed before it is known what that is."""
        key = builder_order(builder_name(self.identity.id))
        async for change in self._backend.orders.follow():
            match change:
                case Put(entry) if entry.key == key:
                    self._obey(drain=entry.value.drain)
                case Removed(removed) if removed == key:
                    self._obey(drain=False)
                case Synced() if not self._orders_known:
                    self._orders_known = True
                    self._changed()
                case _:  # the orders of others; and an order that cannot be read, or was lost, is none to go by
                    pass

    def _obey(self, *, drain: bool) -> None:
        if drain is self._drained:
            return
        self._drained = drain
        if drain:
            _log.info("builder_drained", builder=self.identity.id, running=self.busy)
        else:
            _log.info("builder_resumed", builder=self.identity.id)
        self._changed()

    async def _follow(self) -> None:
        async for change in self._backend.records.follow():
            match change:
                case Put(entry):
                    self._note(entry)
                case Removed(key) | Corrupt(key):
                    self._waiting.forget(key)
                    if key in self._running:
                        self._running[key].interrupt(Signal.LOST)
                case Reset():
                    self._waiting.clear()
                    for running in self._running.values():
                        running.interrupt(Signal.LOST)
                case Synced():
                    pass
            self._wake.set()

    def _note(self, entry: Versioned[BuildRecord]) -> None:
        record = entry.value
        self._waiting.note(entry)
        running = self._running.get(entry.key)
        if running is None or entry.revision < running.claim.revision:
            return
        if not running.claim.holds(record):
            running.interrupt(Signal.LOST)
        elif record.cancel_requested:
            running.interrupt(Signal.CANCEL)

    async def _dispatch(self, attempts: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._wake.clear()
            taken = await self._claim_next() if self._takes_more else None
            if taken is not None:
                running = Running(taken)
                self._running[taken.record.id] = running
                attempts.create_task(self._attempt(running), name=f"build {taken.record.id[:12]}")
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_next()):
                    await self._wake.wait()

    @property
    def _takes_more(self) -> bool:
        working = self._orders_known and self.state[0] is BuilderState.WORKING
        return working and len(self._running) < self.identity.workers

    async def _claim_next(self) -> Claim | None:
        while (entry := self._waiting.next(self._chance.clock(), self._running)) is not None:
            if not await self._room.look():
                return None
            try:
                left = is_left_to_others(entry.value, self.identity.id, self.identity.can)
                if left and await self._others.can_take(entry.value):
                    self._postpone(entry)
                    _log.debug("build_left_to_others", build=entry.key, builder=self.identity.id)
                    continue
                taken = await claim(
                    self._backend.attempts,
                    self._backend.leases,
                    entry.key,
                    self.identity.id,
                    self._chance.new_mark(),
                    self.identity.can.sandbox,
                )
            except (TransientError, InternalError, DoesNotFit) as error:
                # Asked again later, whatever the feed says: a store that was full for a while reports no change.
                self._postpone(entry)
                _log.warning("claim_failed", build=entry.key, builder=self.identity.id, error=error.message)
                if isinstance(error, TransientError):
                    return None
                continue
            self._waiting.give_up(entry)
            if taken is not None:
                self._waiting.note(Versioned(entry.key, taken.record, taken.revision))
                return taken
        return None

    def _postpone(self, entry: Versioned[BuildRecord]) -> None:
        self._waiting.postpone(entry, self._chance.clock() + timedelta(seconds=self._beat_seconds))

    def _seconds_to_next(self) -> float | None:
        """Seconds until a build that is being held back may start; None when there is none."""
        moment = self._waiting.next_at() if self._takes_more else None
        if moment is None:
            return None
        return max((moment - self._chance.clock()) / timedelta(seconds=1), 0.05)

    async def _attempt(self, running: Running) -> None:
        try:
            outcome = await self._execution.run(running)
            self._quarantine.note(outcome)
            await self._room.note(outcome)
        finally:
            self._running.pop(running.claim.record.id, None)
            self._wake.set()
