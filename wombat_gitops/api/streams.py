"""Streams of server-sent events that cost little while nothing happens: many people leave a page open."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from fastapi.sse import ServerSentEvent, format_sse_event
from pydantic import BaseModel
from starlette.responses import Response

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.types import Receive, Scope, Send

Endpoint = Callable[..., AsyncIterator[ServerSentEvent]]

_QUIET_SECONDS: Final = 15.0
"""After so long without an event a comment is sent, so that proxies do not end the connection."""

_COMMENT: Final = b": ping\n\n"


def stream(router: APIRouter, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:  # noqa: ANN401 - FastAPI's own
    """Register a generator of events for GET.

    FastAPI does this too, with two memory streams and four tasks for each reader, which is twice the memory.
    """

    def register(endpoint: Endpoint) -> Endpoint:
        hints = get_type_hints(endpoint, include_extras=True)
        given = inspect.signature(endpoint).parameters.values()

        async def streamed(**values: Any) -> Response:  # noqa: ANN401 - what the parameters are
            return Events(endpoint(**values))

        parameters = [each.replace(annotation=hints[each.name]) for each in given]
        streamed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        streamed.__name__, streamed.__doc__ = endpoint.__name__, endpoint.__doc__
        router.add_api_route(path, streamed, methods=["GET"], response_class=Events, **options)
        return endpoint

    return register


class Events(Response):
    """An answer that goes on: each event as it comes, until there are no more or the reader is gone."""

    media_type: str | None = None  # named in the description by `itemSchema` alone: a `schema` would be of the whole

    def __init__(self, events: AsyncIterator[ServerSentEvent] | None = None, status_code: int = 200) -> None:
        super().__init__(
            status_code=status_code,
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
            },
        )
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI says
        """Send the head, the events, and the end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._events is not None:
            await self._send(self._events, receive, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, events: AsyncIterator[ServerSentEvent], receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_gone(receive))
        following: asyncio.Future[ServerSentEvent | None] = asyncio.ensure_future(_following(events))
        both: set[asyncio.Future[Any]]
        try:
            while True:
                both = {gone, following}
                await asyncio.wait(both, timeout=_QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                if not following.done():
                    await send({"type": "http.response.body", "body": _COMMENT, "more_body": True})
                    continue
                event = following.result()
                if event is None:
                    return
                await send({"type": "http.response.body", "body": _packed(event), "more_body": True})
                del event, both  # which would be held until the next one comes
                following = asyncio.ensure_future(_following(events))
        finally:
            gone.cancel()
            following.cancel()
            both = {gone, following}
            await asyncio.wait(both)
            if not following.cancelled():
                following.exception()
            if inspect.isasyncgen(events):
                await events.aclose()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _following(events: AsyncIterator[ServerSentEvent]) -> ServerSentEvent | None:
    return await anext(events, None)


def _packed(event: ServerSentEvent) -> bytes:
    data = event.data.model_dump_json() if isinstance(event.data, BaseModel) else None
    packed: bytes = format_sse_event(
        data_str=data, event=event.event, id=event.id, retry=event.retry, comment=event.comment
    )
    return packed
