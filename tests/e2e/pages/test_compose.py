"""A person composes a distribution in the browser; what comes out is what the command line takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from wombat_gitops.cli.main import run

LOADED = 30_000
"""Milliseconds within which a page has to be there on a slow machine."""

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_choices_become_a_manifest_that_is_valid(
    one_browser: Browser,
    hosts: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A package is found by a component; the address holds the draft; the file lacks nothing but its lock."""
    page = await one_browser.new_page(base_url=hosts["filled"])
    try:
        await page.goto("/")
        await page.get_by_role("link", name="Compose", exact=True).click()
        text = page.get_by_role("region", name="Text of the manifest")
        await expect(text).to_contain_text("packages: [io, pure]", timeout=LOADED)

        await page.get_by_role("searchbox").fill("kafka_franz")
        await page.get_by_role("checkbox", name=re.compile("^kafka 9 components")).check()
        await page.get_by_label("Name", exact=True).fill("edge")
        await page.get_by_label("Description").fill('Kafka: "edge" # not a comment')
        await expect(text).to_contain_text("packages: [kafka]")
        await expect(text).to_contain_text("name: edge")
        await expect(page.get_by_text("Valid", exact=True)).to_be_visible()

        await page.reload()
        await expect(text).to_contain_text("packages: [kafka]", timeout=LOADED)
        await expect(page.get_by_role("checkbox", name=re.compile("^kafka 9 components"))).to_be_checked()
        async with page.expect_download() as started:
            await page.get_by_role("link", name="Download").click()
        download = await started.value
        assert download.suggested_filename == "edge.yaml"
        (tmp_path / "manifests").mkdir()
        await download.save_as(tmp_path / "manifests" / "edge.yaml")
    finally:
        await page.close()

    monkeypatch.chdir(tmp_path)
    assert run(["validate"]) == 3
    assert re.findall(r"WOM-\d+", capsys.readouterr().out) == ["WOM-050"]
    assert run(["fmt", "--check"]) == 0


async def test_a_conflict_is_told_at_its_line_and_mended_with_a_click(
    one_browser: Browser, hosts: dict[str, str]
) -> None:
    """A package that takes a tag says so before it is chosen, and is fine once the tag is there."""
    page = await one_browser.new_page(base_url=hosts["filled"])
    try:
        await page.goto("/compose?name=edge&connect=v4.105.0&package=pure&package=zeromq")
        await expect(page.get_by_text("1 error")).to_be_visible(timeout=LOADED)
        note = page.get_by_role("region", name="Text of the manifest").get_by_role("link", name="WOM-071")
        assert await note.get_attribute("href") == "/docs/rules#WOM-071"
        await page.get_by_label("Build tag x_benthos_extra", exact=True).check()
        await expect(page.get_by_text("Valid", exact=True)).to_be_visible()
        await expect(page).to_have_url(re.compile("tag=x_benthos_extra"))
    finally:
        await page.close()


async def test_a_package_is_left_out_where_it_registers_nothing(one_browser: Browser, hosts: dict[str, str]) -> None:
    """The list of packages offers it, and the address keeps it."""
    page = await one_browser.new_page(base_url=hosts["filled"])
    try:
        await page.goto(
            "/compose?name=edge&connect=v4.105.0&package=pure&package=couchbase&platform=linux/amd64&platform=linux/arm/7"
        )
        await expect(page.get_by_text("1 error")).to_be_visible(timeout=LOADED)
        await page.get_by_role("button", name="Leave couchbase out on linux/arm/7").click()
        await expect(page.get_by_text("Valid", exact=True)).to_be_visible()
        await expect(page).to_have_url(re.compile("exclude=couchbase:linux/arm/7"))
    finally:
        await page.close()
