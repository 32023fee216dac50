"""The read model answers what the stores say, at once and to the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW
from tests.support.stage import ARM, Stage, broken, built, declared, presence, queued_build, running_build
from wombat_gitops.domain.catalogue import Health, Status, Sync
from wombat_gitops.domain.errors import NotFound, Refused
from wombat_gitops.domain.messages import BuildQuery
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import BuildRecord, BuildState, Origin
from wombat_gitops.ports import Change, Corrupt, Put, Removed, Reset, Synced, Versioned
from wombat_gitops.services.build_index import BuildIndex
from wombat_gitops.services.catalog_types import DistributionQuery
from wombat_gitops.services.mirror import Mirror

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_is_ready_only_after_everything_was_read(stage: Stage) -> None:
    """Before `run` nothing is known; when `ready` is set every entry is."""
    record = queued_build()
    await stage.put(record, declared(record))

    assert not stage.catalog.ready.is_set()
    async with stage.running() as catalog:
        assert catalog.build(record.id) == record
        assert catalog.distribution("tiny").targets[0].build == record.id


async def test_a_change_in_a_store_is_seen(stage: Stage) -> None:
    """A write after the start wakes those who wait for a change."""
    async with stage.running() as catalog:
        record = queued_build()
        await stage.put(record)
        await stage.until(lambda: len(catalog.known_builds()) == 1)

        await stage.builds.remove(record.id)
        await stage.until(lambda: not catalog.known_builds())


async def test_waiting_ends_when_the_catalogue_stops(stage: Stage) -> None:
    """Nobody waits for a catalogue that will never change again."""
    async with stage.running() as catalog:
        waiting = asyncio.create_task(catalog.wait_change(catalog.version))

    async with asyncio.timeout(60):
        await waiting
    assert catalog.stopped.is_set()


@pytest.mark.parametrize(
    "words",
    [
        "tiny",
        "TIN",
        "1.0",
        "linux/arm64",
        "arm",
        "pure",
        "benthos/v4/public",
        "queued",
        "4f3c2b1a",
        "tiny arm64 queued",
    ],
)
def test_words_are_found_in_every_field(words: str) -> None:
    """Each word of a search may stand in any field, whole or in part, in either case."""
    index = BuildIndex()
    record = queued_build(platform=ARM)
    index.put(record)
    other = built(queued_build(1, name="other", version="2.3.4", packages=("example.org/x/redis",)), b"x")
    index.put(replace(other, origin=Origin()))

    assert index.page(BuildQuery(q=words)).items == (record,)


def test_every_word_must_occur() -> None:
    """A word that is nowhere makes the answer empty."""
    index = BuildIndex()
    index.put(queued_build())

    assert index.page(BuildQuery(q="tiny windows")).total == 0


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (BuildQuery(name="a"), "a"),
        (BuildQuery(name="A"), "a"),
        (BuildQuery(version="2.0.0"), "b"),
        (BuildQuery(platform=ARM), "c"),
        (BuildQuery(state=BuildState.SUCCEEDED), "b"),
        (BuildQuery(package="redis"), "c"),
        (BuildQuery(package="example.org/plugins/redis"), "c"),
        (BuildQuery(package="edis"), ""),
        (BuildQuery(revision="4f3c"), "abc"),
        (BuildQuery(revision="3c2b"), ""),
        (BuildQuery(q="c", package="redis", state=BuildState.QUEUED), "c"),
        (BuildQuery(name="a", version="2.0.0"), ""),
    ],
)
def test_filters(query: BuildQuery, names: str) -> None:
    """Every filter that is set must hold, exactly but for case; a revision by its beginning."""
    index = BuildIndex()
    index.put(queued_build(0, name="a"))
    index.put(built(queued_build(1, name="b", version="2.0.0"), b"b"))
    index.put(queued_build(2, name="c", platform=ARM, packages=("example.org/plugins/redis",)))

    page = index.page(query)

    assert "".join(sorted(build.spec.name for build in page.items)) == names
    assert page.total == len(names)


def test_a_build_is_found_by_what_it_is_now() -> None:
    """A new state takes the place of the old one in the index."""
    index = BuildIndex()
    record = queued_build()
    index.put(record)
    index.put(built(record, b"x"))

    assert index.page(BuildQuery(state=BuildState.QUEUED)).total == 0
    assert index.page(BuildQuery(q="succeeded")).total == 1
    index.remove(record.id)
    assert index.page(BuildQuery(q="succeeded")).total == 0
    assert index.by_digest(built(record, b"x").artifact.sha256) is None  # type: ignore[union-attr]


@given(
    count=st.integers(0, 30),
    limit=st.integers(1, 7),
    later=st.lists(st.integers(-5, 40), max_size=5),
    words=st.sampled_from(["", "tiny", "1.0.0 tiny"]),
)
def test_pages_hold_every_build_once(count: int, limit: int, later: list[int], words: str) -> None:
    """Following `next` to the end gives each build once, newest first, though new ones come meanwhile."""
    index = BuildIndex()
    old = [queued_build(second // 2, version=f"1.0.{second}", tags=(words or "x",)) for second in range(count)]
    for record in old:
        index.put(record)
    query = BuildQuery(q=words.replace("1.0.0", "1.0."), limit=limit)

    seen: list[BuildRecord] = []
    while True:
        page = index.page(query)
        seen += page.items
        for number, second in enumerate(later):
            index.put(queued_build(second, version=f"9.{number}.{abs(second)}", name="tiny"))
        if not page.next:
            break
        query = replace(query, cursor=page.next)

    ids = [record.id for record in seen]
    assert len(ids) == len(set(ids))
    assert {record.id for record in old} <= set(ids)
    assert [record.requested_at for record in seen] == sorted((r.requested_at for r in seen), reverse=True)


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%%%", "bm90IGEgZGF0ZSB4", "é"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A cursor that no list gave is an error of the caller."""
    with pytest.raises(Refused, match="cursor"):
        BuildIndex().page(BuildQuery(cursor=cursor))


