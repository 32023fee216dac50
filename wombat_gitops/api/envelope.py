"""What every answer has: a request id, safe headers, a bounded wait for its reader, and never a traceback."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request

from wombat_gitops.api.problems import INTERNAL, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()

STALL_SECONDS: Final = 60.0
"""A reader that takes nothing for so long is disconnected, because each costs memory and a place."""

SITE_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"

_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": _DATA_POLICY,
}
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Envelope:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._app = app
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        identity = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = identity
        started = stalled = False

        async def sealed_send(message: Message) -> None:
            nonlocal started, stalled
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = identity
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await send(message)
            except TimeoutError:
                stalled = True
                raise

        try:
            await self._app(scope, receive, sealed_send)
        except Exception as error:
            if stalled:
                _log.info("reader_stalled", path=scope["path"], request_id=identity)
                return
            _log.exception("request_failed", path=scope["path"], request_id=identity, error=type(error).__name__)
            if started:
                raise
            await problem(Request(scope), INTERNAL)(scope, receive, sealed_send)
