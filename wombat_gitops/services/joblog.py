"""The log of one attempt: a file that is streamed while it grows and stored when it is whole.

The file is the buffer: a broker that is away slows nobody down, and nothing is lost but liveness. Of a log that
does not fit on the disk the beginning is kept: no build ends because of its log.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.errors import TransientError

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.ports import LogStream

CHUNK_BYTES: Final = 32 * 1024
CHUNK_SECONDS: Final = 0.2
MAX_LOG_BYTES: Final = 10 * 1024 * 1024
_MAX_LINE: Final = 16 * 1024
_TAIL_BYTES: Final = 8 * 1024
_LAST_WORDS_SECONDS: Final = 10.0

_CREDENTIALS: Final = re.compile(rb"(?<=://)[^/@\s:]+(:[^/@\s]*)?@")

_log = structlog.get_logger(__name__)


class JobLog:
    """Takes the output of an attempt (`ports.Output`) and publishes it line by line."""

    def __init__(self, path: Path, stream: LogStream, build: str, attempt: int) -> None:
        self.path = path
        self._stream = stream
        self._build = build
        self._attempt = attempt
        self._file = path.open("wb", buffering=0)  # what is written is counted, so it must be there or not
        self._partial = b""
        self._written = 0
        self._published = 0
        self._index = 0
        self._full = False
        self._more = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._written

    async def write(self, data: bytes) -> None:
        """Take some output, cut anywhere."""
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        while len(self._partial) > _MAX_LINE:
            lines.append(self._partial[:_MAX_LINE])
            self._partial = self._partial[_MAX_LINE:]
        for line in lines:
            self._line(line)

    async def say(self, text: str) -> None:
        """Write a line of our own."""
        if self._partial:
            await self.write(b"\n")
        await self.write(text.encode() + b"\n")

    def tail(self, lines: int) -> tuple[str, ...]:
        """The last *lines* lines so far, and of long ones what fits: a build's record holds them."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(max(0, size - _TAIL_BYTES))
            return tuple(file.read().decode("utf-8", "replace").splitlines()[-lines:])

    async def publish(self) -> None:
        """Stream the file as it grows until `end` was called and everything is out."""
        while not self._ended.is_set():
            await self._more.wait()
            self._more.clear()
            await self._publish_new()
            await _within(self._ended, CHUNK_SECONDS)
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._publish_new(last=True)
        except TimeoutError:
            _log.warning("log_incomplete", build=self._build, attempt=self._attempt)

    def end(self) -> None:
        """No more output comes; the file is whole on disk."""
        if self._partial:
            self._line(self._partial)
            self._partial = b""
        self._file.close()
        self._ended.set()
        self._more.set()

    def _line(self, line: bytes) -> None:
        if self._full:
            return
        clean = _CREDENTIALS.sub(b"***@", line.rstrip(b"\r")).decode("utf-8", "replace").encode() + b"\n"
        if self._written + len(clean) > MAX_LOG_BYTES:
            self._full = True
            clean = b"(the log is cut here: it is larger than 10 MiB)\n"
        self._written += self._put(clean)
        self._more.set()

    def _put(self, clean: bytes) -> int:
        """Write as much as there is room for; returns the bytes that are on disk."""
        try:
            written = self._file.write(clean)
        except OSError:
            written = 0
        if written < len(clean):
            self._full = True
            _log.warning("log_incomplete", build=self._build, attempt=self._attempt)
        return written

    async def _publish_new(self, *, last: bool = False) -> None:
        """Publish what was written since; with *last* the chunk that comes last ends the log."""
        while self._published < self._written or last:
            with self.path.open("rb") as file:
                file.seek(self._published)
                data = file.read(CHUNK_BYTES)
            whole = data[: data.rfind(b"\n") + 1] or data
            self._published += len(whole)
            ends = last and self._published >= self._written
            await self._append(whole.decode("utf-8", "replace"), end=ends)
            if ends:
                return

    async def _append(self, text: str, *, end: bool = False) -> None:
        while True:
            try:
                await self._stream.append(self._build, self._attempt, self._index, text, end=end)
            except TransientError:
                await asyncio.sleep(CHUNK_SECONDS)
            else:
                self._index += 1
                return


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
