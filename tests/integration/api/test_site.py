"""The website's files: one document for all pages, compressed as the browser can take it, safe headers."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.support.api import served
from tests.support.stage import Stage

SCRIPT = b"console.log('a'.repeat(3));"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>site</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "app-1234.js").write_bytes(SCRIPT)
    (folder / "assets" / "app-1234.js.gz").write_bytes(gzip.compress(SCRIPT))
    return folder


@pytest.mark.parametrize("path", ["/", "/d/tiny", "/builds/0123/x", "/index.html", "/d/tiny/v/1.0.0"])
async def test_every_page_is_the_same_document(tmp_path: Path, site: Path, path: str) -> None:
    """Addresses of pages are the page's own business; the policy allows no code from elsewhere."""
    async with served(Stage(tmp_path), site=site) as client:
        answer = await client.get(path)
        known = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})

    assert answer.text == "<!doctype html><title>site</title>"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert known.status_code == 304


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
