"""Pages on a slow network in a real Chromium: when there is a skeleton, when there is content, and what was loaded.

The network has 400 ms of latency and 50 kB/s, the window is 390 px wide, and nothing is in the browser's cache.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.async_api import expect

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.api import served
from tests.support.browser import chromium
from tests.support.pages import GOOD, fill
from tests.support.stage import Stage
from wombat_gitops.api.site import BUILT

if TYPE_CHECKING:
    from playwright.async_api import Browser

PATHS: Final = (
    "/",
    "/d/grown",
    "/d/tiny/v/1.0.0",
    f"/builds/{GOOD.id}",
    "/components",
    "/packages",
    "/compose",
    "/fleet",
)
ROUNDS: Final = 3
SLOW: Final = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
_READY: Final = """() => !!document.querySelector('.v-application main h1')
  && !document.querySelector('main [aria-busy=true]')"""
_LOADED: Final = """() => performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
  .filter((entry) => !entry.name.includes('/events')).map((entry) => entry.encodedBodySize)"""


@dataclass(frozen=True, slots=True)
class Look:
    """One visit: seconds until something is painted and until the content is there, requests, bytes."""

    painted: float
    content: float
    requests: int
    size: int


async def look(browser: Browser, host: str, path: str) -> Look:
    """Open one page with a cold cache."""
    context = await browser.new_context(base_url=host, viewport={"width": 390, "height": 844})
    try:
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await session.send("Network.enable")
        await session.send("Network.emulateNetworkConditions", SLOW)
        await page.goto(path, wait_until="commit")
        await page.wait_for_function(_READY, polling="raf", timeout=60_000)
        content = await page.evaluate("performance.now()")
        loaded = await page.evaluate(_LOADED)
        await expect(page.locator("h1")).to_have_count(1)
        return Look(await page.evaluate(_PAINT) / 1000, content / 1000, len(loaded), sum(loaded))
    finally:
        await context.close()


async def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        await fill(stage)
        async with stage.running(), served(stage, site=BUILT, seconds=None) as client, chromium() as browser:
            for path in PATHS:
                looks = [await look(browser, str(client.base_url), path) for _ in range(ROUNDS)]
                painted = statistics.median(each.painted for each in looks)
                content = statistics.median(each.content for each in looks)
                print(
                    f"{path[:24]:24} painted {painted:5.2f} s   content {content:5.2f} s   "
                    f"{looks[-1].requests:3} requests   {looks[-1].size / 1000:6.1f} kB"
                )


if __name__ == "__main__":
    asyncio.run(main())
