"""Logs of builds: whole, the end of one, and live; the same addresses while a build runs and afterwards."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable  # noqa: TC003 - read by FastAPI
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from wombat_gitops.api.answers import get, is_known
from wombat_gitops.api.catalogue import BuildPath  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.clients import client_of
from wombat_gitops.api.files import etag_of, held_file
from wombat_gitops.api.follow import LogFollower, lines_of
from wombat_gitops.api.views.service import ChangeHint
from wombat_gitops.domain.errors import NotFound, TimedOut

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.lifecycle import Attempt, BuildRecord, StoredLog

RETRY_MILLISECONDS: Final = 2000
"""After how long a browser asks again when a stream has ended without `end`."""

_TEXT: Final = "text/plain; charset=utf-8"
_BLOCK: Final = 64 * 1024
_PLAIN: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


def _events(**models: str) -> dict[int | str, dict[str, Any]]:
    """The description of a stream: its events by name, and the model of what each carries, as JSON."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"oneOf": [{"$ref": f"#/components/schemas/{model}"} for model in models.values()]},
    }
    properties = {"event": {"enum": [*models]}, "data": data}
    return {200: {"content": {"text/event-stream": {"itemSchema": {"properties": properties}}}}}


AttemptNumber = Annotated[int | None, Query(ge=1, description="which attempt; the newest by default")]


def log_routes(context: Context) -> APIRouter:
    """The log of a build: text and stream."""
    router = APIRouter()

    async def known(build: BuildPath, attempt: AttemptNumber = None) -> None:
        _attempt(context.ready().build(build), attempt)

    @get(router, "/builds/{build}/log", response_class=PlainTextResponse, responses=_PLAIN, tags=["builds"])
    async def get_log(
        request: Request,
        build: BuildPath,
        attempt: AttemptNumber = None,
        tail: Annotated[int | None, Query(ge=1, le=100_000, description="only so many of the last lines")] = None,
    ) -> Response:
        """The log of one attempt, as far as it has come."""
        record = context.ready().build(build)
        chosen = _attempt(record, attempt)
        if chosen is None:
            return PlainTextResponse("", headers={"Cache-Control": "no-cache"})
        if chosen.log is not None:
            return await _stored(context, request, chosen.log, tail)
        return await _streamed(context, record, chosen, tail)

    @router.get(
        "/builds/{build}/log/stream",
        response_class=EventSourceResponse,
        responses=_events(line="LogLine", end="LogEnd"),
        tags=["builds"],
        dependencies=[Depends(known), Depends(_slot(context))],
    )
    async def stream_log(
        build: BuildPath,
        attempt: AttemptNumber = None,
        last_event_id: Annotated[str, Header(max_length=64)] = "",
    ) -> AsyncIterator[ServerSentEvent]:
        """Server-sent events: `line` with a `LogLine` (its id is where to go on), at last `end` with a `LogEnd`.

        Begins with the last 500 lines of a running build, or behind `Last-Event-ID`; an ended log comes whole.
        """
        yield ServerSentEvent(retry=RETRY_MILLISECONDS)
        async for event in LogFollower(context, context.catalog.build(build).id, attempt).events(last_event_id):
            yield event

    @router.head("/builds/{build}/log/stream", include_in_schema=False)
    async def describe_log_stream(build: BuildPath) -> Response:
        context.ready().build(build)
        return _headers_of_stream()

    return router


def event_routes(context: Context) -> APIRouter:
    """The stream of hints that something changed."""
    router = APIRouter()

    @router.get(
        "/events",
        response_class=EventSourceResponse,
        responses=_events(change="ChangeHint"),
        tags=["service"],
        dependencies=[Depends(_slot(context))],
    )
    async def stream_events(
        last_event_id: Annotated[str, Header(max_length=64)] = "",
    ) -> AsyncIterator[ServerSentEvent]:
        """Server-sent events: `change` with a `ChangeHint` whenever what is shown may be old."""
        catalog = context.catalog
        seen = int(last_event_id) if last_event_id.isdecimal() else catalog.version
        yield ServerSentEvent(retry=RETRY_MILLISECONDS)
        while not context.stopped:
            before, seen = seen, await context.wait_change(seen)
            if seen == before:
                return
            yield ServerSentEvent(data=ChangeHint(version=seen), event="change", id=str(seen))
            await context.pause(context.limits.event_seconds)

    @router.head("/events", include_in_schema=False)
    async def describe_stream() -> Response:
        return _headers_of_stream()

    return router


def _headers_of_stream() -> Response:
    return Response(media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


def _slot(context: Context) -> Callable[[Request], AsyncIterator[None]]:
    async def slot(request: Request) -> AsyncIterator[None]:
        context.ready()
        with context.streams.take(client_of(request.scope)):
            yield

    return slot


def _attempt(record: BuildRecord, number: int | None) -> Attempt | None:
    if number is None:
        return record.attempts[-1] if record.attempts else None
    for attempt in record.attempts:
        if attempt.number == number:
            return attempt
    known = [attempt.number for attempt in record.attempts]
    msg = f"build `{record.id[:12]}` has no attempt {number}"
    raise NotFound(msg, hint=f"it has {known[0]} to {known[-1]}" if known else "it has none yet")


async def _stored(context: Context, request: Request, log: StoredLog, tail: int | None) -> Response:
    headers = {"ETag": etag_of(log.sha256), "Cache-Control": "no-cache"}
    if tail is None and is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if tail is None:
        client = client_of(request.scope)
        return await held_file(context, client, log.sha256, log.size, media_type=_TEXT, headers=headers)
    async with context.downloads.hold(log.sha256, log.size) as path:
        return Response(await asyncio.to_thread(_last_lines, path, tail), media_type=_TEXT)


async def _streamed(context: Context, record: BuildRecord, attempt: Attempt, tail: int | None) -> Response:
    texts = _texts(context, record, attempt)
    if tail is not None:
        last = deque[str](maxlen=tail)
        async for text in texts:
            last.extend(lines_of(text))
        return PlainTextResponse("".join(f"{line}\n" for line in last), headers={"Cache-Control": "no-cache"})
    first = await anext(texts, None)
    if first is None and attempt.ended_at is not None:
        msg = f"the log of attempt {attempt.number} of build `{record.id[:12]}` is not kept any more"
        raise NotFound(msg)

    async def whole() -> AsyncIterator[str]:
        if first is not None:
            yield first
        async for text in texts:
            yield text

    return StreamingResponse(whole(), media_type=_TEXT, headers={"Cache-Control": "no-cache"})


async def _texts(context: Context, record: BuildRecord, attempt: Attempt) -> AsyncIterator[str]:
    chunks = context.logs.read(record.id, attempt.number)
    while True:
        try:
            async with asyncio.timeout(context.limits.wait_seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            msg = f"the log of build `{record.id[:12]}` does not come"
            raise TimedOut(msg) from error
        yield chunk.text


def _last_lines(path: Path, count: int) -> bytes:
    """The last *count* lines of a file, read from its end."""
    with path.open("rb") as file:
        place = file.seek(0, 2)
        data = b""
        while place > 0 and data.count(b"\n") <= count:
            step = min(_BLOCK, place)
            place -= step
            file.seek(place)
            data = file.read(step) + data
    return b"".join(line + b"\n" for line in data.removesuffix(b"\n").split(b"\n")[-count:]) if data else b""
