"""A real `wombat api` over a real broker that holds 10,000 builds, each of them a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import structlog

from tests.support.broker import TestBroker, prepared
from tests.support.stage import broken, built, declared, queued_build, running_build
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.catalogue import DistributionRecord
from wombat_gitops.domain.records import BuildRecord, Step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

T = TypeVar("T")

BUILDS = 10_000
DISTRIBUTIONS = 500
_AT_ONCE = 64
_PARTS = tuple(f"github.com/redpanda-data/connect/v4/public/components/part{number}" for number in range(75))

BUSY = running_build(queued_build(BUILDS + 1, name="busy"), Step.FETCH)
"""A build whose log is being written."""


@dataclass(frozen=True)
class Site:
    """A running API: its address, its process, its folder, and the broker that it reads from."""

    host: str
    port: int
    pid: int
    data: Path
    broker: str

    @property
    def resident(self) -> float:
        """Resident memory of the process, bytes."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) * 1024

    @property
    def processor(self) -> float:
        """Processor time that the process has used so far, seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def records() -> tuple[list[BuildRecord], list[DistributionRecord]]:
    """Twenty versions of each of 500 distributions; one build in fifty is queued, one failed, one carries a file."""
    builds: list[BuildRecord] = []
    for number in range(BUILDS):
        each = queued_build(
            number,
            name=f"name{number % DISTRIBUTIONS}",
            version=f"1.{number // DISTRIBUTIONS}.0",
            packages=_PARTS[: 5 + number % 70],
        )
        builds.append(each if number % 50 == 7 else broken(each) if number % 50 == 9 else built(each, b"%d" % number))
    return builds, [declared(each) for each in builds[-DISTRIBUTIONS:]]


@asynccontextmanager
async def site(file: Path | None = None, *, filled: bool = True) -> AsyncIterator[Site]:
    """Run broker and API.

    Args:
        file: is put into the store as the file of the distribution `large`.
        filled: with all builds; else with `large` and `busy` alone.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = await TestBroker(folder / "broker").start()
        try:
            async with prepared(broker) as connection:
                builds, distributions = records() if filled else ([], [])
                builds.append(BUSY)
                await NatsLogs(connection).append(BUSY.id, 1, 0, "compiling\n" * 20)
                if file is not None:
                    data = file.read_bytes()
                    large = built(queued_build(BUILDS, name="large"), data)
                    builds.append(large)
                    distributions.append(declared(large))
                    objects = NatsObjects(connection, ObjectCommitter(connection))
                    await objects.put(file, hashlib.sha256(data).hexdigest(), len(data))
                await _put(NatsStore(connection, subjects.BUILDS, BuildRecord).put, ((b.id, b) for b in builds))
                store = NatsStore(connection, subjects.DISTRIBUTIONS, DistributionRecord)
                await _put(store.put, ((each.name, each) for each in distributions))
            async with _api(broker.url, folder / "data") as running:
                yield running
        finally:
            await broker.stop()


async def _put(put: Callable[[str, T], Awaitable[object]], entries: Iterable[tuple[str, T]]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(key: str, value: T) -> None:
        async with gate:
            await put(key, value)

    await asyncio.gather(*(one(key, value) for key, value in entries))


@asynccontextmanager
async def _api(broker: str, data: Path) -> AsyncIterator[Site]:
    settings = {
        "WOMBAT_NATS": broker,
        "WOMBAT_DATA": str(data),
        "WOMBAT_PORT": "0",
        "WOMBAT_RATE": "0",
        "WOMBAT_TRUSTED_PROXIES": "127.0.0.1",  # so that one machine can be many clients
    }
    process = await asyncio.create_subprocess_exec(  # the process is what is measured
        sys.executable,
        "-m",
        "wombat_gitops",
        "api",
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(60):
            while b"http://" not in said:
                line = await process.stdout.readline()
                assert line, f"the API has ended: {said.decode()}"
                said += line
            address = said.split(b"http://")[1].split()[0].decode().rstrip("/.,")
            host, _, port = address.partition(":")
            await _ready(host, int(port))
        quiet = asyncio.create_task(process.stdout.read())
        yield Site(host, int(port), process.pid, data, broker)
        process.terminate()
        await process.wait()
        await quiet
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(host: str, port: int) -> None:
    while True:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        if answer.startswith(b"HTTP/1.1 200"):
            return
        await asyncio.sleep(0.1)
