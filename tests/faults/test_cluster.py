"""A cluster of three real brokers: leaders die under claims, uploads and logs, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.cluster import NODES, Cluster
from tests.support.faultlog import note
from wombat_gitops.adapters.nats import infrastructure
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM, kv_stream
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.messages import Lease
from wombat_gitops.ports import Put, Synced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

ROUNDS = 5 if os.environ.get("WOMBAT_FAULTS") == "long" else 1
WRITERS = 4


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path / "cluster") as made:
        yield made.start()


@pytest.fixture
async def connection(cluster: Cluster) -> AsyncIterator[Connection]:
    """A connection to the cluster, on which everything is kept three times."""
    async with connect(cluster.url, role="test", seconds=30) as made:
        await infrastructure.ensure(made, replicas=NODES)
        yield made


async def kill_leader(cluster: Cluster, stream: str) -> None:
    """Kill the broker that leads *stream*; started again later, by `Cluster.start`."""
    (await asyncio.to_thread(cluster.leader, stream)).kill()


async def test_leader_killed_under_writers(cluster: Cluster, connection: Connection) -> None:
    """Leader of the records killed → writers go on after the election; every acknowledged write is there.

    Nobody loses a race against itself: a create of a key that only its writer writes is never told to exist.
    """
    store = NatsStore(connection, subjects.BUILDS, Lease)
    written: dict[str, int] = {}
    lost_races: list[str] = []
    stop = asyncio.Event()

    async def write(writer: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = f"{writer}-{number}"
            entry = await store.create(key, Lease("one", key))
            if entry is None:
                lost_races.append(key)
                continue
            again = await store.replace(entry, Lease("one", key, 1))
            if again is None:
                lost_races.append(key)
                continue
            written[key] = again.revision

    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(write(writer))
        for _ in range(ROUNDS):
            await _until(lambda: len(written) > 50)
            await kill_leader(cluster, kv_stream(subjects.BUILDS))
            before, begun = len(written), time.monotonic()
            await _until(lambda before=before: len(written) > before + WRITERS)
            note("leader of the records killed, three brokers", time.monotonic() - begun)
            await asyncio.to_thread(cluster.start)
        stop.set()

    found: dict[str, int] = {}
    async for change in store.follow():
        if isinstance(change, Put):
            found[change.entry.key] = change.entry.revision
        if isinstance(change, Synced):
            break
    assert lost_races == []
    assert {key: found.get(key) for key in written} == written


async def test_rolling_restart_under_writers(cluster: Cluster, connection: Connection) -> None:
    """One broker after the other is stopped and started → every acknowledged write is there, and no race is lost."""
    store = NatsStore(connection, subjects.BUILDS, Lease, seconds=60)
    written: dict[str, int] = {}
    lost_races: list[str] = []
    stop = asyncio.Event()

    async def write(writer: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = f"{writer}-{number}"
            entry = await store.create(key, Lease("one", key))
            if entry is None:
                lost_races.append(key)
            else:
                written[key] = entry.revision

    async with asyncio.timeout(110), asyncio.TaskGroup() as group:
        for writer in range(2):
            group.create_task(write(writer))
        for node in cluster.nodes:
            await asyncio.to_thread(node.stop)
            node.start()
            await asyncio.to_thread(cluster.until_healthy)
        stop.set()
    assert lost_races == []
    for key in list(written)[:: max(len(written) // 200, 1)]:
        entry = await store.get(key)
        assert entry is not None
        assert entry.revision == written[key]


async def test_leader_killed_under_an_upload(cluster: Cluster, connection: Connection, tmp_path: Path) -> None:
    """Leader of the objects killed in the middle of uploads → each finishes, and its bytes verify."""
    objects = NatsObjects(connection, ObjectCommitter(connection, seconds=60), seconds=60)
    sizes = (24 << 20, 5 << 20, 1 << 20)
    paths = []
    for number, size in enumerate(sizes):
        path = tmp_path / f"given-{number}"
        path.write_bytes(bytes([number]) * size)
        paths.append(path)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    sent = connection.client.stats["out_bytes"]
    async with asyncio.timeout(110):
        uploads = [
            asyncio.create_task(objects.put(path, sha256, size))
            for path, sha256, size in zip(paths, digests, sizes, strict=True)
        ]
        await _until(lambda: connection.client.stats["out_bytes"] > sent + (6 << 20))
        begun = time.monotonic()
        await kill_leader(cluster, OBJECT_STREAM)
        await asyncio.gather(*uploads)
        note("leader of the objects killed in an upload, three brokers", time.monotonic() - begun)
        for sha256, size in zip(digests, sizes, strict=True):
            target = tmp_path / sha256
            await objects.fetch(sha256, size, target)
            assert hashlib.sha256(target.read_bytes()).hexdigest() == sha256


async def test_leader_killed_under_a_log(cluster: Cluster, connection: Connection) -> None:
    """Leader of the logs killed while one is written and followed → each line arrives, once, in order."""
    logs = NatsLogs(connection, seconds=60)
    lines = [f"line {number}\n" for number in range(120)]
    seen: list[str] = []

    async def follow() -> None:
        async for chunk in logs.read("b" * 64, 1, follow=True):
            seen.append(chunk.text)  # noqa: PERF401 - what was seen counts also when it fails

    async def write() -> None:
        for index, text in enumerate(lines):
            await logs.append("b" * 64, 1, index, text, end=index == len(lines) - 1)

    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        group.create_task(follow())
        writing = group.create_task(write())
        await _until(lambda: len(seen) > 10)
        await kill_leader(cluster, subjects.LOGS)
        await writing
    assert "".join(seen) == "".join(lines)


async def test_a_single_broker_becomes_three(cluster: Cluster) -> None:
    """Streams that were kept once are kept three times after the setting was raised, with all they hold."""
    async with asyncio.timeout(100), connect(cluster.url, role="test", seconds=30) as connection:
        await infrastructure.ensure(connection, replicas=1)
        store = NatsStore(connection, subjects.BUILDS, Lease)
        await store.create("one", Lease("one", "claim"))
        await infrastructure.ensure(connection, replicas=NODES)
        stream = kv_stream(subjects.BUILDS)
        while len(await asyncio.to_thread(cluster.replicas, stream)) < NODES:
            await asyncio.sleep(0.05)
        await kill_leader(cluster, stream)
        entry = await store.get("one")
    assert entry is not None
    assert entry.value == Lease("one", "claim")


async def test_one_broker_lost_for_good(cluster: Cluster, connection: Connection) -> None:
    """One broker and its disk are gone → two go on; an empty one under its name gets a copy of everything."""
    store = NatsStore(connection, subjects.BUILDS, Lease, seconds=60)
    await store.create("before", Lease("one", "claim"))
    lost = cluster.nodes[2]
    lost.kill()
    lost.lose_store()
    async with asyncio.timeout(100):
        assert await store.create("meanwhile", Lease("one", "claim")) is not None
        await asyncio.to_thread(cluster.start)
        stream = kv_stream(subjects.BUILDS)
        while lost.name not in await asyncio.to_thread(cluster.replicas, stream):
            await asyncio.sleep(0.05)
        cluster.nodes[0].kill()
        assert await store.create("after", Lease("one", "claim")) is not None
        for key in ("before", "meanwhile"):
            assert await store.get(key) is not None


async def test_without_a_majority_nothing_is_acknowledged(cluster: Cluster, connection: Connection) -> None:
    """Two of three brokers gone → a write is not told to have happened; it is there once a majority is back."""
    store = NatsStore(connection, subjects.BUILDS, Lease, seconds=90)
    await store.create("before", Lease("one", "claim"))
    for node in cluster.nodes[1:]:
        node.kill()
    writing = asyncio.create_task(store.create("after", Lease("one", "claim")))
    done, _ = await asyncio.wait({writing}, timeout=3)
    assert not done
    await asyncio.to_thread(cluster.start)
    async with asyncio.timeout(90):
        assert await writing is not None
    assert await store.get("before") is not None


async def _until(happened: object) -> None:
    assert callable(happened)
    while not happened():
        await asyncio.sleep(0.01)
