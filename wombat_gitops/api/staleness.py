"""Answers say when they may be old: `Wombat-Stale: since=@1764086400` (RFC 9651, a date)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from wombat_gitops.services.catalog import Catalog

HEADER: Final = "Wombat-Stale"
_PREFIXES: Final = ("/api/", "/badge/", "/feed.atom", "/d/")


class Staleness:
    """The layer that marks what is answered from the last known state while the broker is away."""

    def __init__(self, app: ASGIApp, *, catalog: Catalog) -> None:
        self._app = app
        self._catalog = catalog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIXES):
            await self._app(scope, receive, send)
            return

        async def marking_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                since = self._catalog.stale_since()
                if since is not None:
                    MutableHeaders(scope=message)[HEADER] = f"since=@{int(since.timestamp())}"
            await send(message)

        await self._app(scope, receive, marking_send)
