"""What a broker holds, saved to a file, brought back, moved to another broker, and looked at."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests.support.broker import TestBroker, prepared
from tests.support.factories import GO_MOD, GO_SUM
from tests.support.stage import broken, built, declared, queued_build, running_build
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.archive import _Backup, backup
from wombat_gitops.adapters.nats.archive_file import ArchiveReader, ArchiveWriter, Blob, Index, Logs, Records
from wombat_gitops.adapters.nats.archive_restore import move, restore
from wombat_gitops.adapters.nats.archive_source import KEPT, Held
from wombat_gitops.adapters.nats.archive_verify import verify
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import connect
from wombat_gitops.adapters.nats.infrastructure import BUCKETS, OBJECT_STREAM, kv_stream
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import CHUNK, NatsObjects, chunk_subject, meta_subject, read_meta
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.catalogue import DistributionRecord
from wombat_gitops.domain.errors import CorruptData, NotFound, Refused
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.records import BuildRecord, StoredLog
from wombat_gitops.domain.references import Flaw
from wombat_gitops.services.queue import Inputs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.objects import ObjectMeta

MIB = 1 << 20


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Connection]:
    """A connection to a second, empty broker with all buckets and streams."""
    made = await TestBroker(tmp_path / "other").start()
    try:
        async with prepared(made) as connection:
            yield connection
    finally:
        await made.stop()


@dataclass
class Content:
    """Writes what roles write, straight into the stores."""

    connection: Connection
    folder: Path

    def __post_init__(self) -> None:
        self.builds = NatsStore(self.connection, subjects.BUILDS, BuildRecord)
        self.inputs = Inputs(NatsStore(self.connection, subjects.INPUTS, str, compress=True))
        self.distributions = NatsStore(self.connection, subjects.DISTRIBUTIONS, DistributionRecord)
        self.leases = NatsStore(self.connection, subjects.LEASES, Lease)
        self.objects = NatsObjects(self.connection, ObjectCommitter(self.connection))
        self.logs = NatsLogs(self.connection)

    async def object(self, data: bytes) -> StoredLog:
        path = self.folder / digest(data)[:20]
        path.write_bytes(data)
        await self.objects.put(path, digest(data), len(data))
        return StoredLog(digest(data), len(data))

    async def build(self, version: str, size: int = 1000) -> BuildRecord:
        """A finished build with artifact, contents and log, written in the order in which roles write."""
        await self.inputs.save(Lock(GO_MOD, GO_SUM))
        data = random.Random(version).randbytes(size)
        await self.object(data)
        record = built(queued_build(version=version), data, await self.object(f"log of {version}".encode()))
        record = replace(record, contents=await self.object(f"contents of {version}".encode()))
        await self.builds.put(record.id, record)
        return record

    async def fill(self) -> BuildRecord:
        """Something of everything."""
        first = await self.build("1.0.0", 3 * MIB + 123)
        await self.build("1.1.0")
        await self.builds.put("queued", replace(queued_build(version="2.0.0"), id="queued"))
        await self.builds.put("running", replace(running_build(queued_build(version="2.1.0")), id="running"))
        await self.builds.put("failed", replace(broken(queued_build(version="2.2.0")), id="failed"))
        await self.builds.put("removed", first)
        await self.builds.remove("removed")
        await self.distributions.put("tiny", declared(first))
        await self.leases.put("build.one.1.x", Lease("one", "claim"))
        for index in range(5):
            await self.logs.append(first.id, 1, index, f"line {index}\n", end=index == 4)
            await self.logs.append(first.id, 2, index, f"another line {index}\n")
        return first


async def held(connection: Connection) -> dict[str, object]:
    """Everything that is worth keeping, but for where it stands in its stream."""
    source = Held(connection)
    found: dict[str, object] = {}
    for bucket in KEPT:
        async for stored in source.entries(bucket):
            found |= {f"{bucket}/{each.entry.key}": each.entry.value for each in stored}
    logs: dict[str, list[tuple[dict[str, str], bytes]]] = {}
    async for messages in source.logs():
        for message in messages:
            logs.setdefault(message.subject, []).append((dict(message.headers), message.data))
    async for meta in source.objects():
        assert not isinstance(meta, Flaw)
        found[f"artifacts/{meta.name}"] = (meta.size, meta.digest)
    return found | logs


async def is_empty(connection: Connection) -> bool:
    return not await held(connection)


@pytest.fixture
async def content(connection: Connection, tmp_path: Path) -> Content:
    """A broker with something of everything on it."""
    made = Content(connection, tmp_path)
    await made.fill()
    return made


@pytest.mark.parametrize("name", ["saved.tar", "saved.tar.gz"])
async def test_what_was_saved_comes_back(content: Content, other: Connection, tmp_path: Path, name: str) -> None:
    """Keys, values, logs and objects are the same; what is fleeting is left out."""
    archive = tmp_path / name
    saved = await backup(content.connection, archive, {})
    done = await restore(other, archive)

    before = await held(content.connection)
    assert await held(other) == before
    assert saved.left_out == ()
    assert saved.index.counts == done.written
    assert done.written == {"builds": 5, "inputs": 2, "distributions": 1, "artifacts": 6, "LOGS": 10}
    assert (await verify(other)).flaws == []
    assert await NatsStore(other, subjects.LEASES, Lease).keys() == []
    assert "builds/removed" not in before


async def test_a_restored_object_names_the_chunks_of_its_new_stream(
    content: Content, other: Connection, tmp_path: Path
) -> None:
    """The sequences in its meta are where its chunks are now, so that a part of it can be read."""
    target = Content(other, tmp_path)
    await target.object(b"moves everything else behind itself")
    await backup(content.connection, tmp_path / "saved.tar", {})
    await restore(other, tmp_path / "saved.tar")

    meta = await large(other)
    (run,) = meta.ranges
    assert run[1] - run[0] + 1 == meta.chunks == -(-meta.size // CHUNK)
    assert run != (await large(content.connection)).ranges[0]
    for sequence in range(run[0], run[1] + 1):
        page = await jetstream.page(other, OBJECT_STREAM, chunk_subject(meta.nuid), sequence - 1, batch=1)
        assert page.messages[0].sequence == sequence


async def large(connection: Connection) -> ObjectMeta:
    found = [meta async for meta in Held(connection).objects() if not isinstance(meta, Flaw)]
    return max(found, key=lambda meta: meta.size)


async def test_restoring_twice_changes_nothing(content: Content, other: Connection, tmp_path: Path) -> None:
    await backup(content.connection, tmp_path / "saved.tar", {})
    await restore(other, tmp_path / "saved.tar")
    before = await held(other)
    again = await restore(other, tmp_path / "saved.tar")

    assert await held(other) == before
    assert again.kept == []
    assert {what: count for what, count in again.written.items() if what in {"artifacts", "LOGS"} and count} == {}


async def test_a_restore_that_broke_off_is_run_again(content: Content, other: Connection, tmp_path: Path) -> None:
    """Wherever it broke off: the next one takes what is there for its own, and brings the rest."""
    await backup(content.connection, tmp_path / "saved.tar", {})
    streams = (OBJECT_STREAM, subjects.LOGS, kv_stream(subjects.BUILDS))
    for stream in streams:
        start = (await jetstream.stream_info(other, stream)).last_sequence
        job = asyncio.create_task(restore(other, tmp_path / "saved.tar"))
        while not job.done() and (await jetstream.stream_info(other, stream)).last_sequence == start:
            await asyncio.sleep(0)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        assert (await jetstream.stream_info(other, stream)).last_sequence > start
    await restore(other, tmp_path / "saved.tar")

    assert await held(other) == await held(content.connection)
    assert (await verify(other)).flaws == []


async def test_nothing_of_a_file_that_was_cut_off_or_changed_is_used(
    content: Content, other: Connection, tmp_path: Path
) -> None:
    """Refused before anything is written."""
    for name in ("saved.tar", "saved.tar.gz"):
        await backup(content.connection, tmp_path / name, {})
        whole = (tmp_path / name).read_bytes()
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 1
        for data in (whole[: len(whole) // 2], whole[:-20_000], bytes(changed), b"", b"something else", whole[:600]):
            (tmp_path / "wrong").write_bytes(data)
            with pytest.raises(CorruptData):
                await restore(other, tmp_path / "wrong")
    with pytest.raises(NotFound):
        await restore(other, tmp_path / "nowhere.tar")
    assert await is_empty(other)


async def test_any_changed_byte_is_refused_or_means_nothing(connection: Connection, tmp_path: Path) -> None:
    """Bytes that only fill up blocks mean nothing; every other one makes the archive worthless."""
    content = Content(connection, tmp_path)
    await content.build("1.0.0")
    await content.logs.append("b" * 64, 1, 0, "line\n", end=True)
    archive = tmp_path / "saved.tar"
    await backup(connection, archive, {})
    whole, expected = archive.read_bytes(), members(archive)
    refused = 0
    dice = random.Random(7)
    for _ in range(400):
        changed = bytearray(whole)
        changed[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        archive.write_bytes(changed)
        try:
            assert members(archive) == expected
        except CorruptData:
            refused += 1
    assert refused > 150
    for length in range(0, len(whole), 499):
        archive.write_bytes(whole[:length])
        try:
            assert members(archive) == expected
        except CorruptData:
            continue
        assert not any(whole[length:]), "only what fills up the end may be missing"


def members(archive: Path) -> list[object]:
    """What is in an archive."""
    found: list[object] = []
    for member in ArchiveReader(archive).members():
        if isinstance(member, Blob):
            member.copy()
            found.append((member.sha256, member.size))
        else:
            assert isinstance(member, Records | Logs | Index)
            found.append(member)
    return found


async def test_a_broker_with_other_records_is_refused(content: Content, other: Connection, tmp_path: Path) -> None:
    """Without `merge` nothing is written; with it, of a key that both have, the broker's own stays and is told."""
    await backup(content.connection, tmp_path / "saved.tar", {})
    target = Content(other, tmp_path)
    mine = await target.builds.put("queued", queued_build(version="9.0.0"))
    await target.builds.put("mine", queued_build(version="9.1.0"))
    await target.logs.append((await first_id(content)), 1, 0, "another attempt\n")
    before = await held(other)

    with pytest.raises(Refused, match="holds 2 records") as refusal:
        await restore(other, tmp_path / "saved.tar")
    assert "--merge" in refusal.value.hint
    assert await held(other) == before

    done = await restore(other, tmp_path / "saved.tar", merge=True)
    assert {(flaw.kind, flaw.key) for flaw in done.kept} == {
        ("builds", "queued"),
        ("LOGS", subjects.log_subject(await first_id(content), 1)),
    }
    assert await target.builds.get("queued") == mine
    after = await held(other)
    assert {key: after[key] for key in before} == before
    assert set(await held(content.connection)) < set(after)


