"""The API in a process of its own, with one large artifact: `python -m tests.support.downloadserver FOLDER BYTES`.

Says its address, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.support.api import QUICK
from tests.support.stage import Stage, built, declared, queued_build
from wombat_gitops.api.context import Edge
from wombat_gitops.api.server import HttpServer
from wombat_gitops.domain.model import Artifact
from wombat_gitops.services.downloads import Downloads

_BLOCK: Final = random.Random(40).randbytes(1 << 20)


def block(index: int) -> bytes:
    """A mebibyte of the artifact; each is another one."""
    return index.to_bytes(8, "big") + _BLOCK[8:]


def write_artifact(folder: Path, size: int) -> tuple[str, int]:
    """Write the artifact of *size* mebibytes below *folder*, under its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256()
    with (folder / "new").open("wb") as file:
        for index in range(size):
            file.write(block(index))
            sha256.update(block(index))
    (folder / "new").rename(folder / sha256.hexdigest())
    return sha256.hexdigest(), size << 20


async def _serve(folder: Path, mebibytes: int) -> None:
    stage = Stage(folder)
    sha256, size = await asyncio.to_thread(write_artifact, folder / "objects", mebibytes)
    build = built(queued_build(), b"")
    build = replace(build, artifact=Artifact(sha256, size, build.spec.file_name))
    await stage.put(build, declared(build))
    most = dict.fromkeys(("downloads", "client_downloads", "connections", "client_connections"), 1_000)
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HttpServer(listener, replace(QUICK, **most), Edge())
        async with stage.running(), asyncio.TaskGroup() as group:
            downloads = Downloads(stage.objects, folder / "downloads")
            group.create_task(server.serve(stage.catalog, stage.logs, downloads, stop))
            print(f"{server.address} {sha256}", flush=True)
            await asyncio.to_thread(sys.stdin.read)
            stop.set()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
