"""The catalogue in a real Chromium: search, filters, keyboard, permalinks and the way back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.pages import CONTENTS, KAFKA
from tests.support.reference import TINY, tell
from tests.support.stage import ARM, Stage, broken, built, declared, queued_build
from wombat_gitops.api.site import BUILT
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.records import StoredLog

pytestmark = pytest.mark.browser


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[str]:
    """`tiny` has a Kafka package and components, `grep-box` failed on ARM, `gone` is retired."""
    stage = Stage(tmp_path)
    data = encode(CONTENTS)
    tiny = await tell(stage, built(queued_build(), b"tiny"), TINY)
    tiny = replace(tiny, contents=StoredLog(await stage.store(data), len(data)))
    box = broken(queued_build(5, name="grep-box", platform=ARM))
    await stage.put(tiny, box, declared(box))
    await stage.put(declared(tiny, packages=(KAFKA,), modules=(Module("example.com/m", "v1.0.0"),)))
    await stage.put(declared(queued_build(name="gone"), retired=True, targets=()))
    async with stage.running(), served(stage, site=BUILT) as client:
        yield str(client.base_url)


async def test_typing_finds_distributions_packages_and_components(host: str) -> None:
    """The slash goes to the field, arrows through what was found, Escape back, and Enter opens it."""
    async with chromium() as browser, visit(browser, host, "/") as page:
        await expect(page.locator("ul.cards h2")).to_have_text(["grep-box", "tiny"])
        await page.keyboard.press("/")
        field = page.get_by_role("searchbox")
        await expect(field).to_be_focused()
        await page.keyboard.type("grep")
        await expect(page.get_by_role("heading", name="1 component")).to_be_visible()
        await expect(page.locator("ul.cards h2")).to_have_text(["grep-box"])
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("link", name="grep processor")).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("link", name="grep-box", exact=True)).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(field).to_be_focused()
        await field.fill("kafka franz")
        await expect(page.get_by_role("heading", name="1 package")).to_be_visible()
        await field.press("Enter")
        await expect(page.get_by_role("link", name=re.compile("^kafka"))).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{host}/packages/{KAFKA}")
        await expect(page.get_by_role("link", name="tiny")).to_be_visible()


async def test_the_address_is_the_view_and_back_restores_it(host: str) -> None:
    """Filters, words and the table are in it; each choice is a step, and clearing takes all away at once."""
    async with chromium() as browser, visit(browser, host, "/") as page:
        await page.get_by_label("Platform", exact=True).select_option("linux/arm64")
        await expect(page.locator("ul.cards h2")).to_have_text(["grep-box"])
        await page.get_by_role("button", name="Table").click()
        await expect(page.locator("table.distributions tbody tr")).to_have_count(1)
        address = page.url
        assert "platform=linux" in address
        assert "view=table" in address
        await page.get_by_role("link", name="grep-box").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("grep-box")
        await page.go_back()
        await expect(page).to_have_url(address)
        await expect(page.locator("table.distributions tbody tr")).to_have_count(1)
        await page.go_back()
        await page.go_back()
        await expect(page.locator("ul.cards h2")).to_have_text(["grep-box", "tiny"])
        async with visit(browser, host, address.removeprefix(host)) as other:
            await expect(other.locator("table.distributions tbody tr")).to_have_count(1)
            await expect(other.get_by_label("Platform", exact=True)).to_have_value("linux/arm64")
            await other.get_by_role("button", name="Clear filters").click()
            await expect(other.locator("table.distributions tbody tr")).to_have_count(2)
            await expect(other).to_have_url(f"{host}/?view=table")


async def test_a_chosen_table_is_remembered(host: str) -> None:
    """On the next visit it is there again, and in the address, so that it can be shared as it is seen."""
    async with chromium() as browser, visit(browser, host, "/") as page:
        await page.get_by_role("button", name="Table").click()
        await page.goto("/")
        await expect(page.locator("table.distributions")).to_be_visible()
        await expect(page).to_have_url(f"{host}/?view=table")


async def test_no_hit_tells_what_to_change(host: str) -> None:
    """What was probably meant, and what is retired."""
    async with chromium() as browser, visit(browser, host, "/?q=tinny") as page:
        await page.get_by_role("button", name="tiny", exact=True).click()
        await expect(page.locator("ul.cards h2")).to_have_text(["tiny"])
        await page.get_by_role("searchbox").fill("gone")
        await page.get_by_role("button", name="show it").click()
        await expect(page.locator("ul.cards h2")).to_have_text(["gone"])
        await expect(page).to_have_url(f"{host}/?q=gone&retired=1")
