"""Answers that are kept: the same bytes for everybody, packed once, and never from before a change."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from tests.support.stage import Stage
from wombat_gitops.api import encodings
from wombat_gitops.api.answers import get, tagged
from wombat_gitops.api.kept import KEPT_SECONDS, SMALLEST, Kept

LONG = "line of a text that can be packed\n" * 100


class Small:
    """An application of a few routes that counts how often it is asked, behind the layer."""

    def __init__(self, folder: Path, limit: int = 1_000_000) -> None:
        self.stage = Stage(folder)
        self.asked = Counter[str]()
        self.text = LONG
        self.during = asyncio.Event()
        self.during.set()
        router = APIRouter()

        @get(router, "/kept/{name}")
        async def kept(request: Request, name: str) -> Response:
            self.asked[name] += 1
            text = self.text
            await self.during.wait()
            return tagged(request, Response(text, media_type="application/json"), kept=True)

        @get(router, "/small")
        async def small(request: Request) -> Response:
            return tagged(request, Response("x" * (SMALLEST - 1), media_type="text/plain"), kept=True)

        @get(router, "/bytes")
        async def binary(request: Request) -> Response:
            return tagged(request, Response(b"\x00" * 5000, media_type="application/octet-stream"))

        @get(router, "/anew")
        async def anew(request: Request) -> Response:
            self.asked["anew"] += 1
            return tagged(request, Response(self.text, media_type="text/plain"))

        @get(router, "/plain")
        async def plain() -> Response:
            self.asked["plain"] += 1
            return Response(self.text, media_type="text/plain")

        @get(router, "/broken")
        async def broken(request: Request) -> Response:
            self.asked["broken"] += 1
            tagged(request, Response("", media_type="text/plain"), kept=True)
            return Response("no", status_code=503)

        app = FastAPI()
        app.include_router(router)

        @app.post("/kept/{name}")
        async def message(name: str) -> Response:
            self.asked["message"] += 1
            return Response("taken", status_code=202)

        clock = self.stage.clock.monotonic
        self.layer = Kept(app, catalog=self.stage.catalog, monotonic=clock, limit=limit)
        transport = httpx.ASGITransport(self.layer)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def ask(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        given = {"Accept-Encoding": "", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.client.request(method, path, headers=given)

    def change(self) -> None:
        """As the catalogue does when it has taken a change."""
        self.stage.catalog._notify()


async def test_an_answer_is_made_once_for_everybody(tmp_path: Path) -> None:
    """GET and HEAD, packed or not, are one answer; another query is another one."""
    small = Small(tmp_path)
    for _ in range(3):
        assert (await small.ask("/kept/a")).text == LONG
        head = await small.ask("/kept/a", "HEAD")
        assert head.headers["content-length"] == str(len(LONG))
        assert (await small.ask("/kept/a", Accept_Encoding="br")).text == LONG
    assert small.asked == {"a": 1}
    await small.ask("/kept/a?q=1")
    assert small.asked == {"a": 2}


async def test_nothing_from_before_a_change_is_told_behind_it(tmp_path: Path) -> None:
    """Also not where the change came while the answer was being made, nor by a tag that was right before."""
    small = Small(tmp_path)
    tag = (await small.ask("/kept/a")).headers["etag"]
    small.text = "another"
    assert (await small.ask("/kept/a", If_None_Match=tag)).status_code == 304
    small.change()
    assert (await small.ask("/kept/a", If_None_Match=tag)).text == "another"

    small.during.clear()
    slow = asyncio.create_task(small.ask("/kept/b"))
    while not small.asked["b"]:
        await asyncio.sleep(0)
    small.text = "the newest"
    small.change()
    small.during.set()
    assert (await slow).text == "another"
    assert (await small.ask("/kept/b")).text == "the newest"


async def test_time_alone_makes_an_answer_old(tmp_path: Path) -> None:
    """What only time changes is seen as soon as the catalogue would see it."""
    small = Small(tmp_path)
    for seconds, asked in ((KEPT_SECONDS / 2, 1), (KEPT_SECONDS / 2, 2), (0, 2)):
        await small.ask("/kept/a")
        small.stage.clock.forward(seconds)
        await small.ask("/kept/a")
        assert small.asked["a"] == asked


async def test_a_large_answer_is_packed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all who ask at the same time, also where the first of them goes away, and again only when it differs."""
    packing = threading.Event()
    packed = Counter[int]()
    pack = encodings.packed

    def slowly(body: bytes, encoding: str) -> bytes:
        packed[len(body)] += 1
        assert packing.wait(60)
        return pack(body, encoding)

    monkeypatch.setattr(encodings, "packed", slowly)
    small = Small(tmp_path)
    small.text = LONG * 100
    asking = [asyncio.create_task(small.ask("/kept/a", accept_encoding="br")) for _ in range(20)]
    async with asyncio.timeout(60):
        while not packed:
            await asyncio.sleep(0)
        asking[0].cancel()
        packing.set()
        answers = await asyncio.gather(*asking[1:])
    small.stage.clock.forward(KEPT_SECONDS)
    answers.append(await small.ask("/kept/a", accept_encoding="br"))
    assert {answer.text for answer in answers} == {small.text}
    assert (small.asked["a"], packed) == (2, {len(small.text): 1})

    small.text += "more"
    small.stage.clock.forward(KEPT_SECONDS)
    assert (await small.ask("/kept/a", accept_encoding="br")).text == small.text
    assert packed[len(small.text)] == 1


