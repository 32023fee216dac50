"""Clearing away on a real broker: nothing of a live upload goes, and of two who race for an object none loses it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.broker import TestBroker, prepared
from tests.support.factories import GO_MOD, GO_SUM, NOW, ManualClock, make_spec
from tests.support.fakes import NoIndex
from wombat_gitops.adapters.files import FileObjects
from wombat_gitops.adapters.keeping import FileKeeper
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM
from wombat_gitops.adapters.nats.keeping import NatsCollecting, NatsSuspects, collect_route, suspects
from wombat_gitops.adapters.nats.objects import CHUNK, NatsObjects, chunk_subject, meta_subject, read_meta
from wombat_gitops.adapters.nats.service import serving
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.adapters.nats.sweeping import NatsKeeper
from wombat_gitops.domain import lifecycle, subjects
from wombat_gitops.domain.catalogue import DistributionRecord
from wombat_gitops.domain.errors import CorruptData, NotFound
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.messages import CommitRequest
from wombat_gitops.domain.model import Artifact, Lock
from wombat_gitops.domain.records import BuildRecord, Origin
from wombat_gitops.domain.retention import CollectRequest, KeeperNote, Rules
from wombat_gitops.services.claims import AttemptDesk
from wombat_gitops.services.queue import BuildQueue, Inputs
from wombat_gitops.services.retention import Collector, Stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.ports import ObjectKeeper, ObjectStore

MIB = 1 << 20
HOUR = 3600.0


@pytest.fixture(params=["files", "nats"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[ObjectStore, ObjectKeeper]]:
    """A store and its keeper, each kind of which keeps the same promises."""
    if request.param == "files":
        yield FileObjects(tmp_path / "objects"), FileKeeper(tmp_path / "objects")
        return
    broker = await TestBroker(tmp_path / "broker").start()
    try:
        async with prepared(broker) as connection:
            yield NatsObjects(connection, ObjectCommitter(connection)), NatsKeeper(connection)
    finally:
        await broker.stop()


async def at_once(_size: int) -> None:
    """No pace at all."""


def write(path: Path, size: int, seed: int = 1) -> tuple[Path, str]:
    data = random.Random(seed).randbytes(size)
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


async def test_what_is_there_is_listed_verified_and_deleted(
    pair: tuple[ObjectStore, ObjectKeeper], tmp_path: Path
) -> None:
    objects, keeper = pair
    path, sha256 = write(tmp_path / "in", 2 * MIB + 5)
    began = datetime.now(UTC) - timedelta(seconds=2)
    await objects.put(path, sha256, 2 * MIB + 5)

    (held,) = (await keeper.holdings()).objects
    assert (held.sha256, held.size, held.leftover) == (sha256, 2 * MIB + 5, False)
    assert held.stored_at is not None
    assert began < held.stored_at <= datetime.now(UTC) + timedelta(seconds=1)
    assert await keeper.find(sha256) == held
    assert await keeper.verify(held, at_once)
    assert await keeper.delete(held)
    assert not await keeper.delete(held)
    assert (await keeper.holdings()).objects == ()
    assert await keeper.find(sha256) is None
    with pytest.raises(NotFound):
        await objects.fetch(sha256, 2 * MIB + 5, tmp_path / "out")
    await objects.put(path, sha256, 2 * MIB + 5)
    await objects.fetch(sha256, 2 * MIB + 5, tmp_path / "out")


async def test_what_is_stored_again_meanwhile_is_not_deleted(
    pair: tuple[ObjectStore, ObjectKeeper], tmp_path: Path
) -> None:
    objects, keeper = pair
    path, sha256 = write(tmp_path / "in", 1000)
    await objects.put(path, sha256, 1000)
    (held,) = (await keeper.holdings()).objects
    await objects.put(path, sha256, 1000)
    assert not await keeper.delete(held)
    await objects.fetch(sha256, 1000, tmp_path / "out")


async def test_putting_often_leaves_one_meta(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", 1000)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    for _ in range(20):
        await objects.put(path, sha256, 1000)
    assert await jetstream.subjects(connection, OBJECT_STREAM, "$O.artifacts.M.>") == {meta_subject(sha256): 1}


async def test_a_stock_client_sees_an_object_that_was_stored_twice(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", 1000)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    await objects.put(path, sha256, 1000)
    await objects.put(path, sha256, 1000)
    stock = await connection.client.jetstream().object_store(subjects.ARTIFACTS)
    assert (await stock.get_info(sha256)).size == 1000


async def test_nothing_of_a_deleted_object_is_left(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", 3 * MIB)
    await NatsObjects(connection, ObjectCommitter(connection)).put(path, sha256, 3 * MIB)
    keeper = NatsKeeper(connection)
    (held,) = (await keeper.holdings()).objects
    assert await keeper.delete(held)
    assert await jetstream.subjects(connection, OBJECT_STREAM, "$O.artifacts.>") == {}


async def test_a_deletion_that_broke_off_is_ended_by_the_next(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sha256 = write(tmp_path / "in", 3 * MIB)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    await objects.put(path, sha256, 3 * MIB)
    keeper = NatsKeeper(connection)
    (held,) = (await keeper.holdings()).objects

    async def stop(_query: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(keeper, "_purge", stop)
        with pytest.raises(asyncio.CancelledError):
            await keeper.delete(held)
    assert await objects.size(sha256) is None
    (leftover,) = (await keeper.holdings()).objects
    assert (leftover.sha256, leftover.leftover) == (sha256, True)
    assert (await keeper.holdings()).uploads == ()
    assert await keeper.delete(leftover)
    assert await jetstream.subjects(connection, OBJECT_STREAM, "$O.artifacts.>") == {}


async def test_chunks_of_an_object_that_is_being_removed_are_not_published_again(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that is asked for twice must not revive what is purged in this moment."""
    path, sha256 = write(tmp_path / "in", 3 * MIB)
    committer = ObjectCommitter(connection)
    objects = NatsObjects(connection, committer)
    await objects.put(path, sha256, 3 * MIB)
    meta = await read_meta(connection, sha256)
    assert meta is not None
    keeper = NatsKeeper(connection)
    (held,) = (await keeper.holdings()).objects
    asked = CommitRequest(sha256, 3 * MIB, meta.nuid, meta.chunks, meta.ranges)

    async def in_between(query: dict[str, object]) -> None:
        with pytest.raises(CorruptData):
            await committer.commit(asked)
        await objects.put(path, sha256, 3 * MIB)
        monkeypatch.undo()
        await keeper._purge(query)

    monkeypatch.setattr(keeper, "_purge", in_between)
    assert await keeper.delete(held)
    await objects.fetch(sha256, 3 * MIB, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    assert list((await jetstream.subjects(connection, OBJECT_STREAM, "$O.artifacts.C.>")).values()) == [
        3 * MIB // CHUNK
    ]


async def test_an_object_is_deleted_and_stored_at_the_same_moment_and_never_lost(
    connection: Connection, tmp_path: Path
) -> None:
    """Whoever has stored bytes and was told so reads them, whatever the keeper does just then."""
    objects = [NatsObjects(connection, ObjectCommitter(connection)) for _ in range(3)]
    keeper = NatsKeeper(connection)
    path, sha256 = write(tmp_path / "in", 2 * MIB + 3)
    size = path.stat().st_size
    deleted = 0
    chance = random.Random(11)
    async with asyncio.timeout(100):
        for number in range(20):
            await objects[0].put(path, sha256, size)
            (held,) = [each for each in (await keeper.holdings()).objects if not each.leftover]

            async def store(one: NatsObjects) -> None:
                for _ in range(chance.randrange(6)):
                    await asyncio.sleep(0)
                await one.put(path, sha256, size)

            outcome, *_ = await asyncio.gather(keeper.delete(held), *(store(one) for one in objects))
            deleted += bool(outcome)
            await objects[0].fetch(sha256, size, tmp_path / f"out{number}")
            assert (tmp_path / f"out{number}").stat().st_size == size
    assert deleted > 0  # it did win now and then, and the others stored their bytes anew


async def test_uploads_that_are_published_meanwhile_are_not_discarded(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", 2 * MIB)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    nuid, sequences = await objects._store_in_order(path, sha256)
    other, _ = await objects._store_in_order(path, sha256)
    keeper = NatsKeeper(connection)
    found = (await keeper.holdings()).uploads
    assert {each.id: each.parts for each in found} == {nuid: 2 * MIB // CHUNK, other: 2 * MIB // CHUNK}
    await ObjectCommitter(connection).commit(
        CommitRequest(sha256, 2 * MIB, nuid, len(sequences), ((sequences[0], sequences[-1]),))
    )
    assert await keeper.discard(found) == 1
    await objects.fetch(sha256, 2 * MIB, tmp_path / "out")
    assert await jetstream.subjects(connection, OBJECT_STREAM, "$O.artifacts.C.>") == {
        chunk_subject(nuid): len(sequences)
    }


async def test_an_object_nobody_understands_holds_the_sweep_of_uploads(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", MIB)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    await objects._store_in_order(path, sha256)
    await jetstream.publish(connection, meta_subject("0" * 64), b"\xff not json")
    keeper = NatsKeeper(connection)
    found = await keeper.holdings()
    assert found.unreadable == (meta_subject("0" * 64),)
    assert await keeper.discard(found.uploads) == 0
    assert len((await keeper.holdings()).uploads) == 1


@pytest.mark.parametrize("damage", ["chunk", "flipped"])
async def test_damage_is_found_and_a_new_upload_mends_it(connection: Connection, tmp_path: Path, damage: str) -> None:
    path, sha256 = write(tmp_path / "in", 3 * MIB + 7)
    size = path.stat().st_size
    objects = NatsObjects(connection, ObjectCommitter(connection))
    await objects.put(path, sha256, size)
    meta = await read_meta(connection, sha256)
    assert meta is not None
    await jetstream.api(connection, f"STREAM.MSG.DELETE.{OBJECT_STREAM}", {"seq": meta.ranges[0][0] + 1})
    if damage == "flipped":
        data = bytearray(path.read_bytes()[MIB : 2 * MIB])
        data[5] ^= 1
        await jetstream.publish(connection, chunk_subject(meta.nuid), bytes(data))
    keeper = NatsKeeper(connection)
    held = await keeper.find(sha256)
    assert held is not None
    async with asyncio.timeout(60):
        assert not await keeper.verify(held, at_once)
        assert await keeper.delete(held)
        await objects.put(path, sha256, size)
        await objects.fetch(sha256, size, tmp_path / "out")


async def test_a_put_over_an_object_that_lost_a_chunk_stores_it_anew(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", 3 * MIB)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    await objects.put(path, sha256, 3 * MIB)
    meta = await read_meta(connection, sha256)
    assert meta is not None
    await jetstream.api(connection, f"STREAM.MSG.DELETE.{OBJECT_STREAM}", {"seq": meta.ranges[0][0]})
    await objects.put(path, sha256, 3 * MIB)
    await objects.fetch(sha256, 3 * MIB, tmp_path / "out")


class System:
    """A collector over the broker, with a clock of its own."""

    def __init__(self, connection: Connection, rules: Rules) -> None:
        self.clock = ManualClock()
        self.clock.now = datetime.now(UTC)
        self.records = NatsStore(connection, subjects.BUILDS, BuildRecord)
        self.texts = NatsStore(connection, subjects.INPUTS, str, compress=True)
        self.objects = NatsObjects(connection, ObjectCommitter(connection))
        self.keeper = NatsKeeper(connection)
        self.queue = BuildQueue(self.records, Inputs(self.texts), self.objects, NoIndex(), self.clock)
        stores = Stores(
            self.records,
            NatsStore(connection, subjects.DISTRIBUTIONS, DistributionRecord),
            self.texts,
            self.keeper,
            NatsStore(connection, subjects.LEASES, KeeperNote, prefix="keeper.", compress=True),
        )
        self.collector = Collector(self.queue, stores, rules, self.clock, self.clock.monotonic)

    async def build(self, version: str, path: Path) -> BuildRecord:
        await Inputs(self.texts).save(Lock(GO_MOD, GO_SUM))
        spec = make_spec(version=version)
        record = lifecycle.claimed(lifecycle.queued(build_id(spec), spec, Origin(), 0, NOW), "b.1", "claim", NOW)
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        await self.objects.put(path, sha256, len(data))
        record = lifecycle.succeeded(record, Artifact(sha256, len(data), spec.file_name), None, self.clock.now)
        record = replace(record, changed_at=self.clock.now)
        self.clock.forward(1)
        assert await self.records.create(record.id, record) is not None
        return record


async def test_live_uploads_are_never_swept(connection: Connection, tmp_path: Path) -> None:
    """A collector that goes round and round, and clears old things away, during 100 uploads.

    Some of the uploads are of bytes that are old and unnamed, and due to go in this very moment.
    """
    system = System(connection, Rules(share=1))
    files = [write(tmp_path / f"in{number}", (number % 5) * MIB // 2 + 100 + number, number) for number in range(100)]
    junk = [write(tmp_path / f"junk{number}", 100 + number, 1000 + number) for number in range(20)]
    await system.build("1.0.0", write(tmp_path / "kept", 5000, 5000)[0])
    for path, sha256 in [*junk, *files[:20]]:
        await system.objects.put(path, sha256, path.stat().st_size)
    dead = [(await system.objects._store_in_order(path, sha256))[0] for path, sha256 in files[20:30]]
    for _ in range(24):
        system.clock.forward(HOUR)
        await system.collector.turn()
    assert len((await system.keeper.holdings()).objects) == 41

    done = asyncio.Event()
    rounds = swept = 0

    async def collect() -> None:
        nonlocal rounds, swept
        while not done.is_set():
            system.clock.forward(60)
            answer = await system.collector.collect(CollectRequest(confirm=True))
            rounds += 1
            swept += answer.swept_total

    async def upload(path: Path, sha256: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            await system.objects.put(path, sha256, path.stat().st_size)

    system.clock.forward(HOUR - 120)
    collecting = asyncio.create_task(collect())
    gate = asyncio.Semaphore(20)
    async with asyncio.timeout(100):
        await asyncio.gather(*(upload(path, sha256, gate) for path, sha256 in files))
        while rounds < 3:
            await asyncio.sleep(0.01)
        done.set()
        await collecting
        for path, sha256 in files:
            await system.objects.fetch(sha256, path.stat().st_size, tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == path.read_bytes()
    left = {each.sha256 for each in (await system.keeper.holdings()).objects}
    assert swept >= len(junk) + len(dead)
    assert not left & {sha256 for _, sha256 in junk}
    chunks = await jetstream.subjects(connection, OBJECT_STREAM, "$O.artifacts.C.>")
    assert not {chunk_subject(nuid) for nuid in dead} & chunks.keys()


async def test_a_pass_is_asked_for_and_suspects_are_told_over_the_broker(
    connection: Connection, tmp_path: Path
) -> None:
    system = System(connection, Rules(versions=1, share=0.5))
    old = await system.build("1.0.0", write(tmp_path / "one", 1000, 1)[0])
    new = await system.build("2.0.0", write(tmp_path / "two", 1000, 2)[0])
    heard: list[str] = []
    desk = AttemptDesk(system.records, system.clock, lambda: 0.5)
    route = collect_route(system.collector.collect)
    async with (
        asyncio.timeout(60),
        serving(connection, system.queue, desk, ObjectCommitter(connection), further=(route,)),
        suspects(connection, heard.append),
    ):
        client = NatsCollecting(connection)
        told = await client.collect(CollectRequest(dry_run=True))
        assert [each.build for each in told.retired] == [old.id]
        assert await system.records.get(old.id) is not None
        answer = await client.collect(CollectRequest())
        assert (answer.done, answer.retired_total, answer.freed) == (True, 1, 1000)
        assert await system.records.get(old.id) is None
        assert await system.records.get(new.id) is not None
        await connection.publish(subjects.ARTIFACT_SUSPECT, b"{}")
        await NatsSuspects(connection).suspect("a" * 64)
        while not heard:
            await asyncio.sleep(0.01)
    assert heard == ["a" * 64]
