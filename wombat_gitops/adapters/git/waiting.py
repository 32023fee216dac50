"""Waiters: `await wait(seconds)` returns when something may have changed, or after that time."""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import watchfiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

_HEADS: Final = frozenset({"HEAD", "packed-refs", "index"})
"""Files in a git directory that say what is checked out and what is known."""
_DEBOUNCE: Final = 100
_STEP: Final = 20
_REARM: Final = 0.5
"""Seconds after which a watch that could not be set up, or whose folder was replaced, is set up again."""


@asynccontextmanager
async def only_time() -> AsyncIterator[Callable[[float], Awaitable[None]]]:
    """A waiter that is woken by nothing but time."""
    yield asyncio.sleep


@asynccontextmanager
async def watching(
    folder: Path, refs: Sequence[Path], git_dirs: Sequence[Path]
) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
    """A waiter that is woken by changes below *folder* and *refs*, and of HEAD in one of *git_dirs*.

    A folder that is not there yet, or is removed and made again, is watched once it is there.
    """
    moved = asyncio.Event()

    async def wait(seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await moved.wait()
        moved.clear()

    tasks = [asyncio.create_task(_keep(folder, moved, recursive=True), name=f"watch {folder.name}")]
    tasks += [asyncio.create_task(_keep(ref, moved, recursive=True), name=f"watch {ref.name}") for ref in refs]
    tasks += [asyncio.create_task(_keep(path, moved, recursive=False), name="watch head") for path in git_dirs]
    await asyncio.sleep(0)  # the watches are armed when each task has come to its first wait
    try:
        yield wait
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(folder: Path, moved: asyncio.Event, *, recursive: bool) -> None:
    """Watch *folder* for as long as it is the same one, and then its successor."""
    known = _identity(folder)
    while True:
        if known is not None:
            with contextlib.suppress(OSError):
                await _watch(folder, known, moved, recursive=recursive)
        await asyncio.sleep(_REARM)
        current = _identity(folder)
        if current != known:
            moved.set()
        known = current


async def _watch(folder: Path, known: tuple[int, int], moved: asyncio.Event, *, recursive: bool) -> None:
    """Report changes until *folder* is not the one it was."""

    def matters(_change: watchfiles.Change, path: str) -> bool:
        return recursive or os.path.basename(path) in _HEADS  # noqa: PTH119 - a path each event, kept cheap

    async for changes in watchfiles.awatch(
        folder,
        watch_filter=matters,
        debounce=_DEBOUNCE,
        step=_STEP,
        rust_timeout=int(_REARM * 1000),
        yield_on_timeout=True,
        recursive=recursive,
    ):
        if changes:
            moved.set()
        if _identity(folder) != known:
            return


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        state = folder.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino
