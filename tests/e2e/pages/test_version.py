"""The pages of a version and of a comparison in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.pages import grown
from tests.support.stage import Stage, built, declared, queued_build
from wombat_gitops.api.site import BUILT

pytestmark = pytest.mark.browser

OLD = built(queued_build(version="1.0.0"), b"old")
NEW = built(queued_build(10, version="1.1.0", toolchain="1.26.7"), b"newer")
OTHER = built(queued_build(20, name="other", version="3.0.0"), b"another")


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_version_tells_its_files_and_what_changed(tmp_path: Path, width: int) -> None:
    """Download, digest, and the comparison with the version before; equal versions and unknown ones say so."""
    stage = Stage(tmp_path)
    await stage.put(OLD, NEW, declared(NEW))
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        host = str(client.base_url)
        async with visit(browser, host, "/d/tiny/v/1.1.0", width=width) as page:
            await expect(page.get_by_role("heading", level=1)).to_have_text("tiny 1.1.0")
            await expect(page.locator('a[href="/dl/tiny/1.1.0/tiny_1.1.0_linux_amd64"]').first).to_be_visible()
            await expect(page.get_by_role("heading", name="What changed since 1.0.0")).to_be_visible()
            await expect(page.get_by_text("1.26.6 → 1.26.7").first).to_be_visible()
            await page.get_by_role("link", name="Compare", exact=True).click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Compare versions")
            await page.get_by_role("link", name="Swap").click()
            await expect(page.get_by_text("1.26.7 → 1.26.6").first).to_be_visible()
        async with visit(browser, host, "/compare?from=tiny@1.1.0&to=tiny@1.1.0", width=width) as page:
            await expect(page.get_by_text("No difference is known.")).to_be_visible()
        async with visit(browser, host, "/d/tiny/v/9.9.9", width=width, expected=2) as page:
            await expect(page.get_by_role("heading", level=1)).to_have_text("There is no such version")


@pytest.mark.parametrize("width", [1280, 390])
async def test_two_versions_are_chosen_and_filtered(tmp_path: Path, width: int) -> None:
    """What is chosen is in the address, of one distribution or of two; a filter leaves what has its words."""
    stage = Stage(tmp_path)
    await stage.put(*await grown(stage))
    await stage.put(OTHER, declared(OTHER))
    async with (
        stage.running(),
        served(stage, site=BUILT) as client,
        chromium() as browser,
        visit(browser, str(client.base_url), "/compare", width=width) as page,
    ):
        await page.get_by_label("From: distribution").select_option("grown")
        await page.get_by_label("From: version").select_option("1.0.0")
        await page.get_by_label("To: distribution").select_option("grown")
        await page.wait_for_url("**/compare?from=grown@1.0.0&to=grown@latest")
        await expect(page.get_by_text("60 added, 2 removed")).to_be_visible()
        await page.get_by_label("Filter the differences").fill("removed input")
        await expect(page.get_by_role("group", name="Components").get_by_role("listitem")).to_have_count(2)
        await page.wait_for_url(re.compile("q=removed"))
        await page.get_by_label("Filter the differences").fill("")
        await page.get_by_label("On the platform").select_option("darwin/arm64")
        await expect(page.get_by_text("Compared for darwin/arm64.")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("On the platform")).to_have_value("darwin/arm64")
        await page.get_by_label("On the platform").select_option("")
        await page.get_by_label("To: distribution").select_option("other")
        await expect(page.get_by_text("What is inside is not recorded for both")).to_be_visible()
