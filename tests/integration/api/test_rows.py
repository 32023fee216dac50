"""Lists put together from rows that were made before tell the same as lists that are made anew, after every change."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx
import pytest

from tests.support.api import application
from tests.support.factories import NOW
from tests.support.stage import Stage, broken, built, declared, presence, queued_build, running_build
from wombat_gitops.api.present import builds
from wombat_gitops.api.rows import Rows
from wombat_gitops.domain.model import Withdrawal
from wombat_gitops.domain.records import Step
from wombat_gitops.services.catalog_types import DistributionQuery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wombat_gitops.api.views.builds import BuildView
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import Store
    from wombat_gitops.services.catalog import Catalog

Value = TypeVar("Value")

GOOD = built(queued_build(), b"good bytes")
WAITING = queued_build(20, name="waiting")
NEXT = queued_build(30, name="next")
BUSY = running_build(queued_build(40, name="busy"), Step.FETCH)
LISTS = ("/api/v1/builds", "/api/v1/distributions?retired=true", "/api/v1/builds?limit=2&q=name")


async def filled(folder: Path) -> Stage:
    stage = Stage(folder)
    await stage.put(GOOD, WAITING, NEXT, BUSY, presence())
    await stage.put(*(declared(build) for build in (GOOD, WAITING, NEXT, BUSY)))
    return stage


def asking(stage: Stage) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(application(stage)), base_url="http://localhost")


async def seen(stage: Stage) -> None:
    """Wait until the catalogue holds what the stores hold."""
    builds, distributions = await _stored(stage.builds), await _stored(stage.distributions)
    await stage.until(lambda: stage.catalog.known_builds() == builds)
    await stage.until(lambda: stage.catalog.known_distributions() == distributions)


async def _stored(store: Store[Value]) -> dict[str, Value]:
    return {key: entry.value for key in await store.keys() if (entry := await store.get(key)) is not None}


async def another_is_first(stage: Stage) -> None:
    await stage.put(queued_build(50, priority=5, name="urgent"))


async def it_is_taken(stage: Stage) -> None:
    await stage.put(running_build(WAITING, Step.FETCH))


async def it_fails(stage: Stage) -> None:
    await stage.put(broken(WAITING))


async def it_is_cancelled(stage: Stage) -> None:
    await stage.put(replace(BUSY, cancel_requested=True))


async def it_is_withdrawn(stage: Stage) -> None:
    await stage.put(declared(GOOD, withdrawn=Withdrawal("leaks")))


async def a_newer_build_has_its_name(stage: Stage) -> None:
    newer = built(queued_build(60, toolchain="go1.99.0"), b"other bytes")
    await stage.put(newer, declared(newer))


async def its_artifact_is_lost(stage: Stage) -> None:
    await stage.put(replace(GOOD, artifact=None))


async def it_is_retired(stage: Stage) -> None:
    await stage.put(declared(GOOD, retired=True, targets=()))


async def it_is_suspended(stage: Stage) -> None:
    await stage.put(declared(GOOD, suspended=True))


async def builders_are_busy(stage: Stage) -> None:
    await stage.put(presence(busy=2))


async def builders_fall_silent(stage: Stage) -> None:
    stage.clock.forward(30)
    stage.catalog.tick()
    stage.clock.forward(30)
    stage.catalog.tick()


async def it_is_removed(stage: Stage) -> None:
    await stage.builds.remove(GOOD.id)


CHANGES = (
    another_is_first,
    it_is_taken,
    it_fails,
    it_is_cancelled,
    it_is_withdrawn,
    a_newer_build_has_its_name,
    its_artifact_is_lost,
    it_is_retired,
    it_is_suspended,
    builders_are_busy,
    builders_fall_silent,
    it_is_removed,
)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_in_every_row_that_it_touches(
    tmp_path: Path, change: Callable[[Stage], Awaitable[None]]
) -> None:
    """As in rows that are made anew, as they are where somebody chooses their fields."""
    stage = await filled(tmp_path)
    async with stage.running() as catalog, asking(stage) as warm:
        before = [(await warm.get(path)).content for path in LISTS]
        version = catalog.version
        await change(stage)
        await stage.until(lambda: catalog.version > version)
        await seen(stage)
        after = [(await warm.get(path)).content for path in LISTS]
        assert after != before
        for path, told in zip(LISTS, after, strict=True):
            items = json.loads(told)["items"]
            fields = ",".join({name: None for item in items for name in item})
            chosen = await warm.get(f"{path}{'&' if '?' in path else '?'}fields={fields}")
            assert items == chosen.json()["items"]


async def test_what_time_changes_is_told_in_time(tmp_path: Path) -> None:
    """A build that waits for its next try says so until then, although nothing else happens."""
    stage = await filled(tmp_path)
    await stage.put(replace(WAITING, not_before=NOW + timedelta(seconds=10)))
    async with stage.running(), asking(stage) as client:
        path = f"/api/v1/builds?name={WAITING.spec.name}"
        assert "tries again" in (await client.get(path)).json()["items"][0]["waiting_for"]
        stage.clock.forward(11)
        assert "tries again" not in (await client.get(path)).json()["items"][0]["waiting_for"]


async def test_a_list_of_rows_is_the_list_of_their_views(tmp_path: Path) -> None:
    """Byte for byte as pydantic writes the whole page, and fields may be chosen as before; also of no rows at all."""
    stage = await filled(tmp_path)
    async with stage.running(), asking(stage) as client:
        for path in (*LISTS, "/api/v1/builds?q=nothing", "/api/v1/distributions?q=nothing"):
            whole = (await client.get(path)).json()
            fields = ",".join(whole["items"][0]) if whole["items"] else "name"
            chosen = await client.get(f"{path}{'&' if '?' in path else '?'}fields={fields}")
            assert {**chosen.json(), "next": None} == {**whole, "next": None}
        odd = await client.get('/api/v1/builds?limit=1&q=name"items":[]')
        assert odd.json()["items"] == []


class Counted:
    """Rows of builds that count how often each is made."""

    def __init__(self, catalog: Catalog, limit: int) -> None:
        self.made = Counter[str]()
        self.rows = Rows(
            catalog,
            key=lambda record: record.id,
            around=builds.around,
            row=self.row,
            ages=lambda _: False,
            limit=limit,
        )

    def row(self, record: BuildRecord, around: builds.Around) -> BuildView:
        self.made[record.id] += 1
        return builds.row(record, around)


async def test_a_row_is_made_once_while_it_stays_the_same(tmp_path: Path) -> None:
    """Changes of others do not touch it."""
    stage = await filled(tmp_path)
    async with stage.running() as catalog:
        counted = Counted(catalog, 1_000_000)
        record = catalog.build(GOOD.id)
        for number in range(3):
            counted.rows.json(record)
            await stage.put(queued_build(100 + number, name=f"another{number}"))
            await stage.until(lambda number=number: len(catalog.known_builds()) == 5 + number)  # type: ignore[misc]
        assert counted.made == {GOOD.id: 1}
        await stage.put(replace(GOOD, lost="Missing"))
        await stage.until(lambda: catalog.build(GOOD.id).lost)
        counted.rows.json(catalog.build(GOOD.id))
        assert counted.made == {GOOD.id: 2}


async def test_rows_have_a_bound(tmp_path: Path) -> None:
    """In bytes; the row that was asked for longest ago goes first."""
    stage = await filled(tmp_path)
    async with stage.running() as catalog:
        records = [catalog.build(each.id) for each in (GOOD, WAITING, NEXT, BUSY)]
        sizing = Counted(catalog, 1_000_000)
        for record in records[:2]:
            sizing.rows.json(record)
        counted = Counted(catalog, sizing.rows.size + 100)
        for record in records:
            counted.rows.json(record)
            assert 0 < counted.rows.size <= sizing.rows.size + 100
        counted.rows.json(records[-1])
        assert counted.made[records[-1].id] == 1
        counted.rows.json(records[0])
        assert counted.made[records[0].id] == 2


async def test_lists_page_as_before(tmp_path: Path) -> None:
    """The `Link` and `next` of a page lead on until the end, each row once."""
    stage = await filled(tmp_path)
    async with stage.running() as catalog, asking(stage) as client:
        known = catalog.distributions(DistributionQuery()).total
        for path, total in (("/api/v1/builds", 4), ("/api/v1/distributions", known)):
            seen, place = list[str](), f"{path}?limit=1"
            while place:
                answer = await client.get(place)
                page = answer.json()
                seen += [item["url"] for item in page["items"]]
                assert answer.headers.get("link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
                place = page["next"]
            assert len(set(seen)) == len(seen) == total
