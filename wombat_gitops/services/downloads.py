"""Verified local copies of objects, for readers that want files: bounded in size, oldest use goes first.

When something fails halfway: the store writes a copy atomically under its digest, so what is in the
folder is whole; a copy that was damaged later is noticed by its size and fetched again. A full disk costs the copies
that nobody reads, and only then a reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.errors import CorruptData, DiskFailed, NotFound, TimedOut
from wombat_gitops.services.disk import is_full, own_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from wombat_gitops.ports import ObjectStore

_log = structlog.get_logger(__name__)

DEFAULT_LIMIT: Final = 4 * 1024**3
"""Bytes kept on disk."""

FILL_SECONDS: Final = 120.0
"""Longest wait for an object to be here."""


class Downloads:
    """A folder of verified copies, each named by its SHA-256.

    Args:
        folder: made when it is missing; nothing else may be kept in it.
        limit: bytes to keep; copies that are being read stay beyond it.
        seconds: longest wait for one object.
        suspect: told the digest of an object that is not there or does not verify.
    """

    def __init__(
        self,
        objects: ObjectStore,
        folder: Path,
        *,
        limit: int = DEFAULT_LIMIT,
        seconds: float = FILL_SECONDS,
        suspect: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._objects = objects
        self._folder = folder
        self._limit = limit
        self._seconds = seconds
        self._suspect = suspect
        self._fills: dict[str, asyncio.Task[None]] = {}
        self._held = Counter[str]()
        self._sizes = OrderedDict[str, int]()
        self._discovery = asyncio.Lock()
        self._known = False

    @property
    def size(self) -> int:
        """Bytes of all copies."""
        return sum(self._sizes.values())

    @contextlib.asynccontextmanager
    async def hold(self, sha256: str, size: int) -> AsyncIterator[Path]:
        """The path of a copy, which stays there at least as long as the context.

        Concurrent callers share one transfer; a caller that goes away does not end it for the others.

        Raises:
            NotFound: there is no such object.
            CorruptData: its bytes are not the ones it was stored with.
            TimedOut: it could not be read in time.
            Unreachable: the store does not answer.
            DiskFailed: there is no room for a copy, also without those that nobody reads.
        """
        await self._discover()
        self._held[sha256] += 1
        try:
            yield await self._copy(sha256, size)
        finally:
            self._held[sha256] -= 1
            if not self._held[sha256]:
                del self._held[sha256]
            self._evict(self._limit)

    async def read(self, sha256: str, size: int) -> bytes:
        """A whole object, for those that are small. Raises as `hold`."""
        async with self.hold(sha256, size) as path:
            with own_disk("copy"):
                return await asyncio.to_thread(path.read_bytes)

    async def _copy(self, sha256: str, size: int) -> Path:
        path = self._folder / sha256
        if self._sizes.get(sha256) != size or _size(path) != size:
            fill = self._fills.get(sha256)
            if fill is None:
                fill = self._fills[sha256] = asyncio.create_task(self._fill(sha256, size, path))
                fill.add_done_callback(_retrieve)
            await asyncio.shield(fill)
        self._sizes.move_to_end(sha256)
        return path

    async def _fill(self, sha256: str, size: int, path: Path) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                with own_disk("copy"):
                    await self._fetch(sha256, size, path)
        except TimeoutError as error:
            msg = f"object `{sha256[:12]}…` was not here within {self._seconds:g} s"
            raise TimedOut(msg, hint="try again: another transfer starts where the store answers") from error
        except (NotFound, CorruptData):
            if self._suspect is not None:
                await self._suspect(sha256)
            raise
        except DiskFailed as error:
            _log.warning("copy_not_kept", thing=sha256, error=error.message)
            raise
        else:
            self._sizes[sha256] = size
            self._evict(self._limit)
        finally:
            del self._fills[sha256]

    async def _fetch(self, sha256: str, size: int, path: Path) -> None:
        """Fetch a copy; where the disk is full, once more without the copies that nobody reads."""
        try:
            await self._objects.fetch(sha256, size, path)
        except OSError as error:
            if not is_full(error) or not self._evict(0):
                raise
            await self._objects.fetch(sha256, size, path)

    async def _discover(self) -> None:
        """Take over the copies that an earlier process left, once, in the order of their last use."""
        async with self._discovery:
            if self._known:
                return
            with own_disk("copies"):
                for _, name, size in sorted(await asyncio.to_thread(_copies, self._folder)):
                    self._sizes.setdefault(name, size)
            self._known = True

    def _evict(self, limit: int) -> bool:
        """Remove copies that nobody reads until *limit* bytes are left; whether there were any."""
        before = surplus = self.size - limit
        for name in [*self._sizes] if surplus > 0 else []:
            if surplus <= 0:
                break
            if name not in self._held and name not in self._fills:
                surplus -= self._sizes.pop(name)
                (self._folder / name).unlink(missing_ok=True)
        return surplus < before


def _copies(folder: Path) -> list[tuple[float, str, int]]:
    """Last use, name and bytes of each file."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            found.append((status.st_mtime, entry.name, status.st_size))
    return found


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _retrieve(task: asyncio.Task[None]) -> None:
    """Mark the error of a transfer as seen: every caller that waits gets it, and there may be none left."""
    if not task.cancelled():
        task.exception()
