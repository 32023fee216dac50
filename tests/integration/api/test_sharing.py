"""What answers tell beside their content: who may read them, how often, how old they are; and bytes by digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import QUICK, in_process
from tests.support.stage import Stage, built, declared, queued_build
from wombat_gitops.api.context import Edge
from wombat_gitops.api.limits import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

DATA = b"good bytes"
GOOD = built(queued_build(), DATA)
SHA256 = GOOD.artifact.sha256  # type: ignore[union-attr]
PUBLIC = Edge(public_url="https://wombat.example")
OPEN = ["/api/v1/builds", "/api/v1/nothing", f"/dl/sha256/{SHA256}", "/badge/a.svg", "/feed.atom"]


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.store(DATA)
    await stage.put(GOOD, declared(GOOD))
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running(), in_process(stage, edge=PUBLIC) as client:
        yield client


@pytest.mark.parametrize("name", [SHA256, f"sha256:{SHA256}"])
async def test_bytes_by_their_digest(client: httpx.AsyncClient, name: str) -> None:
    """They never change, so they are kept for ever; parts, conditions and HEAD as for any file."""
    url = f"/by-digest/{name}"
    whole = await client.get(url)

    assert (whole.content, whole.headers["cache-control"]) == (DATA, "public, max-age=31536000, immutable")
    tag = whole.headers["etag"]
    part = await client.get(url, headers={"Range": "bytes=5-", "If-Range": tag})
    assert (part.status_code, part.content) == (206, b"bytes")
    other = await client.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, DATA)
    assert (await client.get(url, headers={"If-None-Match": tag})).status_code == 304
    head = await client.head(url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(DATA)))
    assert (await client.get(f"{url}.sha256")).text.startswith(SHA256)
    assert (await client.get("/by-digest/sha256:0123")).status_code == 404


@pytest.mark.parametrize("path", OPEN)
async def test_another_website_could_read_the_api_of_a_laptop(stage: Stage, path: str) -> None:
    """Every answer was open to scripts of all websites, also where no public address is configured."""
    origin = {"Origin": "https://elsewhere.example"}
    asked = {**origin, "Access-Control-Request-Method": "GET"}
    async with stage.running(), in_process(stage) as client:
        answers = [await client.get(path, headers=origin), await client.options(path, headers=asked)]

    assert answers[1].status_code == 405
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", OPEN)
async def test_other_websites_may_read_data(client: httpx.AsyncClient, path: str) -> None:
    """Also errors; without credentials, so with a star."""
    headers = (await client.get(path, headers={"Origin": "https://elsewhere.example"})).headers

    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers
    assert "ETag" in headers["access-control-expose-headers"]
    assert headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize("path", ["/", "/d/tiny", "/healthz", "/docs/rules"])
async def test_other_websites_may_not_read_pages(client: httpx.AsyncClient, path: str) -> None:
    """What is no data stays with its own origin."""
    headers = (await client.get(path)).headers
    assert "access-control-allow-origin" not in headers
    assert headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_browser_may_ask_first(client: httpx.AsyncClient) -> None:
    """For headers such as If-None-Match; every other OPTIONS, and asking to write, is refused as before."""
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    answer = await client.options("/api/v1/builds", headers=asked)

    assert (answer.status_code, answer.headers["access-control-allow-methods"]) == (204, "GET, HEAD")
    assert "If-None-Match" in answer.headers["access-control-allow-headers"]
    assert (await client.options("/api/v1/builds")).status_code == 405
    writing = {**asked, "Access-Control-Request-Method": "POST"}
    assert (await client.options("/api/v1/builds", headers=writing)).status_code == 405
    assert (await client.options("/", headers=asked)).status_code == 405


async def test_a_client_is_told_how_often_it_may_ask(stage: Stage) -> None:
    """Before it is refused, and then until when."""
    async with stage.running(), in_process(stage, limits=Limits(rate=0.2)) as client:
        first, second, third = [await client.get("/api/v1/builds") for _ in range(3)]

    assert first.headers["ratelimit-policy"] == '"requests";q=2;w=10'
    assert [each.headers["ratelimit"] for each in (first, second, third)] == [
        '"requests";r=1;t=5',
        '"requests";r=0;t=10',
        '"requests";r=0;t=10',
    ]
    assert (third.status_code, third.headers["retry-after"]) == (429, "5")


async def test_without_a_limit_none_is_told(stage: Stage) -> None:
    """Nor is one for those who watch whether the process lives."""
    async with stage.running(), in_process(stage, limits=QUICK) as client:
        assert "ratelimit" not in (await client.get("/api/v1/builds")).headers
    async with stage.running(), in_process(stage, limits=Limits()) as client:
        assert "ratelimit" not in (await client.get("/healthz")).headers


async def test_answers_go_on_without_the_broker_and_say_so(stage: Stage, client: httpx.AsyncClient) -> None:
    """Since when they may be old, also where the client has them already; later they are fresh again."""
    paths = ("/api/v1/distributions", "/api/v1/distributions/tiny", "/api/v1/builds", "/badge/tiny.svg", "/feed.atom")
    fresh = {path: await client.get(path) for path in paths}
    since = int(stage.clock().timestamp())
    stage.connected = False
    stage.clock.forward(60)

    for path, before in fresh.items():
        after = await client.get(path)
        assert "wombat-stale" not in before.headers
        assert (after.status_code, after.headers["wombat-stale"]) == (200, f"since=@{since}")
        assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
        again = await client.get(path, headers={"If-None-Match": before.headers["etag"]})
        assert (again.status_code, "wombat-stale" in again.headers) == (304, True)
    assert (await client.get("/readyz")).status_code == 503
    stage.connected = True
    assert "wombat-stale" not in (await client.get("/api/v1/builds")).headers
