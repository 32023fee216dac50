"""Every page in a real Chromium, over a real server: what a person sees and can do."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.api import served
from tests.support.browser import chromium, visit
from tests.support.factories import NOW
from tests.support.pages import BAD, CONTENTS, DATA, GOOD, RUNNING, WAITING, read_through
from tests.support.stage import ARM, Stage, built, declared, presence, queued_build
from wombat_gitops.api.site import BUILT
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.catalogue import Condition, SourceRecord
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import Withdrawal
from wombat_gitops.domain.records import StoredLog

pytestmark = pytest.mark.browser

GOOD_ARM = built(queued_build(1, platform=ARM), DATA + b"arm")
OLD = built(queued_build(2, name="fragile", version="1.0.0"), DATA + b"old")
WIDTHS = pytest.mark.parametrize("width", [1280, 390])


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    assert (BUILT / "index.html").is_file(), "build the website first: npm ci && npm run build in wombat_gitops/ui"
    stage = Stage(tmp_path)
    for data in (DATA, DATA + b"arm", DATA + b"old"):
        await stage.store(data)
    await stage.put(GOOD, GOOD_ARM, OLD, BAD, WAITING, RUNNING, presence(busy=2))
    await stage.put(declared(GOOD, GOOD_ARM), declared(BAD), declared(WAITING), declared(RUNNING))
    await stage.put(declared(queued_build(name="ancient"), retired=True, targets=()))
    await stage.put(SourceRecord("main", "https://git.invalid/catalogue", "main", "manifests", "4f3c2b1a" * 5))
    await stage.logs.append(RUNNING.id, 1, 0, "fetched modules\n")
    return stage


@pytest.fixture
async def host(stage: Stage) -> AsyncIterator[str]:
    async with stage.running(), served(stage, site=BUILT) as client:
        yield str(client.base_url)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@WIDTHS
async def test_the_catalogue_shows_every_distribution(browser: Browser, host: str, width: int) -> None:
    """Names with their health; a search leaves what fits and is in the address."""
    async with visit(browser, host, "/", width=width) as page:
        for name in ("tiny", "fragile", "waiting", "busy"):
            await expect(page.get_by_role("link", name=name).first).to_be_visible()
        for word in ("Healthy", "Degraded", "Progressing"):
            await expect(page.locator("ul.cards").get_by_text(word).first).to_be_visible()

        await page.get_by_role("searchbox").fill("fragile")
        await expect(page.get_by_role("link", name="tiny")).to_have_count(0)
        await expect(page.get_by_role("link", name="fragile").first).to_be_visible()
        await page.wait_for_url("**q=fragile**")


@WIDTHS
async def test_a_download_is_the_artifact(browser: Browser, host: str, width: int) -> None:
    """The button of a platform downloads exactly the bytes that the page gives the digest of."""
    async with visit(browser, host, "/d/tiny", width=width) as page:
        await expect(page.get_by_role("heading", level=1)).to_contain_text("tiny")
        await expect(page.get_by_text(hashlib.sha256(DATA).hexdigest()).first).to_be_attached()
        async with page.expect_download() as download:
            await page.locator('a[href="/dl/tiny/1.0.0/tiny_1.0.0_linux_amd64"]').first.click()
        saved = await (await download.value).path()

        assert await asyncio.to_thread(saved.read_bytes) == DATA
        assert (await download.value).suggested_filename == "tiny_1.0.0_linux_amd64"


@WIDTHS
async def test_a_failing_distribution_keeps_its_last_good_file(browser: Browser, host: str, width: int) -> None:
    """The page of a distribution whose newest build failed names the culprit and still has a download."""
    async with visit(browser, host, "/d/fragile", width=width) as page:
        await expect(page.get_by_text("github.com/example/plugin").first).to_be_visible()
        await expect(page.get_by_text("undefined: service.NewThing").first).to_be_visible()
        await expect(page.locator('a[href="/dl/fragile/1.0.0/fragile_1.0.0_linux_amd64"]').first).to_be_visible()


@WIDTHS
async def test_a_retired_distribution_says_so(browser: Browser, host: str, width: int) -> None:
    """A distribution whose manifest is gone is marked."""
    async with visit(browser, host, "/d/ancient", width=width) as page:
        await expect(page.get_by_text("retired").first).to_be_visible()


@WIDTHS
async def test_a_withdrawn_distribution_offers_nothing(browser: Browser, host: str, stage: Stage, width: int) -> None:
    """Whoever comes for it reads first why not to take it; no button and no link leads to its files."""
    await stage.put(declared(GOOD, GOOD_ARM, withdrawn=Withdrawal("It writes credentials into its log.")))
    async with visit(browser, host, "/?q=tiny", width=width) as page:
        await expect(page.locator("ul.cards").get_by_text("Withdrawn")).to_be_visible()
        await expect(page.locator("ul.cards").get_by_text("Healthy")).to_have_count(0)
    async with visit(browser, host, "/d/tiny", width=width) as page:
        await expect(page.get_by_text("It writes credentials into its log.").first).to_be_visible()
        await expect(page.get_by_text("Nothing to download: what was built is withdrawn.")).to_be_visible()
        await expect(page.locator("a[download]")).to_have_count(0)
    async with visit(browser, host, f"/builds/{GOOD.id}", width=width) as page:
        await expect(page.get_by_text("Withdrawn, not to be downloaded any more:")).to_be_visible()
        await expect(page.locator("a[download]")).to_have_count(0)


@WIDTHS
async def test_a_suspended_distribution_keeps_its_files(browser: Browser, host: str, stage: Stage, width: int) -> None:
    """Whoever looks for a newer one reads why there is none."""
    await stage.put(declared(GOOD, suspended=True))
    async with visit(browser, host, "/d/tiny", width=width) as page:
        await expect(page.get_by_text("Suspended. What was built stays here to download")).to_be_visible()
        await expect(page.locator("a[download]").first).to_be_visible()


@WIDTHS
async def test_a_source_in_trouble_tells_its_cause_once(browser: Browser, host: str, stage: Stage, width: int) -> None:
    """Where commit statuses lead to: the card of that source, whatever conditions one cause has made untrue."""
    kinds = {"FetchFailed": True, "Ready": False, "Stalled": True}
    conditions = tuple(Condition(kind, status, "AccessDenied", "no entry", "", NOW) for kind, status in kinds.items())
    for number in range(9):
        await stage.put(SourceRecord(f"source-{number}", f"https://git.invalid/{number}", "main", "manifests"))
    await stage.put(SourceRecord("wrong", "https://git.invalid/wrong", "main", "manifests", conditions=conditions))
    async with visit(browser, host, "/status#wrong", width=width) as page:
        card = page.locator("#wrong")
        await expect(card.get_by_text("The repository could not be read")).to_be_in_viewport()
        await expect(card.get_by_text("no entry")).to_have_count(1)
        await expect(card.get_by_text("Needs manual action")).to_be_visible()
        await expect(card.get_by_text("Not ready")).to_be_visible()


@WIDTHS
async def test_what_is_inside_is_told(browser: Browser, host: str, stage: Stage, width: int) -> None:
    """Each package opens to the components that it registers and the licences that come with it."""
    data = encode(CONTENTS)
    await stage.put(replace(GOOD, contents=StoredLog(await stage.store(data), len(data))))
    for path in (f"/builds/{GOOD.id}", "/d/tiny"):
        async with visit(browser, host, path, width=width) as page:
            await expect(page.get_by_role("heading", name="What is inside")).to_be_visible()
            await read_through(page)
            await page.get_by_text("2 components, Apache-2.0").click()
            await expect(page.get_by_text("kafka_franz").first).to_be_visible()


@WIDTHS
async def test_builds_are_listed_and_filtered(browser: Browser, host: str, width: int) -> None:
    """Every build with its state; each leads to its own page."""
    async with visit(browser, host, "/builds", width=width) as page:
        for record in (GOOD, BAD, WAITING, RUNNING):
            await expect(page.locator(f'a[href="/builds/{record.id}"]').first).to_be_visible()

        await page.get_by_role("searchbox").fill("fragile")
        await expect(page.locator(f'a[href="/builds/{GOOD.id}"]')).to_have_count(0)
    async with visit(browser, host, "/builds?q=fragile", width=width) as page:
        await expect(page.locator(f'a[href="/builds/{BAD.id}"]').first).to_be_visible()
        await expect(page.locator(f'a[href="/builds/{GOOD.id}"]')).to_have_count(0)


@WIDTHS
async def test_a_failed_build_tells_why(browser: Browser, host: str, width: int) -> None:
    """Culprit, first error and last lines come before anything else."""
    async with visit(browser, host, f"/builds/{BAD.id}", width=width) as page:
        await expect(page.get_by_text("github.com/example/plugin").first).to_be_visible()
        await expect(page.get_by_text("plugin.go:12:9: undefined: service.NewThing").first).to_be_visible()


@WIDTHS
async def test_a_queued_build_tells_why_it_waits(browser: Browser, host: str, width: int) -> None:
    """Position and reason."""
    async with visit(browser, host, f"/builds/{WAITING.id}", width=width) as page:
        await expect(page.get_by_text("all 2 workers are busy").first).to_be_visible()


@WIDTHS
async def test_a_log_is_followed_live(browser: Browser, host: str, stage: Stage, width: int) -> None:
    """Lines appear while the build runs, and the page notices the end without being loaded again."""
    async with visit(browser, host, f"/builds/{RUNNING.id}", width=width) as page:
        log = page.get_by_role("log")
        await expect(log).to_contain_text("fetched modules")
        await stage.logs.append(RUNNING.id, 1, 1, "compiling now\n")
        await expect(log).to_contain_text("compiling now")
        await stage.logs.append(RUNNING.id, 1, 2, "", end=True)
        await stage.put(lifecycle.cancelled(RUNNING, RUNNING.changed_at))
        await expect(page.get_by_text("cancelled").first).to_be_visible()


@WIDTHS
async def test_the_fleet_tells_whether_it_is_down_and_who_builds_what(
    browser: Browser, host: str, stage: Stage, width: int
) -> None:
    """One word first, then the builders with their work and the queue; a broker that is gone changes the word."""
    async with visit(browser, host, "/status", width=width) as page:
        await expect(page.get_by_text("Everything works")).to_be_visible()
        await expect(page.get_by_role("heading", name="builder-1")).to_be_visible()
        await expect(page.get_by_role("link", name="busy 1.0.0")).to_be_visible()
        await expect(page.get_by_role("link", name="waiting 1.0.0")).to_be_visible()
    stage.connected = False
    async with visit(browser, host, "/fleet", width=width) as page:
        await expect(page.get_by_text("Something is down")).to_be_visible()


@WIDTHS
async def test_sources_are_shown(browser: Browser, host: str, width: int) -> None:
    """What is watched."""
    async with visit(browser, host, "/sources", width=width) as page:
        await expect(page.get_by_text("https://git.invalid/catalogue").first).to_be_visible()


@WIDTHS
@pytest.mark.parametrize(
    ("path", "words"),
    [("/d/tinny", "There is no distribution “tinny”"), (f"/builds/{'f' * 64}", "There is no such build")],
    ids=["distribution", "build"],
)
async def test_what_does_not_exist_is_told(browser: Browser, host: str, path: str, words: str, width: int) -> None:
    """An unknown name ends in words, not in a page that loads for ever."""
    async with visit(browser, host, path, width=width, expected=2) as page:
        await expect(page.get_by_role("heading", level=1)).to_have_text(words)


@WIDTHS
async def test_an_unknown_page_leads_back(browser: Browser, host: str, width: int) -> None:
    """An address of no page has a link to the catalogue."""
    async with visit(browser, host, "/no/such/page", width=width, expected=1) as page:
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.locator('a[href="/"]').first).to_be_visible()


async def test_a_new_build_appears_by_itself(browser: Browser, host: str, stage: Stage) -> None:
    """A page that is open shows what changes, without being loaded again."""
    async with visit(browser, host, "/") as page:
        await expect(page.get_by_role("link", name="tiny").first).to_be_visible()
        late = built(queued_build(99, name="latecomer"), DATA)
        await stage.put(late, declared(late))
        await expect(page.get_by_role("link", name="latecomer").first).to_be_visible()
