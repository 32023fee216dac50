"""Ports kept in memory, for tests and for runs without a broker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from wombat_gitops.adapters.files import FileObjects, check_key
from wombat_gitops.ports import LogChunk, Put, Removed, Synced, Versioned

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from wombat_gitops.domain.errors import CorruptEntry
    from wombat_gitops.ports import Change

T = TypeVar("T")

MemoryObjects = FileObjects
"""`ports.ObjectStore` in a folder, usually one that is thrown away."""


def _keep_nothing(_key: str, _entry: object, _revision: int) -> None:
    """What happens to a write before it is seen, where nothing has to outlive the process."""


class MemoryStore(Generic[T]):
    """`ports.Store` in memory; every write is seen by all followers of this object."""

    def __init__(
        self,
        entries: dict[str, Versioned[T]] | None = None,
        revision: int = 0,
        keep: Callable[[str, Versioned[T] | None, int], None] = _keep_nothing,
    ) -> None:
        """Start with *entries*.

        Args:
            revision: the highest one that was ever given out.
            keep: called with key, entry (None: removed) and revision before a write is seen; the write
                does not happen where it raises.
        """
        self._entries = dict(entries or {})
        self._revision = revision
        self._keep = keep
        self._followers: set[_Pending] = set()

    async def create(self, key: str, value: T) -> Versioned[T] | None:
        """Store a new key, or return None where it exists."""
        return None if check_key(key) in self._entries else self._write(key, value)

    async def replace(self, current: Versioned[T], value: T) -> Versioned[T] | None:
        """Write over exactly *current*, or return None where somebody wrote in between."""
        found = self._entries.get(check_key(current.key))
        if found is None or found.revision != current.revision:
            return None
        return self._write(current.key, value)

    async def put(self, key: str, value: T) -> Versioned[T]:
        """Write whatever is there."""
        return self._write(check_key(key), value)

    async def get(self, key: str) -> Versioned[T] | None:
        """The newest value, or None."""
        return self._entries.get(check_key(key))

    async def remove(self, key: str) -> None:
        """Make the key go away; no error where it is not there."""
        if check_key(key) not in self._entries:
            return
        revision = self._revision + 1
        self._keep(key, None, revision)
        self._revision = revision
        del self._entries[key]
        self._tell(key, revision)

    async def discard(self, current: Versioned[T] | CorruptEntry) -> bool:
        """Remove exactly *current*, or return False where somebody wrote in between or it is gone."""
        found = self._entries.get(check_key(current.key))
        if found is None or found.revision != current.revision:
            return False
        await self.remove(current.key)
        return True

    async def keys(self) -> list[str]:
        """Every key, without reading the values."""
        return list(self._entries)

    async def follow(self) -> AsyncIterator[Change[T]]:
        """All entries, `Synced`, then every change; see `ports.Store.follow`."""
        pending = _Pending({key: entry.revision for key, entry in self._entries.items()})
        self._followers.add(pending)
        try:
            for key, revision in pending.take():
                yield self._change(key, revision)
            yield Synced()
            while True:
                await pending.wake.wait()
                for key, revision in pending.take():
                    yield self._change(key, revision)
        finally:
            self._followers.discard(pending)

    def _write(self, key: str, value: T) -> Versioned[T]:
        entry = Versioned(key, value, self._revision + 1)
        self._keep(key, entry, entry.revision)
        self._revision = entry.revision
        self._entries[key] = entry
        self._tell(key, entry.revision)
        return entry

    def _tell(self, key: str, revision: int) -> None:
        for follower in self._followers:
            follower.changed.pop(key, None)
            follower.changed[key] = revision
            follower.wake.set()

    def _change(self, key: str, revision: int) -> Put[T] | Removed:
        entry = self._entries.get(key)
        return Removed(key, revision) if entry is None else Put(entry)


@dataclass(eq=False, slots=True)
class _Pending:
    """Keys a follower has not looked at since they changed, oldest change first."""

    changed: dict[str, int]
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> list[tuple[str, int]]:
        taken = list(self.changed.items())
        self.changed.clear()
        self.wake.clear()
        return taken


@dataclass(eq=False, slots=True)
class _Log:
    """One attempt's log so far; *seen* holds the indexes that have been appended."""

    chunks: list[LogChunk] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, index: int, text: str, *, end: bool) -> None:
        if index in self.seen:
            return
        self.seen.add(index)
        self.chunks.append(LogChunk(len(self.chunks) + 1, text, end))
        self.grown.set()
        self.grown = asyncio.Event()


class MemoryLogs:
    """`ports.LogStream` in memory."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, int], _Log] = {}

    async def append(self, build: str, attempt: int, index: int, text: str, *, end: bool = False) -> None:
        """Publish the *index*-th chunk of an attempt's log; sending it twice is harmless."""
        self._log(build, attempt).add(index, text, end=end)

    async def read(self, build: str, attempt: int, *, after: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """Chunks behind *after*; with *follow* wait for more until the end chunk came."""
        log = self._log(build, attempt)
        position = after
        while True:
            grown, chunks = log.grown, log.chunks[position:]
            for chunk in chunks:
                yield chunk
            position += len(chunks)
            if not follow or (position >= len(log.chunks) and log.chunks and log.chunks[-1].end):
                return
            await grown.wait()

    def _log(self, build: str, attempt: int) -> _Log:
        return self._logs.setdefault((build, attempt), _Log())
