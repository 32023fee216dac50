"""What surrounds every page: ways by keyboard, the menu, the connection, and what is shown when a page fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def page(one_browser: Browser, hosts: dict[str, str]) -> AsyncIterator[Page]:
    context = await one_browser.new_context(base_url=hosts["filled"], viewport={"width": 1280, "height": 800})
    yield await context.new_page()
    await context.close()


async def test_keys_lead_everywhere(page: Page) -> None:
    """`g b` goes to the builds, `/` to the search, and nothing happens to what is typed there."""
    await page.goto("/fleet")
    await expect(page.locator("h1")).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("b")
    await expect(page).to_have_url("/builds")
    await page.keyboard.press("g")
    await page.keyboard.press("s")
    await expect(page).to_have_url("/sources")
    await page.keyboard.press("/")
    search = page.locator("main input[type=search]").first
    await expect(search).to_be_focused()
    await page.keyboard.type("gb?")
    await expect(search).to_have_value("gb?")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_the_list_of_keys(page: Page) -> None:
    """`?` opens it, Escape closes it and gives the focus back; where keys are switched off they stay off."""
    await page.goto("/")
    link = page.get_by_role("link", name="Builds", exact=True)
    await link.focus()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("b")
    await expect(page).to_have_url("/")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(link).to_be_focused()

    await page.keyboard.press("?")
    await dialog.get_by_role("checkbox").uncheck()
    await dialog.get_by_role("button", name="Close").click()
    await page.reload()
    await expect(page.locator("h1")).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("b")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page).to_have_url("/")


async def test_the_menu_of_a_telephone(page: Page) -> None:
    """It opens, closes by Escape with the focus on its button, and closes when a page is chosen."""
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto("/")
    menu = page.get_by_role("button", name="Menu")
    fleet = page.get_by_role("link", name="Fleet", exact=True)
    await expect(fleet).to_be_hidden()
    await menu.click()
    await expect(menu).to_have_attribute("aria-expanded", "true")
    await expect(fleet).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(fleet).to_be_hidden()
    await expect(menu).to_be_focused()
    await menu.click()
    await fleet.click()
    await expect(page).to_have_url("/fleet")
    await expect(fleet).to_be_hidden()
    brand = page.locator(".brand span")
    assert await brand.evaluate("(node) => node.scrollWidth <= node.clientWidth || node.offsetWidth > 60")


async def test_a_new_page_is_told(page: Page) -> None:
    """The focus goes to it, its name is announced, and its link is the current one; the first page leaves the focus."""
    await page.goto("/builds")
    await expect(page.locator("h1")).to_have_text("Builds")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.get_by_role("link", name="Fleet", exact=True).click()
    await expect(page.locator("main")).to_be_focused()
    await expect(page.locator('[aria-live="polite"].sr')).to_contain_text(await page.locator("h1").inner_text())
    await expect(page.get_by_role("link", name="Fleet", exact=True)).to_have_attribute("aria-current", "page")


async def test_offline_and_back(page: Page) -> None:
    """What was shown stays, with the time it is from; the page goes on by itself."""
    await page.goto("/")
    await expect(page.get_by_role("link", name="tiny").first).to_be_visible()
    await expect(page.locator(".live")).to_have_text("Live")
    await page.context.set_offline(True)
    await expect(page.get_by_text("You are offline. What is shown is from")).to_be_visible()
    await expect(page.get_by_role("link", name="tiny").first).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.get_by_text("You are offline")).to_have_count(0)
    await expect(page.locator(".live")).to_have_text("Live")


async def test_the_theme_is_kept(page: Page) -> None:
    """System, light, dark; the browser's own frame has the colour too."""
    await page.goto("/")
    button = page.get_by_role("button", name="Theme:")
    await button.click()
    await button.click()
    await page.reload()
    await expect(page.locator(".v-theme--dark").first).to_be_attached()
    await expect(button).to_have_accessible_name("Theme: dark. Change it.")
    assert await page.locator('meta[name="theme-color"]').first.get_attribute("content") == "#211d1a"


async def test_a_page_of_an_older_version(page: Page) -> None:
    """Where the file of a page is gone, the site says so and loads anew; nothing is blank."""
    await page.goto("/")
    await expect(page.locator("h1")).to_be_visible()

    async def gone(route: Route) -> None:
        await route.fulfill(status=404)

    await page.route("**/assets/FleetPage*", gone)
    await page.get_by_role("link", name="Fleet", exact=True).click()
    await expect(page.locator("h1")).to_have_text("This page could not be loaded")
    await page.unroute("**/assets/FleetPage*")
    await page.get_by_role("button", name="Load again").click()
    await expect(page).to_have_url("/fleet")
    await expect(page.locator("h1")).not_to_have_text("This page could not be loaded")


async def test_a_page_with_a_defect(page: Page) -> None:
    """An answer that the page cannot show ends in words and a way out; the other pages still work."""

    async def nonsense(route: Route) -> None:
        await route.fulfill(
            content_type="application/json", body=json.dumps({"items": [{"url": "/x"}], "next": None, "total": 1})
        )

    await page.route("**/api/v1/distributions?*", nonsense)
    await page.route("**/api/v1/distributions", nonsense)
    await page.goto("/")
    await expect(page.locator("h1")).to_have_text("This page has a defect")
    await page.get_by_role("link", name="Fleet", exact=True).click()
    await expect(page.locator("h1")).not_to_have_text("This page has a defect")
