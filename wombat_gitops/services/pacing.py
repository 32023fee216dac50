"""How often a source is looked at, and how work is waited for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable

_JITTER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Timing:
    """How often a source is looked at, in seconds.

    Attributes:
        retry: after the first failed pass; doubles with each further one up to *retry_cap*.
        confirm: after this time a pass also makes sure that all builds and records are still there.
    """

    interval: float = 30.0
    retry: float = 5.0
    retry_cap: float = 300.0
    confirm: float = 60.0

    def delay(self, failures: int, chance: float) -> float:
        """Seconds to the next pass after so many failed ones in a row.

        Args:
            chance: 0 to 1; spreads watchers that started together.
        """
        if failures == 0:
            return self.interval * (1 + _JITTER * chance)
        delay = min(self.retry * 2 ** min(failures - 1, 32), max(self.retry_cap, self.retry))
        return float(delay * (0.5 + chance / 2))


async def all_of(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Run all of *work*; the first error ends the rest and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for item in work:
                group.create_task(item)
    except ExceptionGroup as error:
        raise error.exceptions[0] from error


async def first_of(waiting: Awaitable[object], stop: asyncio.Event) -> None:
    """Return when *waiting* does, or when *stop* is set."""
    tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
