"""The HTTP server of the API, alone or as a part of `wombat up`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import uvicorn

from wombat_gitops.api.app import create_app
from wombat_gitops.api.connections import Door, protocol
from wombat_gitops.api.context import Edge
from wombat_gitops.api.limits import Limits
from wombat_gitops.domain.errors import Refused
from wombat_gitops.services.composing import Operator
from wombat_gitops.services.contents_index import ContentsIndex
from wombat_gitops.services.reference_index import ReferenceIndex
from wombat_gitops.settings import list_of
from wombat_gitops.wiring import garbage, keeping, watching
from wombat_gitops.wiring.policies import operator_policies
from wombat_gitops.wiring.single import beside, run_role
from wombat_gitops.wiring.watched import told_hosts, webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.types import ASGIApp

    from wombat_gitops.ports import LogStream
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.downloads import Downloads
    from wombat_gitops.services.webhooks import WebhookReceiver
    from wombat_gitops.settings import Settings
    from wombat_gitops.wiring.roles import Backbone

_GOODBYE_SECONDS: Final = 3
"""How long open connections may take to end when the API stops."""

_ACCEPTS: Final = 16
"""New connections that one turn of the event loop takes: libuv takes one a listener, and a turn answers all others."""


def configuration(app: ASGIApp, limits: Limits, edge: Edge) -> uvicorn.Config:
    """How *app* is served: HTTP/1.1 alone, every wait and every size bounded, no header believed unasked."""
    return uvicorn.Config(
        app,
        http=protocol(Door(limits, edge)),
        ws="none",
        lifespan="off",
        proxy_headers=False,
        timeout_keep_alive=limits.idle_seconds,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )


class HttpServer:
    """A server on a socket that it already has; `address` is where a browser on this machine finds it."""

    def __init__(self, listener: socket.socket, limits: Limits, edge: Edge) -> None:
        self._listener = listener
        self._limits = limits
        self._edge = edge
        self.address = _address_of(listener)

    async def serve(
        self,
        catalog: Catalog,
        logs: LogStream,
        downloads: Downloads,
        stop: asyncio.Event,
        hooks: WebhookReceiver | None = None,
    ) -> None:
        """Answer until *stop*; whoever calls runs *catalog*."""
        references, contents = ReferenceIndex(catalog, downloads), ContentsIndex(catalog, downloads)
        app = create_app(
            catalog=catalog,
            logs=logs,
            downloads=downloads,
            hooks=hooks,
            references=references,
            contents=contents,
            limits=self._limits,
            edge=self._edge,
            stopping=stop,
        )
        server = _Server(configuration(app, self._limits, self._edge))
        sockets = [self._listener, *(self._listener.dup() for _ in range(1, _ACCEPTS))]
        serving = asyncio.create_task(server.serve(sockets=sockets), name="http")
        ended = asyncio.create_task(stop.wait(), name="http stop")
        reading = asyncio.create_task(references.run(stop), name="references")
        learning = asyncio.create_task(contents.run(stop), name="contents")
        either: set[asyncio.Task[None] | asyncio.Task[bool]] = {serving, ended, reading, learning}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
            for background in (reading, learning):
                if background.done():
                    background.result()
        finally:
            for task in either:
                task.cancel()
            await asyncio.gather(*either, return_exceptions=True)
            for listener in sockets:
                listener.close()


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[HttpServer]:
    """Take the API's socket.

    Raises:
        InvalidManifests: a policy of the operator cannot be used.
        InvalidSources: the list of sources is wrong.
        NotFound: one of these files is not there.
        Refused: the address cannot be taken.
    """
    edge = _edge(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(1024)
        except OSError as error:
            msg = f"cannot listen on `{settings.host}:{settings.port}`: {error.strerror}"
            raise Refused(msg, hint="choose another port with `--port`, or 0 for any free one") from error
        listener.setblocking(False)  # noqa: FBT003 - the standard library's word
        yield HttpServer(listener, Limits(rate=settings.rate), edge)


def _edge(settings: Settings) -> Edge:
    return Edge(
        proxies=list_of(settings.trusted_proxies),
        tls=settings.behind_tls,
        public_url=settings.public_url,
        listen=settings.host,
        allowed_hosts=list_of(settings.allowed_hosts),
        operator=Operator(operator_policies(settings), told_hosts(settings)),
    )


async def run_api(settings: Settings, stop: asyncio.Event, on_started: Callable[[str], None]) -> None:
    """Serve API and website against a broker somewhere until *stop*; *on_started* is told the address.

    Raises:
        InvalidSources: the list of sources, which names the webhooks, is wrong.
        Refused: the address cannot be taken.
        Unreachable: there is no broker.
    """
    hooks = webhooks(settings)
    async with listening(settings) as http:

        async def role(spine: Backbone) -> None:
            catalog = spine.catalog()
            downloads = keeping.downloads(spine, settings)
            async with beside(catalog.run, stop), beside(partial(garbage.set_aside, catalog.ready), stop):
                on_started(http.address)
                await http.serve(catalog, spine.logs, downloads, stop, watching.receiver(spine, hooks))

        await run_role(settings, "api", role, stop)


class _Server(uvicorn.Server):
    """Leaves signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"
