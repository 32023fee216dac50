"""The only route that takes something: messages of git hosts, which make a source be looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from wombat_gitops.api.clients import client_of
from wombat_gitops.api.limits import Limits, Slots
from wombat_gitops.api.problems import TOO_LARGE, TooSlow, unread
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.webhooks import MAX_BYTES, Message

if TYPE_CHECKING:
    from wombat_gitops.services.webhooks import WebhookReceiver

_AT_ONCE: Final = 32
_MOST_SKIPPED: Final = 32 * 1024 * 1024
"""Bytes that are read past where a message is too large: a host that is still sending would not hear the answer."""
_MOST_HEADER_CHARACTERS: Final = 4096


def hook_routes(receiver: WebhookReceiver | None, limits: Limits) -> APIRouter:
    """Where git hosts tell that something was pushed; nothing but the refresh of sources follows from it."""
    router = APIRouter(include_in_schema=False)
    slots = Slots(_AT_ONCE, "messages of git hosts")

    async def receive(request: Request, source: str) -> Response:
        """Take one message: 202 and the sources that are looked at, 204 where nothing follows from it."""
        if receiver is None or not receiver.expects(source):
            msg = f"there is no webhook `{source[:64]}`"
            raise NotFound(msg, hint="only sources with a `webhook` in the list of sources have one")
        with slots.take(client_of(request.scope)):
            body = await _body(request, limits.body_seconds)
            if body is None:
                return unread(request, TOO_LARGE)
            headers = {name: value[:_MOST_HEADER_CHARACTERS] for name, value in request.headers.items()}
            sources = await receiver.receive(source, Message(headers, body))
        headers = {"Cache-Control": "no-store"}
        if not sources:
            return Response(status_code=204, headers=headers)
        return JSONResponse({"refreshed": list(sources)}, 202, headers)

    router.add_api_route("/hooks/{source}", receive, methods=["POST"])
    return router


async def _body(request: Request, seconds: float) -> bytes | None:
    """The body, or None where it is larger than a message may be. Raises `TooSlow` where it takes longer."""
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > _MOST_SKIPPED:
                    break
                if size <= MAX_BYTES:
                    body += chunk
    except TimeoutError as error:
        msg = "the message did not come within the time it has"
        raise TooSlow(msg) from error
    return bytes(body) if size <= MAX_BYTES else None
