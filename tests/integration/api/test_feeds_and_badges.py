"""Badges, Atom feeds and what crawlers read: for people and programs that are elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.support.api import in_process
from tests.support.factories import NOW
from tests.support.reference import TINY, tell
from tests.support.stage import ARM, Stage, broken, built, declared, queued_build
from wombat_gitops.api import crawlers
from wombat_gitops.api.badges import draw
from wombat_gitops.api.context import Edge
from wombat_gitops.domain.model import Withdrawal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

ATOM = "{http://www.w3.org/2005/Atom}"
SVG = "{http://www.w3.org/2000/svg}"
OLD = built(queued_build(name="tiny", version="0.9.0"), b"old bytes")
GOOD = built(queued_build(100), b"good bytes")
GOOD_ARM = built(queued_build(200, platform=ARM), b"good arm bytes")
BAD = broken(queued_build(300, name="other"))
WAITING = queued_build(400, name="waiting")
LINKING = ("/robots.txt", "/sitemap.xml", "/llms.txt", "/feed.atom", "/d/tiny/feed.atom")


def read(text: bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - from our own server


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.put(OLD, GOOD, GOOD_ARM, BAD, WAITING, declared(GOOD, GOOD_ARM), declared(BAD), declared(WAITING))
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.running(), in_process(stage) as client:
        yield client


@pytest.fixture
async def public(stage: Stage, client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with a public address, beside *client*, which runs the stage."""
    async with in_process(stage, edge=Edge(public_url="https://wombat.example/")) as public:
        yield public


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tiny.svg", "tiny: built"),
        ("tiny.svg?kind=version", "tiny: 1.0.0"),
        ("tiny.svg?platform=linux/arm64&label=arm", "arm: built"),
        ("tiny.svg?platform=linux/386", "tiny: unknown"),
        ("other.svg", "other: failed"),
        ("other.svg?kind=version", "other: none yet"),
        ("waiting.svg?platform=linux/amd64", "waiting: queued"),
        ("nothing.svg", "nothing: unknown"),
    ],
)
async def test_a_badge_says_it_in_words(public: httpx.AsyncClient, query: str, words: str) -> None:
    """Whoever cannot see its colour reads or hears the same; other websites may show it."""
    answer = await public.get(f"/badge/{query}")

    picture = read(answer.content)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert picture.find(f"{SVG}title").text == picture.get("aria-label") == words  # type: ignore[union-attr]
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert (await public.get(f"/badge/{query}", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def test_a_badge_refuses_what_it_does_not_know(client: httpx.AsyncClient) -> None:
    """A typing error in an option is told, and not shown as a wrong picture."""
    assert (await client.get("/badge/tiny.svg?kind=age")).status_code == 422
    assert (await client.get("/badge/tiny.svg?colour=red")).status_code == 422


async def test_a_withdrawn_version_is_not_called_built(stage: Stage, client: httpx.AsyncClient) -> None:
    """Nor is it in a feed: nobody is to fetch it."""
    await stage.put(declared(GOOD, GOOD_ARM, withdrawn=Withdrawal("leaks", ("1.0.0",))))
    await stage.until(lambda: stage.catalog.distribution("tiny").withdrawn)

    assert "tiny: withdrawn" in (await client.get("/badge/tiny.svg")).text
    assert "tiny: 0.9.0" in (await client.get("/badge/tiny.svg?kind=version")).text
    assert "tiny 1.0.0" not in (await client.get("/feed.atom")).text


@pytest.mark.parametrize("text", ["<script>&\"'", "a\x00b\x1f\ud800", "ä" * 64])
def test_a_badge_holds_any_text(text: str) -> None:
    """What somebody writes in an address stays text, and is as wide as its box."""
    picture = read(draw(text, "built", "#1a7f37").encode(errors="strict"))

    assert {each.tag for each in picture.iter()} == {
        f"{SVG}{name}" for name in ("svg", "title", "path", "rect", "g", "text")
    }
    left, right = picture.findall(f"{SVG}g/{SVG}text")
    end = float(left.get("x", "")) + float(left.get("textLength", ""))
    assert end + 12 <= float(right.get("x", "")) < end + 13
    assert float(right.get("x", "")) + float(right.get("textLength", "")) + 6 <= float(picture.get("width", ""))


def check_atom(feed: ET.Element) -> list[ET.Element]:
    """The rules of RFC 4287, 4.1.1 and 4.1.2, for feeds whose author is the feed's. Returns the entries."""
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{name}")
            assert found.text
        assert element.findtext(f"{ATOM}id", "").startswith("urn:uuid:")
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated", "")).tzinfo
        assert len([link for link in element.findall(f"{ATOM}link") if link.get("rel") == "alternate"]) == 1
        assert all(link.get("href", "").startswith("http") for link in element.findall(f"{ATOM}link"))
        assert len(element.findall(f"{ATOM}summary")) <= 1
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    assert [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") == 1
    identities = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(identities) == len(set(identities))
    return entries


async def test_the_feed_tells_new_versions(client: httpx.AsyncClient) -> None:
    """Newest first, by the records' own times, with what can be fetched; a failed build is no version."""
    answer = await client.get("/feed.atom")

    assert answer.headers["content-type"] == "application/atom+xml"
    feed = read(answer.content)
    newest, oldest = check_atom(feed)
    assert (newest.findtext(f"{ATOM}title"), oldest.findtext(f"{ATOM}title")) == ("tiny 1.0.0", "tiny 0.9.0")
    assert datetime.fromisoformat(newest.findtext(f"{ATOM}updated", "")) == GOOD_ARM.changed_at.replace(microsecond=0)
    assert feed.findtext(f"{ATOM}updated") == newest.findtext(f"{ATOM}updated")
    files = [link for link in newest.findall(f"{ATOM}link") if link.get("rel") == "enclosure"]
    assert [(link.get("title"), link.get("length")) for link in files] == [
        ("tiny_1.0.0_linux_amd64", "10"),
        ("tiny_1.0.0_linux_arm64", "14"),
    ]
    assert "linux/amd64" in newest.findtext(f"{ATOM}summary", "")
    assert answer.headers["last-modified"]
    assert (await client.get("/feed.atom", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def test_one_distribution_has_a_feed_with_its_failures_where_wanted(client: httpx.AsyncClient) -> None:
    """Failures are told to those who ask for them."""
    assert check_atom(read((await client.get("/d/other/feed.atom")).content)) == []
    (failure,) = check_atom(read((await client.get("/d/other/feed.atom?failures=true")).content))

    assert failure.findtext(f"{ATOM}title") == "other 1.0.0 failed on linux/amd64"
    assert "undefined: service.NewThing" in failure.findtext(f"{ATOM}summary", "")
    assert (await client.get("/d/nothing/feed.atom")).status_code == 404
    assert (await client.get("/d/other/feed.atom?failure=true")).status_code == 422


async def test_a_feed_without_entries_was_never_updated(tmp_path: Path) -> None:
    """The time of asking is never in it, so it is the same tomorrow."""
    stage = Stage(tmp_path)
    async with stage.running(), in_process(stage) as client:
        first = await client.get("/feed.atom")
        stage.clock.forward(1000)
        second = await client.get("/feed.atom")

    assert first.content == second.content
    assert check_atom(read(first.content)) == []


async def test_an_entry_keeps_its_id_when_a_platform_comes_later(stage: Stage, client: httpx.AsyncClient) -> None:
    """A reader shows the version once."""
    before = check_atom(read((await client.get("/feed.atom")).content))[0]
    more = built(queued_build(900, platform=type(ARM).parse("darwin/arm64")), b"mac bytes")
    await stage.put(more)
    await stage.until(lambda: more.id in stage.catalog.known_builds())
    after = check_atom(read((await client.get("/feed.atom")).content))[0]

    assert before.findtext(f"{ATOM}id") == after.findtext(f"{ATOM}id")
    assert before.findtext(f"{ATOM}updated") != after.findtext(f"{ATOM}updated")
    assert more.changed_at > NOW + timedelta(seconds=900)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
async def test_links_lead_to_where_one_asked(client: httpx.AsyncClient, host: str) -> None:
    """To a host that is allowed; `test_hosts` has all others."""
    for path in LINKING:
        answer = await client.get(path, headers={"Host": host})
        assert (answer.status_code, f"http://{host}" in answer.text) == (200, True), path


async def test_links_repeated_whatever_host_was_named(client: httpx.AsyncClient, public: httpx.AsyncClient) -> None:
    """Without a public address such a request is refused, with one it does not count."""
    other = {"Host": "rebound.example", "X-Forwarded-Host": "rebound.example"}
    for path in LINKING:
        refused, answer = await client.get(path, headers=other), await public.get(path, headers=other)
        assert (refused.status_code, answer.status_code) == (421, 200), path
        assert "https://wombat.example/" in answer.text
        for one in (refused, answer):
            assert "rebound" not in f"{one.text}{one.headers}", path


async def test_a_proxy_cannot_name_another_host(stage: Stage) -> None:
    """Not even one that is trusted with the addresses of clients: only `Host` is read."""
    edge = Edge(proxies=("127.0.0.1",))
    async with stage.running(), in_process(stage, edge=edge) as client:
        for path in LINKING:
            answer = await client.get(path, headers={"X-Forwarded-Host": "other.example"})
            assert "other.example" not in answer.text
            assert "http://localhost" in answer.text


async def test_links_lead_to_the_address_that_was_set(public: httpx.AsyncClient) -> None:
    """Behind proxies the setting tells it."""
    assert "https://wombat.example/d/tiny<" in (await public.get("/sitemap.xml")).text
    assert 'href="https://wombat.example/d/tiny/v/1.0.0"' in (await public.get("/feed.atom")).text


async def test_the_sitemap_lists_what_has_a_manifest(stage: Stage, client: httpx.AsyncClient) -> None:
    """Also names of pages; a retired distribution is not advertised."""
    await stage.put(declared(queued_build(name="gone"), retired=True))
    await stage.until(lambda: "gone" in stage.catalog.known_distributions())
    places = [each.text for each in read((await client.get("/sitemap.xml")).content).iter() if "loc" in each.tag]

    assert {"http://localhost/", "http://localhost/d/tiny", "http://localhost/builds"} <= set(places)
    assert "http://localhost/d/gone" not in places


async def test_the_sitemap_lists_versions_and_components(tmp_path: Path) -> None:
    """With the day of what changed where that is known; what is withdrawn is not advertised."""
    stage = Stage(tmp_path)
    good = await tell(stage, GOOD, TINY)
    bad = built(queued_build(500, name="bad"), b"leaks")
    await stage.put(OLD, good, bad, declared(good), declared(bad, withdrawn=Withdrawal("leaks", ())))
    async with stage.running(), in_process(stage) as client:
        found = read((await client.get("/sitemap.xml")).content)
        overview = (await client.get("/llms.txt")).text

    days = {each[0].text: each[1].text if len(each) > 1 else None for each in found}
    base = "http://localhost"
    for page in ("/components", "/packages", "/compose", "/docs/api", "/components/processor/mapping"):
        assert days[base + page] is None
    assert days[f"{base}/d/tiny/v/1.0.0"] == good.changed_at.date().isoformat()
    assert days[f"{base}/d/tiny/v/0.9.0"] == OLD.changed_at.date().isoformat()
    assert f"{base}/d/bad/v/1.0.0" not in days
    for place in ("/api/v1/components", "/api/v1/compose/choices", "/api/v1/builds/{id}/log", "/docs/api"):
        assert place in overview


async def test_the_sitemap_has_a_bound(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What matters most comes first."""
    monkeypatch.setattr(crawlers, "MOST", 11)
    found = read((await client.get("/sitemap.xml")).content)

    assert len(found) == 11
    assert found[-1][0].text == "http://localhost/d/other"
