"""Messages fit the broker's `max_payload`, whatever it is; what cannot fit is refused, and nobody dies of it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import random
import signal
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import nats.aio.client
import pytest

from tests.integration.nats.test_service import REQUEST, SmallQueue
from tests.support.cluster import Cluster
from tests.support.nats_server import NatsServer
from wombat_gitops.adapters.files import file_digest
from wombat_gitops.adapters.nats import infrastructure, jetstream
from wombat_gitops.adapters.nats.client import NatsBuildClient
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.infrastructure import OBJECT_STREAM
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import NatsObjects, chunk_subject, read_meta
from wombat_gitops.adapters.nats.service import serving
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain.errors import DoesNotFit
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.subjects import BUILDS, INPUTS
from wombat_gitops.services.claims import AttemptDesk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.system import System

MIB = 1 << 20
SIZE = 3 * MIB + 77
NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
JETSTREAM = 'jetstream { store_dir: "$STORE" }\n'
CONFIGS = {
    "stock": JETSTREAM,
    "64 KiB": f"{JETSTREAM}max_payload: 65536",
    "256 KiB": f"{JETSTREAM}max_payload: 262144",
    "8 MiB": f"{JETSTREAM}max_payload: 8MB",
    "64 KiB of an account": f"{JETSTREAM}accounts {{ A {{ users: [{{user: u, password: p}}], jetstream: enabled, "
    "limits { max_payload: 65536 } } }\nno_auth_user: u",
}


def some_file(folder: Path, size: int = SIZE) -> tuple[Path, str, int]:
    path = folder / f"file-{size}"
    path.write_bytes(random.Random(size).randbytes(size))
    return path, *file_digest(path)


@asynccontextmanager
async def prepared(url: str) -> AsyncIterator[Connection]:
    async with connect(url, role="service", prepare=infrastructure.ensure) as connection:
        yield connection


@pytest.mark.parametrize("config", CONFIGS)
async def test_a_stock_broker_refused_chunks_of_one_mebibyte(config: str, tmp_path: Path) -> None:
    with NatsServer(tmp_path / "nats", CONFIGS[config]) as server:
        async with asyncio.timeout(60), prepared(server.url) as connection:
            objects = NatsObjects(connection, ObjectCommitter(connection))
            path, sha256, size = some_file(tmp_path)
            await objects.put(path, sha256, size)
            await objects.fetch(sha256, size, tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == path.read_bytes()
            assert (connection.generation, connection.closed.done()) == (1, False)


@pytest.mark.parametrize("config", ["stock", "64 KiB", "64 KiB of an account"])
async def test_a_stock_broker_killed_a_builder(config: str, system: System, tmp_path: Path) -> None:
    """Roles as processes: a program larger than the broker's messages is built and published, and nobody ends."""
    with NatsServer(tmp_path / "nats", CONFIGS[config]) as server:
        system.env["WOMBAT_NATS"] = server.url
        system.write()
        system.commit()
        roles = [system.start(name) for name in ("service", "builder", "watcher")]
        api = system.start("api")
        found = await system.until(
            lambda: [line for line in api.said.splitlines() if "api_listening" in line], "the API listens"
        )
        base = found[0].partition("address=")[2].split()[0].strip("'")
        builds = await system.until_state("tiny", "succeeded", base=base)
        assert builds[0]["artifact"]["size"] > MIB
        assert [role.process.poll() for role in roles] == [None] * 3
        assert "aximum payload" not in "".join(role.said for role in roles)


async def test_a_chunk_of_a_log_that_grew_when_it_was_encoded(tmp_path: Path) -> None:
    """32 KiB of bytes that are no UTF-8 are 96 KiB of text: sent in parts, sent again once, and read as one."""
    text = "�" * 32_768 + "end\n"
    with NatsServer(tmp_path / "nats", CONFIGS["64 KiB"]) as server:
        async with asyncio.timeout(60), prepared(server.url) as connection:
            logs = NatsLogs(connection)
            await logs.append("a" * 64, 1, 0, text)
            await logs.append("a" * 64, 1, 0, text)
            await logs.append("a" * 64, 1, 1, "", end=True)
            chunks = [chunk async for chunk in logs.read("a" * 64, 1)]
    assert "".join(chunk.text for chunk in chunks) == text
    assert [chunk.end for chunk in chunks[-2:]] == [False, True]


@asynccontextmanager
async def served(connection: Connection) -> AsyncIterator[SmallQueue]:
    queue = SmallQueue(connection)
    desk = AttemptDesk(NatsStore(connection, BUILDS, BuildRecord), lambda: NOW, lambda: 0.5)
    async with serving(connection, queue, desk, ObjectCommitter(connection)):
        yield queue


def sums(lines: int) -> str:
    """Lines like those of go.sum, about half of which is random."""
    dice = random.Random(lines)
    return "".join(f"example.org/some/module{n} v1.{n}.0 h1:{dice.randbytes(33).hex()}\n" for n in range(lines))


async def test_requests_and_answers_larger_than_a_message_are_compressed(tmp_path: Path) -> None:
    """Only for who reads it: other clients get plain JSON, or an error that says why not."""
    with NatsServer(tmp_path / "nats", CONFIGS["64 KiB"]) as server:
        async with asyncio.timeout(60), prepared(server.url) as connection, served(connection) as queue:
            client = NatsBuildClient(connection)
            asked = dataclasses.replace(REQUEST, go_sum=sums(1_000))
            assert len(asked.go_sum) > 65_536
            assert (await client.request(asked)).created
            queue.padding = "x" * 100_000
            page = await client.list(BuildQuery(limit=1))
            assert page.items[0].origin.source == queue.padding
            plain = await connection.request("build.list", b'{"limit": 1}')
            problem = json.loads(plain.data)
            assert problem["code"] == "too-large"
            assert "65536 (`max_payload`)" in problem["detail"]
            queue.padding = ""
            items = json.loads((await connection.request("build.list", b'{"limit": 200}')).data)["items"]
            assert 0 < len(items) < 200


