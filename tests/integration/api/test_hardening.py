"""What holds for every route: it only reads, it is bounded for each client, and browsers are told to be careful."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import httpx
import nats
import pytest
from fastapi.routing import iter_route_contexts

from tests.support.api import QUICK, application, in_process, served
from tests.support.broker import TestBroker, prepared
from tests.support.hooks import push_body, signed
from tests.support.stage import Stage, broken, built, declared, presence, queued_build, running_build
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.api.context import Edge, LogReader
from wombat_gitops.api.headers import FILE_POLICY, SITE_POLICY, safe_headers
from wombat_gitops.api.openapi import describe
from wombat_gitops.api.server import run_api
from wombat_gitops.domain import subjects
from wombat_gitops.domain.catalogue import DistributionRecord, SourceRecord
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.records import BuildRecord, Step, StoredLog
from wombat_gitops.domain.sources import Host
from wombat_gitops.domain.webhooks import MAX_BYTES, Hook
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.downloads import Downloads
from wombat_gitops.services.webhooks import WebhookReceiver
from wombat_gitops.settings import Settings

DATA = b"a program" * 1000
LOG = b"compiling\n"
GOOD = built(queued_build(), DATA, StoredLog(digest(LOG), len(LOG)))
BAD = broken(queued_build(10, name="other"))
RUNNING = running_build(queued_build(30, name="busy"), Step.FETCH)
NAMED = "/dl/tiny/1.0.0/tiny_1.0.0_linux_amd64"
FOREIGN = {"name": "nothing", "build": "f" * 64, "sha256": "0" * 64, "digest": "x.sha256", "version": "9"}
KNOWN = {
    "name": "tiny",
    "build": GOOD.id,
    "sha256": digest(DATA),
    "digest": digest(DATA),
    "version": "1.0.0",
    "file_name": "tiny_1.0.0_linux_amd64",
    "source": "main",
    "builder": "builder-1",
    "os": "linux",
    "arch": "amd64",
    "variant": "v1",
    "kind": "processor",
    "package": "github.com",
}
HIDDEN = (
    "/",
    "/index.html",
    "/healthz",
    "/readyz",
    "/docs/rules",
    "/docs/api",
    "/docs/style.css",
    "/api/v1/openapi.json",
    "/x/y",
)
HOOK = "/api/v1/hooks/main"
SECRET = "of this test"  # noqa: S105 - of no host


class Watchers:
    """Counts the hints."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def refresh(self, source: str) -> None:
        self.asked.append(source)


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.store(DATA)
    await stage.store(LOG)
    await stage.put(GOOD, BAD, RUNNING, declared(GOOD), declared(BAD), presence())
    await stage.put(SourceRecord("main", "https://git.invalid/catalogue", "main", "manifests", "4f3c2b1a"))
    await stage.logs.append(RUNNING.id, 1, 0, "fetching\n")
    return stage


def receiver(stage: Stage, watchers: Watchers) -> WebhookReceiver:
    hook = Hook("main", Host.GITHUB, "https://git.example.invalid/team/catalogue.git", "main", lambda: SECRET)
    return WebhookReceiver([hook], watchers, lambda: stage.clock().timestamp(), stage.clock.monotonic)


def every_path(document: dict[str, Any]) -> Iterator[str]:
    """Each address of the description, with what exists and with what does not; then those it leaves out."""
    for path in document["paths"]:
        for values in (KNOWN, {**KNOWN, **FOREIGN, "file_name": "nothing"}):
            yield re.sub(r"\{(\w+)\}", lambda match, values=values: values[match[1]], path)  # type: ignore[misc]
    yield from (f"/api/v1/builds/{RUNNING.id}/log", f"/api/v1/builds/{RUNNING.id}/log/stream", f"{NAMED}.sha256")
    yield from HIDDEN


async def ask(client: httpx.AsyncClient, method: str, path: str, **options: Any) -> httpx.Response:
    """An answer; of a stream only its beginning."""
    async with client.stream(method, path, **options) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            await answer.aread()
    return answer


def test_every_route_only_reads(tmp_path: Path) -> None:
    """GET and HEAD everywhere; the one other route is the one for messages of git hosts."""
    routes = [(route.path, route.methods) for route in iter_route_contexts(application(Stage(tmp_path)).routes)]
    assert len(routes) > 40
    others = [(path, methods) for path, methods in routes if methods is None or not methods <= {"GET", "HEAD"}]
    assert others == [("/api/v1/hooks/{source}", {"POST"})]
    document = describe(application(Stage(tmp_path)))
    assert {method for operations in document["paths"].values() for method in operations} == {"get"}


