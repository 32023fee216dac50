"""The pages of components in a real Chromium: find one, link to a field of it, copy a configuration."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.reference import TALKATIVE, tell
from tests.support.stage import Stage, built, declared, queued_build
from wombat_gitops.api.site import BUILT

pytestmark = pytest.mark.browser


async def staged(folder: Path) -> Stage:
    """Two distributions, one of which describes `stdin` in other words."""
    stage = Stage(folder)
    tiny = await tell(stage, built(queued_build(), b"tiny"))
    talkative = await tell(stage, built(queued_build(10, name="talkative"), b"talkative"), TALKATIVE)
    await stage.put(tiny, talkative, declared(tiny), declared(talkative))
    return stage


def asked(page: Page) -> dict[str, list[str]]:
    """The parameters of the page's address."""
    return parse_qs(urlsplit(page.url).query)


async def in_sight(page: Page, field: str) -> None:
    await expect(page.locator(f'[id="{field}"]')).to_be_in_viewport()
    await expect(page.locator(f'[id="{field}"]')).to_contain_class("here")


@pytest.mark.parametrize("width", [1280, 390])
async def test_search_and_filters_stand_in_the_address(tmp_path: Path, width: int) -> None:
    """What is typed and chosen finds, counts, and can be sent to somebody else."""
    stage = await staged(tmp_path)
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        async with visit(browser, str(client.base_url), "/components", width=width) as page:
            rows = page.get_by_role("list", name="Components").get_by_role("listitem")
            await expect(rows).to_have_count(7)
            await page.keyboard.press("/")
            await page.keyboard.type("stdin")
            await expect(rows).to_have_count(2)  # One is called so, one mentions it.
            await expect(rows.first.get_by_role("link")).to_have_text("stdin")
            assert asked(page) == {"q": ["stdin"]}
            await page.get_by_role("button", name="Clear the search").click()
            await page.get_by_role("navigation", name="Kinds").get_by_role("link", name="Processors").click()
            await expect(rows).to_have_count(2)
            await page.get_by_label("Status").select_option(label="Deprecated (1)")
            await expect(rows).to_have_count(1)
            assert asked(page) == {"kind": ["processor"], "status": ["deprecated"]}
            await page.get_by_label("Distribution").select_option("tiny")
            await page.get_by_role("link", name="grep").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("grep")
            assert asked(page) == {"distribution": ["tiny"]}
            await page.go_back()
            await expect(rows).to_have_count(1)
        async with visit(browser, str(client.base_url), "/components?kind=bloblang-method", width=width) as page:
            await page.get_by_role("link", name="slice").click()
            await expect(page.get_by_text(".slice(low, [high])").first).to_be_visible()


async def test_a_link_to_a_field_leads_to_it(tmp_path: Path) -> None:
    """Also to one that is hidden until it is asked for; what the page shows is in its address."""
    stage = await staged(tmp_path)
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        host = str(client.base_url)
        async with visit(browser, host, "/components/processor/grep#field-tls.certs[].key", width=390) as page:
            await in_sight(page, "field-tls.certs[].key")
            await page.get_by_role("link", name="Link to mode").click()
            await in_sight(page, "field-mode")
        async with visit(browser, host, "/components/processor/grep") as page:
            await expect(page.locator(".field")).to_have_count(1)
            await page.get_by_label("3 advanced fields").check()
            await expect(page.locator(".field")).to_have_count(4)
            assert asked(page) == {"advanced": ["1"]}


async def test_addresses_as_in_the_documentation_of_benthos(tmp_path: Path) -> None:
    """`processors` there is `processor` here; what else is in the address stays."""
    stage = await staged(tmp_path)
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        host = str(client.base_url)
        async with visit(browser, host, "/components/processors/grep?distribution=tiny#field-mode") as page:
            await in_sight(page, "field-mode")
            assert page.url == f"{host}/components/processor/grep?distribution=tiny#field-mode"


async def test_a_link_to_a_field_scrolls_once(tmp_path: Path) -> None:
    """Pages refresh themselves: whoever has read on must not be thrown back."""
    stage = await staged(tmp_path)
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        path = "/components/processor/grep#field-tls.certs[].key"
        async with visit(browser, str(client.base_url), path, width=390) as page:
            await in_sight(page, "field-tls.certs[].key")
            await page.evaluate("scrollTo(0, 0)")
            async with page.expect_response("**/api/v1/components/processor/grep") as answered:
                await stage.put(declared(queued_build(20, name="another")))
            await (await answered.value).finished()
            await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert await page.evaluate("scrollY") == 0


async def test_a_component_in_the_words_of_another_distribution(tmp_path: Path) -> None:
    """Descriptions differ between releases; one can be chosen, and the choice is a link."""
    stage = await staged(tmp_path)
    async with (
        stage.running(),
        served(stage, site=BUILT) as client,
        chromium() as browser,
        visit(browser, str(client.base_url), "/components/input/stdin") as page,
    ):
        await expect(page.get_by_text("of another release does").first).to_be_visible()
        await page.get_by_label("As described by").select_option(label="tiny 1.0.0, differs")
        await expect(page.get_by_text("Consumes data piped to stdin").first).to_be_visible()
        assert asked(page) == {"distribution": ["tiny"]}
        await page.get_by_role("complementary").get_by_role("link", name="talkative").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("talkative")


async def test_a_configuration_is_made_of_the_fields(tmp_path: Path) -> None:
    """Common fields, or all of them."""
    stage = await staged(tmp_path)
    async with (
        stage.running(),
        served(stage, site=BUILT) as client,
        chromium() as browser,
        visit(browser, str(client.base_url), "/components/processor/grep") as page,
    ):
        config = page.get_by_role("group", name="Configuration of grep")
        await expect(config).to_have_text("pipeline:\n  processors:\n    - grep:\n        mode: keep")
        await page.get_by_role("button", name="Full").click()
        await expect(config).to_contain_text("certs: []")


async def test_a_distribution_says_what_editors_need(tmp_path: Path) -> None:
    """The line that a configuration begins with leads to the schema of this very distribution."""
    stage = await staged(tmp_path)
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        async with visit(browser, str(client.base_url), "/d/tiny") as page:
            line = page.get_by_text("# yaml-language-server: $schema=")
            address = ((await line.text_content()) or "").partition("$schema=")[2]
        schema = (await client.get(address)).json()
    assert address == f"{client.base_url}/api/v1/distributions/tiny/config-schema"
    assert schema["type"] == "object"


async def test_showing_all_components_takes_every_filter_away(tmp_path: Path) -> None:
    """It took the last one away alone, as each was a step of its own."""
    stage = await staged(tmp_path)
    async with stage.running(), served(stage, site=BUILT) as client, chromium() as browser:
        chosen = "/components?q=zzzzzz&kind=input&status=deprecated&distribution=tiny"
        async with visit(browser, str(client.base_url), chosen) as page:
            await page.get_by_role("button", name="Show all components").click()
            await expect(page.get_by_role("list", name="Components").get_by_role("listitem")).to_have_count(7)
            assert asked(page) == {}
