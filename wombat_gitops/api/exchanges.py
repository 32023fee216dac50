"""One request and its answer on a connection; files go from disk to network without passing through this process."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import structlog
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

_log = structlog.get_logger()

EXTENSION: Final = "http.response.zerocopysend"
"""The extension of ASGI by which a route hands over a file: `file` (a descriptor), `offset`, `count`, `more_body`."""

EXTENSIONS: Final[Mapping[str, Any]] = {EXTENSION: {}} if hasattr(os, "sendfile") else {}
"""What a scope offers to routes here."""

_PIECE: Final = 1024 * 1024
"""Bytes of a file between two looks at what others on the event loop want."""


class Exchange(RequestResponseCycle):
    """A request and its answer.

    Attributes:
        stall_seconds: a reader of a file that takes nothing for so long is disconnected.
    """

    stall_seconds: float = 60.0
    _waiting: asyncio.Future[bool] | None = None

    async def send(self, message: Message) -> None:  # type: ignore[override]
        """As ASGI says, with `EXTENSION`."""
        if self.disconnected:
            return
        if message["type"] == EXTENSION:
            await self._send_file(message["file"], message.get("offset", 0), message["count"])
            message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
        elif self.scope["http_version"] == "1.0":
            self._end_with_connection(message)
        await super().send(message)  # type: ignore[arg-type]

    def gone(self) -> None:
        """The connection is lost: nothing is waited for any more."""
        self.disconnected = True
        self._wake(able=False)

    def _end_with_connection(self, message: Message) -> None:
        """An answer of unknown length to HTTP/1.0 has no chunks: it ends where the connection does."""
        if message["type"] == "http.response.start":
            if all(name.lower() != b"content-length" for name, _ in message.get("headers", ())):
                self.chunked_encoding, self.expected_content_length = False, sys.maxsize
        elif not message.get("more_body", False) and self.expected_content_length > sys.maxsize // 2:
            self.expected_content_length = len(message.get("body", b""))

    async def _send_file(self, file: int, offset: int, count: int) -> None:
        if self.chunked_encoding or count > self.expected_content_length:
            msg = "a part of a file has to be announced by `Content-Length`"
            raise RuntimeError(msg)
        self.expected_content_length -= count
        await self._sent_before()
        if self.disconnected:
            return
        # The event loop does not share a descriptor that a transport has, but another one of the same socket.
        connection = os.dup(self.transport.get_extra_info("socket").fileno())
        try:
            while count and not self.disconnected:
                try:
                    sent = os.sendfile(connection, file, offset, min(count, _PIECE))
                except (BlockingIOError, InterruptedError):
                    await self._writable(connection)
                    continue
                if not sent:
                    _log.error("file_cut_short", missing=count)
                    self._cut()
                offset, count = offset + sent, count - sent
                await asyncio.sleep(0)
        except OSError as error:
            if not isinstance(error, ConnectionError):  # which only says that the reader is gone
                _log.warning("file_not_sent", error=str(error), missing=count)
            self._cut()
        finally:
            os.close(connection)

    async def _sent_before(self) -> None:
        """Wait until the head, and what came before it, has left the transport."""
        self.transport.set_write_buffer_limits(0)
        if not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self.transport.set_write_buffer_limits()

    async def _writable(self, connection: int) -> None:
        """Wait until the reader has taken something; one that does not is cut off."""
        loop = asyncio.get_running_loop()
        left = _unsent(connection)
        while not self.disconnected:
            self._waiting = loop.create_future()
            loop.add_writer(connection, self._wake)
            timer = loop.call_later(self.stall_seconds, self._wake, False)  # noqa: FBT003 - given on as it is
            try:
                if await self._waiting:
                    return
            finally:
                timer.cancel()
                loop.remove_writer(connection)
                self._waiting = None
            before, left = left, _unsent(connection)
            if left >= before and not self.disconnected:
                _log.info("reader_stalled", bytes=left)
                self._cut()

    def _wake(self, able: bool = True) -> None:  # noqa: FBT001, FBT002 - the event loop calls it
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(able)

    def _cut(self) -> None:
        self.disconnected = True
        self.transport.abort()


def _unsent(connection: int) -> int:
    """Bytes that the other side has not got yet, as far as the system tells; a slow reader is no stalled one."""
    if sys.platform != "linux":
        return 0
    import array  # noqa: PLC0415 - with what only some systems have
    import fcntl  # noqa: PLC0415
    import termios  # noqa: PLC0415

    found = array.array("i", [0])
    fcntl.ioctl(connection, termios.TIOCOUTQ, found)
    return found[0]