async def first_id(content: Content) -> str:
    return next(key for key in await content.builds.keys() if len(key) == 64)


async def test_a_broker_with_nothing_on_it(connection: Connection, other: Connection, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing on this broker"):
        await backup(connection, tmp_path / "saved.tar", {})
    assert not (tmp_path / "saved.tar").exists()
    with pytest.raises(NotFound, match="nothing on the broker"):
        await move(connection, other)
    with pytest.raises(NotFound, match="nothing on this broker"):
        await verify(connection)


async def test_no_record_is_saved_without_what_it_names(content: Content, other: Connection, tmp_path: Path) -> None:
    """Builds end, change and go away in every phase of a backup; what comes back is whole all the same."""
    gone = [await content.build(f"5.{number}.0") for number in range(3)]

    async def live(phase: int) -> None:
        """A build ends, one is replaced by another with a new artifact, and one goes away with its objects."""
        record = await content.build(f"3.{phase}.0", 2000)
        await content.builds.put("changing", replace(record, id="changing"))
        removed = gone.pop()
        await content.builds.remove(removed.id)
        assert removed.artifact is not None
        await forget_object(content.connection, removed.artifact.sha256)

    archive = tmp_path / "saved.tar"
    with archive.open("wb") as file:
        writer = ArchiveWriter(file, "0123456789abcdef", {}, packed=False)
        job = _Backup(content.connection, writer)
        for phase, step in enumerate((job.records, job.objects, job.what_changed)):
            await live(phase)
            await step()
        writer.close()
    assert job.seen.left_out == {}
    await restore(other, archive)
    assert (await verify(other)).flaws == []
    builds = {key: value for key, value in (await held(content.connection)).items() if key.startswith("builds/")}
    assert {key: value for key, value in (await held(other)).items() if key.startswith("builds/")} == builds


async def test_a_backup_under_a_busy_builder_is_whole(
    content: Content, other: Connection, broker: TestBroker, tmp_path: Path
) -> None:
    """Whatever ends while the archive is written is in it as a whole, or not at all."""
    await content.object(random.Random(1).randbytes(20 * MIB))
    saving = asyncio.create_task(backup(content.connection, tmp_path / "saved.tar", {}))
    async with connect(broker.url, role="builder") as connection:
        busy = Content(connection, tmp_path)
        number = 0
        while not saving.done() and number < 200:
            number += 1
            await busy.build(f"3.0.{number}", 2000)
    assert (await saving).left_out == ()
    await restore(other, tmp_path / "saved.tar")
    assert (await verify(other)).flaws == []


async def test_a_move_brings_everything_and_takes_nothing_away(content: Content, other: Connection) -> None:
    before = await held(content.connection)
    _, done = await move(content.connection, other)

    assert await held(content.connection) == before
    assert await held(other) == before
    assert done.written == {"builds": 5, "inputs": 2, "distributions": 1, "artifacts": 6, "LOGS": 10}
    _, again = await move(content.connection, other)
    assert await held(other) == before
    assert again.present == done.written


async def test_everything_that_is_wrong_is_told(content: Content, tmp_path: Path) -> None:
    """One flaw for each thing that is missing or damaged, and none where nothing is."""
    connection = content.connection
    assert (await verify(connection)).flaws == []
    record = await content.build("4.0.0", 2 * MIB)
    assert record.artifact is not None
    assert record.contents is not None
    artifact, contents = record.artifact.sha256, record.contents.sha256

    await forget_object(connection, contents)
    await damage_object(connection, artifact)
    await jetstream.publish(connection, f"$KV.{subjects.BUILDS}.unreadable", b"{")
    await jetstream.publish(connection, f"$KV.{subjects.INPUTS}.{digest(GO_SUM)}", b"no text")
    lone = await content.object(b"named by nobody")
    await damage_object(connection, lone.sha256)

    flaws = {(flaw.kind, flaw.key): flaw.problem for flaw in (await verify(connection)).flaws}
    assert flaws[subjects.ARTIFACTS, lone.sha256].startswith("is damaged")
    assert flaws[subjects.ARTIFACTS, artifact].startswith("is damaged")
    assert flaws[subjects.INPUTS, digest(GO_SUM)] == "cannot be read"
    assert "cannot be read" in flaws[subjects.BUILDS, "unreadable"]
    told = [flaw.problem for flaw in (await verify(connection)).flaws if flaw.key == record.id]
    assert told == [
        f"its go.sum `{digest(GO_SUM)[:12]}` cannot be read",
        f"its artifact `{artifact[:12]}` is damaged: its bytes have another digest",
        f"its contents `{contents[:12]}` is missing",
    ]

    saved = await backup(connection, tmp_path / "saved.tar", {})
    assert {flaw.key for flaw in saved.left_out} == {artifact, contents, lone.sha256}
    assert f"the artifact of build `{record.id[:12]}`" in next(
        flaw.problem for flaw in saved.left_out if flaw.key == artifact
    )


async def forget_object(connection: Connection, sha256: str) -> None:
    await jetstream.purge(connection, OBJECT_STREAM, meta_subject(sha256))


async def damage_object(connection: Connection, sha256: str) -> None:
    """Give an object chunks with other bytes, as many as it had."""
    meta = await read_meta(connection, sha256)
    assert meta is not None
    nuid = hashlib.sha256(meta.nuid.encode()).hexdigest()[:22]
    left = meta.size
    sequences = []
    for _ in range(meta.chunks):
        sequences.append(await jetstream.publish(connection, chunk_subject(nuid), b"x" * min(left, MIB)))
        left -= min(left, MIB)
    document = {
        "name": sha256,
        "bucket": subjects.ARTIFACTS,
        "nuid": nuid,
        "size": meta.size,
        "chunks": meta.chunks,
        "digest": "SHA-256=" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode(),
        "headers": {"x-seq": [f"{sequences[0]}-{sequences[-1]}"]},
    }
    await jetstream.publish(connection, meta_subject(sha256), json.dumps(document).encode(), expected=meta.sequence)


def test_every_bucket_is_kept_but_signs_of_life() -> None:
    """A bucket that is added later is not forgotten."""
    assert set(KEPT) == {name for name, _ in BUCKETS} - {subjects.LEASES}
