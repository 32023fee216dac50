"""How fast objects are put and fetched, over the bare SHA-256 and over the library's own reader, in one run.

Run: `python -m tests.bench.bench_objects [MIB]`
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from tests.support.broker import TestBroker, prepared
from wombat_gitops.adapters.files import file_digest
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.domain.subjects import ARTIFACTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_ROUNDS = 3
_LIMIT = 120.0


async def main(mebibytes: int) -> None:
    size = mebibytes << 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = await TestBroker(folder / "broker").start()
        try:
            async with asyncio.timeout(_LIMIT):
                await _measure(broker, folder, size)
        finally:
            await broker.stop()


async def _measure(broker: TestBroker, folder: Path, size: int) -> None:
    path = folder / "in"
    puts, fetches, hashes = [], [], []
    async with prepared(broker) as connection:
        objects = NatsObjects(connection, ObjectCommitter(connection))
        sha256 = ""
        for number in range(_ROUNDS):
            path.write_bytes(random.Random(number).randbytes(size))
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            hashes.append(await _timed(lambda: asyncio.to_thread(file_digest, path)))
            puts.append(await _timed(partial(objects.put, path, sha256, size)))
            fetches.append(await _timed(partial(objects.fetch, sha256, size, folder / "out")))
        stock = await connection.client.jetstream().object_store(ARTIFACTS)
        with (folder / "stock").open("wb") as file:
            library = await _timed(lambda: stock.get(sha256, writeinto=file))
    bare, put, fetch = min(hashes), min(puts), min(fetches)
    for label, seconds in (("sha256", bare), ("put", put), ("fetch", fetch), ("library get", library)):
        print(f"{label:12} {size / seconds / 1e6:8.0f} MB/s  {seconds / bare:6.2f} x sha256")
    print(f"fetch is {library / fetch:.1f} times as fast as the library's get")


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
