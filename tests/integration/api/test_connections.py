"""What clients do to a server below the level of requests: too slow, too large, too many, and not HTTP at all."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from tests.support.api import QUICK, served
from tests.support.hooks import SECRET, push_body, signed
from tests.support.stage import Stage, declared, queued_build, running_build
from wombat_gitops.api.context import Edge
from wombat_gitops.api.headers import safe_headers
from wombat_gitops.api.limits import Limits
from wombat_gitops.domain.records import Step
from wombat_gitops.domain.sources import Host
from wombat_gitops.domain.webhooks import Hook
from wombat_gitops.services.webhooks import WebhookReceiver

HASTY = replace(QUICK, head_seconds=0.3, body_seconds=0.3, idle_seconds=1)
GET = b"GET /api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
HOOK = "/api/v1/hooks/main"


@dataclass
class Wire:
    """A connection that says exactly what it is told."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def one(self) -> tuple[int, dict[str, str], bytes]:
        """One answer with its headers."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(first.split()[1]), headers, body

    async def refused(self, status: int, code: str) -> None:
        """One problem, as careful as every answer, and the end of the connection."""
        told, headers, body = await self.one()
        problem = json.loads(body)
        assert (told, problem["status"], problem["code"]) == (status, status, code)
        assert headers["content-type"] == "application/problem+json"
        assert headers["connection"] == "close"
        assert headers["x-request-id"] == problem["request_id"]
        assert headers["cache-control"] == "no-store"
        assert all(headers[name.lower()] == value for name, value in safe_headers().items())
        assert ("retry-after" in headers) is (status in {429, 503})
        assert await self.rest() == b""


@asynccontextmanager
async def dial(client: httpx.AsyncClient, source: str = "127.0.0.1") -> AsyncIterator[Wire]:
    """A connection from the address *source*."""
    address = (client.base_url.host, client.base_url.port)
    reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
    async with asyncio.timeout(60):
        try:
            yield Wire(reader, writer)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def site(folder: Path, limits: Limits = HASTY, edge: Edge | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A server with a webhook."""
    hook = Hook("main", Host.GITHUB, "https://git.example.invalid/team/catalogue.git", "main", lambda: SECRET)
    stage = Stage(folder)
    hooks = WebhookReceiver([hook], _Watchers(), lambda: stage.clock().timestamp(), stage.clock.monotonic)
    async with stage.running(), served(stage, limits=limits, hooks=hooks, edge=edge or Edge()) as client:
        yield client


class _Watchers:
    async def refresh(self, source: str) -> None:
        pass


async def test_headers_have_to_come_in_time(tmp_path: Path) -> None:
    """Bytes that trickle do not win more time; neither in a first request nor in a later one."""
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(GET)
        assert (await wire.one())[0] == 200
        await wire.say(b"GET /api/v1 HTTP/1.1\r\n")
        trickle = asyncio.create_task(_trickle(wire))
        await wire.refused(408, "too-slow")
        trickle.cancel()
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(b"G")
        await wire.refused(408, "too-slow")


async def _trickle(wire: Wire) -> None:
    number = 0
    while True:
        number += 1
        await wire.say(f"X-{number}: y\r\n".encode())
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("before", [b"", GET])
async def test_a_silent_connection_is_ended(tmp_path: Path, before: bytes) -> None:
    """One that never says anything, and one that has said enough, are closed without a word."""
    async with site(tmp_path) as client, dial(client) as wire:
        if before:
            await wire.say(before)
            assert (await wire.one())[0] == 200
        assert await wire.rest() == b""


async def test_a_message_has_to_come_in_time(tmp_path: Path) -> None:
    """A body that trickles is given up, and its place is free again."""
    head = f"POST {HOOK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n".encode()
    async with site(tmp_path) as client:
        for _ in range(40):  # more than there are places for messages at once
            async with dial(client) as wire:
                await wire.say(head, b"{")
        async with dial(client) as wire:
            await wire.say(head, b"{")
            await wire.refused(408, "too-slow")
        body = push_body("github")
        assert (await client.post(HOOK, content=body, headers=signed("github", body))).status_code == 202