def test_a_build_is_found_by_a_beginning_of_its_id() -> None:
    """Eight digits are enough where no other id begins so; fewer, or an ambiguous beginning, are not."""
    index = BuildIndex()
    record = queued_build()
    twin = replace(record, id=record.id[:12] + "0" * 52)
    index.put(record)

    assert index.find(record.id[:8]) == record
    with pytest.raises(NotFound):
        index.find(record.id[:7])
    with pytest.raises(NotFound):
        index.find("f" * 64)
    index.put(twin)
    with pytest.raises(Refused, match="several"):
        index.find(record.id[:8])
    assert index.find(record.id) == record


async def test_a_queued_build_says_why_it_waits(stage: Stage) -> None:
    """No builder, all busy, back-off and "about to start" are told apart."""
    record = queued_build()
    async with stage.running() as catalog:
        assert catalog.waiting_for(record) == "no builder is at work"

        await stage.put(presence(busy=2))
        await stage.until(catalog.builders)
        assert catalog.waiting_for(record) == "all 2 workers are busy"

        await stage.put(presence(busy=1, beat=1))
        await stage.until(lambda: catalog.builders()[0].busy == 1)
        assert catalog.waiting_for(record) == "a builder is about to take it"
        later = replace(record, not_before=NOW + timedelta(minutes=1))
        assert "not before 12:01:00 UTC" in catalog.waiting_for(later)
        assert catalog.waiting_for(running_build(record)) == ""


async def test_a_silent_builder_is_gone_after_a_lease(stage: Stage) -> None:
    """Only a changed presence counts as a sign of life, judged by this process's own clock."""
    async with stage.running() as catalog:
        await stage.put(presence())
        await stage.until(catalog.builders)
        stage.clock.forward(14)
        assert catalog.builders()
        await stage.put(presence(beat=1, busy=1))
        await stage.until(lambda: catalog.builders()[0].beat == 1)
        stage.clock.forward(14)
        catalog.tick()
        assert catalog.builders()

        stage.clock.forward(2)
        version = catalog.version
        catalog.tick()

        assert catalog.builders() == ()
        assert catalog.version > version


async def test_every_beat_of_a_builder_made_all_open_pages_ask_again(stage: Stage) -> None:
    """A beat is a sign of life and no change; what else it shows of itself is one."""
    async with stage.running() as catalog:
        await stage.put(presence())
        await stage.until(catalog.builders)
        catalog.tick()
        version = catalog.version
        stage.clock.forward(5)
        for beat in range(1, 6):
            await stage.put(presence(beat=beat))
        await stage.put(presence(beat=6, busy=1))
        await stage.until(lambda: catalog.builders()[0].busy)

        assert catalog.version == version + 1
        assert catalog.seen_at(catalog.builders()[0]) == stage.clock.now


