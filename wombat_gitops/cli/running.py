"""Runs coroutines: on uvloop where there is one, and so that signals end things in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, TypeVar

from wombat_gitops.cli import text
from wombat_gitops.telemetry import configure_logging

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

S = TypeVar("S")
T = TypeVar("T")


def run(work: Coroutine[None, None, T]) -> T:
    """Run *work* to its end; SIGINT and SIGTERM cancel it.

    Raises:
        KeyboardInterrupt: it was interrupted, and has cleaned up.
    """
    level = "debug" if text.is_verbose() else "warning"
    configure_logging(log_format="text", level=level, color=text.colored(sys.stderr))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_ended_by_terminate(work))


async def side_by_side(work: Callable[[S], Awaitable[T]], items: Sequence[S]) -> list[T]:
    """The results of *work* on each item, in their order; as many at once as this machine has cores.

    Raises:
        ExceptionGroup: one failed; the others were cancelled.
    """
    places = asyncio.Semaphore(os.cpu_count() or 1)

    async def one(item: S) -> T:
        async with places:
            return await work(item)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]


def run_until_signal(
    work: Callable[[asyncio.Event], Awaitable[None]],
    on_stop: Callable[[], None],
    hurry: asyncio.Event | None = None,
) -> None:
    """Run a role until SIGINT or SIGTERM asks it to stop; a further signal cancels what it still does.

    Args:
        on_stop: told once, when the first signal came.
        hurry: set by the second signal, so that it is the third one that cancels.

    Raises:
        KeyboardInterrupt: it had to be forced.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signal(work, on_stop, hurry))


async def _until_signal(
    work: Callable[[asyncio.Event], Awaitable[None]], on_stop: Callable[[], None], hurry: asyncio.Event | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    current = asyncio.current_task()
    forced = False

    def ask() -> None:
        nonlocal forced
        if stop.is_set() and hurry is not None and not hurry.is_set():
            hurry.set()
            return
        if stop.is_set():
            forced = True
            if current is not None:
                current.cancel()
            return
        stop.set()
        on_stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    try:
        await work(stop)
    except asyncio.CancelledError:
        if forced:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _ended_by_terminate(work: Coroutine[None, None, T]) -> T:
    current = asyncio.current_task()
    terminated = False

    def ask() -> None:
        nonlocal terminated
        terminated = True
        if current is not None:
            current.cancel()

    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ask)
    try:
        return await work
    except asyncio.CancelledError:
        if terminated:
            raise KeyboardInterrupt from None
        raise


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
