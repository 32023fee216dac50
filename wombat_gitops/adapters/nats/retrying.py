"""Trying again for a time, not a number of times: an election answers 503 at once, for seconds."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final, TypeVar

from wombat_gitops.domain.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds a write is tried for; a cluster elects a new leader in 4 to 8."""

_FIRST: Final = 0.05
_LONGEST: Final = 1.0

_FIRST_TRY: Final = 2.0
_LONGEST_TRY: Final = 10.0


def tries(seconds: float = PATIENCE) -> Iterator[float]:
    """How long each try of a request waits for its answer: 2 s at first, twice that, at most 10 s.

    Whoever took a request may have died with it: a short first try asks another one soon, and longer ones leave a
    slow service its time. *seconds* bounds each.
    """
    length = _FIRST_TRY
    while True:
        yield min(length, seconds)
        length = min(length * 2, _LONGEST_TRY)


async def persist(attempt: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
    """Call *attempt* until it does not raise `Unreachable`, waiting 0.05 s to 1 s in between.

    Raises:
        Unreachable: *seconds* have passed; the last reason.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    pause = _FIRST
    while True:
        try:
            async with asyncio.timeout_at(end):
                return await attempt()
        except TimeoutError as error:
            msg = f"the broker did not answer within {seconds:g} s"
            raise Unreachable(msg) from error
        except Unreachable:
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads retries
            if loop.time() + wait >= end:
                raise
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST)
