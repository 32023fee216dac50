"""The API in a process of its own, with one large artifact: `python -m tests.support.downloadserver FOLDER BYTES`.

Says its address, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.support.api import QUICK, served
from tests.support.stage import Stage, built, declared, queued_build
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
    downloads = Downloads(stage.objects, folder / "downloads")
    async with stage.running(), served(stage, limits=replace(QUICK, **most), downloads=downloads) as client:
        print(f"{client.base_url} {sha256}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
