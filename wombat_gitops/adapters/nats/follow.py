"""Follow the messages of a stream without a consumer: page forward, wait for a hint, page again.

Truth comes only from pages, which start behind the last sequence that was seen. A hint (a republished
message), a reconnect, and a timer each cause a look; a hint that got lost only makes a look later.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import TOMBSTONE_SECONDS
from wombat_gitops.adapters.nats.jetstream import Message
from wombat_gitops.domain.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.msg import Msg

    from wombat_gitops.adapters.nats.connection import Connection

RESYNC_SECONDS: Final = 10.0
_GATHER: Final = 0.01
"""Seconds between two looks at least: a burst of hints is one look."""
_LAG: Final = 0.05
_AGAIN: Final = 0.25
_LAG_LOOKS: Final = 20
_ROLLED_BACK: Final = 5.0
"""Seconds for which a stream must end before what was seen of it; a new leader takes a moment to know its end."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one page brought.

    Attributes:
        reset: the stream is another one than before; what was seen of it counts no more.
        whole: nothing was left behind, and it was checked that the stream is still the same one.
        ended: nothing was left behind when it was looked.
    """

    messages: tuple[Message, ...]
    reset: bool = False
    whole: bool = False
    ended: bool = False


class Follower:
    """One reader of one subject of a stream."""

    def __init__(
        self,
        connection: Connection,
        stream: str,
        subject: str,
        hints: str,
        after: int = 0,
        resync: float = RESYNC_SECONDS,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._subject = subject
        self._hints = hints
        self._last = after
        self._resync = resync
        self._created = ""
        self._checked_in = -1
        self._checked_at = float("-inf")
        self._looked_at = float("inf")
        self._wake = asyncio.Event()
        self._hinted = 0
        self._lagging = 0
        self._short_since = float("inf")

    async def looks(self) -> AsyncIterator[Look]:
        """Look after look, for as long as the caller listens."""
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            stack.enter_context(self._connection.watched(self._wake))
            await stack.enter_async_context(self._connection.hints(self._hints, self._hear))
            while not self._connection.closed.done():
                self._wake.clear()
                started = loop.time()
                try:
                    check = self._needs_check()
                    if check and await self._replaced():
                        self._last = 0
                        yield Look((), reset=True)
                    found = await jetstream.page(self._connection, self._stream, self._subject, self._last)
                    last = found.messages[-1].sequence if found.messages else self._last
                    # The replica that answered may lag; only the leader knows that nothing is left.
                    whole = check and not found.more and not await self._is_behind(last)
                except (Unreachable, NotFound):
                    self._checked_in = -1
                    await self._rest(_AGAIN if self._connection.connected else self._resync)
                    continue
                self._looked_at = started
                self._last = last
                yield Look(found.messages, whole=whole, ended=not found.more)
                if found.more:
                    continue
                if check and not whole:
                    await self._rest(_LAG, until=started + _LAG)
                    continue
                if check:
                    self._checked_in, self._checked_at = self._connection.generation, started
                await self._rest(self._pause(), until=started + _GATHER)

    def _hear(self, message: Msg) -> None:
        self._hinted = max(self._hinted, int((message.headers or {}).get("Nats-Sequence", "0")))
        self._wake.set()

    def _needs_check(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._checked_in != self._connection.generation or now - self._checked_at >= self._resync

    async def _replaced(self) -> bool:
        info = await jetstream.stream_info(self._connection, self._stream)
        deaf = asyncio.get_running_loop().time() - self._looked_at > TOMBSTONE_SECONDS / 2
        other = self._created not in {"", info.created} or self._is_short(info.last_sequence)
        self._created = info.created
        if other:
            self._hinted = 0
        return other or deaf

    def _is_short(self, end: int) -> bool:
        """Whether the stream has lost its end. Raises `Unreachable` while that may be a leader that is not ready."""
        if end >= self._last:
            self._short_since = float("inf")
            return False
        now = asyncio.get_running_loop().time()
        self._short_since = min(self._short_since, now)
        if now - self._short_since < _ROLLED_BACK:
            msg = f"stream `{self._stream}` does not know its end yet"
            raise Unreachable(msg)
        self._short_since = float("inf")
        return True

    async def _is_behind(self, last: int) -> bool:
        return await jetstream.is_behind(self._connection, self._stream, self._subject, last)

    def _pause(self) -> float:
        """Seconds until the next look if nothing happens: short while a replica has not what was hinted at."""
        if self._hinted > self._last and self._lagging < _LAG_LOOKS:
            self._lagging += 1
            return _LAG
        self._lagging = 0
        self._hinted = self._last
        return self._resync

    async def _rest(self, seconds: float, until: float = 0.0) -> None:
        """Wait for something to happen, *seconds* at most, and not to look again before the time *until*."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        await asyncio.sleep(until - loop.time())
