"""Builders and roles as they show themselves to each other and to everybody else."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.errors import TransientError
from wombat_gitops.domain.scheduling import fits, is_left_to_others
from wombat_gitops.domain.subjects import builder_name, role_lease
from wombat_gitops.services import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from wombat_gitops.domain.catalogue import BuilderPresence, RolePresence
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import Store, Versioned

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Presence(Generic[T]):
    """Renews the heartbeat of one process, regularly and whenever something about it changes.

    Args:
        key: of the heartbeat, which nobody else writes.
        describe: the process as it is now, given the number of the beat.
    """

    def __init__(self, key: str, store: Store[T], describe: Callable[[int], T], beat_seconds: float) -> None:
        self._key = key
        self._store = store
        self._describe = describe
        self._beat_seconds = beat_seconds
        self._changed = asyncio.Event()
        self._ended = False

    def changed(self) -> None:
        """Show it at once."""
        self._changed.set()

    def end(self) -> None:
        """Show it no more."""
        self._ended = True
        self._changed.set()

    async def run(self) -> None:
        """Show it until `end`, and take it back then."""
        beat = 0
        while not self._ended:
            beat += 1
            self._changed.clear()
            try:
                await self._store.put(self._key, self._describe(beat))
            except TransientError as error:
                _log.warning("presence_not_renewed", work=self._key, error=error.message)
            if not self._ended:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._beat_seconds):
                        await self._changed.wait()
        with contextlib.suppress(TransientError):
            await self._store.remove(self._key)


@asynccontextmanager
async def present(
    identity: Callable[[], RolePresence], store: Store[RolePresence], beat_seconds: float
) -> AsyncIterator[None]:
    """Renew the heartbeat of a role for as long as the context lasts.

    Args:
        identity: the process as it is now.
    """
    first = identity()
    shown = Presence(role_lease(first.role, first.id), store, lambda _: identity(), beat_seconds)
    async with asyncio.TaskGroup() as group:
        group.create_task(shown.run(), name=f"presence of the {first.role}")
        try:
            yield
        finally:
            shown.end()


class Others:
    """The other builders, looked at only when somebody asks, and at most once a beat.

    Who has not shown itself for a whole lease, by this builder's own clock, is gone; who was seen only once may live.

    Args:
        builder: id of the builder that asks.
    """

    def __init__(
        self, builder: str, store: Store[BuilderPresence], monotonic: Callable[[], float], lease_seconds: float
    ) -> None:
        self._builder = builder
        self._store = store
        self._monotonic = monotonic
        self._lease_seconds = lease_seconds
        self._looked_at = float("-inf")
        self._seen: dict[str, tuple[Versioned[BuilderPresence], float]] = {}

    async def can_take(self, record: BuildRecord) -> bool:
        """Whether another builder is in service that can do a build and does not leave it to others itself.

        Raises:
            Unreachable: the broker does not answer.
        """
        now = self._monotonic()
        if now - self._looked_at >= self._lease_seconds / 3:
            await self._look(now)
        living = (entry.value for entry, since in self._seen.values() if now - since < self._lease_seconds)
        return any(
            builder_name(other.id) != builder_name(self._builder)
            and other.state is BuilderState.WORKING
            and fits(other.can, record)
            and not is_left_to_others(record, other.id, other.can)
            for other in living
        )

    async def _look(self, now: float) -> None:
        entries = await stored.load(self._store)
        seen: dict[str, tuple[Versioned[BuilderPresence], float]] = {}
        for key, entry in entries.items():
            if entry is None:
                continue
            before = self._seen.get(key)
            same = before is not None and before[0].revision == entry.revision
            seen[key] = before if before is not None and same else (entry, now)
        self._seen, self._looked_at = seen, now
