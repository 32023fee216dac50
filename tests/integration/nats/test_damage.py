"""Bytes that broke in the broker's keeping, objects that were stored badly, and values nobody can read."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM
from wombat_gitops.adapters.nats.objects import CHUNK, NatsObjects, chunk_subject, digest_text, meta_subject, read_meta
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain.errors import CorruptData, NotFound, Refused
from wombat_gitops.domain.messages import CommitAnswer, CommitRequest, Lease
from wombat_gitops.domain.subjects import ARTIFACTS, INPUTS, LEASES
from wombat_gitops.ports import Corrupt, Put, Synced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.broker import TestBroker
    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.ports import Change

MIB = 1 << 20
SIZE = 3 * MIB + 77
CHUNKS = -(-SIZE // CHUNK)


class Recorder:
    """Commits, and keeps what was asked."""

    def __init__(self, connection: Connection) -> None:
        self._committer = ObjectCommitter(connection)
        self.asked: list[CommitRequest] = []
        self.answers: list[CommitAnswer] = []

    async def commit(self, request: CommitRequest) -> CommitAnswer:
        self.asked.append(request)
        answer = await self._committer.commit(request)
        self.answers.append(answer)
        return answer


def some_file(folder: Path, size: int = SIZE) -> tuple[Path, str]:
    data = random.Random(7).randbytes(size)
    (folder / "in").write_bytes(data)
    return folder / "in", hashlib.sha256(data).hexdigest()


async def chunks_in(connection: Connection) -> dict[str, int]:
    info = await jetstream.stream_info(connection, OBJECT_STREAM, subjects=f"$O.{ARTIFACTS}.C.>")
    return dict(info.subjects)


async def test_an_object_whose_chunks_are_gone_is_corrupt_at_once(connection: Connection, tmp_path: Path) -> None:
    """The library's own reader waits for ever here."""
    path, sha256 = some_file(tmp_path)
    recorder = Recorder(connection)
    objects = NatsObjects(connection, recorder)
    await objects.put(path, sha256, SIZE)
    await jetstream.purge(connection, OBJECT_STREAM, chunk_subject(recorder.asked[0].nuid))

    async with asyncio.timeout(25):
        with pytest.raises(CorruptData):
            await objects.fetch(sha256, SIZE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


async def test_an_object_that_lost_one_chunk_is_corrupt_and_the_next_commit_mends_it(
    connection: Connection, tmp_path: Path
) -> None:
    path, sha256 = some_file(tmp_path)
    recorder = Recorder(connection)
    objects = NatsObjects(connection, recorder)
    await objects.put(path, sha256, SIZE)
    lost = recorder.asked[0].ranges[0][0] + 1
    await jetstream.api(connection, f"STREAM.MSG.DELETE.{OBJECT_STREAM}", {"seq": lost})

    async with asyncio.timeout(25):
        with pytest.raises(CorruptData):
            await objects.fetch(sha256, SIZE, tmp_path / "out")

        nuid, sequences = await objects._store_in_order(path, sha256)
        again = replace(recorder.asked[0], nuid=nuid, ranges=((sequences[0], sequences[-1]),))
        assert (await ObjectCommitter(connection).commit(again)).created
        await objects.fetch(sha256, SIZE, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


async def test_a_flipped_bit_in_a_chunk_is_detected(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = some_file(tmp_path)
    data = bytearray(path.read_bytes())
    data[MIB + 5] ^= 1
    nuid = "A" * 22
    for start in range(0, SIZE, MIB):
        await jetstream.publish(connection, chunk_subject(nuid), bytes(data[start : start + MIB]))
    meta = {
        "name": sha256,
        "bucket": ARTIFACTS,
        "nuid": nuid,
        "size": SIZE,
        "chunks": 4,
        "digest": digest_text(sha256),
    }
    await jetstream.publish(connection, meta_subject(sha256), json.dumps(meta).encode())

    async with asyncio.timeout(25):
        with pytest.raises(CorruptData):
            await NatsObjects(connection, ObjectCommitter(connection)).fetch(sha256, SIZE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


async def test_a_bit_flipped_on_the_brokers_disk_is_detected(
    broker: TestBroker, connection: Connection, tmp_path: Path
) -> None:
    """The broker throws away the damaged message and what was behind it: damage may also look like a miss."""
    path, sha256 = some_file(tmp_path)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    await objects.put(path, sha256, SIZE)
    await broker.kill()
    needle = path.read_bytes()[MIB + 100 : MIB + 164]
    blocks = [block for block in (broker.folder / "store").rglob("*.blk") if needle in block.read_bytes()]
    assert len(blocks) == 1
    blocks[0].write_bytes(blocks[0].read_bytes().replace(needle, bytes([needle[0] ^ 1]) + needle[1:]))
    await broker.start()

    async with asyncio.timeout(25):
        with pytest.raises((CorruptData, NotFound)):
            await objects.fetch(sha256, SIZE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", ["digest", "size", "chunks", "nuid"])
async def test_chunks_that_do_not_verify_are_not_published(connection: Connection, tmp_path: Path, wrong: str) -> None:
    path, sha256 = some_file(tmp_path)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    nuid, sequences = await objects._store_in_order(path, sha256)
    good = CommitRequest(sha256, SIZE, nuid, CHUNKS, ((sequences[0], sequences[-1]),))
    bad = {
        "digest": replace(good, sha256="0" * 64),
        "size": replace(good, size=SIZE - 1),
        "chunks": replace(good, chunks=3),
        "nuid": replace(good, nuid="B" * 22),
    }[wrong]

    async with asyncio.timeout(25):
        with pytest.raises(CorruptData):
            await ObjectCommitter(connection).commit(bad)
        assert await read_meta(connection, bad.sha256) is None


async def test_of_commits_at_once_one_creates_and_no_chunk_is_kept_twice(
    connection: Connection, tmp_path: Path
) -> None:
    path, sha256 = some_file(tmp_path)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    requests = []
    for _ in range(4):
        nuid, sequences = await objects._store_in_order(path, sha256)
        requests.append(CommitRequest(sha256, SIZE, nuid, CHUNKS, ((sequences[0], sequences[-1]),)))

    async with asyncio.timeout(30):
        instances = [ObjectCommitter(connection) for _ in requests]
        answers = await asyncio.gather(*(one.commit(asked) for one, asked in zip(instances, requests, strict=True)))
        await objects.fetch(sha256, SIZE, tmp_path / "out")

    assert [answer.created for answer in answers].count(True) == 1
    assert list((await chunks_in(connection)).values()) == [CHUNKS]


async def test_the_same_commit_twice_keeps_the_object(connection: Connection, tmp_path: Path) -> None:
    """A retry whose first answer was lost must not purge the chunks it has just published."""
    path, sha256 = some_file(tmp_path)
    recorder = Recorder(connection)
    objects = NatsObjects(connection, recorder)
    await objects.put(path, sha256, SIZE)

    async with asyncio.timeout(25):
        assert not (await recorder.commit(recorder.asked[0])).created
        await objects.fetch(sha256, SIZE, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


async def test_a_commit_cannot_have_the_chunks_of_another_object_purged(connection: Connection, tmp_path: Path) -> None:
    recorder = Recorder(connection)
    objects = NatsObjects(connection, recorder)
    path, sha256 = some_file(tmp_path)
    await objects.put(path, sha256, SIZE)
    (tmp_path / "other").write_bytes(b"other")
    other = hashlib.sha256(b"other").hexdigest()
    await objects.put(tmp_path / "other", other, 5)
    first, second = recorder.asked

    async with asyncio.timeout(25):
        with pytest.raises(CorruptData):
            await recorder.commit(replace(second, nuid=first.nuid, chunks=first.chunks, ranges=first.ranges))
        await objects.fetch(sha256, SIZE, tmp_path / "out")


async def test_a_stock_client_reads_our_objects(connection: Connection, tmp_path: Path) -> None:
    path, sha256 = some_file(tmp_path)
    await NatsObjects(connection, ObjectCommitter(connection)).put(path, sha256, SIZE)

    async with asyncio.timeout(25):
        stock = await connection.client.jetstream().object_store(ARTIFACTS)
        target = io.BytesIO()
        result = await stock.get(sha256, writeinto=target)
    assert target.getvalue() == path.read_bytes()
    assert result.info.digest == digest_text(sha256)


async def test_a_stock_client_reads_our_values(connection: Connection) -> None:
    created = await NatsStore(connection, LEASES, Lease).create("build.one", Lease("b", "c"))
    assert created is not None

    bucket = await connection.client.jetstream().key_value(LEASES)
    entry = await bucket.get("build.one")
    assert (entry.value, entry.revision) == (b'{"builder":"b","claim":"c"}', created.revision)


async def test_a_value_nobody_can_read_hides_no_other(connection: Connection) -> None:
    store = NatsStore(connection, LEASES, Lease)
    await store.create("build.good", Lease("b", "c"))
    await jetstream.publish(connection, f"$KV.{LEASES}.build.bad", b"\xff not json")
    seen: dict[str, Change[Lease]] = {}
    async with (
        asyncio.timeout(25),
        aclosing(cast("AsyncGenerator[Change[Lease], None]", store.follow())) as changes,
    ):
        async for change in changes:
            match change:
                case Put(entry):
                    seen[entry.key] = change
                case Corrupt(key):
                    seen[key] = change
                case Synced():
                    break
                case other:
                    pytest.fail(str(other))

    assert isinstance(seen["build.good"], Put)
    assert isinstance(seen["build.bad"], Corrupt)
    with pytest.raises(CorruptData):
        await store.get("build.bad")


async def test_a_follower_with_a_prefix_sees_only_keys_below_it(connection: Connection) -> None:
    builds = NatsStore(connection, LEASES, Lease, prefix="build.")
    await builds.create("build.one", Lease("b", "c"))
    await NatsStore(connection, LEASES, Lease, prefix="builder.").create("builder.one", Lease("b", "c"))
    keys = []
    async with (
        asyncio.timeout(25),
        aclosing(cast("AsyncGenerator[Change[Lease], None]", builds.follow())) as changes,
    ):
        async for change in changes:
            if isinstance(change, Synced):
                break
            assert isinstance(change, Put)
            keys.append(change.entry.key)
    assert keys == ["build.one"]


async def test_long_texts_are_stored_small_and_read_whole(connection: Connection) -> None:
    store = NatsStore(connection, INPUTS, str, compress=True)
    text = "module/path v1.2.3 h1:0123456789\n" * 100_000
    created = await store.create("a" * 64, text)

    assert created is not None
    assert await store.get("a" * 64) == created


async def test_a_value_that_is_too_large_is_refused_and_the_connection_stays(connection: Connection) -> None:
    store = NatsStore(connection, INPUTS, str)
    with pytest.raises(Refused):
        await store.create("a" * 64, "x" * 1_100_000)
    assert await store.get("a" * 64) is None
