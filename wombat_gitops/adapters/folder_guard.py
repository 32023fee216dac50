"""Notices that folders in use were deleted, moved or replaced: what is written there afterwards is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Self

from wombat_gitops.domain.errors import DiskFailed, Refused
from wombat_gitops.domain.messages import AttemptAnswer, AttemptClaim, AttemptEnd, AttemptOutcome, AttemptStep
from wombat_gitops.domain.records import FailureKind

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from wombat_gitops.domain.records import Failure
    from wombat_gitops.ports import Attempts

Pause = Callable[[float], Awaitable[None]]

_SECONDS: Final = 1.0
"""Between two looks."""


class FolderGuard:
    """Compares what is at some paths with what was there when they were given.

    Leaving the context raises `Refused` where something is gone, in place of whatever error followed from that.

    Args:
        pause: waits between two looks of `watch`.
    """

    def __init__(self, *paths: Path, pause: Pause = asyncio.sleep) -> None:
        self._pause = pause
        self._held: dict[Path, int] = {}
        self.add(*paths)

    def add(self, *paths: Path) -> None:
        """Guard further folders or files, which exist."""
        for path in paths:
            # An inode that is open keeps its number, so nothing else at this path can ever look the same.
            self._held[path] = os.open(path, os.O_RDONLY)

    @property
    def lost(self) -> Path | None:
        """The first path at which there is nothing, or something else, by now."""
        return next((path for path, descriptor in self._held.items() if not _is_at(path, descriptor)), None)

    def check(self) -> None:
        """Raise `Refused` where something is gone."""
        if (path := self.lost) is not None:
            msg = f"`{path}` was deleted or replaced while it was in use, and what was written since is lost"
            raise Refused(msg, hint="put the folder back, or start again with an empty one: everything is built anew")

    async def settle(self) -> None:
        """Give a deletion that is under way a second: a folder goes after what is in it."""
        if self.lost is None:
            await self._pause(_SECONDS)

    async def watch(self, ended: asyncio.Event) -> None:
        """Look every second until *ended*. Raises as `check` does."""
        end = asyncio.ensure_future(ended.wait())
        try:
            while not ended.is_set():
                self.check()
                pause = asyncio.ensure_future(self._pause(_SECONDS))
                try:
                    await asyncio.wait({pause, end}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    pause.cancel()
                    await asyncio.gather(pause, return_exceptions=True)
        finally:
            end.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None or isinstance(error, Exception):
                self.check()
        finally:
            for descriptor in self._held.values():
                os.close(descriptor)
            self._held.clear()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # a disk in trouble says nothing about what is on it


def _may_lack_a_file(failure: Failure) -> bool:
    """Whether a failure may follow from files that were deleted under the builder."""
    texts = (failure.message, *failure.tail)
    return failure.kind is FailureKind.INTERNAL or any("no such file" in text.lower() for text in texts)


class GuardedAttempts:
    """`ports.Attempts` of a builder that takes and reports nothing once its folder is gone.

    Neither is a result worth anything then, nor is a failure the fault of the build.

    Args:
        records_here: the records are in that folder, too, so nothing can be written down any more; otherwise what the
            builder has is given back.
    """

    def __init__(self, attempts: Attempts, guard: FolderGuard, *, records_here: bool) -> None:
        self._attempts = attempts
        self._guard = guard
        self._records_here = records_here

    async def claim(self, asked: AttemptClaim) -> AttemptAnswer:
        """As `Attempts.claim`. Raises `DiskFailed` where the folder is gone."""
        if (path := self._guard.lost) is not None:
            msg = f"`{path}` is gone, so nothing can be built here"
            raise DiskFailed(msg)
        return await self._attempts.claim(asked)

    async def step(self, asked: AttemptStep) -> AttemptAnswer:
        """As `Attempts.step`. Raises `Refused` where the folder is gone with the records."""
        self._check_records()
        return await self._attempts.step(asked)

    async def end(self, asked: AttemptEnd) -> AttemptAnswer:
        """As `Attempts.end`. Raises `Refused` where the folder is gone with the records."""
        if asked.failure is not None and _may_lack_a_file(asked.failure):
            await self._guard.settle()
        self._check_records()
        if asked.outcome in {AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED} and self._guard.lost is not None:
            asked = AttemptEnd(asked.build, asked.builder, asked.claim, AttemptOutcome.RELEASED)
        return await self._attempts.end(asked)

    def _check_records(self) -> None:
        if self._records_here:
            self._guard.check()
