"""What every `ports.Store` does."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from tests.support.broker import TestBroker, prepared
from wombat_gitops.adapters.folder import FolderStore
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.messages import Lease
from wombat_gitops.domain.subjects import LEASES
from wombat_gitops.ports import Change, Put, Removed, Store, Synced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

ONE = Lease("builder-1", "claim-1")
TWO = Lease("builder-2", "claim-2", beat=7)


@pytest.fixture(params=["memory", "folder", "nats"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store[Lease]]:
    async with _stores(request.param, tmp_path) as made:
        yield made


@asynccontextmanager
async def _stores(kind: str, folder: Path) -> AsyncIterator[Store[Lease]]:
    if kind == "memory":
        yield MemoryStore[Lease]()
    elif kind == "folder":
        with FolderStore(folder / "leases", Lease) as opened:
            yield opened
    else:
        broker = await TestBroker(folder / "broker").start()
        try:
            async with prepared(broker) as connection:
                yield NatsStore(connection, LEASES, Lease)
        finally:
            await broker.stop()


async def until_synced(changes: AsyncGenerator[Change[Lease], None]) -> list[Change[Lease]]:
    seen: list[Change[Lease]] = []
    async with asyncio.timeout(60):
        async for change in changes:
            if isinstance(change, Synced):
                return seen
            seen.append(change)
    pytest.fail("the feed ended")


async def next_change(changes: AsyncGenerator[Change[Lease], None]) -> Change[Lease]:
    """The next change that is not the news that all is known."""
    async with asyncio.timeout(60):
        async for change in changes:
            if not isinstance(change, Synced):
                return change
    pytest.fail("the feed ended")


def feed(store: Store[Lease]) -> aclosing[AsyncGenerator[Change[Lease], None]]:
    return aclosing(cast("AsyncGenerator[Change[Lease], None]", store.follow()))


async def test_a_created_value_can_be_read(store: Store[Lease]) -> None:
    created = await store.create("build.one", ONE)

    assert created is not None
    assert created.value == ONE
    assert await store.get("build.one") == created


async def test_an_unknown_key_has_no_value(store: Store[Lease]) -> None:
    assert await store.get("build.none") is None


async def test_of_equal_creates_one_wins(store: Store[Lease]) -> None:
    answers = await asyncio.gather(*(store.create("build.one", replace(ONE, beat=beat)) for beat in range(100)))

    won = [answer for answer in answers if answer is not None]
    assert len(won) == 1
    assert await store.get("build.one") == won[0]


async def test_a_replace_of_the_newest_revision_wins(store: Store[Lease]) -> None:
    first = await store.create("build.one", ONE)
    assert first is not None

    second = await store.replace(first, TWO)

    assert second is not None
    assert second.revision > first.revision
    assert await store.get("build.one") == second


async def test_a_replace_of_an_old_revision_loses(store: Store[Lease]) -> None:
    first = await store.create("build.one", ONE)
    assert first is not None
    second = await store.replace(first, TWO)

    assert await store.replace(first, ONE) is None
    assert await store.get("build.one") == second


async def test_of_many_replaces_of_one_revision_one_wins(store: Store[Lease]) -> None:
    first = await store.create("build.one", ONE)
    assert first is not None

    answers = await asyncio.gather(*(store.replace(first, replace(TWO, beat=beat)) for beat in range(50)))

    won = [answer for answer in answers if answer is not None]
    assert len(won) == 1
    assert await store.get("build.one") == won[0]


async def test_put_writes_whatever_is_there(store: Store[Lease]) -> None:
    await store.create("build.one", ONE)

    second = await store.put("build.one", TWO)
    third = await store.put("build.one", ONE)

    assert second.revision < third.revision
    assert await store.get("build.one") == third


async def test_a_removed_key_has_no_value_and_can_be_created_again(store: Store[Lease]) -> None:
    first = await store.create("build.one", ONE)
    assert first is not None
    await store.remove("build.one")

    assert await store.get("build.one") is None
    assert await store.replace(first, TWO) is None
    again = await store.create("build.one", TWO)
    assert again is not None
    assert again.revision > first.revision


async def test_removing_what_is_not_there_is_no_error(store: Store[Lease]) -> None:
    await store.remove("build.none")
    await store.create("build.one", ONE)
    await store.remove("build.one")
    await store.remove("build.one")

    assert await store.get("build.one") is None


@pytest.mark.parametrize("key", ["", "a b", "a..b", ".a", "a.", "a*", ">", "a\nb", "ä"])
async def test_a_key_that_some_store_cannot_hold_is_refused_by_all(store: Store[Lease], key: str) -> None:
    with pytest.raises(Refused):
        await store.create(key, ONE)


async def test_a_follower_sees_what_is_there_then_that_it_saw_all(store: Store[Lease]) -> None:
    entries = {entry.key: entry for number in range(30) if (entry := await store.create(f"build.{number}", ONE))}
    await store.remove("build.3")
    del entries["build.3"]

    async with feed(store) as changes:
        seen = await until_synced(changes)

    assert {change.entry.key: change.entry for change in seen if isinstance(change, Put)} == entries


async def test_a_follower_sees_later_changes(store: Store[Lease]) -> None:
    async with feed(store) as changes:
        assert await until_synced(changes) == []

        created = await store.create("build.one", ONE)
        assert created is not None
        assert await next_change(changes) == Put(created)

        replaced = await store.replace(created, TWO)
        assert replaced is not None
        assert await next_change(changes) == Put(replaced)

        await store.remove("build.one")
        gone = await next_change(changes)
        assert isinstance(gone, Removed)
        assert gone.key == "build.one"
        assert gone.revision > replaced.revision


async def test_a_slow_follower_sees_the_last_value_of_every_key(store: Store[Lease]) -> None:
    async with feed(store) as changes:
        await until_synced(changes)
        for beat in range(20):
            for number in range(10):
                await store.put(f"build.{number}", replace(ONE, beat=beat))

        last: dict[str, int] = {}
        async with asyncio.timeout(60):
            while len(last) < 10 or set(last.values()) != {19}:
                change = await next_change(changes)
                assert isinstance(change, Put)
                last[change.entry.key] = change.entry.value.beat


async def test_two_followers_do_not_disturb_each_other(store: Store[Lease]) -> None:
    async with feed(store) as left, feed(store) as right:
        await until_synced(left)
        await until_synced(right)

        created = await store.create("build.one", ONE)
        assert created is not None

        assert await next_change(left) == await next_change(right) == Put(created)


async def test_a_folder_keeps_values_and_revisions(tmp_path: Path) -> None:
    with FolderStore(tmp_path, Lease) as before:
        kept = await before.create("build.one", ONE)
        await before.create("build.two", TWO)
        await before.remove("build.two")
        assert kept is not None

    with FolderStore(tmp_path, Lease) as after:
        assert await after.get("build.one") == kept
        assert await after.get("build.two") is None
        newer = await after.create("build.two", TWO)
        assert newer is not None
        assert newer.revision == 4


async def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with FolderStore(tmp_path, Lease), pytest.raises(Refused, match="in use"):
        FolderStore(tmp_path, Lease)
