"""Logs of builds: whole, the end of one, and live; the same addresses while a build runs and afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator  # noqa: TC003 - read by FastAPI
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from wombat_gitops.api.answers import answer, get, tagged
from wombat_gitops.api.catalogue import BuildPath, next_page
from wombat_gitops.api.clients import client_of
from wombat_gitops.api.events import RETRY_MILLISECONDS, LastEventId, described, headers_of_stream, slot
from wombat_gitops.api.files import etag_of, has_copy, held_file, http_date
from wombat_gitops.api.follow import LogFollower
from wombat_gitops.api.headers import named
from wombat_gitops.api.streams import stream
from wombat_gitops.api.views.builds import LogMatches, LogMatchView, LogRange
from wombat_gitops.domain.errors import NotFound, TimedOut
from wombat_gitops.services.logbook import no_log

if TYPE_CHECKING:
    from wombat_gitops.api.context import Context
    from wombat_gitops.domain.records import Attempt, BuildRecord, StoredLog
    from wombat_gitops.services.logbook import OpenLog

_TEXT: Final = "text/plain; charset=utf-8"
_MOST: Final = 1_000_000_000
_PLAIN: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}

AttemptNumber = Annotated[int | None, Query(ge=1, le=_MOST, description="which attempt; the newest by default")]


class LineQuery(BaseModel):
    """Query parameters of a range of lines."""

    model_config = ConfigDict(extra="forbid")

    attempt: AttemptNumber = None
    first: Annotated[int | None, Field(ge=1, le=_MOST, alias="from", description="number of the first line")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="lines at most")] = 100


class LogQuery(BaseModel):
    """Query parameters of a search in a log."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=200, description="what a line has to hold")]
    attempt: AttemptNumber = None
    after: Annotated[int, Field(ge=0, le=_MOST, description="only lines behind this one")] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="matches at most")] = 100


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
            return tagged(request, PlainTextResponse(""))
        name = named(f"{record.spec.name}_{record.spec.version}_{record.spec.platform.slug}.{chosen.number}.log")
        if tail is not None:
            async with _opened(context, record, attempt) as log:
                return tagged(request, Response(await log.last(tail), media_type=_TEXT, headers=name))
        if chosen.log is not None:
            return await _stored(context, request, chosen, chosen.log, name)
        return await _streamed(context, record, chosen, name)

    @stream(
        router,
        "/builds/{build}/log/stream",
        responses=described(line="LogLine", end="LogEnd"),
        tags=["builds"],
        dependencies=[Depends(known), Depends(slot(context))],
    )
    async def stream_log(
        build: BuildPath,
        attempt: AttemptNumber = None,
        last_event_id: LastEventId = "",
    ) -> AsyncIterator[ServerSentEvent]:
        """Server-sent events: `line` with a `LogLine` (its id is where to go on), at last `end` with a `LogEnd`.

        Begins with at most 500 of the last lines, or behind `Last-Event-ID`; the lines before are at `…/log/lines`.
        """
        yield ServerSentEvent(retry=RETRY_MILLISECONDS)
        async for event in LogFollower(context, context.catalog.build(build).id, attempt).events(last_event_id):
            yield event
            del event  # as in there

    @router.head("/builds/{build}/log/stream", include_in_schema=False)
    async def describe_log_stream(build: BuildPath) -> Response:
        context.ready().build(build)
        return headers_of_stream()

    return router


def line_routes(context: Context) -> APIRouter:
    """Logs as numbered lines: ranges and searches."""
    router = APIRouter()

    @get(router, "/builds/{build}/log/lines", response_model=LogRange, tags=["builds"])
    async def get_lines(request: Request, build: BuildPath, asked: Annotated[LineQuery, Query()]) -> Response:
        """Some lines of a log by their numbers; the last ones where `from` is not given."""
        record = context.ready().build(build)
        async with _opened(context, record, asked.attempt) as log:
            total, complete = log.count, log.complete
            first = max(1, total - asked.limit + 1) if asked.first is None else asked.first
            lines = await log.read(first, asked.limit)
        return answer(request, LogRange(first=first, lines=lines, total=total, complete=complete))

    @get(router, "/builds/{build}/log/search", response_model=LogMatches, tags=["builds"])
    async def search_log(request: Request, build: BuildPath, asked: Annotated[LogQuery, Query()]) -> Response:
        """Lines of a log that hold a text, whatever its case, in the whole log as far as it has come."""
        record = context.ready().build(build)
        async with _opened(context, record, asked.attempt) as log:
            found = await log.search(asked.q, after=asked.after, limit=asked.limit)
        following = next_page(request, asked, found.items[-1].line if found.more else 0, "after")
        view = LogMatches(
            items=[LogMatchView(line=each.line, text=each.text) for each in found.items],
            next=following,
            total=found.total,
            bounded=found.bounded,
            searched=found.searched,
        )
        return answer(request, view, next_page=following)

    return router


def _attempt(record: BuildRecord, number: int | None) -> Attempt | None:
    if number is None:
        return record.attempts[-1] if record.attempts else None
    for attempt in record.attempts:
        if attempt.number == number:
            return attempt
    known = [attempt.number for attempt in record.attempts]
    msg = f"build `{record.id[:12]}` has no attempt {number}"
    raise NotFound(msg, hint=f"it has {known[0]} to {known[-1]}" if known else "it has none yet")


@contextlib.asynccontextmanager
async def _opened(context: Context, record: BuildRecord, number: int | None) -> AsyncIterator[OpenLog]:
    """The lines of a log, none of a build that nobody has taken yet. Raises `NotFound` for one that is gone."""
    attempt = _attempt(record, number)
    if attempt is None:
        yield no_log(complete=record.state.final)
        return
    try:
        async with (
            asyncio.timeout(context.limits.wait_seconds) as patience,
            context.book.open(record.id, attempt) as log,
        ):
            patience.reschedule(None)
            if not log.count and attempt.log is None and attempt.ended_at is not None:
                raise _not_kept(record, attempt)
            yield log
    except TimeoutError as error:
        msg = f"the log of build `{record.id[:12]}` does not come"
        raise TimedOut(msg) from error


def _not_kept(record: BuildRecord, attempt: Attempt) -> NotFound:
    return NotFound(f"the log of attempt {attempt.number} of build `{record.id[:12]}` is not kept any more")


async def _stored(
    context: Context, request: Request, attempt: Attempt, log: StoredLog, name: dict[str, str]
) -> Response:
    headers = {
        "ETag": etag_of(log.sha256),
        "Last-Modified": http_date(attempt.ended_at or attempt.started_at),
        "Cache-Control": "no-cache",
    }
    if has_copy(request, headers):
        return Response(status_code=304, headers=headers)
    client = client_of(request.scope)
    return await held_file(context, client, log.sha256, log.size, media_type=_TEXT, headers={**headers, **name})


async def _streamed(context: Context, record: BuildRecord, attempt: Attempt, name: dict[str, str]) -> Response:
    texts = _texts(context, record, attempt)
    first = await anext(texts, None)
    if first is None and attempt.ended_at is not None:
        raise _not_kept(record, attempt)

    async def whole() -> AsyncIterator[str]:
        if first is not None:
            yield first
        async for text in texts:
            yield text

    return StreamingResponse(whole(), media_type=_TEXT, headers={"Cache-Control": "no-cache", **name})


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
