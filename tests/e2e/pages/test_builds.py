"""The list of builds in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_showing_all_builds_takes_every_filter_away(one_browser: Browser, hosts: dict[str, str]) -> None:
    """It took the last one away alone, as each was a step of its own; "back" brings all of them again."""
    chosen = "/builds?q=zzzzzz&state=failed&name=tiny&platform=linux/arm64"
    async with visit(one_browser, hosts["filled"], chosen) as page:
        await page.get_by_role("button", name="Show all builds").click()
        await expect(page.get_by_role("link", name="fragile").first).to_be_visible()
        await page.wait_for_url("**/builds")
        assert "?" not in page.url
        await page.go_back()
        await expect(page.get_by_role("button", name="Show all builds")).to_be_visible()
        assert page.url.endswith(chosen)