async def test_status_says_how_old_the_catalogue_is(stage: Stage) -> None:
    """While the broker is away the last snapshot is served, with the time it was complete."""
    record = queued_build()
    await stage.put(record)
    async with stage.running() as catalog:
        catalog.tick()
        assert not catalog.status().stale
        last = stage.clock.now
        stage.connected = False
        stage.clock.forward(60)
        catalog.tick()

        status = catalog.status()

        assert (status.connected, status.stale, status.synced_at) == (False, True, last)
        assert (status.queued, status.running) == (1, 0)
        assert catalog.build(record.id) == record
        stage.connected = True
        assert catalog.status().stale, "connected again, and not yet known to be complete"


async def test_a_distribution_without_builds_is_unknown(stage: Stage) -> None:
    """A manifest that asks for nothing that can be built is neither synced nor healthy."""
    assert stage.catalog.status_of(declared()) == Status(Sync.UNKNOWN, Health.MISSING)


async def test_an_unknown_name_gets_its_neighbours(stage: Stage) -> None:
    """A typing error is answered with the names that are near."""
    await stage.put(declared(queued_build()), declared(queued_build(name="streaming")))
    async with stage.running() as catalog:
        with pytest.raises(NotFound) as caught:
            catalog.distribution("tinny")
    assert caught.value.hint == "did you mean `tiny`?"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (DistributionQuery(), ["other", "tiny"]),
        (DistributionQuery(q="TINY"), ["tiny"]),
        (DistributionQuery(q="redis other"), ["other"]),
        (DistributionQuery(label="team=data"), ["other", "tiny"]),
        (DistributionQuery(label="team=ops"), []),
        (DistributionQuery(platform="linux/arm64"), ["other"]),
        (DistributionQuery(sync=Sync.SYNCED), ["tiny"]),
        (DistributionQuery(health=Health.DEGRADED), ["other"]),
        (DistributionQuery(retired=True), ["old", "other", "tiny"]),
        (DistributionQuery(state="Retired"), ["old"]),
        (DistributionQuery(state="OutOfSync"), ["other"]),
        (DistributionQuery(package="redis"), ["other"]),
        (DistributionQuery(package="example.org/redis"), ["other"]),
        (DistributionQuery(license="MIT"), ["tiny"]),
        (DistributionQuery(limit=1, cursor="0~old"), ["other"]),
    ],
)
async def test_distributions_are_filtered(stage: Stage, query: DistributionQuery, names: list[str]) -> None:
    """Every filter that is set must hold; the list is in order of names."""
    good = built(queued_build(), b"x")
    bad = broken(queued_build(name="other", platform=ARM, packages=("example.org/redis",)))
    await stage.put(
        good, bad, declared(good, license="MIT"), declared(bad), declared(queued_build(name="old"), retired=True)
    )
    async with stage.running() as catalog:
        assert [record.name for record in catalog.distributions(query).items] == names


async def test_the_last_good_artifact_stays_while_the_newest_build_fails(stage: Stage) -> None:
    """A failing new version does not take the old version's files away."""
    good = built(queued_build(0, version="1.0.0"), b"x")
    bad = broken(queued_build(60, version="1.1.0"))
    await stage.put(good, bad, declared(bad))
    async with stage.running() as catalog:
        assert catalog.last_good("tiny", "linux/amd64") == good
        assert catalog.published("tiny", "1.0.0", "tiny_1.0.0_linux_amd64") == good
        assert [version.version for version in catalog.versions("tiny")] == ["1.0.0"]
        with pytest.raises(NotFound) as caught:
            catalog.published("tiny", "1.1.0", "tiny_1.1.0_linux_amd64")
        assert caught.value.hint == "its builds are failed"


async def test_the_build_that_the_manifest_asks_for_owns_the_file_name(stage: Stage) -> None:
    """Of two builds of one version the manifest decides, else the newer one counts."""
    first = built(queued_build(0), b"first")
    second = built(queued_build(60, tags=("x",)), b"second")
    await stage.put(first, second)
    async with stage.running() as catalog:
        assert catalog.published("tiny", "1.0.0", "tiny_1.0.0_linux_amd64") == second
        await stage.put(declared(first))
        await stage.until(lambda: catalog.distributions(DistributionQuery()).total)
        assert catalog.published("tiny", "1.0.0", "tiny_1.0.0_linux_amd64") == first
        assert catalog.versions("tiny")[0].builds["linux/amd64"] == first


