"""The broker is killed, comes back, or comes back empty."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import pytest

from tests.support.broker import TestBroker, prepared
from wombat_gitops.adapters import broker as embedded_broker
from wombat_gitops.adapters.nats import infrastructure
from wombat_gitops.adapters.nats.client import NatsBuildClient
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain.errors import Refused, Unreachable
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.subjects import LEASES
from wombat_gitops.ports import Corrupt, Put, Removed, Reset, Synced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from nats.aio.msg import Msg

    from wombat_gitops.ports import Change

ONE = Lease("builder-1", "claim-1")


class Watcher:
    """Keeps what a follower has reported."""

    def __init__(self, store: NatsStore[Lease]) -> None:
        self.store = store
        self.values: dict[str, tuple[int, Lease]] = {}
        self.resets = 0
        self.syncs = 0
        self.last_at = 0.0
        self._changed = asyncio.Event()

    async def run(self) -> None:
        changes = cast("AsyncGenerator[Change[Lease], None]", self.store.follow())
        async with aclosing(changes):
            async for change in changes:
                self._take(change)
                self._changed.set()

    def _take(self, change: Change[Lease]) -> None:
        match change:
            case Put(entry):
                self.values[entry.key] = (entry.revision, entry.value)
                self.last_at = time.monotonic()
            case Removed(key):
                self.values.pop(key, None)
            case Reset():
                self.values.clear()
                self.resets += 1
            case Synced():
                self.syncs += 1
            case Corrupt():
                pytest.fail(change.message)

    async def until(self, seconds: float, **at_least: int) -> None:
        async with asyncio.timeout(seconds):
            while not all(getattr(self, name) >= value for name, value in at_least.items()):
                self._changed.clear()
                await self._changed.wait()

    async def until_values(self, wanted: dict[str, tuple[int, Lease]], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while self.values != wanted:
                self._changed.clear()
                await self._changed.wait()


@pytest.mark.parametrize("outage", [0.0, 1.5])
async def test_no_acknowledged_write_is_lost_and_followers_go_on(broker: TestBroker, outage: float) -> None:
    """After kill -9 under four writers: each goes on by itself, and a follower in another connection sees all."""
    acknowledged: dict[str, tuple[int, Lease]] = {}
    stop = asyncio.Event()

    async def write(store: NatsStore[Lease], name: str) -> None:
        entry = await store.create(f"build.{name}", ONE)
        assert entry is not None
        beat = 0
        while not stop.is_set():
            beat += 1
            written = await store.replace(entry, Lease(name, "claim", beat))
            assert written is not None, "a single writer lost a race against itself"
            entry = written
            acknowledged[entry.key] = (entry.revision, entry.value)

    async with prepared(broker, "writer") as writing, connect(broker.url, role="reader") as reading:
        store = NatsStore(writing, LEASES, Lease)
        watcher = Watcher(NatsStore(reading, LEASES, Lease))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            watch = group.create_task(watcher.run())
            await watcher.until(10, syncs=1)
            writers = [group.create_task(write(store, f"w{number}")) for number in range(4)]
            for _ in range(2):
                await _grow(acknowledged)
                await broker.kill()
                await asyncio.sleep(outage)
                await broker.start()
                back = time.monotonic()
                await _follows(watcher, back)
                assert watcher.last_at - back < 5
            stop.set()
            await asyncio.gather(*writers)
            await watcher.until_values(acknowledged, 5)
            watch.cancel()
        assert watcher.resets == 0


async def _grow(acknowledged: dict[str, tuple[int, Lease]]) -> None:
    start = max((revision for revision, _ in acknowledged.values()), default=0)
    async with asyncio.timeout(60):
        while max((revision for revision, _ in acknowledged.values()), default=0) < start + 100:
            await asyncio.sleep(0.01)


async def _follows(watcher: Watcher, since: float) -> None:
    async with asyncio.timeout(60):
        while watcher.last_at <= since:
            await asyncio.sleep(0.01)


async def test_a_follower_of_a_quiet_store_is_synced_again_soon_after_the_outage(broker: TestBroker) -> None:
    async with prepared(broker) as connection:
        watcher = Watcher(NatsStore(connection, LEASES, Lease, resync=60))
        task = asyncio.create_task(watcher.run())
        try:
            await watcher.until(5, syncs=1)
            await broker.kill()
            await broker.start()
            await watcher.until(3, syncs=2)
        finally:
            task.cancel()


async def test_a_store_that_was_lost_is_a_reset(broker: TestBroker) -> None:
    """The broker comes back empty: followers forget what they knew and see what is written anew."""
    async with prepared(broker) as connection:
        store = NatsStore(connection, LEASES, Lease)
        for number in range(5):
            await store.create(f"build.{number}", ONE)
        watcher = Watcher(store)
        task = asyncio.create_task(watcher.run())
        try:
            await watcher.until(5, syncs=1)
            assert len(watcher.values) == 5

            await broker.kill()
            broker.lose_store()
            await broker.start()
            await watcher.until(10, resets=1)
            created = await store.create("build.new", ONE)
            assert created is not None
            await watcher.until_values({"build.new": (created.revision, ONE)}, 10)
        finally:
            task.cancel()


async def test_a_write_that_was_stored_but_not_answered_is_won(broker: TestBroker) -> None:
    """The answer is thrown away: the second try finds its own token and knows that the first was stored."""
    async with prepared(broker) as connection, forgetful(broker) as deaf:
        store = NatsStore(deaf, LEASES, Lease)
        async with asyncio.timeout(60):
            deaf.forget = 1
            created = await store.create("build.one", ONE)
            assert created is not None

            deaf.forget = 1
            replaced = await store.replace(created, Lease("two", "claim"))
            assert replaced is not None

            deaf.forget = 1
            put = await store.put("build.two", ONE)

        other = NatsStore(connection, LEASES, Lease)
        assert await other.get("build.one") == replaced
        assert await other.get("build.two") == put
        assert put.revision == replaced.revision + 1, "each was stored once"


class ForgetfulConnection(Connection):
    """Loses the answers to some requests that the broker has carried out."""

    forget = 0

    async def request(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None = None, seconds: float = 5.0
    ) -> Msg:
        answer = await super().request(subject, payload, headers=headers, seconds=seconds)
        if subject.startswith("$KV.") and self.forget:
            self.forget -= 1
            msg = "the answer was lost"
            raise Unreachable(msg)
        return answer


class forgetful:  # noqa: N801 - reads as the context manager it is
    def __init__(self, broker: TestBroker) -> None:
        self.broker = broker
        self.connection = ForgetfulConnection()

    async def __aenter__(self) -> ForgetfulConnection:
        await self.connection.open(self.broker.url, "forgetful", 5, {})
        return self.connection

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()


async def test_an_outage_longer_than_the_patience_is_told(broker: TestBroker) -> None:
    async with prepared(broker) as connection:
        store = NatsStore(connection, LEASES, Lease, seconds=0.5)
        await broker.kill()
        async with asyncio.timeout(25):
            with pytest.raises(Unreachable):
                await store.get("build.one")
            with pytest.raises(Unreachable):
                await store.create("build.one", ONE)
            with pytest.raises(Unreachable):
                await NatsBuildClient(connection, seconds=0.5).get("0" * 64)


async def test_a_role_waits_for_a_broker_that_starts_later(tmp_path: Path) -> None:
    broker = await TestBroker(tmp_path).start()
    await broker.stop()

    async def start() -> None:
        async with connect(broker.url, role="early", seconds=20) as connection:
            assert connection.connected

    role = asyncio.create_task(start())
    with pytest.raises(Unreachable, match="does not answer"):
        async with connect(broker.url, role="impatient", seconds=0.3):
            pytest.fail("there is no broker")
    await broker.start()
    try:
        async with asyncio.timeout(25):
            await role
    finally:
        await broker.stop()


async def test_an_object_is_put_and_fetched_across_outages(broker: TestBroker, tmp_path: Path) -> None:
    size = 24 << 20
    data = random.Random(1).randbytes(size)
    (tmp_path / "in").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    async with prepared(broker) as connection:
        objects = NatsObjects(connection, ObjectCommitter(connection))

        async def crash() -> None:
            await broker.kill()
            await broker.start()

        async with asyncio.timeout(60):
            put = asyncio.create_task(objects.put(tmp_path / "in", sha256, size))
            await _some_chunks(connection)
            await crash()
            await put
            fetch = asyncio.create_task(objects.fetch(sha256, size, tmp_path / "out"))
            await crash()
            await fetch
    assert (tmp_path / "out").read_bytes() == data


async def _some_chunks(connection: Connection) -> None:
    start = connection.client.stats["out_bytes"]
    async with asyncio.timeout(60):
        while connection.client.stats["out_bytes"] < start + (4 << 20):
            await asyncio.sleep(0.001)


async def test_a_log_that_is_followed_goes_on_after_an_outage(broker: TestBroker) -> None:
    async with prepared(broker) as connection:
        logs = NatsLogs(connection)
        seen: list[str] = []

        async def read() -> None:
            async for chunk in logs.read("b" * 64, 1, follow=True):
                seen.append(chunk.text)  # noqa: PERF401 - what was seen counts also when it fails

        async with asyncio.timeout(60):
            reader = asyncio.create_task(read())
            await logs.append("b" * 64, 1, 0, "before\n")
            await broker.kill()
            later = asyncio.create_task(logs.append("b" * 64, 1, 1, "after\n", end=True))
            await broker.start()
            await later
            await reader
    assert seen == ["before\n", "after\n"]


async def test_the_embedded_broker_is_started_again_on_its_port_and_store(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(60),
        embedded_broker.embedded(tmp_path / "data") as broker,
        connect(broker.url, role="test", prepare=infrastructure.ensure) as connection,
    ):
        store = NatsStore(connection, LEASES, Lease)
        created = await store.create("build.one", ONE)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)

        assert await store.create("build.one", ONE) is None
        assert await store.get("build.one") == created
        assert broker.starts == 2


async def test_one_folder_has_one_broker(tmp_path: Path) -> None:
    async with asyncio.timeout(60), embedded_broker.embedded(tmp_path):
        with pytest.raises(Refused, match="in use"):
            async with embedded_broker.embedded(tmp_path):
                pytest.fail("two brokers on one store")


async def test_a_broker_that_a_killed_run_left_behind_is_ended_first(tmp_path: Path) -> None:
    """Without its lock it runs on, as after kill -9 of the program that started it."""
    async with asyncio.timeout(60), embedded_broker.server(tmp_path) as (orphan, port):
        async with connect(f"nats://127.0.0.1:{port}", role="test", prepare=infrastructure.ensure) as connection:
            created = await NatsStore(connection, LEASES, Lease).create("build.one", ONE)
        async with embedded_broker.embedded(tmp_path) as broker:
            await orphan.wait()
            async with connect(broker.url, role="test") as connection:
                assert await NatsStore(connection, LEASES, Lease).get("build.one") == created
