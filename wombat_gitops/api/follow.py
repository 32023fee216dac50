"""One reader of one log as a stream of events, whatever state the build is in."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi.sse import ServerSentEvent

from wombat_gitops.api.views.builds import LogEnd, LogLine
from wombat_gitops.domain.errors import NotFound, TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.lifecycle import Attempt, BuildRecord, StoredLog
    from wombat_gitops.ports import LogChunk

BACKLOG_LINES: Final = 500
"""Lines of a running build that a new reader gets before the live ones, and of one event at most."""

_GRACE_SECONDS: Final = 2.0
"""How long the last lines may come after the record says that the attempt has ended."""

_EVENT_ID: Final = re.compile(r"(?:(\d{1,9})-)?(line-)?(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader goes on: behind a sequence of the live log, or behind a line of the stored one."""

    sequence: int = 0
    line: int = 0

    @classmethod
    def parse(cls, event_id: str, attempt: int) -> Place:
        """Read the id of the last event; one of another attempt, or of nobody's, means the beginning."""
        match = _EVENT_ID.fullmatch(event_id)
        if match is None or (match[1] is not None and int(match[1]) != attempt):
            return cls()
        return cls(line=int(match[3])) if match[2] else cls(sequence=int(match[3]))


class LogFollower:
    """Reads the log of one attempt, or of the newest, for one reader."""

    def __init__(self, context: Context, build: str, attempt: int | None) -> None:
        self._context = context
        self._catalog = context.catalog
        self._build = build
        self._number = attempt

    async def events(self, last_event_id: str) -> AsyncIterator[ServerSentEvent]:
        """Events `line`, then `end`; none of it where the broker or this server goes away meanwhile."""
        try:
            attempt = await self._first_attempt()
            if attempt is not None:
                place = Place.parse(last_event_id, attempt.number)
                async for event in self._lines(attempt, place):
                    yield event
                await self._settled(attempt.number)
            if not self._context.stopped:
                yield ServerSentEvent(data=LogEnd(state=self._record().state.value), event="end")
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

    async def _lines(self, attempt: Attempt, place: Place) -> AsyncIterator[ServerSentEvent]:
        if attempt.log is not None and not place.sequence:
            async for event in self._stored(attempt.number, attempt.log, place.line):
                yield event
            return
        ended = attempt.ended_at is not None
        last, done = place.sequence, False
        lines = deque[str](maxlen=None if ended or last else BACKLOG_LINES)
        async for chunk in self._context.logs.read(self._build, attempt.number, after=last):
            lines.extend(lines_of(chunk.text))
            last, done = chunk.sequence, chunk.end
        for batch in _batches([*lines]):
            yield _line_event(batch, f"{attempt.number}-{last}")
        if ended and not done and last == place.sequence and attempt.log is not None:
            async for event in self._stored(attempt.number, attempt.log, 0):
                yield event
        elif not ended and not done:
            async for event in self._live(attempt.number, last):
                yield event

    async def _stored(self, number: int, log: StoredLog, after: int) -> AsyncIterator[ServerSentEvent]:
        async with self._context.downloads.hold(log.sha256, log.size) as path:
            text = await asyncio.to_thread(path.read_text, encoding="utf-8", errors="replace")
        lines = lines_of(text)
        for batch in _batches(lines[after:]):
            after += len(batch)
            yield _line_event(batch, f"{number}-line-{after}")

    async def _live(self, number: int, after: int) -> AsyncIterator[ServerSentEvent]:
        chunks = self._context.logs.read(self._build, number, after=after, follow=True)
        ended = asyncio.ensure_future(self._wait_ended(number))
        try:
            while True:
                chunk = await _next_unless(chunks, ended)
                if chunk is None:
                    return
                lines = lines_of(chunk.text)
                if lines:
                    yield _line_event(lines, f"{number}-{chunk.sequence}")
                if chunk.end:
                    return
        finally:
            ended.cancel()

    async def _settled(self, number: int) -> None:
        """The log has ended: give its record a moment to say so too."""
        try:
            async with asyncio.timeout(self._context.limits.wait_seconds):
                await self._wait_ended(number)
        except TimeoutError:
            return

    async def _wait_ended(self, number: int) -> None:
        while not self._context.stopped:
            version = self._catalog.version
            if self._record().attempts[number - 1].ended_at is not None:
                return
            await self._context.wait_change(version)

    def _record(self) -> BuildRecord:
        return self._catalog.build(self._build)

    def _attempt(self, record: BuildRecord) -> Attempt | None:
        if not record.attempts:
            return None
        return record.attempts[-1 if self._number is None else self._number - 1]


class _Cut(Exception):
    """The server stops; the reader will ask again."""


async def _next_unless(chunks: AsyncIterator[LogChunk], ended: asyncio.Future[None]) -> LogChunk | None:
    """The next chunk, or None where none comes shortly after *ended*."""
    fetch = asyncio.ensure_future(_following(chunks))
    try:
        waiting: set[asyncio.Future[Any]] = {fetch, ended}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not fetch.done():
            await asyncio.wait({fetch}, timeout=_GRACE_SECONDS)
        return fetch.result() if fetch.done() else None
    finally:
        fetch.cancel()


async def _following(chunks: AsyncIterator[LogChunk]) -> LogChunk | None:
    return await anext(chunks, None)


def lines_of(text: str) -> list[str]:
    """Lines as a terminal shows them: only a line feed ends one."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _batches(lines: list[str]) -> list[list[str]]:
    return [lines[start : start + BACKLOG_LINES] for start in range(0, len(lines), BACKLOG_LINES)]


def _line_event(lines: list[str], identity: str) -> ServerSentEvent:
    return ServerSentEvent(data=LogLine(lines=lines), event="line", id=identity)
