"""Downloads of a 40 MB file over those that nginx serves of the same file, in one run and by the same client.

Run: `python -m tests.bench.web.downloads [ROUNDS]`

nginx serves the very folder in which the API keeps its verified copies. Rounds take turns, so that whatever else the
machine does falls on both. Each round is a whole download on each of so many connections, and one of a range.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import socket
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from tests.bench.web.load import machine, spread
from tests.bench.web.stage import site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SIZE = 40_000_000
AIM = 0.8
_CONFIGURATION = """
daemon off; {user} pid {folder}/pid; error_log {folder}/errors; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fast;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location /dl/sha256/ {{ alias {files}/; }} }}
}}
"""


def fetch(host: str, port: int, path: str, given: str = "") -> int:
    """Download on a new connection and throw away what comes; returns how many bytes of body that was."""
    place = memoryview(bytearray(1 << 18))
    with socket.create_connection((host, port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{given}Connection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        assert head[9:12] in {b"200", b"206"}, head
        got = len(head.partition(b"\r\n\r\n")[2])
        while count := connection.recv_into(place):
            got += count
    return got


def together(host: str, port: int, path: str, count: int, given: str = "") -> float:
    """Bytes a second of so many downloads at once."""
    with ThreadPoolExecutor(count) as pool:
        started = time.perf_counter()
        sizes = list(pool.map(lambda _: fetch(host, port, path, given), range(count)))
        seconds = time.perf_counter() - started
    assert set(sizes) == {SIZE // 2 if given else SIZE}, sizes
    return sum(sizes) / seconds


@asynccontextmanager
async def nginx(files: Path) -> AsyncIterator[int | None]:
    """A server of that folder; None where nginx is not installed."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        configuration = Path(folder) / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""  # else its workers could not read the folder
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, files=files, user=user))
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(configuration), "-e", f"{folder}/errors", stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(60):
                while True:
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                    except OSError:
                        await asyncio.sleep(0.05)
                    else:
                        writer.close()
                        break
            yield port
        finally:
            process.terminate()
            await process.wait()


async def main(rounds: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "file"
        file.write_bytes(random.Random(0).randbytes(SIZE))
        path = f"/dl/sha256/{hashlib.sha256(file.read_bytes()).hexdigest()}"
        async with site(file, filled=False) as api:
            fetch(api.host, api.port, path)  # it is in the folder of copies now
            async with nginx(api.data / "downloads") as port:
                for label, count, given in (
                    ("1 connection", 1, ""),
                    ("8 connections", 8, ""),
                    ("32 connections", 32, ""),
                    ("half of it, 8 connections", 8, f"Range: bytes={SIZE // 2}-\r\n"),
                ):
                    ours, theirs = [], []
                    for _ in range(rounds):
                        ours.append(await asyncio.to_thread(together, api.host, api.port, path, count, given) / 1e6)
                        if port is not None:
                            theirs.append(await asyncio.to_thread(together, api.host, port, path, count, given) / 1e6)
                    peer = f"nginx {spread(theirs, '{:.0f}'.format)} MB/s" if theirs else "nginx is not installed"
                    ratios = [mine / other for mine, other in zip(ours, theirs, strict=False)]
                    ratio = f"ratio {statistics.median(ours) / statistics.median(theirs):.2f}" if theirs else "no ratio"
                    pairs = f", of pairs {spread(ratios, '{:.2f}'.format)}" if ratios else ""
                    mine = spread(ours, "{:.0f}".format)
                    print(f"{label:26} API {mine:>18} MB/s   {peer}   {ratio}{pairs}", flush=True)
        print(f"aim: {AIM}; {machine()}")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
