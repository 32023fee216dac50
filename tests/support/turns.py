"""Every order in which two writers can touch one store: each of their reads and writes waits for its turn."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from wombat_gitops.adapters.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from wombat_gitops.ports import Versioned

T = TypeVar("T")
_SETTLED = 100


_NUMBER: ContextVar[int | None] = ContextVar("number", default=None)
"""Which of the works runs; the tasks that one of them starts belong to it."""


async def _numbered(number: int, work: Coroutine[None, None, None]) -> None:
    _NUMBER.set(number)
    await work


class Turns:
    """Lets one of several coroutines go on to its next access, as a list of choices says."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def take(self) -> None:
        """Wait for a turn; nothing waits outside of `run`."""
        number = _NUMBER.get()
        if number is None:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((number, turn))
        await turn

    async def run(self, works: Sequence[Coroutine[None, None, None]], choices: Sequence[int]) -> None:
        """Run all *works* to their ends; when the choices are used up, the first that waits is next."""
        tasks = [asyncio.create_task(_numbered(number, work)) for number, work in enumerate(works)]
        left = list(choices)
        while not all(task.done() for task in tasks):
            for _ in range(_SETTLED):
                await asyncio.sleep(0)
                if len(self._waiting) == sum(not task.done() for task in tasks):
                    break
            if all(task.done() for task in tasks):
                break
            assert self._waiting, "somebody waits for what is no turn"
            self._waiting.sort(key=lambda each: each[0])
            _, turn = self._waiting.pop((left.pop(0) if left else 0) % len(self._waiting))
            turn.set_result(None)
            await asyncio.sleep(0)
        for task in tasks:
            await task


class TurnStore(MemoryStore[T]):
    """A store whose readers and writers take turns."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    async def get(self, key: str) -> Versioned[T] | None:
        await self._turns.take()
        return await super().get(key)

    async def create(self, key: str, value: T) -> Versioned[T] | None:
        await self._turns.take()
        return await super().create(key, value)

    async def replace(self, current: Versioned[T], value: T) -> Versioned[T] | None:
        await self._turns.take()
        return await super().replace(current, value)
