"""A broker with little room: its streams fit, or it is said what is missing."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.support.smalldisk import small_disk
from wombat_gitops.adapters.broker import disk_for, server
from wombat_gitops.adapters.nats import infrastructure, jetstream
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.infrastructure import LEAST_LOG_BYTES
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.cli import exits
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.subjects import LOGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.system import System

MIB = 1 << 20
BUILD = "ab" * 32


@asynccontextmanager
async def broker_of(folder: Path, mebibytes: int) -> AsyncIterator[Connection]:
    """A broker on *folder* with room for so much."""
    room = {"store_dir": str(folder / "store"), "sync_interval": "always", "max_file_store": mebibytes * MIB}
    async with (
        server(folder, settings={"jetstream": room}) as (_, port),
        connect(f"nats://127.0.0.1:{port}", role="test") as connection,
    ):
        yield connection


async def limit(connection: Connection) -> int:
    """Bytes that `LOGS` may hold."""
    return int((await jetstream.api(connection, f"STREAM.INFO.{LOGS}", {}))["config"]["max_bytes"])


@pytest.mark.parametrize(("room", "most"), [(4096, 2048), (2047, 1024), (700, 512), (64, 64)])
async def test_a_first_start_with_less_room_than_the_logs_reserve_failed(tmp_path: Path, room: int, most: int) -> None:
    """`LOGS` wants 2 GiB, which the broker reserves at once: it gets what there is room for."""
    async with broker_of(tmp_path, room) as connection:
        await infrastructure.ensure(connection)
        assert await limit(connection) == most * MIB
        logs = NatsLogs(connection)
        await logs.append(BUILD, 1, 0, "line\n", end=True)
        assert [chunk.text async for chunk in logs.read(BUILD, 1)] == ["line\n"]


async def test_a_first_start_with_too_little_room_did_not_say_how_much(tmp_path: Path) -> None:
    async with broker_of(tmp_path, 63) as connection:
        with pytest.raises(Refused, match="no room for `LOGS`: it needs 64 MiB") as caught:
            await infrastructure.ensure(connection)
    assert "free space" in caught.value.hint


async def test_logs_that_started_small_stayed_small(tmp_path: Path) -> None:
    """They grow once there is room, keep what they have, and nothing is complained about until then."""
    async with broker_of(tmp_path, 200) as connection:
        await infrastructure.ensure(connection)
        await NatsLogs(connection).append(BUILD, 1, 0, "line\n", end=True)
        with structlog.testing.capture_logs() as logged:
            await infrastructure.ensure(connection)
        assert [each for each in logged if each["event"] == "stream_differs"] == []
        assert await limit(connection) == 128 * MIB
    async with broker_of(tmp_path, 4096) as connection:
        await infrastructure.ensure(connection)
        assert await limit(connection) == 2048 * MIB
        assert [chunk.text async for chunk in NatsLogs(connection).read(BUILD, 1)] == ["line\n"]


async def test_logs_of_an_earlier_release_on_a_disk_that_is_small_by_now(tmp_path: Path) -> None:
    """What was reserved once is not asked for again."""
    async with broker_of(tmp_path, 4096) as connection:
        await infrastructure.ensure(connection)
        await NatsLogs(connection).append(BUILD, 1, 0, "line\n", end=True)
    async with broker_of(tmp_path, 32) as connection:
        await infrastructure.ensure(connection)
        assert await limit(connection) == 2048 * MIB
        assert [chunk.text async for chunk in NatsLogs(connection).read(BUILD, 1)] == ["line\n"]


async def test_wombat_up_on_a_small_disk_ended_with_an_error_of_the_broker(system: System, tmp_path: Path) -> None:
    """The figures are said, the exit code is that of `refused`; with more room it starts, and goes on with little."""
    system.write()
    system.commit()
    with small_disk(tmp_path / "disk", "60m") as disk:
        refused = system.run("--data", str(disk.folder), "up")
        assert refused.returncode == exits.REFUSED, refused.stderr
        assert re.search(r"`.*/disk` has (59|60) MiB free, and a new broker needs 85 MiB there", refused.stderr)
        assert "hint: free space" in refused.stderr
        assert disk_for(LEAST_LOG_BYTES) < 90 * MIB
        for size in ("90m", "30m"):
            disk.resize(size)
            up = system.start("--data", str(disk.folder), "up")
            await system.until(lambda up=up: "website and API" in up.said, "the start")  # type: ignore[misc]
            assert up.stop() == 0
