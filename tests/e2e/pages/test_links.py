"""Every link of every page leads somewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urljoin

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.pages import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MOST = 120
"""Pages that are opened; the stage has fewer."""

SAME = 6
"""Pages that are opened of one list with different filters: they differ in their rows alone."""

_LINKS = """() => [...document.querySelectorAll('a[href]')].map((link) => ({
  href: link.getAttribute('href'), rel: link.rel, text: link.textContent.trim(),
}))"""
_PLACES = "[...document.querySelectorAll('[id]')].map((node) => node.id)"
_FILES = re.compile(r"^/(api|dl|docs|badge|feed|sitemap|robots|healthz|readyz)")


@dataclass
class Crawl:
    """What was found on the way."""

    page: Page
    host: str
    client: httpx.AsyncClient
    todo: list[str] = field(default_factory=lambda: [*PAGES.values()])
    pages: dict[str, set[str]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    anchors: list[tuple[str, str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Open every page that is linked, and ask for every file."""
        while self.todo and len(self.pages) < MOST:
            path = self.todo.pop(0)
            if path in self.pages:
                continue
            await self._open(path)
        for where, path, anchor in self.anchors:
            if path in self.pages and anchor not in self.pages[path]:
                self.wrong.append(f"{where}: {path} has no place #{anchor}")

    async def _open(self, path: str) -> None:
        await self.page.goto(path, wait_until="domcontentloaded")
        await expect(self.page.locator("h1")).to_have_count(1)
        await expect(self.page.locator('main [aria-busy="true"]')).to_have_count(0)
        heading = await self.page.locator("h1").inner_text()
        if re.match("There is no|No such|Not found", heading):
            self.wrong.append(f"{path}: {heading}")
        self.pages[path] = set(
            await self.page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
        )
        for link in await self.page.evaluate(_LINKS):
            await self._follow(path, link["href"], link["rel"], link["text"])

    async def _follow(self, where: str, href: str, rel: str, text: str) -> None:
        target = urljoin(self.host + where, href)
        if not target.startswith(self.host + "/"):
            if target.startswith("http") and not {"noopener", "noreferrer"} <= set(rel.split()):
                self.wrong.append(f"{where}: {href} ({text}) is elsewhere and has rel={rel!r}")
            return
        address, anchor = urldefrag(target.removeprefix(self.host))
        if _FILES.match(address):
            if address not in self.files:
                self.files[address] = (await self.client.head(address)).status_code
                if self.files[address] not in {200, 302, 307, 308}:
                    self.wrong.append(f"{where}: {address} ({text}) answers {self.files[address]}")
            return
        if anchor:
            self.anchors.append((where, address, anchor))
        if address not in self.pages and address not in self.todo and not self._is_seen(address):
            self.todo.append(address)

    def _is_seen(self, address: str) -> bool:
        """Have enough pages with this path and other filters been found?"""
        path, filtered, _ = address.partition("?")
        found = (each for each in (*self.pages, *self.todo) if each.startswith(f"{path}?"))
        return bool(filtered) and sum(1 for _ in found) >= SAME


async def test_links(one_browser: Browser, hosts: dict[str, str]) -> None:
    """Inside: a page that exists, with the place that is named, or a file. Outside: without a way back."""
    host = hosts["filled"]
    context = await one_browser.new_context(base_url=host)
    try:
        async with httpx.AsyncClient(base_url=host) as client:
            crawl = Crawl(await context.new_page(), host, client)
            await crawl.run()
    finally:
        await context.close()
    assert not crawl.wrong, "\n".join(crawl.wrong)
    assert len(crawl.pages) > len(PAGES)
    assert len(crawl.files) > len(PAGES)
