"""The stream of artifacts has a size limit, and has reached it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.broker import TestBroker
from wombat_gitops.adapters.nats import infrastructure, jetstream
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM, Sizes
from wombat_gitops.adapters.nats.objects import CHUNK, NatsObjects, chunk_subject
from wombat_gitops.adapters.nats.sweeping import NatsKeeper
from wombat_gitops.domain.errors import StoreFull, TransientError
from wombat_gitops.settings import Settings
from wombat_gitops.wiring import access, checkup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MIB = 1 << 20
LIMIT = 8 * MIB


@pytest.fixture
async def limited(broker: TestBroker) -> AsyncIterator[Connection]:
    """A connection of the service to a broker whose artifacts may take 8 MiB."""
    prepare = partial(infrastructure.ensure, sizes=Sizes(artifacts=LIMIT))
    async with connect(broker.url, role="service", prepare=prepare) as connection:
        yield connection


async def limit(connection: Connection) -> int:
    info = await jetstream.api(connection, f"STREAM.INFO.{OBJECT_STREAM}", {})
    return int(info["config"]["max_bytes"])


def write(folder: Path, size: int, seed: int = 1) -> tuple[Path, str, int]:
    data = random.Random(seed).randbytes(size)
    path = folder / f"in{seed}"
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest(), size


async def fill(connection: Connection, piece: int) -> None:
    """Store pieces of that size until there is no room for another one."""
    while True:
        await jetstream.publish(connection, chunk_subject("other"), bytes(piece))


def objects_of(connection: Connection) -> NatsObjects:
    return NatsObjects(connection, ObjectCommitter(connection, seconds=0.3), seconds=0.3)


async def test_artifacts_had_no_limit(limited: Connection, tmp_path: Path) -> None:
    """What does not fit is refused as what may work later, names the stream, and leaves nothing behind."""
    objects = objects_of(limited)
    await objects.put(*write(tmp_path, 5 * MIB))
    with pytest.raises(StoreFull, match="`OBJ_artifacts` of the broker has reached its size limit") as caught:
        await objects.put(*write(tmp_path, 4 * MIB, seed=2))
    assert isinstance(caught.value, TransientError)
    assert "WOMBAT_ARTIFACTS_LIMIT" in caught.value.hint
    chunks = await jetstream.subjects(limited, OBJECT_STREAM, chunk_subject("*"))
    assert list(chunks.values()) == [5 * MIB // CHUNK]
    await objects.put(*write(tmp_path, 2 * MIB, seed=3))


async def test_a_stream_that_fills_up_under_an_upload_was_not_told_from_a_broker_that_is_away(
    limited: Connection,
) -> None:
    for _ in range(7):
        await jetstream.publish(limited, chunk_subject("other"), bytes(MIB))
    with pytest.raises(StoreFull, match="`OBJ_artifacts`"):
        await jetstream.publish(limited, chunk_subject("other"), bytes(MIB))


async def test_an_upload_waits_for_room(limited: Connection, tmp_path: Path) -> None:
    """A build that has ended is not lost for what is removed a moment later."""
    other = write(tmp_path, 5 * MIB)
    await objects_of(limited).put(*other)
    waiting = NatsObjects(limited, ObjectCommitter(limited))
    keeper = NatsKeeper(limited)
    path, sha256, size = write(tmp_path, 4 * MIB, seed=2)
    async with asyncio.timeout(60):
        put = asyncio.create_task(waiting.put(path, sha256, size))
        held = await keeper.find(other[1])
        assert held is not None
        assert await keeper.delete(held)
        await put
    assert await waiting.size(sha256) == size


async def test_nothing_could_be_removed_from_a_full_stream(limited: Connection, tmp_path: Path) -> None:
    """A removal begins with a marker, which needs room of its own; the limit is the same afterwards."""
    path, sha256, size = write(tmp_path, MIB)
    await objects_of(limited).put(path, sha256, size)
    for piece in (MIB, MIB >> 5, 0):
        with pytest.raises(StoreFull):
            await fill(limited, piece)
    keeper = NatsKeeper(limited)
    held = await keeper.find(sha256)
    assert held is not None
    async with asyncio.timeout(30):
        assert await keeper.delete(held)
    assert await keeper.find(sha256) is None
    assert await limit(limited) == LIMIT
    await objects_of(limited).put(*write(tmp_path, MIB // 2, seed=2))


async def test_a_role_without_the_setting_lifted_the_limit(broker: TestBroker, tmp_path: Path) -> None:
    """Builders create and update streams, too, where there is no access control; and 0 lifts it on purpose."""
    found = []
    for role, size in (("service", LIMIT), ("builder", 0), ("watcher", 0), ("service", 2 * LIMIT), ("service", 0)):
        settings = Settings(data=tmp_path, artifacts_limit=size)
        prepare = access.preparation(settings, role, None)
        async with connect(broker.url, role=role, prepare=prepare) as connection:
            found.append(await limit(connection))
    assert found == [LIMIT, LIMIT, LIMIT, 2 * LIMIT, -1]


async def test_doctor_did_not_say_which_stream_is_full(limited: Connection, broker: TestBroker, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, nats=broker.url)
    assert (await checkup.streams(settings)).full == ()
    for _ in range(7):
        await jetstream.publish(limited, chunk_subject("other"), bytes(MIB))
    ((name, kept, most),) = (await checkup.streams(settings)).full
    assert (name, most) == (OBJECT_STREAM, LIMIT)
    assert 7 * MIB < kept < LIMIT


def test_a_limit_below_the_quota_was_taken(tmp_path: Path) -> None:
    """Uploads would be refused for ever before anything is retired."""
    with pytest.raises(ValueError, match="WOMBAT_ARTIFACTS_LIMIT has to be larger than WOMBAT_QUOTA"):
        Settings(data=tmp_path, quota=100, artifacts_limit=100)
    assert Settings(data=tmp_path, quota=100, artifacts_limit=101).artifacts_limit == 101
    assert Settings(data=tmp_path, quota=100).artifacts_limit == 0
