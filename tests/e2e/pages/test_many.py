"""Long lists in a real Chromium: choices are whole, and the way back leads to where one was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.support.api import served
from tests.support.browser import visit
from tests.support.stage import Stage, declared, queued_build
from wombat_gitops.api.site import BUILT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MANY = 230
ROWS = "table.builds td.id"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory, built_site: None) -> AsyncIterator[str]:
    stage = Stage(Path(tmp_path_factory.mktemp("many")))
    builds = [queued_build(number, name=f"name{number}") for number in range(MANY)]
    await stage.put(*builds, *(declared(each) for each in builds))
    async with stage.running(), served(stage, site=BUILT, seconds=None) as client:
        yield str(client.base_url)


async def _to_a_build_far_down(page: Page) -> float:
    await expect(page.locator(ROWS)).to_have_count(50)
    await page.get_by_role("button", name="more").click()
    await expect(page.locator(ROWS)).to_have_count(100)
    link = page.locator(ROWS).nth(90).get_by_role("link").first
    await link.scroll_into_view_if_needed()
    place: float = await page.evaluate("scrollY")
    assert place > 1000
    await link.click()
    await page.wait_for_url("**/builds/*")
    await expect(page.locator("h1")).to_be_visible()
    return place


async def _back_to_a_late_list(page: Page) -> asyncio.Event:
    """Go back; the list is answered once the event is set."""
    answered = asyncio.Event()

    async def late(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await page.route("**/api/v1/builds?*", late)
    await page.go_back()
    await expect(page.locator("h1")).to_have_text("Builds")
    return answered


async def test_back_leads_to_where_one_was(one_browser: Browser, host: str) -> None:
    """Also to lines that "more" had brought, and when the answer takes its time; a reload keeps the place too."""
    async with visit(one_browser, host, "/builds") as page:
        place = await _to_a_build_far_down(page)
        assert await page.evaluate("scrollY") == 0
        answered = await _back_to_a_late_list(page)
        await expect(page.locator(ROWS)).to_have_count(0)
        answered.set()
        await expect(page.locator(ROWS)).to_have_count(100)
        await page.wait_for_function("place => Math.abs(scrollY - place) < 2", arg=place)
        await page.reload()
        await expect(page.locator(ROWS)).to_have_count(100)
        await page.wait_for_function("place => Math.abs(scrollY - place) < 2", arg=place)


async def test_who_scrolls_meanwhile_is_not_moved(one_browser: Browser, host: str) -> None:
    async with visit(one_browser, host, "/builds") as page:
        await _to_a_build_far_down(page)
        answered = await _back_to_a_late_list(page)
        await page.mouse.wheel(0, 1)
        answered.set()
        await expect(page.locator(ROWS)).to_have_count(100)
        await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate("scrollY") < 100


@pytest.mark.parametrize(
    ("path", "label"),
    [("/builds", "Distribution"), ("/compare", "From: distribution"), ("/compare", "To: distribution")],
)
async def test_every_distribution_can_be_chosen(one_browser: Browser, host: str, path: str, label: str) -> None:
    """More than one answer of the API holds; the lists ended with the first 200."""
    async with visit(one_browser, host, path) as page:
        choices = page.get_by_label(label, exact=True)
        await expect(choices.locator("option")).to_have_count(MANY + 1)
        await choices.select_option("name229")
        await page.wait_for_url("**name229**")
