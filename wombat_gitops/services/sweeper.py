"""Takes builds away from builders that stopped answering.

A running build whose lease has not changed for a whole lease time, by this sweeper's own monotonic
clock, goes back into the queue, or fails when its attempts are spent. No machine's clock is compared
with another's. A sweeper that was itself cut off or stopped for a while counts anew, so that an
outage of the broker takes no build away. A store that is full can still be read, and refuses leases: so
the record of a silent build is written as it is after half a lease, and taken only if that works, and
half a lease later. Several sweepers may run: the write is a compare-and-set.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.errors import CorruptData, DoesNotFit, InternalError, TransientError
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.subjects import LEASE_SECONDS, build_lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from wombat_gitops.domain.messages import Lease
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import Store, Versioned

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Sign:
    """The last sign of life of one attempt, when it was first seen, and when the store took a write after that."""

    claim: str
    revision: int
    since: float
    proved: float | None = None


class Sweeper:
    """Judges the leases of running builds."""

    def __init__(
        self,
        records: Store[BuildRecord],
        leases: Store[Lease],
        running: Callable[[], Iterable[BuildRecord]],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        *,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Make a sweeper.

        Args:
            running: the builds that are running now; may be a little behind.
            monotonic: seconds that never jump, whatever the wall clock does.
        """
        self._records = records
        self._leases = leases
        self._running = running
        self._clock = clock
        self._monotonic = monotonic
        self._lease = lease_seconds
        self._signs: dict[str, _Sign] = {}
        self._looked_at = monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep about fifteen times a lease, until *stop*."""
        while not stop.is_set():
            try:
                taken = await self.sweep()
                _log.debug("swept", running=len(self._signs), taken=taken)
            except TransientError as error:
                self._signs.clear()
                _log.warning("sweep_failed", error=error.message)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._lease / 15):
                    await stop.wait()

    async def sweep(self) -> int:
        """Look at every running build once; returns how many were taken from their builders.

        Raises:
            Unreachable: the broker does not answer; nothing was judged that could not be read.
        """
        signs: dict[str, _Sign] = {}
        for record in list(self._running()):
            lease = await self._read_lease(record)
            sign = _Sign(record.attempt.claim, lease, self._monotonic())
            seen = self._signs.get(record.id)
            known = seen is not None and (seen.claim, seen.revision) == (sign.claim, sign.revision)
            signs[record.id] = seen if seen is not None and known else sign
        now = self._monotonic()
        # Who was cut off or stopped has not seen the signs of life that were given meanwhile.
        blind = now - self._looked_at > self._lease / 3
        self._looked_at = now
        self._signs = {key: _Sign(sign.claim, sign.revision, now) for key, sign in signs.items()} if blind else signs
        taken = 0
        for build, sign in list(self._signs.items()):
            if now - sign.since < self._lease / 2:
                continue
            if self._monotonic() - now > self._lease / 3:
                break  # a write took so long that signs of life were missed: the next sweep counts anew
            try:
                if sign.proved is None:
                    self._signs[build] = replace(sign, proved=await self._prove(build, sign.claim))
                elif now - sign.since >= self._lease and now - sign.proved >= self._lease / 2:
                    taken += await self._take(build, sign.claim)
            except TransientError:
                self._signs.clear()
                raise
            except (InternalError, DoesNotFit) as error:
                _log.warning("build_not_judged", build=build, error=error.message)
        return taken

    async def _prove(self, build: str, claim: str) -> float | None:
        """Write a record as it is; returns when that had worked, None where there is nothing to write any more."""
        entry = await self._held(build, claim)
        if entry is None or await self._records.replace(entry, entry.value) is None:
            return None
        return self._monotonic()

    async def _held(self, build: str, claim: str) -> Versioned[BuildRecord] | None:
        """The record of a build that runs under *claim*."""
        entry = await self._records.get(build)
        if entry is None or entry.value.state is not BuildState.RUNNING or entry.value.attempt.claim != claim:
            return None
        return entry

    async def _read_lease(self, record: BuildRecord) -> int:
        try:
            entry = await self._leases.get(build_lease(record.attempt.builder, record.id))
        except CorruptData:
            return 0
        return entry.revision if entry is not None else 0

    async def _take(self, build: str, claim: str) -> bool:
        entry = await self._held(build, claim)
        if entry is None:
            return False
        written = await self._records.replace(entry, lifecycle.lost(entry.value, self._clock()))
        if written is None:
            return False
        self._signs.pop(build, None)
        _log.warning("build_taken", build=build, builder=entry.value.attempt.builder, state=str(written.value.state))
        return True
