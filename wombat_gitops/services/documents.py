"""Documents beside artifacts, read in the background and kept in memory as what was made of them.

When something fails halfway: a document that cannot be read is tried again later, less and less often, and what is
known of the others stays.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from wombat_gitops.domain.errors import WombatError
from wombat_gitops.services.pacing import Timing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from wombat_gitops.domain.records import StoredLog
    from wombat_gitops.services.downloads import Downloads

T = TypeVar("T")

_RETRY: Final = Timing(retry=5.0, retry_cap=300.0)
_AT_ONCE: Final = 4
"""Documents that are read at the same time."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A document that could not be read: how often in a row, and when it is tried again, by the loop's clock."""

    times: int
    due: float


class Documents(Generic[T]):
    """Documents by their digest.

    Args:
        make: what is kept of a document; called in a thread, raises `CorruptData` where it is none.
        failed: told the build whose document could not be read, and why.

    Attributes:
        known: what was made of each document that was read, by its SHA-256.
    """

    def __init__(
        self, downloads: Downloads, make: Callable[[bytes], T], failed: Callable[[str, WombatError], None]
    ) -> None:
        self._downloads = downloads
        self._make = make
        self._failed = failed
        self._failures: dict[str, _Failure] = {}
        self.known: dict[str, T] = {}

    def keep(self, wanted: Mapping[StoredLog, str]) -> bool:
        """Let go of all but *wanted*; say whether there was more."""
        digests = {document.sha256 for document in wanted}
        gone = self.known.keys() - digests
        for sha256 in gone:
            del self.known[sha256]
        self._failures = {sha256: failure for sha256, failure in self._failures.items() if sha256 in digests}
        return bool(gone)

    async def read(self, wanted: Mapping[StoredLog, str]) -> AsyncIterator[None]:
        """Read those of *wanted*, each with the id of its build, that are new or may be tried again; some at a time."""
        now = asyncio.get_running_loop().time()
        due = [(document, build) for document, build in wanted.items() if self._is_due(document.sha256, now)]
        for start in range(0, len(due), _AT_ONCE):
            await asyncio.gather(*(self._load(*each) for each in due[start : start + _AT_ONCE]))
            yield

    async def wait(self, change: Awaitable[object]) -> None:
        """Wait for *change*, or until a document may be tried again."""
        due = min((failure.due for failure in self._failures.values()), default=None)
        left = None if due is None else max(due - asyncio.get_running_loop().time(), 0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await change

    async def _load(self, document: StoredLog, build: str) -> None:
        sha256 = document.sha256
        try:
            data = await self._downloads.read(sha256, document.size)
            made = await asyncio.to_thread(self._make, data)
        except WombatError as error:
            times = self._failures[sha256].times + 1 if sha256 in self._failures else 1
            self._failures[sha256] = _Failure(times, asyncio.get_running_loop().time() + _RETRY.delay(times, 1.0))
            self._failed(build, error)
        else:
            self._failures.pop(sha256, None)
            self.known[sha256] = made

    def _is_due(self, sha256: str, now: float) -> bool:
        failure = self._failures.get(sha256)
        return sha256 not in self.known and (failure is None or failure.due <= now)
