"""What a first visit loads, in brotli: held by size, as times depend on the machine."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from wombat_gitops.api.site import BUILT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

KB = 1000
_LOADED = """() => performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
  .filter((entry) => !entry.name.includes('/api/v1/events'))
  .map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize])"""


@pytest.mark.parametrize(("path", "limit"), [("/", 150), ("/d/tiny", 220)], ids=["catalogue", "distribution"])
async def test_first_load(one_browser: Browser, hosts: dict[str, str], path: str, limit: int) -> None:
    """Document, code, styles, icon and data of a page, with nothing in the browser's cache."""
    context = await one_browser.new_context(base_url=hosts["filled"])
    try:
        page = await context.new_page()
        await page.goto(path)
        await expect(page.locator("h1")).to_have_count(1)
        await expect(page.locator('main [aria-busy="true"]')).to_have_count(0)
        loaded: dict[str, int] = dict(await page.evaluate(_LOADED))
    finally:
        await context.close()
    assert any(name.endswith(".js") and size for name, size in loaded.items()), loaded
    assert sum(loaded.values()) <= limit * KB, sorted(loaded.items(), key=lambda item: -item[1])


async def test_no_file_is_large(built_site: None) -> None:
    """No chunk holds a visitor up for long."""
    sizes = {path.name: path.stat().st_size for path in BUILT.glob("assets/*.br")}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > 60 * KB} == {}
