"""What one writer sends must not make the broker drop what another one sends."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.broker import TestBroker
from wombat_gitops.adapters.nats import infrastructure
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM
from wombat_gitops.adapters.nats.jetstream import MESSAGE_ID, subjects
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import CHUNK, NatsObjects, chunk_subject
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.domain.subjects import log_subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from nats.aio.msg import Msg

BUILD = "ab" * 32
OTHER = "cd" * 32
SIZE = (24 << 20) + 77


class LossyConnection(Connection):
    """Loses the first answer to every message that it sends to a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = Counter[str]()

    async def request(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None = None, seconds: float = 5.0
    ) -> Msg:
        answer = await super().request(subject, payload, headers=headers, seconds=seconds)
        mark = (headers or {}).get(MESSAGE_ID, "")
        if mark:
            self.sent[mark] += 1
        if self.sent[mark] == 1:
            msg = "the answer was lost"
            raise Unreachable(msg)
        return answer


@asynccontextmanager
async def lossy(broker: TestBroker) -> AsyncIterator[LossyConnection]:
    connection = LossyConnection()
    await connection.open(broker.url, "lossy", 5, {})
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def attacker(
    broker: TestBroker, heard: str, mine: str, ids: Callable[[str], Iterable[str]]
) -> AsyncIterator[None]:
    """Another builder that sees what is sent to *heard*, and at once sends *ids* made of each id it sees to *mine*."""
    async with connect(broker.url, role="hostile") as connection:

        async def take(message: Msg) -> None:
            for mark in ids((message.headers or {}).get(MESSAGE_ID, "")):
                await connection.client.publish(mine, b"mine", headers={MESSAGE_ID: mark})

        await connection.client.subscribe(heard, cb=take)
        await connection.client.flush()
        yield


def next_ones(mark: str) -> Iterable[str]:
    """The ids that follow, where ids are numbered."""
    start, _, number = mark.rpartition(".")
    return [f"{start}.{int(number) + step}" for step in range(1, 20)] if number.isdigit() else []


def same(mark: str) -> Iterable[str]:
    return [mark]


def written(folder: Path) -> tuple[Path, str]:
    data = random.Random(1).randbytes(SIZE)
    (folder / "in").write_bytes(data)
    return folder / "in", hashlib.sha256(data).hexdigest()


async def put_and_fetch(connection: Connection, folder: Path) -> None:
    """Store an object, read it back, and look that each of its chunks is there once."""
    path, sha256 = written(folder)
    objects = NatsObjects(connection, ObjectCommitter(connection), owner="one")
    async with asyncio.timeout(60):
        await objects.put(path, sha256, SIZE)
        await objects.fetch(sha256, SIZE, folder / "out")
    assert (folder / "out").read_bytes() == path.read_bytes()
    chunks = await subjects(connection, OBJECT_STREAM, chunk_subject("one.*"))
    assert list(chunks.values()) == [SIZE // CHUNK + 1]


async def test_ids_that_another_builder_sent_first_dropped_lines_of_a_log(broker: TestBroker) -> None:
    """Build, attempt and number of a chunk are known to all: together they must not be its id."""
    async with (
        connect(broker.url, role="service", prepare=infrastructure.ensure) as connection,
        connect(broker.url, role="hostile") as hostile,
    ):
        for index in range(10):
            headers = {MESSAGE_ID: f"{BUILD}.1.{index}"}
            await hostile.request(log_subject(OTHER, 1), b"mine\n", headers=headers)
        logs = NatsLogs(connection)
        for index in range(10):
            await logs.append(BUILD, 1, index, f"line {index}\n", end=index == 9)
        assert [chunk.text async for chunk in logs.read(BUILD, 1)] == [f"line {index}\n" for index in range(10)]


async def test_ids_that_another_builder_derived_dropped_lines_of_a_log(broker: TestBroker) -> None:
    """Whoever sees one chunk must not know the id of the next; and a chunk whose answer was lost is there once."""
    subject = log_subject(BUILD, 1)
    async with (
        connect(broker.url, role="service", prepare=infrastructure.ensure),
        attacker(broker, subject, log_subject(OTHER, 1), lambda mark: [*next_ones(mark), mark]),
        lossy(broker) as connection,
        asyncio.timeout(60),
    ):
        logs = NatsLogs(connection)
        for index in range(10):
            await logs.append(BUILD, 1, index, f"line {index}\n", end=index == 9)
        assert [chunk.text async for chunk in logs.read(BUILD, 1)] == [f"line {index}\n" for index in range(10)]
        assert set(connection.sent.values()) == {2}


async def test_ids_that_another_builder_derived_dropped_chunks_of_an_object(broker: TestBroker, tmp_path: Path) -> None:
    """A builder sees the first chunks of an upload, and sends what would be the ids of those to come."""
    async with (
        connect(broker.url, role="service", prepare=infrastructure.ensure) as connection,
        attacker(broker, chunk_subject("one.*"), chunk_subject("two.mine"), next_ones),
    ):
        await put_and_fetch(connection, tmp_path)


async def test_a_chunk_that_is_sent_again_under_an_id_that_others_have_seen(broker: TestBroker, tmp_path: Path) -> None:
    """Its answer was lost, and another builder has sent its id meanwhile: it is stored once, and in its place."""
    async with (
        connect(broker.url, role="service", prepare=infrastructure.ensure),
        attacker(broker, chunk_subject("one.*"), chunk_subject("two.mine"), same),
        lossy(broker) as connection,
    ):
        await put_and_fetch(connection, tmp_path)
        assert set(connection.sent.values()) == {2}
