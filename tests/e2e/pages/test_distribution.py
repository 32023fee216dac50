"""The page of a distribution in a real Chromium: the grid of versions and platforms, and what is below it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.pages import grown, read_through
from tests.support.stage import Stage
from wombat_gitops.api.site import BUILT

pytestmark = pytest.mark.browser

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[str]:
    stage = Stage(tmp_path)
    await stage.put(*await grown(stage))
    async with stage.running(), served(stage, site=BUILT) as client:
        yield str(client.base_url)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


async def test_the_grid_tells_every_version_and_platform(browser: Browser, host: str) -> None:
    """Newest first, this machine first; a file, a cause with its build, the last good one, or nothing."""
    async with visit(browser, host, "/d/grown") as page:
        grid = page.get_by_role("table").first
        await expect(grid.get_by_role("columnheader").nth(1)).to_contain_text("this machine")
        await expect(grid.get_by_role("rowheader")).to_contain_text(["1.2.0", "1.1.0", "1.0.0"])
        newest = grid.get_by_role("row").nth(1).get_by_role("cell")
        await expect(newest.nth(0).get_by_role("link")).to_have_attribute(
            "href", "/dl/grown/1.2.0/grown_1.2.0_linux_amd64"
        )
        await expect(newest.nth(1)).to_contain_text("github.com/example/plugin: undefined: service.NewThing")
        before = grid.get_by_role("row").nth(2).get_by_role("cell")
        await expect(before.nth(1)).to_contain_text("last good")
        await expect(before.nth(0)).not_to_contain_text("last good")
        await expect(grid.get_by_role("row").nth(3).get_by_role("cell").nth(3)).to_contain_text("not built")
        await newest.nth(1).get_by_role("link").click()
        await page.wait_for_url("**/builds/*")


async def test_the_grid_scrolls_in_its_own_box_by_keyboard(browser: Browser, host: str) -> None:
    """On a telephone the page itself stays as wide as the window, and the versions stay in sight."""
    async with visit(browser, host, "/d/grown", width=390) as page:
        box = page.get_by_role("group", name="Versions and platforms")
        await box.focus()
        for _ in range(30):
            await page.keyboard.press("ArrowRight")
        await page.wait_for_function("document.activeElement.scrollLeft > 100")
        await expect(box.get_by_role("link", name="1.2.0", exact=True)).to_be_in_viewport()


async def test_a_mac_is_never_taken_for_one_or_the_other(browser: Browser, host: str) -> None:
    """Its browsers say "Intel" on every machine: the column goes first, and is not called this machine."""
    context = await browser.new_context(base_url=host, user_agent=MAC)
    try:
        page = await context.new_page()
        await page.add_init_script("Object.defineProperty(navigator, 'userAgentData', { value: undefined })")
        await page.goto("/d/grown")
        await expect(page.get_by_role("columnheader").nth(1)).to_contain_text("darwin/arm64")
        await expect(page.get_by_role("table").first).not_to_contain_text("this machine")
    finally:
        await context.close()


async def test_what_is_below_comes_when_somebody_reads_it(browser: Browser, host: str) -> None:
    """README, changes and badges are asked for when they come near; the README is elements, not HTML of its author."""
    async with visit(browser, host, "/d/grown") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await expect(page.get_by_role("table").first).to_be_visible()
        assert not [url for url in asked if "/changelog" in url]
        await read_through(page)
        await expect(page.get_by_role("heading", name="Grown", exact=True)).to_be_visible()
        await expect(page.get_by_text("30 added, 1 removed").first).to_be_visible()
        await expect(page.get_by_role("img", name="Badge of grown: status")).to_be_visible()
        await page.get_by_label("Shows").select_option("version")
        await expect(
            page.get_by_text(f"[![grown]({host}/badge/grown.svg?kind=version)]({host}/d/grown)")
        ).to_be_visible()
