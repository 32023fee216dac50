"""Logs as numbered lines, while a build runs and afterwards.

A log that is whole is read from its verified copy. One that still grows is written down here as it comes, once for
all who read it, in a file that has no name and is gone with this process: ranges, searches and live readers share it.

When something fails halfway: what was written down stays true, and the next reader goes on behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from wombat_gitops.domain.errors import WombatError
from wombat_gitops.services.disk import own_disk
from wombat_gitops.services.loglines import LineIndex, Matches, last_lines, read_range, search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from wombat_gitops.domain.records import Attempt, StoredLog
    from wombat_gitops.ports import LogChunk
    from wombat_gitops.services.downloads import Downloads

_KEPT: Final = 32
"""Growing logs that stay written down while nobody reads them."""

_INDEXES: Final = 64
"""Whole logs whose lines are known."""

_SEARCHES: Final = 2
"""Searches at once: each keeps a processor busy for a moment."""


class Reads(Protocol):
    """Live logs for those who only read."""

    def read(self, build: str, attempt: int, *, after: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """As `LogStream.read`."""
        ...


class OpenLog:
    """The lines of one log for as long as somebody has it open.

    Attributes:
        complete: no more lines come.
    """

    def __init__(self, descriptor: int, index: LineIndex, searches: asyncio.Semaphore, *, complete: bool) -> None:
        self._descriptor = descriptor
        self._index = index
        self._searches = searches
        self.complete = complete

    @property
    def count(self) -> int:
        """Lines so far."""
        return self._index.count

    async def read(self, first: int, limit: int) -> list[str]:
        """Lines from number *first* (from 1); at most *limit*, and fewer where they are very long."""
        return await asyncio.to_thread(read_range, self._descriptor, self._index, first, limit)

    async def last(self, count: int) -> bytes:
        """The last *count* lines as they were written, all of them."""
        return await asyncio.to_thread(last_lines, self._descriptor, self._index, count)

    async def search(self, wanted: str, *, after: int, limit: int) -> Matches:
        """Lines behind line *after* that hold *wanted*, whatever its case."""
        async with self._searches:
            return await asyncio.to_thread(search, self._descriptor, self._index, wanted, after=after, limit=limit)


def no_log(*, complete: bool) -> OpenLog:
    """The log of a build that nobody has begun; *complete* where nobody will."""
    return OpenLog(-1, LineIndex(), asyncio.Semaphore(1), complete=complete)


class GrowingLog(OpenLog):
    """A log that is written down as it comes.

    Attributes:
        change: done with the next lines, or when none can come; shared, so nobody is to cancel it.
        failed: why it is not followed any more.
        users: how many have it open.
    """

    def __init__(self, chunks: Reads, build: str, attempt: int, searches: asyncio.Semaphore) -> None:
        with own_disk("log that grows"):
            file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed when forgotten, or with its last reader
        super().__init__(file.fileno(), LineIndex(), searches, complete=False)
        self._close = weakref.finalize(self, file.close)
        self._chunks = chunks
        self._name = (build, attempt)
        self._sequence = 0
        self._catching_up = asyncio.Lock()
        self.change = asyncio.get_running_loop().create_future()
        self._following: asyncio.Task[None] | None = None
        self._followers = 0
        self.failed: Exception | None = None
        self.users = 0

    async def catch_up(self) -> None:
        """Write down what there is by now. Raises `Unreachable`, and `DiskFailed` where it cannot be written down."""
        async with self._catching_up:
            if (self._following is None or self._following.done()) and not self.complete:
                async for chunk in self._chunks.read(*self._name, after=self._sequence):
                    self._take(chunk)

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Lines are written down as they come; one reader of the broker serves all who follow."""
        self._followers += 1
        if self._following is None or self._following.done():
            self.failed = None
            self._following = asyncio.create_task(self._follow(), name="log follower")
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._following.cancel()

    def close(self) -> None:
        """Forget what was written down."""
        self._close()

    async def _follow(self) -> None:
        try:
            async for chunk in self._chunks.read(*self._name, after=self._sequence, follow=True):
                self._take(chunk)
        except (WombatError, OSError) as error:
            self.failed = error
        else:
            self.complete = True
        self._wake()

    def _take(self, chunk: LogChunk) -> None:
        if chunk.sequence <= self._sequence:
            return
        data = chunk.text.encode()
        written = 0
        with own_disk("log that grows"):
            while written < len(data):
                # Where the index ends, over what a full disk took of it the last time.
                written += os.pwrite(self._descriptor, data[written:], self._index.size + written)
        self._index.add(data)
        self._sequence = chunk.sequence
        self.complete = chunk.end
        self._wake()

    def _wake(self) -> None:
        self.change.set_result(None)
        self.change = asyncio.get_running_loop().create_future()


class LogBook:
    """Opens logs.

    Args:
        chunks: logs that grow.
        downloads: verified copies of those that are whole.
    """

    def __init__(self, chunks: Reads, downloads: Downloads) -> None:
        self._chunks = chunks
        self._downloads = downloads
        self._searches = asyncio.Semaphore(_SEARCHES)
        self._growing = OrderedDict[tuple[str, int], GrowingLog]()
        self._indexes = OrderedDict[str, LineIndex]()

    def open(self, build: str, attempt: Attempt) -> contextlib.AbstractAsyncContextManager[OpenLog]:
        """The log of an attempt as far as it has come.

        Raises:
            NotFound, CorruptData, TimedOut, Unreachable, DiskFailed: as `Downloads.hold` and `LogStream.read`.
        """
        return self.growing(build, attempt) if attempt.log is None else self._whole(attempt.log)

    @contextlib.asynccontextmanager
    async def growing(self, build: str, attempt: Attempt) -> AsyncIterator[GrowingLog]:
        """A log as the broker has it; everything that is there is written down already. Raises as `catch_up`."""
        key = (build, attempt.number)
        log = self._growing.get(key)
        if log is None:
            log = self._growing[key] = GrowingLog(self._chunks, *key, self._searches)
        self._growing.move_to_end(key)
        log.users += 1
        try:
            await log.catch_up()
            yield log
        finally:
            log.users -= 1
            self._forget()

    @contextlib.asynccontextmanager
    async def _whole(self, log: StoredLog) -> AsyncIterator[OpenLog]:
        async with self._downloads.hold(log.sha256, log.size) as path:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                index = self._indexes.get(log.sha256)
                if index is None:
                    index = await asyncio.to_thread(LineIndex.of, descriptor)
                    self._indexes[log.sha256] = index
                self._indexes.move_to_end(log.sha256)
                if len(self._indexes) > _INDEXES:
                    self._indexes.popitem(last=False)
                yield OpenLog(descriptor, index, self._searches, complete=True)
            finally:
                os.close(descriptor)

    def _forget(self) -> None:
        idle = [key for key, log in self._growing.items() if not log.users]
        for key in idle[: max(0, len(self._growing) - _KEPT)]:
            self._growing.pop(key).close()
