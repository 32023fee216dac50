"""Answers of which a client wants only some fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.api import in_process
from tests.support.stage import ARM, Stage, built, declared, presence, queued_build


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    stage = Stage(tmp_path)
    one, other = built(queued_build(), b"one"), built(queued_build(1, platform=ARM), b"other")
    await stage.put(one, other, queued_build(name="waiting"), queued_build(3, name="waiting too"), presence())
    await stage.put(declared(one, other), declared(queued_build(name="waiting")))
    async with stage.running(), in_process(stage) as client:
        yield client


async def get(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_items_of_a_list_have_what_is_wanted(client: httpx.AsyncClient) -> None:
    """What stands around the items stays, and the next page is of the same fields."""
    page = await get(client, "/api/v1/distributions?fields=name,platforms.artifact.size&limit=1")

    assert page["items"] == [{"name": "tiny", "platforms": [{"artifact": {"size": 3}}, {"artifact": {"size": 5}}]}]
    assert page["total"] == 2
    following = await get(client, page["next"])
    assert following["items"] == [{"name": "waiting", "platforms": [{"artifact": None}]}]


async def test_pages_of_the_queue_have_what_is_wanted(client: httpx.AsyncClient) -> None:
    page = await get(client, "/api/v1/queue?limit=1&fields=position")
    following = await get(client, page["next"])

    assert [page["items"], following["items"]] == [[{"position": 1}], [{"position": 2}]]
    assert following["next"] is None


async def test_details_have_what_is_wanted(client: httpx.AsyncClient) -> None:
    """Below a field, below each of several, and below each value of a map; a whole field holds its parts."""
    version = await get(client, "/api/v1/distributions/tiny/versions/1.0.0?fields=version,platforms.state")
    whole = await get(client, "/api/v1/distributions/tiny/versions/1.0.0")
    both = await get(client, "/api/v1/distributions/tiny/versions/1.0.0?fields=%20platforms,platforms.state")
    status = await get(client, "/api/v1/status?fields=health.state,builders.id")

    assert version == {
        "version": "1.0.0",
        "platforms": {"linux/amd64": {"state": "succeeded"}, "linux/arm64": {"state": "succeeded"}},
    }
    assert both == {"platforms": whole["platforms"]}
    assert status == {"health": {"state": "ok"}, "builders": [{"id": "builder-1"}]}
    assert await get(client, "/api/v1/distributions/tiny/versions/1.0.0?fields=") == whole


async def test_the_tag_is_that_of_the_shorter_answer(client: httpx.AsyncClient) -> None:
    """Each selection is an answer of its own for whoever asks again."""
    whole = await client.get("/api/v1/builds")
    short = await client.get("/api/v1/builds?fields=id")
    again = await client.get("/api/v1/builds?fields=id", headers={"If-None-Match": short.headers["etag"]})
    head = await client.head("/api/v1/builds?fields=id")

    assert whole.headers["etag"] != short.headers["etag"] == head.headers["etag"]
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("fields=nam", "there is no field `nam`; did you mean `name`?"),
        ("fields=platforms.stat", "there is no field `platforms.stat`; did you mean `state`?"),
        ("fields=name.first", "there is nothing below `name`"),
        ("fields=labels.team", "there is nothing below `labels`"),
        ("fields=name,,version", "there is no field ``"),
        ("fields=name&fields=version", "give it once"),
        ("fields=" + "a" * 1001, "give it once"),
        ("feilds=name", "extra inputs"),
    ],
)
async def test_what_cannot_be_told_is_refused(client: httpx.AsyncClient, query: str, detail: str) -> None:
    """On lists and details alike: a name that was mistyped must not look like an empty answer."""
    for path in ("/api/v1/distributions", "/api/v1/distributions/tiny"):
        answer = await client.get(f"{path}?{query}")

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
        assert detail in answer.json()["detail"]
        assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]
