"""Connections: how many there may be, and how long one may take to say what it wants.

The rest of the application only sees whole requests; what comes too slowly, is not HTTP, or is one connection too
many is answered here, with the same headers and the same form of a problem as everywhere.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import unquote

import httptools
import structlog
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wombat_gitops.api.clients import client_name
from wombat_gitops.api.exchanges import EXTENSIONS, Exchange
from wombat_gitops.api.headers import safe_headers
from wombat_gitops.api.limits import share
from wombat_gitops.api.problems import BUSY, LARGE_HEAD, MALFORMED, MEDIA_TYPE, SLOW, Kind, document, problem_headers

if TYPE_CHECKING:
    from wombat_gitops.api.context import Edge
    from wombat_gitops.api.limits import Limits

_log = structlog.get_logger()

_LINGER_SECONDS: Final = 2.0
"""How long a refused client has to take the answer."""
_GRACE_SECONDS: Final = 5.0
"""How much later than the route that reads it a body is given up, so that the route can say so first."""

_END: Final = b"\r\n\r\n"
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_PRINTABLE: Final = range(0x21, 0x7F)
_HEAD, _BODY = "head", "body"


class Door:
    """The count of open connections, by client, so that a few addresses cannot use up all of them.

    Trusted proxies speak for many clients: only the limit of all connections bounds them.
    """

    def __init__(self, limits: Limits, edge: Edge) -> None:
        self.limits = limits
        self.edge = edge
        self._trusted = ProxyHeadersMiddleware(_nobody, list(edge.proxies)).trusted_hosts
        self._clients = Counter[str]()
        self.open = 0

    def enter(self, address: str) -> str | None:
        """Count a connection and return the client's name, which `leave` takes; None where it is one too many."""
        proxy = address in self._trusted
        client, limits = address if proxy else client_name(address), self.limits
        most = limits.connections if proxy else share(limits.connections, self.open, limits.client_connections)
        if self.open >= limits.connections or self._clients.get(client, 0) >= most:
            return None
        self.open += 1
        self._clients[client] += 1
        return client

    def leave(self, client: str) -> None:
        """Forget a connection."""
        self.open -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


def protocol(door: Door) -> type[HttpToolsProtocol]:
    """The class of connections that come through *door*."""
    return type("Connection", (_Connection,), {"door": door})


