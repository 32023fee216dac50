"""What stands before every route: which hosts it answers for, and bounds on size, rate and wait."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request

from wombat_gitops.api.clients import client_of
from wombat_gitops.api.limits import BURST_SECONDS, Buckets
from wombat_gitops.api.problems import (
    LARGE_HEAD,
    LONG_ADDRESS,
    MALFORMED,
    METHOD,
    TIMED_OUT,
    TOO_LARGE,
    TooMany,
    misdirected,
    problem,
    too_many,
    unread,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from wombat_gitops.api.addresses import Hosts
    from wombat_gitops.api.limits import Limits

_log = structlog.get_logger()

HEALTH: Final = frozenset({"/healthz", "/readyz"})
"""Never refused for being asked often or by another name: whoever asks decides whether this process lives."""

_HOOK: Final = re.compile(r"/api/v1/hooks/[^/]+")
_SLOW: Final = re.compile(r"/(?:dl|by-digest)/.+|/api/v1/builds/[^/]+/log")
"""Files and stored logs may have to be fetched first, for as long as `Downloads` allows."""
_READS: Final = frozenset({"GET", "HEAD"})


class Guard:
    """Refuses what is for another host, too large or too often, and ends what takes too long.

    Args:
        monotonic: seconds that only grow, for the rate.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits, hosts: Hosts, monotonic: Callable[[], float]) -> None:
        self._app = app
        self._hosts = hosts
        self._limits = limits
        self._requests = Buckets(limits.rate, monotonic)
        self._messages = Buckets(limits.rate, monotonic)
        self._policy = f'"requests";q={self._requests.size};w={BURST_SECONDS:.0f}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        send = self._telling(request, send)
        refusal = (
            self._too_often(request) or self._too_large(request) or self._misdirected(request) or _has_body(request)
        )
        if refusal is not None:
            await refusal(scope, receive, send)
        elif _SLOW.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
        else:
            await self._in_time(request, receive, send)

    def _too_often(self, request: Request) -> Response | None:
        """A git host has a count of its own, so that readers cannot silence it."""
        path = request.scope["path"]
        if path in HEALTH:
            return None
        buckets = self._messages if _is_hook(request) else self._requests
        seconds = buckets.take(client_of(request.scope))
        if not seconds:
            return None
        msg = f"a client may go on with {self._limits.rate:g} requests a second"
        return too_many(request, TooMany(msg, hint="wait as long as `Retry-After` says", seconds=seconds))

    def _telling(self, request: Request, send: Send) -> Send:
        """Tell readers how much they may still ask (draft-ietf-httpapi-ratelimit-headers-10)."""
        if not self._limits.rate or request.scope["path"] in HEALTH or _is_hook(request):
            return send

        async def telling_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                left, seconds = self._requests.state(client_of(request.scope))
                headers["RateLimit-Policy"] = self._policy
                headers["RateLimit"] = f'"requests";r={left};t={seconds}'
            await send(message)

        return telling_send

    def _too_large(self, request: Request) -> Response | None:
        scope, limits = request.scope, self._limits
        path = scope.get("raw_path") or scope["path"].encode()
        if len(path) > limits.path_bytes or len(scope["query_string"]) > limits.query_bytes:
            return unread(request, LONG_ADDRESS)
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if size > limits.header_bytes or len(scope["headers"]) > limits.headers:
            return unread(request, LARGE_HEAD)
        return None

    def _misdirected(self, request: Request) -> Response | None:
        if request.scope["path"] in HEALTH or self._hosts.allows(request.scope):
            return None
        return misdirected(request)

    async def _in_time(self, request: Request, receive: Receive, send: Send) -> None:
        """The answer has to begin in time; what is sent afterwards has bounds of its own."""
        begun = False
        deadline = asyncio.timeout(self._limits.answer_seconds)

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            deadline.reschedule(None)
            await send(message)

        try:
            async with deadline:
                await self._app(request.scope, receive, send_and_note)
        except TimeoutError:
            if begun or not deadline.expired():
                raise
            _log.warning("answer_too_slow", path=request.scope["path"])
            await problem(request, TIMED_OUT)(request.scope, receive, send)


def _is_hook(request: Request) -> bool:
    return request.method == "POST" and _HOOK.fullmatch(request.scope["path"]) is not None


def _has_body(request: Request) -> Response | None:
    """Only messages of git hosts are read; with anything else that has a body, the connection ends."""
    headers = Headers(scope=request.scope)
    chunked, length = "transfer-encoding" in headers, headers.get("content-length", "0")
    if _is_hook(request):
        return unread(request, MALFORMED) if chunked and "content-length" in headers else None
    if not chunked and length == "0":
        return None
    return unread(request, TOO_LARGE if request.method in _READS else METHOD)
