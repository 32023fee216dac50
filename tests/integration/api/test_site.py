"""The website's files: one document for all pages, compressed as the browser can take it, safe headers."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.support.api import served
from tests.support.stage import Stage, built, declared, presence, queued_build

SCRIPT = b"console.log('a'.repeat(3));"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(
        '<!doctype html><head><title>site</title></head><h1 class="boot-title">site</h1>'
    )
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "app-1234.js").write_bytes(SCRIPT)
    (folder / "assets" / "app-1234.js.gz").write_bytes(gzip.compress(SCRIPT))
    return folder


HOSTILE = '"><script>alert(1)</script>'
GOOD = built(queued_build(), b"good")


@pytest.fixture
async def client(tmp_path: Path, site: Path) -> AsyncIterator[httpx.AsyncClient]:
    stage = Stage(tmp_path)
    await stage.put(GOOD, declared(GOOD, description=f"A tiny one {HOSTILE}"), presence())
    async with stage.running(), served(stage, site=site) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/d/tiny", "/d/tiny/v/1.0.0", f"/builds/{GOOD.id}", "/fleet/builder-1"]
)
async def test_every_page_is_the_same_document(client: httpx.AsyncClient, path: str) -> None:
    """Addresses of pages are the page's own business; the policy allows no code from elsewhere."""
    answer = await client.get(path)
    known = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})

    assert answer.text.startswith("<!doctype html><head><title>")
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert known.status_code == 304


async def test_every_page_had_the_same_title(client: httpx.AsyncClient) -> None:
    """Title, heading, description and `og:` tags are there without a script, and what people wrote is text in them."""
    text = (await client.get("/d/tiny")).text
    assert "<title>tiny · Wombat</title>" in text
    assert '<h1 class="boot-title">tiny</h1>' in text
    assert '<meta property="og:title" content="tiny">' in text
    assert (
        '<meta property="og:description" content="A tiny one &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">' in text
    )
    assert f'<meta property="og:url" content="{client.base_url}/d/tiny">' in text
    assert text.count("<title>") == text.count('name="description"') == 1
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/nowhere", ""),
        ("/flet", "did you mean <code>fleet</code>?"),
        ("/d/tinny", "did you mean <code>tiny</code>?"),
        ("/d/tiny/v/9.9.9", "the newest is <code>1.0.0</code>"),
        ("/d/tiny/9.9.9", "the newest is <code>1.0.0</code>"),
        ("/builds/0123456789", ""),
        (f"/builds/{GOOD.id[:6]}", f"did you mean <code>{GOOD.id[:12]}</code>?"),
        ("/fleet/bilder-1", "did you mean <code>builder-1</code>?"),
        ("/packages/example.com/none", ""),
        ("/components/input/none", ""),
        ("/d/" + quote(HOSTILE, safe=""), ""),
    ],
)
async def test_what_does_not_exist_was_a_page_like_any_other(client: httpx.AsyncClient, path: str, hint: str) -> None:
    """404 with a page, similar names, no `og:` address, and nothing that crawlers keep."""
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<meta name="robots" content="noindex">' in answer.text
    assert "og:url" not in answer.text
    assert "<script>" not in answer.text
    assert hint in answer.text


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/favicon.ico", "/api/v1/nothing"])
async def test_addresses_of_programs_are_no_pages(client: httpx.AsyncClient, path: str) -> None:
    """A scraper that comes to the site is told that there are no metrics."""
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/d/tiny/1.0.0", "/d/tiny/v/1.0.0"),
        ("/d/tiny/1.0.0?x=1", "/d/tiny/v/1.0.0?x=1"),
        ("/d/tiny/latest", "/d/tiny/v/1.0.0"),
        ("/d/tiny/v/latest", "/d/tiny/v/1.0.0"),
        ("/components/rate_limits/local", "/components/rate-limit/local"),
    ],
)
async def test_short_addresses_lead_to_the_page(client: httpx.AsyncClient, path: str, location: str) -> None:
    """`/d/NAME/VERSION` is what people type."""
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, location)


async def test_a_page_asks_for_all_it_needs_at_once(client: httpx.AsyncClient, site: Path, tmp_path: Path) -> None:
    """Files and data of the page are named in its document; with a query the page asks the API for something else."""
    chunks = {
        "src/pages/DistributionPage.vue": {"file": "assets/d.js", "imports": ["_shared.js"]},
        "_shared.js": {"file": "assets/shared.js", "imports": ["_shared.js"]},
    }
    (site / "chunks.json").write_text(json.dumps(chunks))
    stage = Stage(tmp_path)
    await stage.put(GOOD, declared(GOOD))
    async with stage.running(), served(stage, site=site) as other:
        text = (await other.get("/d/tiny")).text
        asked = (await other.get("/d/tiny?x=1")).text
        assert (await other.get("/chunks.json")).status_code == 404
    assert '<link rel="modulepreload" crossorigin href="/assets/d.js">' in text
    assert '<link rel="modulepreload" crossorigin href="/assets/shared.js">' in text
    assert '<link rel="preload" as="fetch" crossorigin href="/api/v1/distributions/tiny">' in text
    assert 'href="/api/v1/builds?name=tiny&amp;limit=10">' in text
    assert "/assets/d.js" in asked
    assert 'as="fetch' not in asked


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None), ("gzip;q=0", None)])
async def test_files_are_sent_as_they_were_compressed(
    tmp_path: Path, site: Path, accepted: str, encoding: str | None
) -> None:
    """Hashed files are kept for ever; the encoding is one that there is and the browser takes."""
    async with served(Stage(tmp_path), site=site) as client:
        answer = await client.get("/assets/app-1234.js", headers={"Accept-Encoding": accepted})

    assert answer.content == SCRIPT
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["/assets/../../secret", "/%2e%2e/secret", "/assets/%2e%2e/%2e%2e/secret"])
async def test_nothing_outside_the_site_is_sent(tmp_path: Path, site: Path, path: str) -> None:
    """Only files that were read at the start can be asked for."""
    (tmp_path / "secret").write_text("classified")
    async with served(Stage(tmp_path), site=site) as client:
        assert "classified" not in (await client.get(path)).text


async def test_without_a_site_the_api_works(tmp_path: Path) -> None:
    """A server without the built page says where the API is."""
    async with served(Stage(tmp_path), site=tmp_path / "nowhere") as client:
        page = await client.get("/d/tiny")
        index = await client.get("/api/v1")
    assert "/api/v1" in page.text
    assert index.status_code == 200
