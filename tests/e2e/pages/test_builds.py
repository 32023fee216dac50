"""The pages of builds in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import visit
from tests.support.pages import LONG_CONTENTS, LONG_QUEUED

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


async def test_native_code_is_listed_by_package(one_browser: Browser, hosts: dict[str, str]) -> None:
    """A build with object files or C says so, with the package and its files; other builds say nothing of it."""
    async with visit(one_browser, hosts["filled"], f"/builds/{LONG_QUEUED.id}") as page:
        summary = page.get_by_text("1 package with native code")
        await expect(summary).to_contain_text(".syso object files, C through cgo")
        await summary.click()
        entry = page.get_by_role("listitem").filter(has_text="calls_c.go")
        await expect(entry).to_contain_text(LONG_CONTENTS.native[0].package)
        await expect(entry).to_contain_text("a_resource_linux_amd64.syso")
