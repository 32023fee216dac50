"""Files from disk to network: right whatever part is asked for, and nothing waits for a reader that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from tests.support.api import QUICK, served
from tests.support.stage import Stage, built, declared, queued_build
from wombat_gitops.api.exchanges import EXTENSIONS
from wombat_gitops.domain.identity import digest

DATA = random.Random(0).randbytes(12_000_000)
"""More than the buffers of a connection hold, so that a reader who stops stops the sender."""

PATH = f"/dl/sha256/{digest(DATA)}"
FEW = replace(QUICK, downloads=1)
LOOPS = [asyncio.run, uvloop.run]

Run = Callable[[Coroutine[Any, Any, None]], None]


async def filled(folder: Path) -> Stage:
    stage = Stage(folder)
    await stage.store(DATA)
    build = built(queued_build(), DATA)
    await stage.put(build, declared(build))
    return stage


def stopped_reader(client: httpx.AsyncClient) -> socket.socket:
    """A client that has asked for the file and takes the first bytes of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((client.base_url.host, client.base_url.port))
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


async def until_served(client: httpx.AsyncClient) -> bytes:
    """The file, as soon as its one place is free."""
    while True:
        answer = await client.get(PATH)
        if answer.status_code == 200:
            return answer.content
        assert answer.status_code == 503
        await asyncio.sleep(0.01)


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def taken(connection: socket.socket) -> int:
    """Bytes that still come until the connection ends, however it does."""
    got = 0
    with contextlib.suppress(ConnectionResetError):
        while count := len(await asyncio.to_thread(connection.recv, 1 << 20)):
            got += count
    return got


def test_the_system_sends_files_here() -> None:
    """Where it does not, they are read and written: all tests of files hold there too."""
    assert bool(EXTENSIONS) is hasattr(os, "sendfile")


@pytest.mark.parametrize("run", LOOPS)
def test_every_part_is_right(tmp_path: Path, run: Run) -> None:
    """Whole, in parts, and several of them on one connection."""

    async def check() -> None:
        stage = await filled(tmp_path)
        async with stage.running(), served(stage) as client:
            whole = await client.get(PATH)
            assert (whole.status_code, whole.content) == (200, DATA)
            tag = whole.headers["etag"]
            size = len(DATA)
            for given, start, end in (
                ("bytes=0-0", 0, 1),
                ("bytes=5000000-", 5_000_000, size),
                ("bytes=-7", size - 7, size),
                ("bytes=100-9999999", 100, 10_000_000),
            ):
                part = await client.get(PATH, headers={"Range": given, "If-Range": tag})
                assert (part.status_code, part.content) == (206, DATA[start:end])
                assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
            other = await client.get(PATH, headers={"Range": "bytes=5-6", "If-Range": '"another"'})
            assert (other.status_code, other.content) == (200, DATA)
            parts = await client.get(PATH, headers={"Range": "bytes=0-1,9000000-9000001"})
            assert parts.status_code == 206
            assert DATA[9_000_000:9_000_002] in parts.content
            head = await client.head(PATH)
            assert (head.headers["content-length"], head.content) == (str(size), b"")
            beyond = await client.get(PATH, headers={"Range": f"bytes={size}-"})
            assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")

    run(check())


@pytest.mark.parametrize("run", LOOPS)
def test_a_reader_that_goes_leaves_nothing_behind(tmp_path: Path, run: Run) -> None:
    """Neither its place nor a descriptor."""

    async def check() -> None:
        stage = await filled(tmp_path)
        async with stage.running(), served(stage, limits=FEW) as client:
            assert await until_served(client) == DATA
            before = descriptors()
            for _ in range(3):
                with stopped_reader(client) as connection:
                    await asyncio.to_thread(connection.recv, 1000)
                assert await until_served(client) == DATA
            while descriptors() > before:
                await asyncio.sleep(0.01)

    run(check())


@pytest.mark.parametrize("run", LOOPS)
def test_a_reader_that_stops_is_cut_off(tmp_path: Path, run: Run) -> None:
    """After its time, so that others get its place; what it had not taken is lost to it alone."""

    async def check() -> None:
        stage = await filled(tmp_path)
        limits = replace(FEW, stall_seconds=0.3)
        async with stage.running(), served(stage, limits=limits) as client:
            with stopped_reader(client) as connection:
                await asyncio.to_thread(connection.recv, 1000)
                assert (await client.get(PATH)).status_code == 503
                assert await until_served(client) == DATA
                assert await taken(connection) < len(DATA) - 1000

    run(check())


@pytest.mark.parametrize("run", LOOPS)
def test_a_copy_that_is_cut_short_is_no_whole_answer(tmp_path: Path, run: Run) -> None:
    """Where somebody damages the copy while it is being sent, the connection breaks; the next reader gets it whole."""

    async def check() -> None:
        stage = await filled(tmp_path)
        async with stage.running(), served(stage) as client:
            assert await until_served(client) == DATA
            with stopped_reader(client) as connection:
                assert await asyncio.to_thread(connection.recv, 1000)
                os.truncate(stage.folder / "downloads" / digest(DATA), len(DATA) - 10_000)
                assert await taken(connection) < len(DATA) - 5_000
            assert await until_served(client) == DATA

    run(check())


async def test_a_stop_ends_a_download(tmp_path: Path) -> None:
    """The server does not wait for a reader that has stopped longer than for others."""
    stage = await filled(tmp_path)
    async with stage.running():
        async with served(stage) as client:
            connection = stopped_reader(client)
            await asyncio.to_thread(connection.recv, 1000)
        connection.close()
