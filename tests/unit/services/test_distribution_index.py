"""Lists of distributions: filters, counts, orders and places hold whatever happens to the catalogue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.factories import NOW
from tests.support.stage import ARM, broken, built, declared, queued_build
from wombat_gitops.domain.catalogue import Status, Target, assess
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.model import Withdrawal
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.services.catalog_types import DistributionQuery, Sort
from wombat_gitops.services.distribution_index import DistributionIndex, Learned, states_of

if TYPE_CHECKING:
    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.records import BuildRecord

PLATFORMS = (Platform.parse("linux/amd64"), ARM, Platform.parse("windows/amd64"))
PACKAGES = ("e.com/m/kafka", "e.com/m/redis", "e.com/n/kafka")
LABELS = (("team", "data"), ("team", "ops"), ("tier", "gold"))
FIELDS = ("platform", "license", "state", "label", "package")

BUILDS: dict[str, BuildRecord] = {
    build.id: build
    for build in (
        built(queued_build(), b"x"),
        broken(queued_build(1, platform=ARM)),
        queued_build(2, platform=PLATFORMS[2]),
    )
}


def status_of(record: DistributionRecord) -> Status:
    return assess(record, BUILDS)


records = st.builds(
    lambda name, targets, packages, labels, license_, day, retired, withdrawn: replace(
        declared(),
        name=name,
        targets=tuple(Target(BUILDS[each].spec.platform, each) for each in targets),
        packages=tuple(packages),
        labels=tuple(labels),
        license=license_,
        date=NOW + timedelta(days=day),
        retired=retired,
        withdrawn=Withdrawal("broken") if withdrawn else None,
    ),
    st.sampled_from([f"name-{number}" for number in range(12)]),
    st.lists(st.sampled_from(sorted(BUILDS)), unique=True),
    st.lists(st.sampled_from(PACKAGES), unique=True, min_size=1),
    st.lists(st.sampled_from(LABELS), unique_by=lambda label: label[0]),
    st.sampled_from(["", "MIT", "Apache-2.0"]),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
)
queries = st.builds(
    DistributionQuery,
    q=st.sampled_from(["", "kafka", "zzz"]),
    label=st.sampled_from(["", "team", "team=ops"]),
    platform=st.sampled_from(["", *map(str, PLATFORMS)]),
    license=st.sampled_from(["", "MIT", "BSD-3-Clause"]),
    state=st.sampled_from(["", "Healthy", "OutOfSync", "Withdrawn", "Retired"]),
    package=st.sampled_from(["", "kafka", "e.com/m/kafka"]),
    retired=st.booleans(),
    sort=st.sampled_from([None, *Sort]),
    limit=st.integers(1, 4),
)
steps = st.lists(st.one_of(records, st.sampled_from([f"name-{number}" for number in range(12)])), max_size=30)


def values_of(record: DistributionRecord, field: str) -> set[str]:
    """By the meaning of each filter, without any index."""
    return {
        "platform": {str(target.platform) for target in record.targets},
        "license": {record.license} - {""} | ({"BSD-3-Clause"} if record.name == "name-1" else set()),
        "state": set(states_of(record, status_of(record))),
        "label": {f"{key}={value}" for key, value in record.labels},
        "package": set(record.packages),
    }[field]


def fits(record: DistributionRecord, query: DistributionQuery, *, but: str = "") -> bool:
    if not any(query.q in package for package in record.packages):
        return False
    if record.retired and not (query.retired or query.state == "Retired"):
        return False
    for field in FIELDS:
        wanted = getattr(query, field)
        found = values_of(record, field)
        if field == "label":
            found |= {label.split("=")[0] for label in found}
        if field == "package":
            found |= {package.rsplit("/", 1)[-1] for package in found}
        if wanted and field != but and wanted not in found:
            return False
    return True


def all_of(index: DistributionIndex, query: DistributionQuery) -> list[str]:
    """The names of every page."""
    names: list[str] = []
    while True:
        page = index.page(query)
        names += [record.name for record in page.items]
        if not page.next:
            return names
        query = replace(query, cursor=page.next)


@settings(deadline=None)
@given(steps, queries)
def test_lists_and_counts_are_what_a_look_at_each_would_give(
    steps: list[DistributionRecord | str], query: DistributionQuery
) -> None:
    """After any history: pages together, the total, and what each further filter would leave."""
    known: dict[str, DistributionRecord] = {}
    index = DistributionIndex(status_of)
    index.learn("name-1", Learned(licenses=frozenset({"BSD-3-Clause"})))
    for step in steps:
        if isinstance(step, str):
            index.remove(step)
            known.pop(step, None)
        else:
            index.put(step)
            known[step.name] = step

    page = index.page(query)
    expected = {name for name, record in known.items() if fits(record, query)}
    names = all_of(index, query)
    assert sorted(names) == sorted(expected)
    assert page.total == len(expected)
    for field in FIELDS:
        others = [record for record in known.values() if fits(record, query, but=field)]
        counted: dict[str, int] = {}
        for record in others:
            for value in values_of(record, field):
                counted[value] = counted.get(value, 0) + 1
        assert dict(page.facets[field]) == counted, field
    dates = [known[name].date for name in names]
    if query.sort is Sort.UPDATED:
        assert dates == sorted(dates, reverse=True)
    elif not query.q or query.sort is Sort.NAME:
        assert names == sorted(names)


@pytest.fixture
def index() -> DistributionIndex:
    made = DistributionIndex(status_of)
    for number, name in enumerate("abcdef"):
        made.put(replace(declared(), name=name, targets=(), date=NOW + timedelta(days=number)))
    return made


@pytest.mark.parametrize(("sort", "rest"), [(Sort.NAME, "cde"), (Sort.UPDATED, "da")])
def test_a_cursor_is_a_place_and_not_an_entry(index: DistributionIndex, sort: Sort, rest: str) -> None:
    """What was shown is not shown again, and nothing is left out, when entries come and go between two pages."""
    first = index.page(DistributionQuery(sort=sort, limit=2))
    for name in ("b", "f", "e") if sort is Sort.UPDATED else ("a", "b", "f"):
        index.remove(name)
    if sort is Sort.UPDATED:
        index.remove("c")
    second = index.page(DistributionQuery(sort=sort, limit=9, cursor=first.next))
    assert "".join(record.name for record in second.items) == rest


def test_a_foreign_cursor_is_refused(index: DistributionIndex) -> None:
    """It is not taken for the beginning."""
    with pytest.raises(Refused, match="cursor"):
        index.page(DistributionQuery(cursor="b"))


def test_a_build_that_moves_on_changes_what_state_finds() -> None:
    """Without the distribution being written again."""
    build = queued_build()
    builds = {build.id: build}
    index = DistributionIndex(lambda record: assess(record, builds))
    index.put(declared(build))
    assert index.page(DistributionQuery(state="Progressing")).total == 1
    builds[build.id] = built(build, b"x")
    index.build_moved(build.id)
    page = index.page(DistributionQuery(state="Healthy"))
    assert page.total == 1
    assert dict(page.facets["state"]) == {"Healthy": 1, "Synced": 1}


def test_the_best_match_comes_first() -> None:
    """A name before a package, and a whole name before its beginning."""
    index = DistributionIndex(status_of)
    for name, packages in (("edge", ("e.com/m/kafka",)), ("kafka", PACKAGES), ("kafka-core", PACKAGES)):
        index.put(replace(declared(), name=name, targets=(), packages=packages))
    assert all_of(index, DistributionQuery(q="kafka")) == ["kafka", "kafka-core", "edge"]
    assert all_of(index, DistributionQuery(q="kafka", sort=Sort.NAME)) == ["edge", "kafka", "kafka-core"]


def test_a_distribution_is_found_by_what_its_programs_hold() -> None:
    """Components and licences come from what was built, and later than the manifest."""
    index = DistributionIndex(status_of)
    index.put(replace(declared(), targets=()))
    assert index.page(DistributionQuery(q="kafka_franz")).total == 0
    learned = Learned(licenses=frozenset({"MPL-2.0"}), components=frozenset({"kafka_franz"}))
    assert [index.learn("tiny", learned), index.learn("tiny", learned)] == [True, False]
    assert index.page(DistributionQuery(q="kafka_franz", license="MPL-2.0")).total == 1
