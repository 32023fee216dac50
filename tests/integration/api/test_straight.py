"""The short way to lists answers as FastAPI's way does, and refuses nothing by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from structlog.testing import capture_logs

from tests.support.api import application
from tests.support.stage import Stage, broken, built, declared, presence, queued_build
from wombat_gitops.api.present.links import ROOT
from wombat_gitops.api.straight import Straight, StraightOn
from wombat_gitops.services.downloads import Downloads
from wombat_gitops.services.reference_index import ReferenceIndex

if TYPE_CHECKING:
    from fastapi import FastAPI

GOOD = built(queued_build(), b"good bytes")
BAD = broken(queued_build(10, name="other"))
OWN = {"x-request-id", "date"}


def handlers_of(app: FastAPI) -> dict[str, Straight]:
    """The routes that are answered straight on."""
    options: list[dict[str, Any]] = [dict(each.kwargs) for each in app.user_middleware if each.cls is StraightOn]  # type: ignore[comparison-overlap]
    (found,) = options
    handlers: dict[str, Straight] = found["handlers"]
    return handlers


def asking(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@dataclass(frozen=True)
class Told:
    """All of an answer that a client sees but for when it came, and what was noted of it."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes
    noted: list[tuple[str, int]]


async def answer(client: httpx.AsyncClient, method: str, address: str) -> Told:
    with capture_logs() as logs:
        given = await client.request(method, address, headers={"X-Request-Id": "same"})
    headers = sorted(pair for pair in given.headers.multi_items() if pair[0] not in OWN)
    noted = [(log["route"], log["status"]) for log in logs if log["event"] == "http_answered"]
    return Told(given.status_code, headers, given.content, noted)


QUERIES = (
    "",
    "?",
    "?&&",
    "?limit=1",
    "?limit=01",
    "?limit=%201",
    "?limit=1.0",
    "?limit=0",
    "?limit=",
    "?limit=9999999999999999999999",
    "?limit=1&limit=2",
    "?q=tiny",
    "?q=t%69ny&limit=5",
    "?q=a+b",
    "?q=%ff%fe",
    "?q=%00",
    "?q=",
    "?q",
    "?q=" + "x" * 201,
    "?q=tiny;limit=1",
    "?%71=tiny",
    "?Q=tiny",
    "?unknown=1",
    "?filters=1",
    "?request=1",
    "?q=tiny&unknown=",
    "?fields=name",
    "?fields=nothing",
    "?fields=",
    "?q=tiny&fields=name",
    "?cursor=nothing",
    "?cursor=",
    "?platform=linux/amd64",
    "?platform=linux%2Famd64",
    "?platform=linux",
    "?platform=",
    "?state=succeeded",
    "?state=Healthy",
    "?state=nothing",
    "?retired=true",
    "?retired=yes",
    "?retired=maybe",
    "?sort=updated",
    "?after=1",
    "?after=-1",
    "?kind=input",
    "?distribution=tiny",
    "?from=a&to=b",
    "?" + "&".join(f"p{number}=1" for number in range(40)),
)


async def test_both_ways_answer_alike(tmp_path: Path) -> None:
    """Status, headers and body, and the template of the route that is counted."""
    stage = Stage(tmp_path)
    await stage.put(GOOD, BAD, declared(GOOD), declared(BAD), presence())
    async with stage.running():
        references = ReferenceIndex(stage.catalog, Downloads(stage.objects, tmp_path / "downloads"))
        reading = asyncio.create_task(references.run(asyncio.Event()))
        short, long = (application(stage, references=references) for _ in range(2))
        paths = list(handlers_of(short))
        handlers_of(long).clear()
        async with asking(short) as one, asking(long) as other:
            for address in (f"{path}{query}" for path in paths for query in QUERIES):
                for method in ("GET", "HEAD", "POST"):
                    told = [await answer(client, method, address) for client in (one, other)]
                    if address.partition("?")[0] == ROOT:  # FastAPI's own template of it is empty
                        told[1] = replace(told[1], noted=told[0].noted)
                    assert told[0] == told[1], (method, address)
                    assert told[0].noted, "no answer was counted"
        reading.cancel()


async def test_both_ways_answer_alike_before_the_catalogue_is_read(tmp_path: Path) -> None:
    """With the same problem."""
    stage = Stage(tmp_path)
    short, long = application(stage), application(stage)
    handlers_of(long).clear()
    async with asking(short) as one, asking(long) as other:
        for path in handlers_of(short):
            answers = [await client.get(path, headers={"X-Request-Id": "same"}) for client in (one, other)]
            assert answers[0].status_code == answers[1].status_code
            if path != "/api/v1/status":
                assert answers[0].content == answers[1].content


async def test_lists_go_straight_on(tmp_path: Path) -> None:
    """Every list at a fixed address does, so that nobody loses it unseen by another parameter."""
    handlers = handlers_of(application(Stage(tmp_path)))
    lists = {"distributions", "builds", "queue", "sources", "builders", "components", "packages", "search"}
    assert {f"/api/v1/{name}" for name in lists} <= set(handlers)
