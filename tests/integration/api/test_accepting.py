"""How new connections are taken, on the event loop that the API runs on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import uvloop

from tests.support.api import QUICK
from tests.support.stage import Stage
from wombat_gitops.api.context import Edge
from wombat_gitops.api.server import HttpServer
from wombat_gitops.services.downloads import Downloads

BURST = 16


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _taken(folder: Path) -> int:
    """Of a burst of new connections, how many the server has after a few turns of its loop."""
    stage, stop = Stage(folder), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as clients:
        server = HttpServer(listener, QUICK, Edge())
        address = listener.getsockname()
        async with stage.running(), asyncio.TaskGroup() as group:
            group.create_task(server.serve(stage.catalog, stage.logs, Downloads(stage.objects, folder / "cache"), stop))
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()
            for _ in range(BURST):
                clients.enter_context(socket.create_connection(address))
            before = _open_files()
            for _ in range(4):
                await asyncio.sleep(0)
            taken = _open_files() - before
            clients.close()
            stop.set()
    return taken


def test_a_burst_of_new_connections_is_taken_at_once(tmp_path: Path) -> None:
    """The loop takes one for each listener and turn, and a turn answers all others: the 50th waited a second."""
    assert uvloop.run(_taken(tmp_path)) == BURST
