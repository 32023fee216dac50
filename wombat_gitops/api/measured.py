"""Notes every answer with the template of its route, so that it can be counted; a path has no bound, a template has."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger(__name__)

_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_UNMATCHED: Final = "unmatched"
_CLOSED: Final = 499
"""The status of an answer that never began, because the client was gone first."""


class Measured:
    """The layer around all others. A stream is measured to its end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), _CLOSED

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            route = route_of(scope)
            seconds = round(time.perf_counter() - started, 6)
            _log.debug("http_answered", route=route, method=scope["method"], status=status, seconds=seconds)


def route_of(scope: Scope) -> str:
    """The template of the route that a request went to, with the prefix of the routers around it.

    A route knows its own part only; what stands before that in the path is the prefix, which has no parameters here.
    """
    template = str(getattr(scope.get("route"), "path", ""))
    if not template:
        return _UNMATCHED
    given = scope.get("path_params", {})
    own = _PARAMETER.sub(lambda match: str(given.get(match[1], "")), template)
    path = str(scope["path"])
    return path.removesuffix(own) + template if path.endswith(own) else template
