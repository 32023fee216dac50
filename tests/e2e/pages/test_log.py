"""Logs and builds in a real browser: long logs, live ones, search, links to lines, and builds that are followed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.api import served
from tests.support.factories import NOW
from tests.support.stage import Stage, broken, built, presence, queued_build, running_build
from wombat_gitops.adapters.memory import MemoryLogs
from wombat_gitops.api.site import BUILT
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.domain.records import Step

if TYPE_CHECKING:
    from wombat_gitops.ports import LogChunk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LINES = 100_000
MOST_ROWS = 200
"""Rows that a page may hold of a log, however long it is."""

RUNNING = running_build(queued_build(30, name="busy"), Step.FETCH)


class Breaking(MemoryLogs):
    """Logs of a broker that goes away when it is told to."""

    broken = False

    async def read(self, build: str, attempt: int, *, after: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """Chunks, until the broker is away."""
        async for chunk in super().read(build, attempt, after=after, follow=follow):
            if self.broken:
                msg = "the broker is away"
                raise Unreachable(msg)
            yield chunk


@pytest_asyncio.fixture(loop_scope="module")
async def stage(tmp_path: Path, built_site: None) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    stage.logs = Breaking()
    async with stage.running():
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def page(stage: Stage, one_browser: Browser) -> AsyncIterator[Page]:
    async with served(stage, site=BUILT, seconds=None) as client:
        context = await one_browser.new_context(base_url=str(client.base_url), viewport={"width": 1280, "height": 2000})
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield await context.new_page()
        await context.close()


def line(page: Page, number: int) -> Locator:
    return page.locator(f'.line[data-line="{number}"] .t')


async def say(stage: Stage, index: int, *texts: str) -> None:
    await stage.logs.append(RUNNING.id, 1, index, "".join(f"{text}\n" for text in texts))


async def long_log(stage: Stage) -> str:
    """A build with a log of `LINES` lines, some of them long; every thousandth holds `Needle`."""
    text = "".join(
        f"line {number} {'Needle' if number % 1000 == 0 else 'hay'} {'long ' * (60 * (number % 50 == 0))}\n"
        for number in range(1, LINES + 1)
    )
    record = built(queued_build(), b"x", await stage.store_log(text))
    await stage.put(record)
    return f"/builds/{record.id}"


async def test_a_long_log_stays_small_in_the_page(page: Page, stage: Stage) -> None:
    """Of 100,000 lines only those on screen are in the page, at the end, at the beginning and in between."""
    await page.goto(await long_log(stage))
    box = page.get_by_label("Build log")
    await expect(line(page, LINES)).to_be_in_viewport()
    await expect(page.get_by_text("100,000 lines")).to_be_visible()
    assert await page.locator(".line").count() <= MOST_ROWS
    await box.evaluate("(box) => box.scrollTo(0, 0)")
    await expect(line(page, 1)).to_have_text("line 1 hay ")
    assert await page.locator(".line").count() <= MOST_ROWS
    await page.get_by_role("searchbox").fill(":50000")
    await expect(line(page, 50_000)).to_be_in_viewport()
    await expect(line(page, 50_000)).to_contain_text("Needle")
    assert await page.locator(".line").count() <= MOST_ROWS
    await page.get_by_role("button", name="Jump to end").click()
    await expect(line(page, LINES)).to_be_in_viewport()


async def test_scrolling_up_asks_for_the_lines_before(page: Page, stage: Stage) -> None:
    """By wheel from the end upward every line that comes into view is there."""
    await page.goto(await long_log(stage))
    await expect(line(page, LINES)).to_be_in_viewport()
    await page.get_by_label("Build log").hover()
    for _ in range(40):
        await page.mouse.wheel(0, -600)
    await expect(line(page, LINES)).not_to_be_attached()
    await expect(page.locator(".line.away")).to_have_count(0)
    numbers = await page.locator(".line").evaluate_all("(rows) => rows.map((row) => Number(row.dataset.line))")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for number in (numbers[0], numbers[-1]):
        await expect(line(page, number)).to_contain_text(f"line {number} ")


async def test_a_live_log_is_followed_until_somebody_reads(page: Page, stage: Stage) -> None:
    """New lines keep the end in view; scrolling up lets go, and the button takes hold again."""
    await stage.put(RUNNING, presence(busy=1))
    await say(stage, 0, *(f"line {number}" for number in range(1, 301)))
    await page.goto(f"/builds/{RUNNING.id}")
    await expect(page.get_by_role("log")).to_be_visible()
    await expect(line(page, 300)).to_be_in_viewport()
    await say(stage, 1, *(f"line {number}" for number in range(301, 401)))
    await expect(line(page, 400)).to_be_in_viewport()
    await page.get_by_role("log").hover()
    await page.mouse.wheel(0, -2000)
    jump = page.get_by_role("button", name="Jump to end")
    await expect(jump).to_be_visible()
    await say(stage, 2, "line 401")
    await expect(page.get_by_text("401 lines")).to_be_visible()
    await expect(line(page, 401)).not_to_be_attached()
    await jump.click()
    await expect(line(page, 401)).to_be_in_viewport()
    await expect(jump).to_have_count(0)


async def test_a_broken_stream_loses_and_doubles_nothing(page: Page, stage: Stage) -> None:
    """What was said while the stream was away comes when it is back, each line once and in its place."""
    await stage.put(RUNNING, presence(busy=1))
    assert isinstance(stage.logs, Breaking)
    await say(stage, 0, "line 1", "line 2")
    await page.goto(f"/builds/{RUNNING.id}")
    await expect(line(page, 2)).to_have_text("line 2")
    stage.logs.broken = True
    await say(stage, 1, "line 3")
    await expect(page.get_by_text("reconnecting", exact=True)).to_be_visible()
    await expect(page.get_by_text("last heard")).to_be_visible()
    stage.logs.broken = False
    await say(stage, 2, "line 4")
    await expect(page.locator(".line .t")).to_have_text(["line 1", "line 2", "line 3", "line 4"])
    await expect(page.get_by_text("4 lines")).to_be_visible()


async def test_search_goes_through_the_whole_log(page: Page, stage: Stage) -> None:
    """The server searches what the page does not hold; Enter and Shift+Enter go from match to match."""
    await page.goto(await long_log(stage))
    field = page.get_by_role("searchbox")
    await field.fill("needle")
    await expect(page.get_by_text("1 of 100", exact=True)).to_be_visible()
    await expect(line(page, 1000).locator("mark")).to_have_text("Needle")
    await expect(line(page, 1000)).to_be_in_viewport()
    await field.press("Enter")
    await expect(line(page, 2000)).to_be_in_viewport()
    await field.press("Shift+Enter")
    await field.press("Shift+Enter")
    await expect(page.get_by_text("100 of 100", exact=True)).to_be_visible()
    await expect(line(page, LINES)).to_be_in_viewport()
    await expect(page).to_have_url(re.compile(rf"find=needle&attempt=1#L{LINES}$"))
    await field.fill("not in there")
    await expect(page.get_by_text("no match")).to_be_visible()


async def test_lines_are_linked_and_copied(page: Page, stage: Stage) -> None:
    """A link leads to its lines; a click marks one, with Shift several, and their text can be copied."""
    path = await long_log(stage)
    await page.goto(f"{path}#L120-L121")
    await expect(line(page, 120)).to_be_in_viewport()
    await expect(page.locator(".line.picked")).to_have_count(2)
    await page.locator('.line[data-line="123"] .n').click()
    await page.locator('.line[data-line="125"] .n').click(modifiers=["Shift"])
    await expect(page).to_have_url(f"{path}?attempt=1#L123-L125")
    await page.get_by_role("button", name="Copy the text of these lines").click()
    await expect(page.get_by_text("Copied")).to_be_attached()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == "line 123 hay \nline 124 hay \nline 125 hay \n"
    selected: Any = await page.evaluate(
        """() => {
            const [from, to] = [123, 124].map((number) => document.querySelector(`.line[data-line="${number}"] .t`))
            getSelection().setBaseAndExtent(from, 0, to, to.childNodes.length)
            return getSelection().toString().trim()
        }"""
    )
    assert [text.strip() for text in selected.split("\n")] == ["line 123 hay", "line 124 hay"]


async def test_a_failure_leads_to_its_line(page: Page, stage: Stage) -> None:
    """The first line of the log that tells the failure is one click away."""
    lines = [f"compiling {number}" for number in range(1, 1001)]
    lines[699] = "plugin.go:12:9: undefined: service.NewThing"
    record = broken(queued_build(name="fragile"), await stage.store_log("\n".join(lines) + "\n"))
    await stage.put(record)
    await page.goto(f"/builds/{record.id}")
    await page.get_by_role("link", name="Line 700 of the log").click()
    await expect(line(page, 700)).to_be_in_viewport()
    await expect(page.locator(".line.picked")).to_have_count(1)


async def test_a_log_that_is_not_kept_offers_nothing(page: Page, stage: Stage) -> None:
    """A raw log that would be an error is not linked: it was."""
    record = broken(queued_build(name="fragile"))
    await stage.put(record)
    await page.goto(f"/builds/{record.id}")
    await expect(page.get_by_text("is not kept any more")).to_be_visible()
    await expect(page.get_by_role("link", name="Raw")).to_have_count(0)


async def test_a_build_is_followed_by_its_events(page: Page, stage: Stage) -> None:
    """From its place in the queue to its end the page is told, and asks for the build once."""
    first, second = queued_build(0, name="first"), queued_build(1, name="second")
    await stage.put(first, second, presence())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith(second.id) else None)
    await page.goto(f"/builds/{second.id}")
    await expect(page.get_by_text("2nd in the queue")).to_be_visible()
    await expect(page.get_by_text("1 build of source “main” is ahead.")).to_be_visible()
    await expect(page.get_by_text("builder-1 can take it")).to_be_visible()
    await stage.put(running_build(first))
    await expect(page.get_by_text("1st in the queue")).to_be_visible()
    running = running_build(second, Step.FETCH)
    await stage.put(running)
    await expect(page.get_by_text("Running for").first).to_be_visible()
    await stage.put(lifecycle.cancelled(running, NOW))
    await expect(page.get_by_text("Cancelled").first).to_be_visible()
    pages = [url for url in asked if "/api/v1/" in url]
    assert len(pages) <= 2, pages  # once, and once more for the hint of the end


async def test_each_attempt_has_an_address(page: Page, stage: Stage) -> None:
    """`?attempt=1` shows the first one with its own log, and the newest is shown without."""
    record = running_build(queued_build(name="twice"), Step.FETCH)
    record = lifecycle.lost(record, record.changed_at)
    record = running_build(replace(record, not_before=None), Step.FETCH)
    await stage.put(record, presence(busy=1))
    await stage.logs.append(record.id, 1, 0, "of the first\n")
    await stage.logs.append(record.id, 2, 0, "of the second\n")
    await page.goto(f"/builds/{record.id}")
    await expect(line(page, 1)).to_have_text("of the second")
    await page.get_by_role("link", name="Attempt 1").click()
    await expect(page).to_have_url(f"/builds/{record.id}?attempt=1")
    await expect(line(page, 1)).to_have_text("of the first")
    await page.reload()
    await expect(line(page, 1)).to_have_text("of the first")