class _Connection(HttpToolsProtocol):
    """One connection, on which every wait has an end: for a head, a body, the next request, and for the reader.

    The server underneath bounds the wait for a next request and nothing else. Closing waits until everything was
    taken, which a reader can put off for ever; only aborting does not.

    The parser is given one head at a time, and the next one when the answer was sent: requests that follow one another
    wait as bytes, at most as many as are read at once. What follows a body is never read: the connection ends there.
    """

    door: ClassVar[Door]

    cycle: Exchange
    _client: str | None = None
    _refused = False
    _awaited: tuple[str, asyncio.TimerHandle] | None = None
    _began = False
    _unread = b""
    _in_body = False
    _stays = False
    _untaken: tuple[int, asyncio.TimerHandle] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or tell that there are too many."""
        super().connection_made(transport)
        _send_at_once(transport)
        self._client = self.door.enter(self.client[0] if self.client else "")
        if self._client is None:
            self._refuse(BUSY)
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._unwatch()
        self._reader_is_back()
        if self._client is not None:
            self.door.leave(self._client)
            self._client = None
        super().connection_lost(exc)
        if self._answering:
            self.cycle.gone()

    def data_received(self, data: bytes) -> None:
        """Take what came, and see what is awaited then."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._began = True
        self._unread += data
        self._read()
        self._watch()

    def on_headers_complete(self) -> None:
        """Note that a head is whole, and what it says; whether a body follows is told by the calls to come."""
        self._in_body = True
        self._stays = self.parser.should_keep_alive() and not self.parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a message."""
        if self._in_body:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that nothing more belongs to the request."""
        if self._in_body and self._answering:
            super().on_message_complete()
        self._in_body = False

    def on_response_complete(self) -> None:
        """See what is awaited after an answer, and what waits to be answered."""
        super().on_response_complete()
        self._began = bool(self._unread)
        if self._unread and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._read()
        self._watch()
        self._await_end()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _read(self) -> None:
        """Begin the next request if it is whole; of the one that is answered take the body."""
        if self._in_body:
            data, self._unread = self._unread, b""
            if not self._parsed(data) and self._in_body:
                self._refuse_malformed()
        elif self._answering:
            self.flow.pause_reading()
        elif self._unread:
            self._read_head()

    def _read_head(self) -> None:
        end = self._unread.find(_END)
        if max(end, len(self._unread) if end < 0 else 0) > self._largest:
            self._refuse(LARGE_HEAD)
        elif end >= 0:
            head, self._unread = self._unread[: end + len(_END)], self._unread[end + len(_END) :]
            if not self._parsed(head) or not self._begin():
                self._refuse_malformed()
            elif self._unread:
                self._read()
        elif self._unread[0] not in _PRINTABLE and not _END.startswith(self._unread[:2]):
            self._refuse_malformed()

    @property
    def _largest(self) -> int:
        limits = self.door.limits
        return limits.header_bytes + limits.path_bytes + limits.query_bytes

    def _parsed(self, data: bytes) -> bool:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError:
            return False
        return True

    def _begin(self) -> bool:
        """Have the request of the head that was read answered; False where it is none that is understood here."""
        version, scope = self.parser.get_http_version(), self.scope
        hosts = sum(name == b"host" for name, _ in self.headers)
        if version not in _VERSIONS or hosts > 1 or (hosts == 0 and version != "1.0"):
            return False
        raw_path, _, query = self.url.partition(b"?")
        scope["method"] = self.parser.get_method().decode()
        scope["http_version"] = version
        scope["path"] = unquote(raw_path.decode())
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        scope["extensions"] = {**EXTENSIONS}
        self.cycle = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self._stays and not self._in_body and version != "1.0",
            on_response=self.on_response_complete,
        )
        self.cycle.stall_seconds = self.door.limits.stall_seconds
        if not self._in_body:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        self._start_asgi_task(self.cycle, self.app)
        return True

    def _refuse_malformed(self) -> None:
        """Tell what is wrong with bytes that are not a request; no answer can be put into another."""
        if self._answering and self.cycle.response_started:
            self.transport.abort()
            return
        if self._answering:
            self.cycle.disconnected = True
        self._refuse(MALFORMED)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that says nothing more."""
        super().timeout_keep_alive_handler()
        self._await_end()

    def pause_writing(self) -> None:
        """Note that the reader is behind."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """Note that the reader has caught up; after the end, only the end itself counts."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._reader_is_back()

    def _watch(self) -> None:
        """Have a timer for what the client owes, and for nothing else; more of the same does not restart it."""
        owed = self._owed()
        if owed is None:
            self._unwatch()
        elif self._awaited is None or self._awaited[0] != owed:
            self._unwatch()
            limits = self.door.limits
            seconds = limits.head_seconds if owed == _HEAD else limits.body_seconds + _GRACE_SECONDS
            self._awaited = (owed, self.loop.call_later(seconds, self._give_up))

    def _owed(self) -> str | None:
        if self._refused or self.transport.is_closing():
            return None
        if self._answering:
            return _BODY if self._in_body else None
        return _HEAD if self.timeout_keep_alive_task is None else None  # which runs until the next request begins

    def _unwatch(self) -> None:
        if self._awaited is not None:
            self._awaited[1].cancel()
            self._awaited = None

    def _give_up(self) -> None:
        if self._answering or not self._began:
            self.transport.abort()
        else:
            self._refuse(SLOW)

    def _await_end(self) -> None:
        if self.transport.is_closing():
            self._await_reader()

    def _await_reader(self) -> None:
        if self._untaken is None:
            self._look_again()

    def _look_again(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._untaken = (left, self.loop.call_later(self.door.limits.stall_seconds, self._see_reader))

    def _see_reader(self) -> None:
        """A reader may be as slow as it likes, as long as it takes something from one look to the next."""
        left = self.transport.get_write_buffer_size()
        if self._untaken is not None and left < self._untaken[0]:
            self._look_again()
            return
        _log.info("reader_stalled", bytes=left)
        self.transport.abort()

    def _reader_is_back(self) -> None:
        if self._untaken is not None:
            self._untaken[1].cancel()
            self._untaken = None

    def _refuse(self, kind: Kind) -> None:
        """Answer with a problem and end the connection, whatever the client does."""
        self._refused = True
        self._unwatch()
        self.transport.write(_answer(kind, self.door.edge))
        self.transport.close()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)


def _send_at_once(transport: asyncio.Transport) -> None:
    """Not every event loop does so for a socket that it was given; an answer's body would come 40 ms after its head."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _answer(kind: Kind, edge: Edge) -> bytes:
    identity = uuid.uuid4().hex
    body = document(kind, request_id=identity).model_dump_json().encode()
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
        "X-Request-Id": identity,
        **problem_headers(kind),
        **safe_headers(behind_tls=edge.tls),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {kind.status} {kind.title}\r\n{lines}\r\n".encode() + body


async def _nobody(*_: Any) -> None:  # noqa: ANN401 - of any request
    """Stand where an application is wanted and none is asked."""
