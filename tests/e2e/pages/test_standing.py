"""Current, newest and latest mean the same on every page, also after a manifest went back to an older version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.stage import REVISION, Stage, built, declared, queued_build
from wombat_gitops.api.site import BUILT

pytestmark = pytest.mark.browser

OLD = built(queued_build(version="1.9.0"), b"old")
NEW = built(queued_build(10, version="1.10.0"), b"newer")
WANTED = queued_build(20, name="waiting", version="2.0.0")
BEFORE = built(queued_build(5, name="waiting", version="1.0.0"), b"before")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[str]:
    stage = Stage(tmp_path)
    await stage.put(OLD, NEW, declared(OLD), WANTED, BEFORE, declared(WANTED))
    async with stage.running(), served(stage, site=BUILT) as client:
        yield str(client.base_url)


async def test_a_manifest_that_went_back_had_two_newest_versions(browser: Browser, host: str) -> None:
    """The page offers what git declares, marks it, and says which commit the newest version came from."""
    async with visit(browser, host, "/d/tiny") as page:
        await expect(page.locator(".apart")).to_have_text(
            f"git declares 1.9.0; 1.10.0 was built from {REVISION[:7]} and is the newest version."
        )
        rows = page.get_by_role("table").first.get_by_role("rowheader")
        await expect(rows.nth(0)).to_contain_text("1.10.0newest")
        await expect(rows.nth(0)).not_to_contain_text("current")
        await expect(rows.nth(1)).to_contain_text("1.9.0current")
        await expect(page.get_by_text("version 1.9.0,")).to_be_visible()
        await page.get_by_text("More commands: run, always-latest link, rebuild").click()
        await expect(page.get_by_text(f"{host}/dl/tiny/latest/linux/amd64")).to_be_visible()
    async with visit(browser, host, "/d/tiny/v/latest") as page:
        await expect(page.get_by_role("heading", level=1)).to_have_text("tiny 1.9.0")
        await expect(page.locator(".mark")).to_have_text(["current", "latest"])
    async with visit(browser, host, "/d/tiny/v/1.10.0") as page:
        await expect(page.locator(".mark")).to_have_text(["newest"])


async def test_a_version_that_is_not_built_yet_looked_like_the_one_to_download(browser: Browser, host: str) -> None:
    """While git declares a version without files, the page names the one that `latest` downloads."""
    async with visit(browser, host, "/d/waiting") as page:
        await expect(page.locator(".apart")).to_have_text(
            f"git declares 2.0.0; 1.0.0 was built from {REVISION[:7]} and is what “latest” downloads."
        )


async def test_dates_had_no_label(browser: Browser, host: str) -> None:
    """A date is that of the commit or that of the build, and says so."""
    async with visit(browser, host, "/d/tiny") as page:
        await expect(page.get_by_text("committed", exact=False).first).to_be_visible()
        row = page.get_by_role("table").first.get_by_role("rowheader").nth(0)
        await expect(row.locator(".when")).to_have_count(2)
        await expect(row.locator(".when").nth(1)).to_contain_text("built")
    async with visit(browser, host, "/d/tiny/v/1.9.0") as page:
        await expect(page.get_by_text("Committed").first).to_contain_text("built")