@pytest.mark.parametrize("part", [Catalog, Downloads, LogReader])
def test_what_routes_are_given_offers_no_write(part: type) -> None:
    """Nothing that the application is made of has a method that could change what is stored, or ask for it."""
    writes = {"create", "replace", "put", "remove", "append", "delete", "purge", "write", "publish", "store", "commit"}
    asks = {"request", "refresh", "cancel", "retry", "claim", "step", "end", "drain", "resume", "send"}
    public = {name for name in dir(part) if not name.startswith("_")}
    assert public
    words = {word for name in public for word in name.split("_")}
    assert not words & (writes | asks)


async def test_no_route_writes_anything(stage: Stage) -> None:
    """Every route, for what exists and for what does not, by every method, over stores that refuse to be written."""
    written: list[str] = []
    stores = (stage.builds, stage.distributions, stage.sources, stage.builders, stage.objects, stage.logs)
    for store in stores:
        for name in ("create", "replace", "put", "remove", "append"):
            if hasattr(store, name):
                setattr(store, name, _refusing(written, f"{type(store).__name__}.{name}"))
    watchers, answers = Watchers(), 0
    hooks = receiver(stage, watchers)
    async with stage.running(), served(stage, hooks=hooks) as client:
        document = (await client.get("/api/v1/openapi.json")).json()
        for path in every_path(document):
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"):
                answer = await ask(client, method, path)
                assert (answer.status_code == 405) is (method not in {"GET", "HEAD"}), (method, path)
                assert answer.status_code < 500, (method, path)
                answers += 1
        body = push_body("github")
        assert (await client.post(HOOK, content=body, headers=signed("github", body, secret=SECRET))).status_code == 202

    assert written == []
    assert watchers.asked == ["main"]
    assert answers > 300


def _refusing(written: list[str], name: str) -> Any:
    async def refuse(*_: object, **__: object) -> Never:
        written.append(name)
        raise AssertionError(name)

    return refuse


async def test_the_role_only_reads_from_the_broker(broker: TestBroker, tmp_path: Path) -> None:
    """Whoever listens to everything on the broker sees the API get messages and their streams, and nothing else."""
    seen: set[str] = set()
    async with prepared(broker) as connection, AsyncExitStack() as stack:
        await _fill(connection, tmp_path)
        spy = await nats.connect(broker.url)
        stack.push_async_callback(spy.close)
        stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()
        settings = Settings(nats=broker.url, data=tmp_path / "data", port=0, rate=0)
        role = asyncio.create_task(run_api(settings, stop, address.set_result))
        async with asyncio.timeout(60), httpx.AsyncClient(base_url=await address, timeout=20) as client:
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)

            async def note(message: nats.aio.msg.Msg) -> None:
                seen.add(message.subject)

            await spy.subscribe(">", cb=note)
            await spy.flush()
            document = (await client.get("/api/v1/openapi.json")).json()
            statuses = {(await ask(client, "GET", path)).status_code for path in every_path(document)}
            assert (await client.get(NAMED)).content == DATA
        await spy.flush()
        stop.set()
        await role

    assert statuses == {200, 307, 404, 422}
    reads = ("$JS.API.DIRECT.GET.", "$JS.API.STREAM.MSG.GET.", "$JS.API.STREAM.INFO.", "_INBOX.")
    assert any(subject.startswith(reads[0]) for subject in seen)
    assert {subject for subject in seen if not subject.startswith(reads)} == set()


async def _fill(connection: Any, folder: Path) -> None:
    builds = NatsStore(connection, subjects.BUILDS, BuildRecord)
    for record in (GOOD, BAD, RUNNING):
        await builds.put(record.id, record)
    distributions = NatsStore(connection, subjects.DISTRIBUTIONS, DistributionRecord)
    for one in (declared(GOOD), declared(BAD)):
        await distributions.put(one.name, one)
    objects = NatsObjects(connection, ObjectCommitter(connection))
    for data in (DATA, LOG):
        (folder / "given").write_bytes(data)
        await objects.put(folder / "given", digest(data), len(data))
    await NatsLogs(connection).append(RUNNING.id, 1, 0, "fetching\n")


