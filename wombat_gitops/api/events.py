"""Streams of server-sent events: hints that something changed, and one build as it goes on."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable  # noqa: TC003 - read by FastAPI
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import ServerSentEvent

from wombat_gitops.api.catalogue import BuildPath  # noqa: TC001 - read by FastAPI
from wombat_gitops.api.clients import client_of
from wombat_gitops.api.present import builds
from wombat_gitops.api.streams import Events, stream
from wombat_gitops.api.views.builds import BuildEnd
from wombat_gitops.api.views.service import ChangeHint
from wombat_gitops.domain.errors import NotFound

if TYPE_CHECKING:
    from wombat_gitops.api.context import Context

RETRY_MILLISECONDS: Final = 2000
"""After how long a browser asks again when a stream has ended without `end`."""

LastEventId = Annotated[str, Header(alias="last-event-id", max_length=64)]


def described(**models: str) -> dict[int | str, dict[str, Any]]:
    """The description of a stream: its events by name, and the model of what each carries, as JSON."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"anyOf": [{"$ref": f"#/components/schemas/{model}"} for model in models.values()]},
    }
    properties = {"event": {"enum": [*models]}, "data": data, "id": {"type": "string"}, "retry": {"type": "integer"}}
    event = {"type": "object", "properties": properties}
    return {200: {"content": {"text/event-stream": {"itemSchema": event}}}}


def slot(context: Context) -> Callable[[Request], AsyncIterator[None]]:
    """Occupies a place for an open stream as long as it is one."""

    async def take(request: Request) -> AsyncIterator[None]:
        context.ready()
        with context.streams.take(client_of(request.scope)):
            yield

    return take


def headers_of_stream() -> Response:
    """What HEAD says of a stream."""
    return Events()


def event_routes(context: Context) -> APIRouter:
    """Hints, and the events of one build."""
    router = APIRouter()

    @stream(
        router,
        "/events",
        responses=described(change="ChangeHint"),
        tags=["service"],
        dependencies=[Depends(slot(context))],
    )
    async def stream_events(last_event_id: LastEventId = "") -> AsyncIterator[ServerSentEvent]:
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
        return headers_of_stream()

    async def known(build: BuildPath) -> None:
        context.ready().build(build)

    @stream(
        router,
        "/builds/{build}/events",
        responses=described(build="BuildDetail", end="BuildEnd"),
        tags=["builds"],
        dependencies=[Depends(known), Depends(slot(context))],
    )
    async def stream_build(build: BuildPath, last_event_id: LastEventId = "") -> AsyncIterator[ServerSentEvent]:
        """Server-sent events: `build` with a `BuildDetail` whenever something of it is new, at last `end`.

        Begins with the build as it is, unless `Last-Event-ID` says that the reader has that.
        """
        yield ServerSentEvent(retry=RETRY_MILLISECONDS)
        async for event in _build_events(context, context.catalog.build(build).id, last_event_id):
            yield event

    @router.head("/builds/{build}/events", include_in_schema=False)
    async def describe_build_stream(build: BuildPath) -> Response:
        context.ready().build(build)
        return headers_of_stream()

    return router


async def _build_events(context: Context, build: str, known: str) -> AsyncIterator[ServerSentEvent]:
    """The events of one build; an event's id is a digest of what it tells, so that any server can go on."""
    catalog = context.catalog
    while True:
        version = catalog.version
        try:
            record = catalog.build(build)
        except NotFound:
            return
        view = builds.detail(catalog, record)
        identity = hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:32]
        if identity != known:
            known = identity
            yield ServerSentEvent(data=view, event="build", id=identity)
        if record.state.final:
            yield ServerSentEvent(data=BuildEnd(state=record.state.value), event="end", id=identity)
            return
        await context.pause(context.limits.event_seconds)
        await context.wait_change(version)
        if context.stopped:
            return
