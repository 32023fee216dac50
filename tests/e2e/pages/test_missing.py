"""What does not exist, in a real Chromium: a status, a page, and similar names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.stage import Stage, built, declared, presence, queued_build
from wombat_gitops.api.site import BUILT

pytestmark = pytest.mark.browser

GOOD = built(queued_build(), b"good")


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[str]:
    stage = Stage(tmp_path)
    await stage.put(GOOD, declared(GOOD), presence())
    async with stage.running(), served(stage, site=BUILT) as client:
        yield str(client.base_url)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.mark.parametrize(
    ("path", "heading", "link", "leads"),
    [
        ("/flet", "There is no such page", "/fleet", "/fleet"),
        ("/d/tinny", "There is no distribution “tinny”", "tiny", "/d/tiny"),
        ("/d/tiny/9.9.9", "There is no such version", "1.0.0", "/d/tiny/v/1.0.0"),
        (f"/builds/{GOOD.id[:10]}00", "There is no such build", GOOD.id[:12], f"/builds/{GOOD.id[:12]}"),
        ("/fleet/bilder-1", "There is no builder “bilder-1”", "builder-1", "/fleet/builder-1"),
    ],
)
async def test_what_does_not_exist_answered_200(
    browser: Browser, host: str, path: str, heading: str, link: str, leads: str
) -> None:
    """404 from the server, the same in the browser, and a similar name that leads to a page."""
    asked = 1 if path == "/flet" else 2  # the document, and what its page asks the API for
    async with visit(browser, host, path, expected=asked) as page:
        answer = await page.request.get(path, max_redirects=0)
        assert answer.status == 404
        await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        await page.get_by_role("link", name=link, exact=True).first.click()
        await page.wait_for_url(f"{host}{leads}")
        await expect(page.get_by_role("heading", level=1)).not_to_have_text(re.compile("There is no"))


async def test_a_version_after_the_name_was_an_unknown_page(browser: Browser, host: str) -> None:
    """`/d/NAME/VERSION`, typed or as a link inside of the page, is the page of that version."""
    async with visit(browser, host, "/d/tiny/1.0.0") as page:
        assert page.url == f"{host}/d/tiny/v/1.0.0"
        await expect(page.get_by_role("heading", level=1)).to_have_text("tiny 1.0.0")


async def test_the_title_was_the_same_for_every_page(browser: Browser, host: str) -> None:
    """Without a script there are a title, a heading and a description of the very page."""
    context = await browser.new_context(java_script_enabled=False, base_url=host)
    try:
        page = await context.new_page()
        await page.goto("/d/tiny")
        await expect(page).to_have_title("tiny · Wombat")
        await expect(page.get_by_role("heading", level=1)).to_have_text("tiny")
        assert await page.locator('meta[property="og:description"]').get_attribute("content") == "The tiny one"
    finally:
        await context.close()