@pytest.mark.parametrize(("tls", "public_url"), [(False, ""), (True, "https://wombat.example")])
async def test_every_answer_tells_browsers_to_be_careful(stage: Stage, tls: bool, public_url: str) -> None:
    """Pages, data, files, streams, errors of every kind, and answers to git hosts."""
    statuses = set()
    expected = safe_headers(behind_tls=tls)
    async with AsyncExitStack() as stack:
        hooks = receiver(stage, Watchers())
        client = await stack.enter_async_context(served(stage, hooks=hooks, edge=Edge(tls=tls, public_url=public_url)))
        not_ready = await ask(client, "GET", "/api/v1/builds")
        await stack.enter_async_context(stage.running())
        document = (await client.get("/api/v1/openapi.json")).json()
        body = push_body("github")
        message = signed("github", body, secret=SECRET)
        answers = [
            not_ready,
            *[await ask(client, method, path) for path in every_path(document) for method in ("GET", "HEAD", "PUT")],
            await client.post(HOOK, content=body, headers=message),
            await client.post(HOOK, content=body, headers=message),
            await client.post(HOOK, content=body, headers=signed("github", body, secret=f"not {SECRET}")),
            await client.post("/api/v1/hooks/nobody", content=body),
            await client.post(HOOK, content=b"x" * (MAX_BYTES + 1), headers=message),
            await client.get(f"/api/v1?{'q' * 5000}"),
            await client.get("/api/v1", headers={"X-Much": "y" * 17_000}),
            await client.get("/api/v1/builds?limit=0"),
            await client.get("/api/v1/builds?cursor=x"),
            await client.get("/api/v1", headers={"If-None-Match": "*"}),
            await client.get(NAMED, headers={"If-None-Match": "*"}),
            await client.get(NAMED, headers={"Range": "bytes=1-2"}),
            await client.get(NAMED, headers={"Range": "bytes=0-1,4-5"}),
            await client.get(NAMED, headers={"Range": "bytes=999999-"}),
            await client.get(NAMED, headers={"Range": "nonsense"}),
        ]
    for answer in answers:
        statuses.add(answer.status_code)
        told = dict(answer.headers)
        policy = told.pop("content-security-policy")
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'")
        path = answer.request.url.path
        opened = "/hooks/" not in path and path.startswith(("/api/v1", "/dl/", "/by-digest/", "/badge/", "/feed.atom"))
        opened = bool(public_url) and (opened or path.endswith("/feed.atom"))
        assert told.pop("cross-origin-resource-policy") == ("cross-origin" if opened else "same-origin"), path
        for name, value in expected.items():
            if name == "Cross-Origin-Resource-Policy":
                continue
            assert name == "Content-Security-Policy" or told[name.lower()] == value, (answer.request.url, name)
        assert ("strict-transport-security" in told) is tls
        assert told["x-request-id"]
        assert "server" not in told
        assert answer.status_code < 400 or told["content-type"] == "application/problem+json"
    assert statuses >= {200, 202, 204, 206, 304, 400, 401, 404, 405, 413, 414, 416, 422, 431, 503}


async def test_files_are_never_shown(stage: Stage) -> None:
    """What others built is saved and not opened; should a browser show it nevertheless, it has no origin."""
    async with stage.running(), in_process(stage) as client:
        for path in (NAMED, f"/dl/sha256/{digest(DATA)}"):
            for headers in ({}, {"Range": "bytes=0-3"}):
                answer = await client.get(path, headers=headers)
                assert answer.headers["content-disposition"].startswith("attachment; ")
                assert answer.headers["content-type"] == "application/octet-stream"
                assert answer.headers["content-security-policy"] == FILE_POLICY
    assert "sandbox" in FILE_POLICY
    assert "'unsafe" not in SITE_POLICY


async def test_a_client_that_asks_too_often_is_told_when_to_come_back(stage: Stage) -> None:
    """Beyond its share 429; health is answered all the same, other clients are not touched, and time heals."""
    limits = replace(QUICK, rate=2)
    proxies = Edge(proxies=("127.0.0.1",))
    async with stage.running(), in_process(stage, limits=limits, edge=proxies) as client:
        mine = {"X-Forwarded-For": "2001:db8::1"}
        statuses = [(await client.get("/api/v1", headers=mine)).status_code for _ in range(20)]
        assert statuses == [200] * 20
        refused = await client.get("/dl/x/y/z", headers={"X-Forwarded-For": "2001:db8::2:3"})
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "1"
        for path in ("/healthz", "/readyz"):
            assert {(await client.get(path, headers=mine)).status_code for _ in range(30)} == {200}
        assert (await client.get("/api/v1", headers={"X-Forwarded-For": "2001:db8:0:1::1"})).status_code == 200
        assert (await client.post("/api/v1/hooks/x", headers=mine)).status_code == 404
        stage.clock.forward(int(refused.headers["retry-after"]))
        assert (await client.get("/api/v1", headers=mine)).status_code == 200