async def test_what_is_too_large_all_the_same_is_refused_with_the_setting(tmp_path: Path) -> None:
    """A request, a value and a log are refused by name and number; the connection goes on."""
    with NatsServer(tmp_path / "nats", CONFIGS["64 KiB"]) as server:
        async with asyncio.timeout(60), prepared(server.url) as connection, served(connection):
            huge = sums(9_000)
            with pytest.raises(DoesNotFit, match=r"65536 \(`max_payload`\)") as caught:
                await NatsBuildClient(connection).request(dataclasses.replace(REQUEST, go_sum=huge))
            assert "max_payload" in caught.value.hint
            with pytest.raises(DoesNotFit) as caught:
                await NatsStore(connection, INPUTS, str, compress=True).create("a" * 64, huge)
            assert "max_payload" in caught.value.hint
            with pytest.raises(DoesNotFit):
                await jetstream.publish(connection, chunk_subject("A" * 22), bytes(65_536), headers={"A": "b"})
            assert (await connection.request("$SRV.PING.build", b"")).data
            info = json.loads((await connection.request("$SRV.INFO.build", b"")).data)
            assert {each["name"] for each in info["endpoints"]} >= {"request", "list", "get"}
            assert connection.generation == 1


async def test_a_message_that_the_broker_refused_closed_the_connection_for_good(tmp_path: Path) -> None:
    """The library closes then, although it is told to come back whatever happens."""
    with NatsServer(tmp_path / "nats") as server:
        async with asyncio.timeout(60), prepared(server.url) as connection:
            wake = asyncio.Event()
            with connection.watched(wake):
                connection.client._max_payload = 8 * MIB
                await nats.aio.client.Client.publish(connection.client, "anything", bytes(2 * MIB))
                while connection.generation == 1:
                    await wake.wait()
                    wake.clear()
            assert not connection.closed.done()
            assert connection.max_payload == MIB
            assert (await jetstream.stream_info(connection, OBJECT_STREAM)).last_sequence == 0


async def test_a_limit_that_is_lowered_while_roles_run(tmp_path: Path) -> None:
    """The broker tells nobody: the first chunk that is too large costs the connection, and not the upload."""
    server = NatsServer(tmp_path / "nats", CONFIGS["8 MiB"])
    with server:
        async with asyncio.timeout(60), prepared(server.url) as connection:
            assert connection.max_payload == 8 * MIB
            server.configure(CONFIGS["64 KiB"])
            assert server.pid
            os.kill(server.pid, signal.SIGHUP)
            await asyncio.to_thread(server.until, "Reloaded server configuration")
            objects = NatsObjects(connection, ObjectCommitter(connection))
            await objects.put(*some_file(tmp_path))
            assert connection.generation > 1
            assert connection.max_payload == 65_536


async def test_servers_of_a_cluster_with_other_limits(tmp_path: Path) -> None:
    """An upload that began at a server with large messages goes on at one with small ones, from its beginning."""
    with Cluster(tmp_path) as cluster:
        for node, most in zip(cluster.nodes, ("8MB", "65536", "65536"), strict=True):
            file = node.folder / "nats-server.conf"
            file.write_text(file.read_text().replace("max_payload: 2MB", f"max_payload: {most}"))
        await asyncio.to_thread(cluster.start)
        first = cluster.nodes[0]
        async with asyncio.timeout(120), connect(first.url, role="service") as connection:
            await infrastructure.ensure(connection, replicas=3)
            objects = NatsObjects(connection, ObjectCommitter(connection), seconds=60)
            path, sha256, size = some_file(tmp_path, 24 * MIB)
            upload = asyncio.create_task(objects.put(path, sha256, size))
            while not (await jetstream.subjects(connection, OBJECT_STREAM, chunk_subject("*"))):
                await asyncio.sleep(0)
            first.kill()
            await upload
            assert connection.generation > 1
            assert connection.max_payload == 65_536
            await objects.fetch(sha256, size, tmp_path / "out")
            meta = await read_meta(connection, sha256)
            assert meta is not None
            assert meta.chunks > 24 * MIB // 65_536
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


async def test_uploads_that_took_turns_wrote_every_change_down(tmp_path: Path) -> None:
    """The sequences of the chunks, as runs, stood in one message, which was too large where many took turns."""
    with NatsServer(tmp_path / "nats", CONFIGS["64 KiB"]) as server:
        async with asyncio.timeout(60), prepared(server.url) as connection:
            objects = NatsObjects(connection, ObjectCommitter(connection))
            files = [some_file(tmp_path, size) for size in (8 * MIB, 8 * MIB + 1)]
            async with asyncio.TaskGroup() as group:
                for file in files:
                    group.create_task(objects.put(*file))
            for path, sha256, size in files:
                meta = await read_meta(connection, sha256)
                assert meta is not None
                assert len(meta.ranges) <= 64
                await objects.fetch(sha256, size, tmp_path / "out")
                assert (tmp_path / "out").read_bytes() == path.read_bytes()
