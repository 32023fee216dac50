"""Documents of programs, read in the background: kept once, tried again, and let go."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.factories import ManualClock
from tests.support.reference import GREP, MAPPING, STDIN, tell
from tests.support.stage import Stage, built, declared, queued_build
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.records import StoredLog
from wombat_gitops.domain.reference import Entry, Reference, pack
from wombat_gitops.services import documents
from wombat_gitops.services.component_search import ComponentQuery
from wombat_gitops.services.downloads import Downloads
from wombat_gitops.services.pacing import Timing
from wombat_gitops.services.reference_index import ReferenceIndex, newest_told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CORE = "github.com/redpanda-data/benthos/v4"


@contextlib.asynccontextmanager
async def following(stage: Stage) -> AsyncIterator[ReferenceIndex]:
    """An index over *stage* that follows it."""
    index = ReferenceIndex(stage.catalog, Downloads(stage.objects, stage.folder / "downloads", seconds=2))
    stop = asyncio.Event()
    async with stage.running(), asyncio.timeout(60):
        running = asyncio.create_task(index.run(stop))
        try:
            yield index
        finally:
            stop.set()
            await running


async def settled(index: ReferenceIndex) -> list[Entry]:
    """Every entry that is shown, once all is read."""
    while not (await index.caught_up() and index.complete):
        await asyncio.sleep(0)
    return [found.entry for found in index.board.page(ComponentQuery(limit=200)).items]


async def test_equal_entries_of_different_programs_are_kept_once(tmp_path: Path) -> None:
    """A hundred distributions of one Benthos take the room of one."""
    stage = Stage(tmp_path)
    one = await tell(stage, built(queued_build(name="one"), b"1"), Reference((STDIN, MAPPING)))
    two = await tell(stage, built(queued_build(name="two"), b"2"), Reference((STDIN, GREP, MAPPING)))
    await stage.put(one, two, declared(one), declared(two))
    async with following(stage) as index:
        assert len(await settled(index)) == 3
        _, variants = index.board.get("processor", "mapping")
        assert len(variants) == 2
        assert variants[0].entry is variants[1].entry


async def test_the_newest_benthos_describes_a_component(tmp_path: Path) -> None:
    """Versions are compared as versions: 4.9 is older than 4.76."""
    stage = Stage(tmp_path)
    new = await tell(stage, built(queued_build(name="zoo"), b"1"), Reference((STDIN,)))
    old = await tell(stage, built(queued_build(name="ant"), b"2"), Reference((replace(STDIN, summary="Old."),)))
    await stage.put(new, old, declared(new), declared(old, modules=(Module(CORE, "v4.9.0"),)))
    async with following(stage) as index:
        assert [entry.summary for entry in await settled(index)] == [STDIN.summary]


async def test_a_document_that_was_not_there_is_read_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store was not right for a while: nobody has to do anything."""
    monkeypatch.setattr(documents, "_RETRY", Timing(retry=0.01))
    stage = Stage(tmp_path)
    document = pack(Reference((STDIN,)))
    build = replace(built(queued_build(), b"1"), reference=StoredLog(digest(document), len(document)))
    await stage.put(build, declared(build))
    async with following(stage) as index:
        assert len(await index.caught_up()) == 0
        assert not index.complete
        await stage.store(document)
        assert [entry.name for entry in await settled(index)] == ["stdin"]


async def test_what_no_program_says_any_more_is_let_go(tmp_path: Path) -> None:
    """Entries, documents and failures of builds that are not the newest."""
    stage = Stage(tmp_path)
    old = await tell(stage, built(queued_build(), b"1"), Reference((STDIN, GREP)))
    await stage.put(old, declared(old))
    async with following(stage) as index:
        assert len(await settled(index)) == 2
        new = await tell(stage, built(queued_build(60, version="2.0.0"), b"2"), Reference((STDIN,)))
        await stage.put(new, declared(new))
        await stage.until(lambda: stage.catalog.distribution("tiny").version == "2.0.0")
        assert [entry.name for entry in await settled(index)] == ["stdin"]
        assert list(index._entries) == [STDIN]


async def test_the_newest_good_build_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    """A lost one does not count, nor one that was not asked; then the newest that was published."""
    stage = Stage(tmp_path, ManualClock())
    first = await tell(stage, built(queued_build(), b"1"), Reference((STDIN,)))
    second = await tell(stage, built(queued_build(60, version="2.0.0"), b"2"), Reference((GREP,)))
    silent = built(queued_build(90, version="3.0.0"), b"3")
    await stage.put(first, second, silent, declared(first))
    async with stage.running() as catalog:
        assert newest_told(catalog, "tiny") == first
        await stage.put(declared(silent))
        await stage.until(lambda: catalog.distribution("tiny").version == "3.0.0")
        assert newest_told(catalog, "tiny") == second
        await stage.put(replace(second, lost="Missing"))
        await stage.until(lambda: catalog.build(second.id).lost)
        assert newest_told(catalog, "tiny") == first
        assert newest_told(catalog, "nobody") is None
