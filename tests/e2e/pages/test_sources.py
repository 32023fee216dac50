"""The page of the watched repositories, in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.factories import NOW
from tests.support.stage import Stage
from wombat_gitops.api.site import BUILT
from wombat_gitops.domain.catalogue import Condition, SourceRecord

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
async def test_sources_with_what_is_wrong_in_them(tmp_path: Path, width: int) -> None:
    """None is said to be none; a bad manifest is named with its place."""
    stage = Stage(tmp_path)
    problem = Condition("InvalidManifest", True, "ManifestInvalid", "manifests/a.yaml:3:1: WOM-012 x", "", NOW)
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        host = str(client.base_url)
        async with visit(browser, host, "/sources", width=width) as page:
            await expect(page.get_by_text("No repository is watched")).to_be_visible()
        await stage.put(SourceRecord("main", "https://git.invalid/a", "main", "manifests", conditions=(problem,)))
        await stage.until(stage.catalog.sources)
        async with visit(browser, host, "/sources#main", width=width) as page:
            await expect(page.get_by_role("heading", level=1)).to_have_text("Sources")
            await expect(page.locator("#main").get_by_text("manifests/a.yaml:3:1: WOM-012 x")).to_be_visible()
