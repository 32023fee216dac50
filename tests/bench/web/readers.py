"""What readers cost that stay: 500 followers of events and of a live log, and 200 downloads that take nothing.

Run: `python -m tests.bench.web.readers`

Figures are the growth of the API's resident memory; the peer is the same number of silent connections, which is what
the server underneath costs. Stalled downloads are counted again after the time at which they are cut off.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import uvloop

from tests.bench.web.downloads import SIZE, fetch
from tests.bench.web.load import machine
from tests.bench.web.stage import BUSY, Site, site

FOLLOWERS, FOLLOWER_AIM = 500, 40_000
STALLED, STALLED_AIM = 200, 150_000_000
_SETTLE = 3.0


def dial(api: Site, stack: ExitStack, path: str, number: int, *, small: bool = False) -> socket.socket:
    """Ask as one of many clients, and take the beginning of the answer."""
    connection = stack.enter_context(socket.socket())
    if small:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect((api.host, api.port))
    if path:
        client = f"10.0.{number // 200}.{number % 200}"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n\r\n".encode())
        head = connection.recv(1024)
        assert head.startswith(b"HTTP/1.1 200"), head
    return connection


async def growth(api: Site, paths: list[str], *, small: bool = False) -> tuple[float, float]:
    """Resident memory that so many readers add, bytes; before they go, and the most that was there in all."""
    await asyncio.sleep(_SETTLE)
    before = api.resident
    with ExitStack() as stack:
        await asyncio.to_thread(lambda: [dial(api, stack, path, i, small=small) for i, path in enumerate(paths)])
        await asyncio.sleep(_SETTLE)
        return api.resident - before, api.resident


async def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "file"
        file.write_bytes(random.Random(0).randbytes(SIZE))
        path = f"/dl/sha256/{hashlib.sha256(file.read_bytes()).hexdigest()}"
        log = f"/api/v1/builds/{BUSY.id}/log/stream"
        for label, wanted in (
            ("silent connections", [""]),
            ("followers of events", ["/api/v1/events"]),
            ("followers of a live log", [log]),
            ("half of each", ["/api/v1/events", log]),
        ):
            async with site(filled=False) as api:
                await growth(api, wanted * 10)  # what the first ones cost is not theirs
                grown, resident = await growth(api, wanted * (FOLLOWERS // len(wanted)))
                print(
                    f"{FOLLOWERS} {label:24} {grown / FOLLOWERS / 1000:6.1f} kB each, of at most"
                    f" {FOLLOWER_AIM / 1000:.0f}; {resident / 1e6:.0f} MB in all",
                    flush=True,
                )
        async with site(file, filled=False) as api:
            fetch(api.host, api.port, path)
            grown, resident = await growth(api, [path] * STALLED, small=True)
            print(
                f"{STALLED} downloads that stall     {grown / STALLED / 1000:6.1f} kB each; {resident / 1e6:.0f} MB"
                f" in all, of at most {STALLED_AIM / 1e6:.0f}",
                flush=True,
            )
            with ExitStack() as stack:
                started = time.monotonic()
                stalled = [dial(api, stack, path, number, small=True) for number in range(STALLED)]
                while b" busy " in busy(api, path):
                    await asyncio.sleep(1)
                print(f"cut off after {time.monotonic() - started:.0f} s, so that others get {len(stalled)} places")
    print(machine())


def busy(api: Site, path: str) -> bytes:
    """The beginning of an answer to one more download, with " busy " in it where there is no place."""
    with socket.create_connection((api.host, api.port)) as connection:
        connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return connection.recv(100).replace(b"503", b" busy ")


if __name__ == "__main__":
    uvloop.run(main())