async def test_only_trusted_proxies_say_for_whom_they_ask(stage: Stage) -> None:
    """By default nobody is believed; of a chain counts the last address that is no trusted proxy's."""
    limits = replace(QUICK, rate=0.1)
    async with stage.running(), in_process(stage, limits=limits) as client:
        statuses = [
            (await client.get("/api/v1", headers={"X-Forwarded-For": f"192.0.2.{index}"})).status_code
            for index in range(2)
        ]
        assert statuses == [200, 429]
    trusted = Edge(proxies=("10.0.0.0/8",))
    async with stage.running(), in_process(stage, limits=limits, edge=trusted, peer="10.1.2.3") as client:
        chains = ("192.0.2.1", "198.51.100.9, 192.0.2.2, 10.9.9.9", "198.51.100.1, 192.0.2.2")
        statuses = [(await client.get("/api/v1", headers={"X-Forwarded-For": chain})).status_code for chain in chains]
        assert statuses == [200, 200, 429]


async def test_messages_of_git_hosts_have_a_count_of_their_own(stage: Stage) -> None:
    """A reader's greed behind the same address does not silence them, and their flood is bounded too."""
    limits = replace(QUICK, rate=0.1)
    async with stage.running(), in_process(stage, limits=limits) as client:
        assert [(await client.get("/api/v1")).status_code for _ in range(2)] == [200, 429]
        assert [(await client.post(HOOK)).status_code for _ in range(2)] == [404, 429]


@pytest.mark.parametrize("what", ["streams", "downloads"])
async def test_one_client_cannot_take_every_place(stage: Stage, what: str) -> None:
    """One client has a share of what stays open; another one still gets its own."""
    limits = replace(QUICK, client_streams=1, client_downloads=1)
    slow = _Slow(stage)
    downloads = Downloads(slow, stage.folder / "slow") if what == "downloads" else None
    path = NAMED if what == "downloads" else "/api/v1/events"
    edge = Edge(proxies=("127.0.0.1",))
    async with stage.running(), served(stage, limits=limits, edge=edge, downloads=downloads) as client:
        holding = asyncio.create_task(client.send(client.build_request("GET", path), stream=True))
        if what == "downloads":
            await slow.begun.wait()
        else:
            await holding
        refused = await ask(client, "GET", path)
        other = asyncio.create_task(ask(client, "GET", path, headers={"X-Forwarded-For": "192.0.2.1"}))
        slow.go_on.set()
        assert (await other).status_code == 200
        held = await holding
        assert held.status_code == 200
        await held.aclose()
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    assert int(refused.headers["retry-after"]) > 0


class _Slow:
    """A store whose objects come when told."""

    def __init__(self, stage: Stage) -> None:
        self._objects = stage.objects
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def fetch(self, sha256: str, size: int, target: Path) -> None:
        self.begun.set()
        await self.go_on.wait()
        await self._objects.fetch(sha256, size, target)

    async def put(self, path: Path, sha256: str, size: int) -> None:
        await self._objects.put(path, sha256, size)

    async def size(self, sha256: str) -> int | None:
        return await self._objects.size(sha256)


async def test_ready_is_told_with_what_is_missing(stage: Stage) -> None:
    """Before the catalogue, without the broker, and at the end: each is named, while the process lives."""
    stopping = asyncio.Event()

    async def missing(client: httpx.AsyncClient) -> str:
        answer = await client.get("/readyz")
        assert (await client.get("/healthz")).text == "ok\n"
        assert answer.headers["cache-control"] == "no-store"
        if answer.status_code == 200:
            return ""
        assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        return str(answer.json()["detail"])

    async for client in _clients(stage, stopping):
        stage.connected = False
        assert await missing(client) == "the catalogue is still being read; there is no connection to the broker"
        stage.connected = True
        assert await missing(client) == "the catalogue is still being read"
        async with stage.running():
            assert await missing(client) == ""
            stage.connected = False
            assert await missing(client) == "there is no connection to the broker"
            assert (await client.get("/api/v1/builds")).status_code == 200
            stage.connected = True
            stopping.set()
            assert await missing(client) == "the server is about to stop"


async def _clients(stage: Stage, stopping: asyncio.Event) -> AsyncIterator[httpx.AsyncClient]:
    app = application(stage, stopping=stopping)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client