async def test_only_what_says_so_is_kept(tmp_path: Path) -> None:
    """No plain answer, no problem, nothing that is not marked, and no message of a git host."""
    small = Small(tmp_path)
    for path in ("/anew", "/plain", "/broken"):
        for _ in range(2):
            await small.ask(path)
        assert small.asked[path[1:]] == 2
    for _ in range(2):
        assert (await small.client.post("/kept/a")).status_code == 202
    await small.ask("/kept/a")
    assert (await small.client.post("/kept/a")).status_code == 202
    assert small.asked["message"] == 3


async def test_what_is_kept_has_a_bound(tmp_path: Path) -> None:
    """In bytes, with every packing counted; what was asked for longest ago goes first."""
    limit = 20_000
    small = Small(tmp_path, limit)
    await small.ask("/kept/first")
    for number in range(50):
        await small.ask(f"/kept/{number}", Accept_Encoding="gzip")
        await small.ask("/kept/first")
        assert 0 < small.layer.size <= limit
    assert small.asked["first"] == 1
    await small.ask("/kept/0")
    assert small.asked["0"] == 2
    small.change()
    await small.ask("/small")
    assert small.layer.size < 5000
    small.text = "x" * (limit + 1)
    await small.ask("/kept/huge")
    assert small.layer.size <= limit


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.000, gzip;q=0", ""),
        ("BR ; Q=0.5", "br"),
        ("bro", ""),
        ("*", ""),
    ],
)
@pytest.mark.parametrize("path", ["/kept/a", "/anew"])
async def test_long_texts_are_packed_for_who_can_unpack(tmp_path: Path, accept: str, encoding: str, path: str) -> None:
    """Each packing has a tag of its own, and caches are told what the answer depends on."""
    small = Small(tmp_path)
    headers = {"Accept-Encoding": accept}
    async with small.client.stream("GET", path, headers=headers) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    unpack: dict[str, Any] = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}
    assert unpack[encoding](raw).decode() == LONG
    assert answer.headers.get("content-encoding", "") == encoding
    assert answer.headers["content-length"] == str(len(raw))
    assert answer.headers["vary"] == "Accept-Encoding"
    tag = answer.headers["etag"]
    plain = (await small.ask(path)).headers["etag"]
    assert (tag == plain) is (encoding == "")
    known = await small.ask(path, Accept_Encoding=accept, If_None_Match=f'"x", W/{tag}')
    assert (known.status_code, known.headers["etag"], known.headers["vary"]) == (304, tag, "Accept-Encoding")
    assert not {"content-encoding", "content-type"} & set(known.headers)
    other = await small.ask(path, Accept_Encoding=accept, If_None_Match=f'"{tag[1:-1]}.x"')
    assert other.status_code == 200


async def test_what_packing_does_not_help_stays_as_it_is(tmp_path: Path) -> None:
    """Short answers, and bytes that are no text."""
    small = Small(tmp_path)
    for path in ("/small", "/bytes"):
        answer = await small.ask(path, Accept_Encoding="br, gzip")
        assert "content-encoding" not in answer.headers
        assert "vary" not in answer.headers


def test_a_packed_answer_is_the_same_every_time() -> None:
    """No time and no name is in it."""
    for encoding in encodings.SUFFIXES:
        assert encodings.packed(LONG.encode(), encoding) == encodings.packed(LONG.encode(), encoding)