async def test_a_large_request_is_not_read(tmp_path: Path) -> None:
    """A long address, many headers, large headers at once or for ever: each is refused, none is kept."""
    limits = Limits()
    async with site(tmp_path, replace(QUICK, head_seconds=20)) as client:
        for target in ("/" + "p" * limits.path_bytes, "/?" + "q" * (limits.query_bytes + 1)):
            async with dial(client) as wire:
                await wire.say(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                await wire.refused(414, "address-too-long")
        many = "".join(f"X-{index}: y\r\n" for index in range(limits.headers + 1))
        for more in (many, f"X-Much: {'y' * limits.header_bytes}\r\n"):
            async with dial(client) as wire:
                await wire.say(f"GET / HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
                await wire.refused(431, "headers-too-large")
        async with dial(client) as wire:
            await wire.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: ")
            endless = asyncio.create_task(_endless(wire))
            answer = await wire.rest()
            endless.cancel()
            assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
        async with dial(client) as wire:
            longest = "/" + "p" * (limits.path_bytes - 1) + "?" + "q" * limits.query_bytes
            await wire.say(f"GET {longest} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert (await wire.one())[0] == 200


async def _endless(wire: Wire) -> None:
    while True:
        await wire.say(b"y" * 1024)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/11\r\nHost: localhost\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_told_so(tmp_path: Path, data: bytes) -> None:
    """One careful answer, and the server goes on for others."""
    async with site(tmp_path) as client:
        async with dial(client) as wire:
            await wire.say(data)
            await wire.refused(400, "malformed")
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
@pytest.mark.parametrize(("method", "status"), [(b"GET", 413), (b"POST", 405), (b"OPTIONS", 405)])
async def test_nothing_is_read_where_nothing_is_taken(tmp_path: Path, head: bytes, method: bytes, status: int) -> None:
    """A body ends the connection unread, so that no request can be hidden in it."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(method + b" /api/v1 HTTP/1.1\r\nHost: localhost\r\n" + head + hidden)
        told, headers, _ = await wire.one()
        assert (told, headers["connection"]) == (status, "close")
        assert await wire.rest() == b""


async def test_a_message_has_one_length(tmp_path: Path) -> None:
    """Where a proxy and this server could disagree about the end of a message, it is refused."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(f"POST {HOOK} HTTP/1.1\r\nHost: localhost\r\n".encode() + both)
        await wire.refused(400, "malformed")


async def test_a_broken_message_is_refused(tmp_path: Path) -> None:
    """Chunks that are none: while the message is being read, an answer and the end."""
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(
            f"POST {HOOK} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode(), b"zz\r\n"
        )
        await wire.refused(400, "malformed")


async def test_requests_may_follow_one_another(tmp_path: Path) -> None:
    """What waits on a connection is answered in order."""
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(GET + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + GET + GET[:9])
        assert [(await wire.one())[0] for _ in range(3)] == [200, 200, 200]
        await wire.say(GET[9:])
        assert (await wire.one())[0] == 200


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1\r\nHost: localhost\r\nConnection: close", b"HTTP/1.0", b"HTTP/1.0\r\nConnection: keep-alive"]
)
async def test_who_asks_for_the_end_gets_it_at_once(tmp_path: Path, head: bytes) -> None:
    """Not only when the connection has been silent for its time."""
    async with site(tmp_path, replace(QUICK, idle_seconds=600)) as client, dial(client) as wire:
        await wire.say(b"GET /api/v1 " + head + b"\r\n\r\n" + GET)
        status, headers, _ = await wire.one()
        assert (status, headers["connection"]) == (200, "close")
        assert await wire.rest() == b""


async def test_an_old_client_gets_no_chunks(tmp_path: Path) -> None:
    """HTTP/1.0 knows none: an answer of unknown length ends with the connection."""
    stage = Stage(tmp_path)
    build = running_build(queued_build(), Step.FETCH)
    await stage.put(build)
    for number in range(3):
        await stage.logs.append(build.id, 1, number, f"line {number}\n")
    async with stage.running(), served(stage) as client, dial(client) as wire:
        await wire.say(f"GET /api/v1/builds/{build.id}/log HTTP/1.0\r\n\r\n".encode())
        head, _, body = (await wire.rest()).partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert body == b"line 0\nline 1\nline 2\n"


async def test_many_requests_at_once_wait_as_bytes(tmp_path: Path) -> None:
    """They are answered in order, and what is wrong behind them is told behind their answers."""
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(GET * 2000, b"no request\r\n\r\n")
        for _ in range(2000):
            assert (await wire.one())[0] == 200
        await wire.refused(400, "malformed")


@pytest.mark.parametrize(
    "request_line", [b"CONNECT other:443", b"OPTIONS *", b"GET http://other/api/v1", b"GET /%0d%0aX-Evil:%20y?%0d%0a"]
)
async def test_this_is_no_proxy(tmp_path: Path, request_line: bytes) -> None:
    """Odd targets are answered here, and nothing of them becomes a header."""
    async with site(tmp_path) as client, dial(client) as wire:
        upgrade = b"Connection: upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        await wire.say(request_line + b" HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n")
        status, headers, _ = await wire.one()
        assert status in {200, 404, 405}
        assert "x-evil" not in headers
        assert "upgrade" not in headers


async def test_connections_are_bounded(tmp_path: Path) -> None:
    """Beyond the limit one is told so at once; a place that was left can be taken."""
    for limits in (replace(QUICK, connections=2), replace(QUICK, client_connections=2)):
        async with site(tmp_path, limits) as client:
            async with dial(client) as first, dial(client) as second:
                for wire in (first, second):
                    await wire.say(GET)
                    assert (await wire.one())[0] == 200
                async with dial(client) as third:
                    await third.refused(503, "busy")
            async with asyncio.timeout(60):
                while True:
                    async with dial(client) as again:
                        await again.say(GET)
                        if (await again.one())[0] == 200:
                            break


FIVE = tuple(f"127.0.0.{last}" for last in range(2, 7))
NEEDS_LOOPBACK = pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")


@NEEDS_LOOPBACK
async def test_five_addresses_could_use_up_all_connections(tmp_path: Path) -> None:
    """Each takes as many as it gets and never ends its headers; a sixth still gets every answer."""
    limits = replace(QUICK, connections=100, client_connections=20, head_seconds=60)
    async with site(tmp_path, limits) as client, AsyncExitStack() as stack:
        for _ in range(limits.client_connections + 1):
            for address in FIVE:
                wire = await stack.enter_async_context(dial(client, address))
                await wire.say(b"GET /api/v1 HTTP/1.1\r\nHost: loc")
        for _ in range(3):
            async with dial(client, "127.0.0.7") as sixth:
                await sixth.say(GET)
                assert (await sixth.one())[0] == 200
        async with dial(client, FIVE[0]) as greedy:
            await greedy.refused(503, "busy")


@NEEDS_LOOPBACK
async def test_five_addresses_could_use_up_all_event_streams(tmp_path: Path) -> None:
    """Those that come too late are told so; a sixth address still hears of changes."""
    limits = replace(QUICK, streams=50, client_streams=10)
    async with site(tmp_path, limits) as client, AsyncExitStack() as stack:
        statuses = list[int]()
        for _ in range(limits.client_streams):
            for address in FIVE:
                wire = await stack.enter_async_context(dial(client, address))
                await wire.say(GET.replace(b"/api/v1", b"/api/v1/events"))
                statuses.append((await wire.one())[0])
        assert set(statuses) == {200, 429}
        async with dial(client, "127.0.0.7") as sixth:
            await sixth.say(GET.replace(b"/api/v1", b"/api/v1/events"))
            assert (await sixth.one())[0] == 200


async def test_a_trusted_proxy_may_have_many_connections(tmp_path: Path) -> None:
    """It speaks for many clients; only the bound for all of them holds."""
    limits = replace(QUICK, client_connections=1)
    edge = Edge(proxies=("127.0.0.1",))
    async with site(tmp_path, limits, edge) as client, dial(client) as first, dial(client) as second:
        for wire in (first, second):
            await wire.say(GET)
            assert (await wire.one())[0] == 200


async def test_a_reader_that_takes_nothing_loses_its_connection(tmp_path: Path) -> None:
    """Also with much still to be sent: nothing waits for it, neither place nor memory nor connection."""
    limits = replace(QUICK, stall_seconds=0.2, connections=1)
    stage = Stage(tmp_path)
    record = declared(queued_build(), manifest="# long\n" * 2_000_000)
    await stage.put(record)
    async with stage.running(), served(stage, limits=limits) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port)) as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.sendall(
                f"GET /api/v1/distributions/{record.name}/manifest HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            )
            async with asyncio.timeout(60):
                while True:
                    async with dial(client) as wire:
                        await wire.say(GET)
                        if (await wire.one())[0] == 200:
                            break
                    await asyncio.sleep(0.01)


async def test_an_answer_begins_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that hangs is ended and the client is told; a stream is not ended for being long."""
    stage = Stage(tmp_path)
    ended = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    limits = replace(QUICK, answer_seconds=0.2)
    async with (
        stage.running(),
        served(stage, limits=limits) as client,
        client.stream("GET", "/api/v1/events") as stream,
    ):
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("retry:")
        monkeypatch.setattr("fastapi.routing.run_endpoint_function", hang)
        # It ends after the time that the stream would have had.
        answer = await client.get("/api/v1/distributions/tiny")
        await ended.wait()
        await stage.put(declared(queued_build(name="late")))
        while "event: change" not in await anext(lines):
            pass
    assert (answer.status_code, answer.json()["code"]) == (504, "timed-out")
