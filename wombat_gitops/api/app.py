"""The HTTP application: the read-only API, downloads, health and the website."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from wombat_gitops import __version__
from wombat_gitops.api import problems
from wombat_gitops.api.addresses import Hosts
from wombat_gitops.api.answers import get, tagged
from wombat_gitops.api.badges import badge_routes
from wombat_gitops.api.catalogue import build_routes, distribution_routes, service_routes
from wombat_gitops.api.components import component_routes, reference_routes
from wombat_gitops.api.compose import compose_routes
from wombat_gitops.api.context import Context, Edge, LogReader
from wombat_gitops.api.crawlers import crawler_routes
from wombat_gitops.api.documents import document_routes
from wombat_gitops.api.envelope import Envelope
from wombat_gitops.api.events import event_routes
from wombat_gitops.api.feeds import feed_routes
from wombat_gitops.api.files import file_routes
from wombat_gitops.api.guard import Guard
from wombat_gitops.api.hooks import hook_routes
from wombat_gitops.api.kept import Kept
from wombat_gitops.api.limits import Limits, Slots
from wombat_gitops.api.logs import line_routes, log_routes
from wombat_gitops.api.measured import Measured
from wombat_gitops.api.openapi import PROBLEMS, describe
from wombat_gitops.api.packages import package_routes, search_routes
from wombat_gitops.api.present.links import ROOT
from wombat_gitops.api.problems import NotReady
from wombat_gitops.api.site import BUILT, site_routes
from wombat_gitops.api.staleness import Staleness
from wombat_gitops.api.straight import Straight, StraightOn, straight_of
from wombat_gitops.api.versions import latest_routes, version_routes
from wombat_gitops.services.contents_index import ContentsIndex
from wombat_gitops.services.logbook import LogBook
from wombat_gitops.services.package_index import PackageIndex
from wombat_gitops.services.reference_index import ReferenceIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi.routing import APIRoute

    from wombat_gitops.ports import LogStream
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.downloads import Downloads
    from wombat_gitops.services.webhooks import WebhookReceiver


def create_app(  # noqa: PLR0913 - all that there is to tell of
    *,
    catalog: Catalog,
    logs: LogStream,
    downloads: Downloads,
    hooks: WebhookReceiver | None = None,
    references: ReferenceIndex | None = None,
    contents: ContentsIndex | None = None,
    site: Path | None = BUILT,
    limits: Limits | None = None,
    edge: Edge | None = None,
    stopping: asyncio.Event | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Put the application together; whoever calls runs `catalog`.

    Args:
        downloads: the verified disk cache that files are sent from.
        hooks: takes messages of git hosts; without it there are no webhooks.
        references: what programs say of their components, which whoever calls runs; without it nothing is listed.
        contents: what programs are made of, which whoever calls runs; without it only what manifests say is known.
        site: folder of the built website, or None for an API alone.
        edge: what stands before this server; nothing by default.
        monotonic: seconds that only grow, for how often a client asks.
        stopping: set when the server is about to stop, so that open streams end by themselves.
    """
    limits, edge = limits or Limits(), edge or Edge()
    contents = contents or ContentsIndex(catalog, downloads)
    reader = LogReader(logs)
    context = Context(
        version=__version__,
        catalog=catalog,
        logs=reader,
        book=LogBook(reader, downloads),
        downloads=downloads,
        references=references or ReferenceIndex(catalog, downloads),
        packages=PackageIndex(catalog, contents),
        limits=limits,
        streams=Slots(limits.streams, "event streams", each=limits.client_streams),
        transfers=Slots(limits.downloads, "downloads", each=limits.client_downloads),
        stopping=stopping or asyncio.Event(),
        public_url=edge.public_url,
    )
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation,
        telemetry={"metrics": False, "logs": False},  # we have our own, made of events
    )
    handlers: dict[str, Straight] = {}
    app.add_middleware(StraightOn, handlers=handlers)
    app.add_middleware(Kept, catalog=catalog, monotonic=monotonic)
    app.add_middleware(Staleness, catalog=catalog)
    app.add_middleware(Guard, limits=limits, hosts=Hosts(edge), monotonic=monotonic)
    app.add_middleware(Envelope, behind_tls=edge.tls, public=bool(edge.public_url))
    if edge.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(edge.proxies))
    app.add_middleware(Measured)
    problems.install(app)
    catalogue = (service_routes, distribution_routes, version_routes, build_routes)
    programs = (component_routes, reference_routes, package_routes, search_routes)
    for routes in (*catalogue, log_routes, line_routes, event_routes, *programs):
        router = routes(context)
        handlers.update((straight.path, straight) for straight in straight_of(ROOT, router))
        app.include_router(router, prefix=ROOT, responses=PROBLEMS)
    app.include_router(compose_routes(context, contents, edge.operator), prefix=ROOT, responses=PROBLEMS)
    app.include_router(latest_routes(context), responses=PROBLEMS)
    app.include_router(file_routes(context), responses=PROBLEMS)
    for routes in (badge_routes, feed_routes, crawler_routes):
        app.include_router(routes(context), responses=PROBLEMS)
    app.include_router(hook_routes(hooks, limits), prefix=ROOT)
    app.include_router(_health_routes(context))
    description = describe(app)
    app.include_router(_described(json.dumps(description, indent=2, ensure_ascii=False) + "\n"))
    app.include_router(document_routes(description))
    app.include_router(site_routes(context, site))
    return app


def _health_routes(context: Context) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @get(router, "/healthz")
    async def health() -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    @get(router, "/readyz")
    async def readiness() -> Response:
        """The catalogue is complete and follows the broker; without it, its last state is still told elsewhere."""
        missing = context.missing()
        if missing:
            raise NotReady("; ".join(missing), hint="`/api/v1/status` tells more")
        return PlainTextResponse("ready\n", headers={"Cache-Control": "no-store"})

    return router


def _described(description: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @get(router, f"{ROOT}/openapi.json")
    async def openapi(request: Request) -> Response:
        return tagged(request, Response(description, media_type="application/json"))

    return router


def _operation(route: APIRoute) -> str:
    return route.name
