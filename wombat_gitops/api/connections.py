"""Connections: how many there may be, and how long one may take to say what it wants.

The rest of the application only sees whole requests; what comes too slowly, is not HTTP, or is one connection too
many is answered here, with the same headers and the same form of a problem as everywhere.
"""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final

import h11
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from wombat_gitops.api.clients import client_name
from wombat_gitops.api.envelope import CUT_OFF
from wombat_gitops.api.headers import safe_headers
from wombat_gitops.api.problems import BUSY, LARGE_HEAD, MALFORMED, MEDIA_TYPE, SLOW, Kind, document, problem_headers

if TYPE_CHECKING:
    import asyncio

    from wombat_gitops.api.context import Edge
    from wombat_gitops.api.limits import Limits

_LINGER_SECONDS: Final = 2.0
"""How long a refused client has to take the answer."""
_GRACE_SECONDS: Final = 5.0
"""How much later than the route that reads it a body is given up, so that the route can say so first."""


class Door:
    """The count of open connections, by client; trusted proxies speak for many and are not bounded by themselves."""

    def __init__(self, limits: Limits, edge: Edge) -> None:
        self.limits = limits
        self.edge = edge
        self._trusted = ProxyHeadersMiddleware(_nobody, list(edge.proxies)).trusted_hosts
        self._clients = Counter[str]()
        self.open = 0

    def enter(self, address: str) -> str | None:
        """Count a connection and return the client's name, which `leave` takes; None where it is one too many."""
        client = address if address in self._trusted else client_name(address)
        bounded = address not in self._trusted
        if self.open >= self.limits.connections:
            return None
        if bounded and self._clients[client] >= self.limits.client_connections:
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


def protocol(door: Door) -> type[H11Protocol]:
    """The class of connections that come through *door*."""
    return type("Connection", (_Connection,), {"door": door})


class _Connection(H11Protocol):
    """One connection. At any time at most one of these waits is bounded: for a head, for a body, for a next request."""

    door: ClassVar[Door]

    _client: str | None = None
    _refused = False
    _awaited: tuple[Any, asyncio.TimerHandle] | None = None
    _began = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or tell that there are too many."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, CUT_OFF: transport.abort}
        self._client = self.door.enter(self.client[0] if self.client else "")
        if self._client is None:
            self._refuse(BUSY)
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._unwatch()
        if self._client is not None:
            self.door.leave(self._client)
            self._client = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and see what is awaited then."""
        if self._refused:
            return
        self._began = True
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """See what is awaited after an answer."""
        self._began = False
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Tell what is wrong with bytes that are not a request; *msg* is not for outside."""
        del msg
        error = sys.exception()
        too_large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == LARGE_HEAD.status
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:  # no answer can be put into or behind another
            self.transport.abort()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
        self._refuse(LARGE_HEAD if too_large else MALFORMED)

    def _watch(self) -> None:
        """Have a timer for what the client owes, and for nothing else; more of the same does not restart it."""
        owed = self.conn.their_state
        if self._refused or self.transport.is_closing() or owed not in {h11.IDLE, h11.SEND_BODY}:
            self._unwatch()
        elif owed is h11.IDLE and self.timeout_keep_alive_task is not None:
            self._unwatch()  # the server's own timer runs until the next request begins
        elif self._awaited is None or self._awaited[0] is not owed:
            self._unwatch()
            limits = self.door.limits
            seconds = limits.head_seconds if owed is h11.IDLE else limits.body_seconds + _GRACE_SECONDS
            self._awaited = (owed, self.loop.call_later(seconds, self._give_up))

    def _unwatch(self) -> None:
        if self._awaited is not None:
            self._awaited[1].cancel()
            self._awaited = None

    def _give_up(self) -> None:
        if self.conn.their_state is h11.SEND_BODY or not self._began:
            self.transport.abort()
        else:
            self._refuse(SLOW)

    def _refuse(self, kind: Kind) -> None:
        """Answer with a problem and end the connection, whatever the client does."""
        self._refused = True
        self._unwatch()
        self.transport.write(_answer(kind, self.door.edge))
        self.transport.close()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)


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
