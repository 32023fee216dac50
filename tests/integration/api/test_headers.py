"""What every address says beside its body: by what it is kept, under what name it is saved, and whether it is new."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.api import in_process, served
from tests.support.reference import TINY, tell
from tests.support.stage import Stage, built, declared, queued_build, running_build
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.model import Withdrawal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

DATA = b"\x7fELF" + bytes(range(256)) * 8
SHA256 = digest(DATA)
GOOD = built(queued_build(), DATA)
RUNNING = running_build(queued_build(50, name="busy"))
BAD_DATA = b"leaks"
BAD = built(queued_build(60, name="bad"), BAD_DATA)
FILE = "tiny_1.0.0_linux_amd64"
NO_CACHE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Address:
    """What is answered at *path*: `saved_as` is the name in Content-Disposition, "" where there is none."""

    path: str
    media_type: str
    cache: str = NO_CACHE
    saved_as: str = ""
    attached: bool = False
    dated: bool = False
    ranges: bool = False


ADDRESSES = [
    Address(f"/dl/tiny/1.0.0/{FILE}", "application/octet-stream", NO_CACHE, FILE, True, True, True),
    Address(f"/dl/sha256/{SHA256}", "application/octet-stream", FOR_EVER, FILE, True, True, True),
    Address(f"/by-digest/sha256:{SHA256}", "application/octet-stream", FOR_EVER, FILE, True, True, True),
    Address(f"/dl/tiny/1.0.0/{FILE}.sha256", "text/plain; charset=utf-8", saved_as=f"{FILE}.sha256"),
    Address(f"/by-digest/sha256:{SHA256}.sha256", "text/plain; charset=utf-8", saved_as=f"{FILE}.sha256"),
    Address("/dl/tiny/1.0.0/SHA256SUMS", "text/plain; charset=utf-8"),
    Address("/badge/tiny.svg", "image/svg+xml", "public, max-age=60"),
    Address("/feed.atom", "application/atom+xml", dated=True),
    Address("/d/tiny/feed.atom", "application/atom+xml", dated=True),
    Address("/api/v1/distributions/tiny/manifest", "application/yaml; charset=utf-8", saved_as="tiny.yaml"),
    Address("/api/v1/distributions/tiny/readme", "text/markdown; charset=utf-8", saved_as="tiny.md"),
    Address("/api/v1/distributions/tiny/config-schema", "application/schema+json", saved_as="tiny_1.0.0.schema.json"),
    Address(
        f"/api/v1/builds/{GOOD.id}/config-schema",
        "application/schema+json",
        FOR_EVER,
        saved_as="tiny_1.0.0.schema.json",
    ),
    Address(
        f"/api/v1/builds/{GOOD.id[:12]}/config-schema", "application/schema+json", saved_as="tiny_1.0.0.schema.json"
    ),
    Address(
        "/api/v1/compose/manifest?name=edge&package=pure",
        "application/yaml; charset=utf-8",
        saved_as="edge.yaml",
        attached=True,
    ),
    Address(
        f"/api/v1/builds/{GOOD.id}/log",
        "text/plain; charset=utf-8",
        saved_as=f"{FILE}.1.log",
        dated=True,
        ranges=True,
    ),
    Address(f"/api/v1/builds/{GOOD.id}/log?tail=1", "text/plain; charset=utf-8", saved_as=f"{FILE}.1.log"),
    Address(
        f"/api/v1/builds/{RUNNING.id}/log?tail=1",
        "text/plain; charset=utf-8",
        saved_as="busy_1.0.0_linux_amd64.1.log",
    ),
    Address("/docs/rules", "text/html; charset=utf-8"),
    Address("/docs/problems", "text/html; charset=utf-8"),
    Address("/docs/api", "text/html; charset=utf-8"),
    Address("/docs/style.css", "text/css; charset=utf-8"),
    Address("/docs/theme.js", "text/javascript; charset=utf-8"),
    Address("/sitemap.xml", "application/xml"),
    Address("/robots.txt", "text/plain; charset=utf-8"),
    Address("/llms.txt", "text/plain; charset=utf-8"),
    Address("/api/v1", "application/json"),
    Address("/api/v1/sources", "application/json"),
    Address("/api/v1/openapi.json", "application/json"),
    Address("/", "text/html; charset=utf-8"),
    Address("/d/tiny/v/1.0.0", "text/html; charset=utf-8"),
    Address("/favicon.svg", "image/svg+xml"),
    Address("/assets/app-1234.js", "text/javascript; charset=utf-8", FOR_EVER),
]


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    """`tiny` with all that there can be of it, a build that runs, and one that is withdrawn."""
    stage = Stage(tmp_path)
    await stage.store(DATA)
    log = await stage.store_log("go: downloading\ncompiling\n")
    good = await tell(stage, built(queued_build(), DATA, log), TINY)
    await stage.put(good, RUNNING, BAD, declared(good, readme="# tiny\n"), declared(RUNNING))
    await stage.put(declared(BAD, withdrawn=Withdrawal("leaks credentials", ())))
    await stage.logs.append(RUNNING.id, 1, 1, "go: downloading\n")
    return stage


@pytest.fixture
async def client(stage: Stage, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    site = tmp_path / "dist"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html><title>site</title>")
    (site / "favicon.svg").write_text("<svg/>")
    (site / "assets" / "app-1234.js").write_text("1")
    async with stage.running(), served(stage, site=site) as client:
        yield client


async def test_an_answer_says_what_it_is(client: httpx.AsyncClient) -> None:
    """Kind, how long it is kept, what a copy is called, its date; HEAD is told the same as GET."""
    changing = {"date", "ratelimit", "ratelimit-policy", "x-request-id"}
    for address in ADDRESSES:
        answer, head = await client.get(address.path), await client.head(address.path)
        assert answer.status_code == 200, (address.path, answer.text)
        told = {name: value for name, value in answer.headers.items() if name not in changing}
        disposition = told.get("content-disposition", "")
        saved_as = re.search(r'filename="([^"]*)"', disposition)
        found = Address(
            address.path,
            told["content-type"],
            told["cache-control"],
            saved_as[1] if saved_as else "",
            disposition.startswith("attachment"),
            "last-modified" in told,
            told.get("accept-ranges") == "bytes",
        )
        assert found == address
        assert (head.status_code, head.content) == (200, b""), address.path
        assert {name: value for name, value in head.headers.items() if name not in changing} == told, address.path


async def test_what_a_client_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    """By its strong tag, for GET and HEAD; a 304 has what a copy is kept by, and no body."""
    for path in (address.path for address in ADDRESSES):
        whole = await client.get(path)
        known = {"If-None-Match": f'"other", W/{whole.headers["etag"]}'}
        for answer in (await client.get(path, headers=known), await client.head(path, headers=known)):
            assert (answer.status_code, answer.content) == (304, b""), path
            for name in ("etag", "cache-control", "vary"):
                assert answer.headers.get(name) == whole.headers.get(name), (path, name)
            assert "content-encoding" not in answer.headers, path
        other = {"If-None-Match": '"other"', "If-Modified-Since": whole.headers.get("last-modified", "")}
        assert (await client.get(path, headers=other)).status_code == 200, path


async def test_nothing_is_written(client: httpx.AsyncClient) -> None:
    """Another method is a problem that says which there are."""
    for path in (address.path for address in ADDRESSES):
        answer = await client.delete(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD"), path
        assert answer.headers["content-type"] == "application/problem+json", path
        assert answer.headers["cache-control"] == "no-store", path


async def test_what_is_packed_depends_on_who_asks(client: httpx.AsyncClient) -> None:
    """`Vary` is there with and without packing, and each form has a tag of its own."""
    for path in ("/api/v1/openapi.json", "/docs/api", "/docs/style.css"):
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
        assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
        assert plain.headers["etag"] != packed.headers["etag"]
        assert plain.content == packed.content


async def test_an_address_of_the_newest_is_asked_each_time(client: httpx.AsyncClient) -> None:
    """Nobody keeps where it led."""
    for path, location in {
        "/dl/tiny/latest/linux/amd64": f"/dl/tiny/1.0.0/{FILE}",
        "/dl/tiny/latest/linux/amd64.sha256": f"/dl/tiny/1.0.0/{FILE}.sha256",
        "/dl/tiny/latest/SHA256SUMS": "/dl/tiny/1.0.0/SHA256SUMS",
        "/api/v1/distributions/tiny/versions/latest": "/api/v1/distributions/tiny/versions/1.0.0",
    }.items():
        for answer in (await client.get(path), await client.head(path)):
            assert (answer.status_code, answer.headers["location"]) == (307, location)
            assert answer.headers["cache-control"] == "no-store"
            assert (await client.get(location)).status_code == 200


async def test_a_problem_is_told_as_one(client: httpx.AsyncClient) -> None:
    """As a document that is never kept, to HEAD too; a page is not sent in the place of a file."""
    for path, status in {
        "/dl/tiny/9.9.9/x": 404,
        "/dl/nothing/latest/linux/amd64": 404,
        "/dl/tiny/9.9.9/SHA256SUMS": 404,
        f"/by-digest/sha256:{'0' * 64}": 404,
        f"/by-digest/sha256:{digest(BAD_DATA)}": 410,
        "/dl/bad/1.0.0/SHA256SUMS": 410,
        "/dl/bad/latest/linux/amd64": 410,
        "/d/nothing/feed.atom": 404,
        "/api/v1/distributions/bad/readme": 404,
        "/api/v1/distributions/nothing/manifest": 404,
        f"/api/v1/builds/{RUNNING.id}/config-schema": 404,
        f"/api/v1/builds/{GOOD.id}/log?attempt=7": 404,
        "/docs/nothing": 404,
        "/assets/nothing.js": 404,
        "/favicon.ico": 404,
        "/.well-known/security.txt": 404,
        "/badge/tiny.svg?kind=age": 422,
    }.items():
        answer, head = await client.get(path), await client.head(path)
        assert (answer.status_code, head.status_code) == (status, status), path
        assert answer.json()["status"] == status
        assert answer.headers["content-type"] == head.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert head.content == b""


async def test_a_file_is_as_old_as_its_build(client: httpx.AsyncClient, stage: Stage) -> None:
    """And not as its copy here, which every download touched; whoever knows dates alone need not fetch it twice."""
    path = f"/dl/tiny/1.0.0/{FILE}"
    build = stage.catalog.known_builds()[GOOD.id]
    date = format_datetime(build.changed_at, usegmt=True)

    assert (await client.get(path)).headers["last-modified"] == date
    assert (await client.get(path, headers={"If-Modified-Since": date})).status_code == 304
    later = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert (await client.get(path, headers=later)).status_code == 200, "something older may have taken its place"
    part = await client.get(path, headers={"Range": "bytes=0-3", "If-Range": date})
    assert (part.status_code, part.content) == (206, DATA[:4])


async def test_ranges_are_of_bytes(client: httpx.AsyncClient) -> None:
    """HEAD is told the same as GET; a unit that nobody here knows counts as none."""
    path = f"/dl/tiny/1.0.0/{FILE}"
    asked = {"bytes=0-3": 206, "bytes=-4": 206, "bytes=0-1,4-5": 206, "bytes=99999-": 416, "lines=1-2": 200}
    for part, status in asked.items():
        answer, head = await client.get(path, headers={"Range": part}), await client.head(path, headers={"Range": part})
        assert (answer.status_code, head.status_code) == (status, status), part
        assert answer.headers["content-length"] == head.headers["content-length"] == str(len(answer.content)), part
        assert answer.headers["content-type"].partition(";")[0] == head.headers["content-type"].partition(";")[0]


async def test_a_stream_does_not_say_that_it_is_empty(client: httpx.AsyncClient) -> None:
    """HEAD has no length, as GET has none; it said 0."""
    build = f"/api/v1/builds/{RUNNING.id}"
    for path in ("/api/v1/events", f"{build}/events", f"{build}/log/stream"):
        head = await client.head(path)
        assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert "content-length" not in head.headers


async def test_a_feed_without_entries_has_no_date(tmp_path: Path) -> None:
    """1970 was told of one that never had any."""
    stage = Stage(tmp_path)
    async with stage.running(), in_process(stage) as client:
        answer = await client.get("/feed.atom")

    assert answer.status_code == 200
    assert "last-modified" not in answer.headers
