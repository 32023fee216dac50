"""One reader of one log as a stream of events, whatever state the build is in."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from fastapi.sse import ServerSentEvent

from wombat_gitops.api.views.builds import LogEnd, LogLine
from wombat_gitops.domain.errors import CorruptData, NotFound, TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.records import Attempt, BuildRecord
    from wombat_gitops.services.logbook import GrowingLog, OpenLog

BACKLOG_LINES: Final = 500
"""Lines that a new reader gets before the live ones, and of one event at most."""

_GRACE_SECONDS: Final = 2.0
"""How long the last lines may come after the record says that the attempt has ended."""

_EVENT_ID: Final = re.compile(r"(\d{1,9})-line-(\d{1,12})")


def place_of(event_id: str, attempt: int) -> int | None:
    """How many lines a reader has; None where its last event is of another attempt, or of nobody's."""
    match = _EVENT_ID.fullmatch(event_id)
    return int(match[2]) if match and int(match[1]) == attempt else None


class LogFollower:
    """Reads the log of one attempt, or of the newest, for one reader."""

    def __init__(self, context: Context, build: str, attempt: int | None) -> None:
        self._context = context
        self._catalog = context.catalog
        self._build = build
        self._number = attempt
        self._seen: int | None = None

    async def events(self, last_event_id: str) -> AsyncIterator[ServerSentEvent]:
        """Events `line`, then `end`; none of it where the broker or this server goes away meanwhile."""
        try:
            attempt, kept = await self._first_attempt(), True
            if attempt is not None:
                self._number = attempt.number
                self._seen = place_of(last_event_id, attempt.number)
                try:
                    async for event in self._lines(attempt):
                        yield event
                        del event  # here as below: up to 500 lines, which a reader would hold until more come
                except (NotFound, CorruptData):
                    kept = False
            total = self._seen or 0
            kept = kept and (total > 0 or self._is_kept())
            if not self._context.stopped:
                end = LogEnd(state=self._record().state.value, total=total, kept=kept)
                yield ServerSentEvent(data=end, event="end")
        except (TransientError, NotFound, _Cut):
            return

    async def _first_attempt(self) -> Attempt | None:
        """The attempt to read, as soon as there is one; None where the build ended without."""
        while True:
            version = self._catalog.version
            record = self._record()
            attempt = self._attempt(record)
            if attempt is not None or record.state.final:
                return attempt
            if self._context.stopped:
                raise _Cut
            await self._context.wait_change(version)

    async def _lines(self, attempt: Attempt) -> AsyncIterator[ServerSentEvent]:
        complete = False
        if attempt.log is None:
            async with self._context.book.growing(self._build, attempt) as log:
                async for event in self._growing(log):
                    yield event
                    del event
                complete = log.complete
            await self._settled()
            attempt = self._attempt(self._record()) or attempt
        if attempt.log is not None and not complete:
            async with self._context.book.open(self._build, attempt) as whole:
                async for event in self._rest(whole):
                    yield event

    async def _growing(self, log: GrowingLog) -> AsyncIterator[ServerSentEvent]:
        """What there is and, unless the attempt has ended, what comes."""
        with log.followed():
            while True:
                over = self._ended or self._context.stopped
                async for event in self._rest(log):
                    yield event
                    del event
                if over or log.complete:
                    return
                if not await self._grows(log):
                    return

    async def _grows(self, log: GrowingLog) -> bool:
        """Whether there are lines that the reader has not, at the latest shortly after the attempt has ended."""
        while log.count <= (self._seen or 0) and not log.complete:
            if log.failed is not None:
                raise _Cut
            if self._ended or self._context.stopped:
                done, _ = await asyncio.wait({log.change}, timeout=_GRACE_SECONDS)
                if not done:
                    return False
            else:
                # Shared by all readers, who would have two tasks more each.
                either: set[asyncio.Future[None]] = {log.change, self._context.change}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return True

    async def _rest(self, log: OpenLog) -> AsyncIterator[ServerSentEvent]:
        """Lines that the reader has not: all of them, or the last ones for a reader that has none."""
        if self._seen is None or self._seen > log.count:
            self._seen = max(0, log.count - BACKLOG_LINES)
        while self._seen < log.count:
            first = self._seen + 1
            lines = await log.read(first, BACKLOG_LINES)
            if not lines:
                msg = f"line {first} of the log cannot be read"
                raise CorruptData(msg)
            self._seen += len(lines)
            data = LogLine(first=first, lines=lines)
            yield ServerSentEvent(data=data, event="line", id=f"{self._number}-line-{self._seen}")

    async def _settled(self) -> None:
        """The log has ended: give its record a moment to say so too."""
        try:
            async with asyncio.timeout(self._context.limits.wait_seconds):
                await self._wait_ended()
        except TimeoutError:
            return

    async def _wait_ended(self) -> None:
        while not self._context.stopped:
            version = self._catalog.version
            if self._ended:
                return
            await self._context.wait_change(version)

    @property
    def _ended(self) -> bool:
        attempt = self._attempt(self._record())
        return attempt is None or attempt.ended_at is not None

    def _is_kept(self) -> bool:
        attempt = self._attempt(self._record())
        return attempt is not None and (attempt.ended_at is None or attempt.log is not None)

    def _record(self) -> BuildRecord:
        return self._catalog.build(self._build)

    def _attempt(self, record: BuildRecord) -> Attempt | None:
        if self._number is None:
            return record.attempts[-1] if record.attempts else None
        return next((attempt for attempt in record.attempts if attempt.number == self._number), None)


class _Cut(Exception):
    """The broker went away, or the server stops: the reader will ask again."""