async def test_versions_are_ordered_as_versions(stage: Stage) -> None:
    """`1.10.0` is newer than `1.9.0`, and a pre-release older than its release."""
    for second, version in enumerate(["1.9.0", "1.10.0", "1.10.0-rc.1", "1.10.0-rc.2"]):
        await stage.put(built(queued_build(second, version=version), version.encode()))
    async with stage.running() as catalog:
        versions = [version.version for version in catalog.versions("tiny")]
    assert versions == ["1.10.0", "1.10.0-rc.2", "1.10.0-rc.1", "1.9.0"]


_KEYS = st.sampled_from("abc")
_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _KEYS, st.integers(0, 3)),
        st.tuples(st.sampled_from(["remove", "corrupt", "again"]), _KEYS, st.just(0)),
        st.tuples(st.sampled_from(["reset", "synced"]), st.just(""), st.just(0)),
    ),
    max_size=40,
)


def _happens(store: dict[str, Versioned[int]], kind: str, entry: Versioned[int]) -> list[Change[int]]:
    """Let something happen to *store* and tell what its feed reports of it."""
    match kind:
        case "put":
            store[entry.key] = entry
            return [Put(entry)]
        case "again":
            return [Put(store[entry.key])] if entry.key in store else []
        case "remove":
            store.pop(entry.key, None)
            return [Removed(entry.key, entry.revision)]
        case "corrupt":
            store.pop(entry.key, None)
            return [Corrupt(entry.key, entry.revision, "bad")]
        case "reset":
            store.pop("a", None)
            store.update({key: Versioned(key, old.value, 1) for key, old in store.items()})
            return [Reset(), *(Put(old) for old in store.values()), Synced()]
        case _:
            return [Synced()]


@given(_EVENTS)
def test_a_mirror_holds_the_last_value_of_every_key(events: list[tuple[str, str, int]]) -> None:
    """Whatever a feed tells, in any order and repeatedly, the end is the store's own content."""
    told: dict[str, int] = {}

    def hear(key: str, value: int | None) -> None:
        told.update({key: value} if value is not None else {})
        if value is None:
            told.pop(key, None)

    mirror = Mirror[int](hear)
    store: dict[str, Versioned[int]] = {}
    revision = 0
    for kind, key, value in events:
        revision = 1 if kind == "reset" else revision + 1
        for change in _happens(store, kind, Versioned(key, value, revision)):
            mirror.apply(change)

    assert mirror.values == {key: entry.value for key, entry in store.items()}
    assert told == mirror.values


def test_an_unreadable_entry_is_named_and_spoils_no_other() -> None:
    """A key whose bytes are not a value is listed until it is written again or removed."""
    mirror = Mirror[int]()
    for change in (Put(Versioned("a", 1, 1)), Put(Versioned("b", 2, 2)), Corrupt("a", 3, "not json")):
        mirror.apply(change)
    assert (dict(mirror.values), [*mirror.corrupt]) == ({"b": 2}, ["a"])

    mirror.apply(Put(Versioned("a", 4, 4)))

    assert (dict(mirror.values), [*mirror.corrupt]) == ({"a": 4, "b": 2}, [])


def test_what_a_replaced_store_had_is_shown_until_the_new_one_is_read() -> None:
    """After a reset the last snapshot stays; what the new store lacks goes when it has been read."""
    mirror = Mirror[int]()
    for change in (Put(Versioned("a", 1, 10)), Put(Versioned("b", 2, 11)), Synced(), Reset()):
        mirror.apply(change)
    assert (dict(mirror.values), mirror.complete) == ({"a": 1, "b": 2}, False)

    for change in (Put(Versioned("b", 3, 1)), Synced()):
        mirror.apply(change)

    assert (dict(mirror.values), mirror.complete) == ({"b": 3}, True)


def test_platforms_are_spelled_one_way() -> None:
    """A filter for `linux/arm` finds `linux/arm/7`."""
    index = BuildIndex()
    index.put(queued_build(platform=Platform.parse("linux/arm/7")))

    assert index.page(BuildQuery(platform=Platform.parse("linux/arm"))).total == 1
