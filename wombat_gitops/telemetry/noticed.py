"""A store through which somebody else learns that it was read once, and what was put into it last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from wombat_gitops.ports import Synced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from wombat_gitops.domain.errors import CorruptEntry
    from wombat_gitops.ports import Change, Store, Versioned

T = TypeVar("T")


class NoticedStore(Generic[T]):
    """`ports.Store` as another one.

    Attributes:
        synced: a follower has seen all that is stored.
        newest: the value that was put last, or None.
    """

    def __init__(self, store: Store[T]) -> None:
        self._store = store
        self.synced = False
        self.newest: T | None = None

    async def create(self, key: str, value: T) -> Versioned[T] | None:
        """As `Store.create`."""
        return await self._store.create(key, value)

    async def replace(self, current: Versioned[T], value: T) -> Versioned[T] | None:
        """As `Store.replace`."""
        return await self._store.replace(current, value)

    async def put(self, key: str, value: T) -> Versioned[T]:
        """As `Store.put`."""
        self.newest = value
        return await self._store.put(key, value)

    async def get(self, key: str) -> Versioned[T] | None:
        """As `Store.get`."""
        return await self._store.get(key)

    async def remove(self, key: str) -> None:
        """As `Store.remove`."""
        await self._store.remove(key)

    async def discard(self, current: Versioned[T] | CorruptEntry) -> bool:
        """As `Store.discard`."""
        return await self._store.discard(current)

    async def keys(self) -> Sequence[str]:
        """As `Store.keys`."""
        return await self._store.keys()

    async def follow(self) -> AsyncIterator[Change[T]]:
        """As `Store.follow`."""
        async for change in self._store.follow():
            if isinstance(change, Synced):
                self.synced = True
            yield change
