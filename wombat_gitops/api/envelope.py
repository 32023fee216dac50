"""What every answer has: a request id, safe headers, and never a traceback."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from wombat_gitops.api.headers import safe_headers
from wombat_gitops.api.open import PREFLIGHT, SHARED, is_open, is_preflight
from wombat_gitops.api.problems import INTERNAL, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Envelope:
    """The outermost layer of the application.

    Args:
        behind_tls: as for `safe_headers`.
        public: scripts of other websites may read what is open (`wombat_gitops.api.open`).
    """

    def __init__(self, app: ASGIApp, *, behind_tls: bool = False, public: bool = False) -> None:
        self._app = app
        self._public = public
        safe = safe_headers(behind_tls=behind_tls)
        self._closed, self._open = _raw(safe), _raw({**safe, **SHARED})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        identity = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = identity
        common = self._open if self._public and is_open(scope["path"]) else self._closed
        started = False

        async def sealed_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = list(message.get("headers", ()))
                names = {name for name, _ in given}
                own = (b"x-request-id", identity.encode())
                message["headers"] = [*given, own, *(header for header in common if header[0] not in names)]
            await send(message)

        try:
            if self._public and is_preflight(scope):
                await Response(status_code=204, headers=PREFLIGHT)(scope, receive, sealed_send)
                return
            await self._app(scope, receive, sealed_send)
        except ClientDisconnect:
            _log.info("sender_gone", path=scope["path"], request_id=identity)
        except Exception as error:
            _log.exception("request_failed", path=scope["path"], request_id=identity, error=type(error).__name__)
            if started:
                raise
            await problem(Request(scope), INTERNAL)(scope, receive, sealed_send)


def _raw(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
