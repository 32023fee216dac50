"""A real Chromium that reports every complaint of a page."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, ConsoleMessage, Page, Request

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str:
    """The path of a Chromium on PATH; an error, not a skip, where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        msg = f"no browser on PATH: install one of {', '.join(_NAMES)}, or leave out `-m browser`"
        raise RuntimeError(msg)
    return found


@dataclass
class Complaints:
    """What went wrong in a page that a person may not see."""

    host: str
    messages: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.messages.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.host, "data:", "blob:")):
            self.elsewhere.append(request.url)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def visit(browser: Browser, host: str, path: str, *, width: int = 1280, expected: int = 0) -> AsyncIterator[Page]:
    """A page without complaints: no error or warning in the console, nothing asked from elsewhere.

    Args:
        expected: how many failed requests the page is meant to report.
    """
    context = await browser.new_context(viewport={"width": width, "height": 800}, base_url=host)
    page = await context.new_page()
    complaints = Complaints(host)
    complaints.watch(page)
    try:
        await page.goto(path)
        yield page
        assert len(complaints.messages) == expected, complaints.messages
        assert complaints.elsewhere == []
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await page.evaluate(wider), "the page is wider than the window"
    finally:
        await context.close()
