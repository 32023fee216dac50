"""What every `ports.ObjectStore` does."""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.broker import TestBroker, prepared
from wombat_gitops.adapters.files import FileObjects
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.domain.errors import CorruptData, NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.ports import ObjectStore

MIB = 1 << 20


@pytest.fixture(params=["files", "nats"])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "files":
        yield FileObjects(tmp_path / "objects")
        return
    broker = await TestBroker(tmp_path / "broker").start()
    try:
        async with prepared(broker) as connection:
            yield NatsObjects(connection, ObjectCommitter(connection))
    finally:
        await broker.stop()


def write(path: Path, size: int, seed: int = 1) -> tuple[Path, str]:
    data = random.Random(seed).randbytes(size)
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 9 * MIB + 12345])
async def test_what_was_put_is_fetched(objects: ObjectStore, tmp_path: Path, size: int) -> None:
    path, sha256 = write(tmp_path / "in", size)
    async with asyncio.timeout(30):
        await objects.put(path, sha256, size)
        await objects.fetch(sha256, size, tmp_path / "deep" / "out")

        assert await objects.size(sha256) == size
    assert (tmp_path / "deep" / "out").read_bytes() == path.read_bytes()


async def test_an_unknown_object_is_not_found(objects: ObjectStore, tmp_path: Path) -> None:
    async with asyncio.timeout(25):
        assert await objects.size("0" * 64) is None
        with pytest.raises(NotFound):
            await objects.fetch("0" * 64, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


async def test_bytes_under_a_foreign_digest_are_refused(objects: ObjectStore, tmp_path: Path) -> None:
    path, _ = write(tmp_path / "in", 1000)
    other = hashlib.sha256(b"other").hexdigest()
    async with asyncio.timeout(25):
        with pytest.raises(CorruptData):
            await objects.put(path, other, 1000)
        assert await objects.size(other) is None


async def test_a_wrong_size_is_refused(objects: ObjectStore, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", 1000)
    async with asyncio.timeout(25):
        with pytest.raises(CorruptData):
            await objects.put(path, sha256, 999)
        await objects.put(path, sha256, 1000)
        with pytest.raises(CorruptData):
            await objects.fetch(sha256, 999, tmp_path / "out")
    assert not (tmp_path / "out").exists()


async def test_putting_twice_and_at_once_is_harmless(objects: ObjectStore, tmp_path: Path) -> None:
    path, sha256 = write(tmp_path / "in", 3 * MIB)
    async with asyncio.timeout(30):
        await asyncio.gather(*(objects.put(path, sha256, 3 * MIB) for _ in range(4)))
        await objects.put(path, sha256, 3 * MIB)
        await objects.fetch(sha256, 3 * MIB, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


async def test_objects_that_are_put_at_once_do_not_mix(objects: ObjectStore, tmp_path: Path) -> None:
    files = [write(tmp_path / f"in{number}", 5 * MIB + number, seed=number) for number in range(3)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(objects.put(path, sha256, path.stat().st_size) for path, sha256 in files))
        for path, sha256 in files:
            await objects.fetch(sha256, path.stat().st_size, tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == path.read_bytes()


async def test_a_stored_file_that_was_damaged_is_found_and_mended(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path / "objects")
    path, sha256 = write(tmp_path / "in", 1000)
    await objects.put(path, sha256, 1000)
    (tmp_path / "objects" / sha256).write_bytes(b"x" * 1000)

    with pytest.raises(CorruptData):
        await objects.fetch(sha256, 1000, tmp_path / "out")
    assert not (tmp_path / "out").exists()

    await objects.put(path, sha256, 1000)
    await objects.fetch(sha256, 1000, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
