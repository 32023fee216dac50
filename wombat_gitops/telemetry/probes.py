"""`/metrics`, `/healthz` and `/readyz` on a port of their own, answered by the loop that does the work.

`/healthz` says that this loop turns, and nothing else: a process whose loop is stuck does not answer, and starting
it again helps. `/readyz` says whether the role can do its work now, and what it lacks; waiting helps.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from wombat_gitops.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from starlette.requests import Request

    from wombat_gitops.telemetry.readiness import Readiness

_GOODBYE_SECONDS: Final = 1
_CLIENTS: Final = 32
_UNCACHED: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def probes_app(readiness: Readiness, scrape: Callable[[str], Awaitable[tuple[bytes, str]]]) -> Starlette:
    """The application.

    Args:
        scrape: given the header `Accept`, the metrics and their content type.
    """

    async def metrics(request: Request) -> Response:
        body, content_type = await scrape(request.headers.get("accept", ""))
        return Response(body, media_type=None, headers={**_UNCACHED, "Content-Type": content_type})

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_UNCACHED)

    async def ready(_: Request) -> Response:
        missing = readiness.missing()
        if missing:
            return PlainTextResponse("".join(f"{line}\n" for line in missing), 503, headers=_UNCACHED)
        return PlainTextResponse("ready\n", headers=_UNCACHED)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", health), Route("/readyz", ready)])


@asynccontextmanager
async def serving_probes(app: Starlette, host: str, port: int) -> AsyncIterator[str]:
    """Serve *app* for as long as the context lasts; yields its address.

    Raises:
        Refused: the port cannot be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_CLIENTS)
        except OSError as error:
            msg = f"cannot listen on `{host}:{port}` for metrics: {error.strerror}"
            raise Refused(msg, hint="choose another WOMBAT_METRICS_PORT, or 0 for any free one") from error
        listener.setblocking(False)  # noqa: FBT003 - the standard library's word
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            limit_concurrency=_CLIENTS,
            timeout_graceful_shutdown=_GOODBYE_SECONDS,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="probes")
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)


class _Server(uvicorn.Server):
    """Leaves signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
