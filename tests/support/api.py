"""The HTTP API on a free port, over a stage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from wombat_gitops.api.app import create_app
from wombat_gitops.api.context import Edge
from wombat_gitops.api.limits import Limits
from wombat_gitops.api.server import configuration
from wombat_gitops.services.contents_index import ContentsIndex
from wombat_gitops.services.downloads import Downloads
from wombat_gitops.services.reference_index import ReferenceIndex

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from tests.support.stage import Stage
    from wombat_gitops.services.webhooks import WebhookReceiver

QUICK = Limits(event_seconds=0.01, wait_seconds=2, rate=0)
"""As in earnest, but tests need not wait, and may ask as often as they like."""

NOTHING_BEFORE = Edge()


@contextlib.asynccontextmanager
async def served(
    stage: Stage,
    *,
    limits: Limits = QUICK,
    site: Path | None = None,
    downloads: Downloads | None = None,
    hooks: WebhookReceiver | None = None,
    edge: Edge = NOTHING_BEFORE,
    draining: bool = False,
    seconds: float | None = 60,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server that answers from *stage*, whose catalogue the caller runs.

    Args:
        draining: event streams tell what there is and end, as they do when a server is about to stop.
        seconds: how long the test may take, or None.
    """
    stop = asyncio.Event()
    if draining:
        stop.set()
    downloads = downloads or Downloads(stage.objects, stage.folder / "downloads", seconds=2)
    references, contents = ReferenceIndex(stage.catalog, downloads), ContentsIndex(stage.catalog, downloads)
    app = create_app(
        catalog=stage.catalog,
        logs=stage.logs,
        downloads=downloads,
        hooks=hooks,
        references=references,
        contents=contents,
        site=site,
        limits=limits,
        edge=edge,
        stopping=stop,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(configuration(app, limits, edge))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with (
                asyncio.timeout(seconds),
                _reading(references, contents),
                httpx.AsyncClient(base_url=address, timeout=10) as client,
            ):
                yield client
        finally:
            stop.set()
            server.should_exit = True
            await serving


@contextlib.asynccontextmanager
async def _reading(*indexes: ReferenceIndex | ContentsIndex) -> AsyncIterator[None]:
    """What is told of programs is read meanwhile."""
    tasks = [asyncio.create_task(index.run(asyncio.Event())) for index in indexes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def application(
    stage: Stage,
    *,
    limits: Limits = QUICK,
    edge: Edge = NOTHING_BEFORE,
    hooks: WebhookReceiver | None = None,
    references: ReferenceIndex | None = None,
    contents: ContentsIndex | None = None,
    stopping: asyncio.Event | None = None,
) -> FastAPI:
    """The application without a server, by the clock of *stage*."""
    return create_app(
        catalog=stage.catalog,
        logs=stage.logs,
        downloads=Downloads(stage.objects, stage.folder / "downloads", seconds=2),
        hooks=hooks,
        references=references,
        contents=contents,
        site=None,
        limits=limits,
        edge=edge,
        stopping=stopping,
        monotonic=stage.clock.monotonic,
    )


@contextlib.asynccontextmanager
async def in_process(
    stage: Stage, *, limits: Limits = QUICK, edge: Edge = NOTHING_BEFORE, peer: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application itself, for what needs no connection; quicker than a server."""
    downloads = Downloads(stage.objects, stage.folder / "downloads", seconds=2)
    references, contents = ReferenceIndex(stage.catalog, downloads), ContentsIndex(stage.catalog, downloads)
    app = application(stage, limits=limits, edge=edge, references=references, contents=contents)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 1))
    async with (
        asyncio.timeout(60),
        _reading(references, contents),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    data: Any
    id: str


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """The events of a stream, as a browser reads them."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            yield Event(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id", ""))
        fields = {}
