"""What is kept: laws that hold for any records, and the examples of docs/retention.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, make_spec
from wombat_gitops.domain import lifecycle, messages
from wombat_gitops.domain.catalogue import DistributionRecord, Target
from wombat_gitops.domain.identity import build_id, digest
from wombat_gitops.domain.model import Artifact, Retention
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import BuildRecord, BuildState, Failure, FailureKind, Origin, Step, StoredLog
from wombat_gitops.domain.retention import Plan, Rules, Why, decide, names_of, too_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LINUX, MAC = Platform("linux", "amd64"), Platform("darwin", "arm64")
DAY = timedelta(days=1)
BROKEN = Failure(FailureKind.USER, "CompileError", "undefined: x")


def made(
    version: str,
    age: float = 0,
    *,
    name: str = "tiny",
    platform: Platform = LINUX,
    state: BuildState = BuildState.SUCCEEDED,
    size: int = 100,
    data: str = "",
    source: str = "",
    variant: int = 0,
) -> BuildRecord:
    """A build that changed *age* days ago; *variant* tells builds of one version apart."""
    spec = make_spec(name=name, version=version, platform=platform, date=NOW + timedelta(seconds=variant))
    changed = NOW - timedelta(days=age)
    record = lifecycle.queued(build_id(spec), spec, Origin(source), 0, changed)
    record = replace(record, state=state)
    if state is not BuildState.SUCCEEDED:
        return record
    return replace(record, artifact=Artifact(digest(data or record.id), size, spec.file_name))


def declared(
    *builds: BuildRecord, name: str = "tiny", retention: Retention | None = None, retired: bool = False
) -> DistributionRecord:
    targets = tuple(Target(build.spec.platform, build.id) for build in builds)
    return DistributionRecord(
        name, "9.9.9", "main", "p", "r", NOW, (), (), "1.26.6", targets, retention=retention, retired=retired
    )


def going(plan: Plan) -> set[str]:
    return {f"{each.version} {each.platform}" for each in plan.retired}


def decided(
    builds: Iterable[BuildRecord], rules: Rules, distributions: Mapping[str, DistributionRecord | None] | None = None
) -> Plan:
    return decide(builds, distributions or {}, rules, NOW)


def test_without_any_bound_everything_is_kept() -> None:
    builds = [made(f"1.{number}.0", age=1000 + number) for number in range(50)]
    assert decided(builds, Rules()).retired == ()
    assert decided(builds, Rules(), {"tiny": declared(retention=Retention(pin=("1.0.0",)))}).retired == ()


def test_the_newest_versions_stay_on_each_platform_by_itself() -> None:
    builds = [made(f"1.{number}.0", age=10 - number) for number in range(4)]
    builds += [made("1.0.0", age=10, platform=MAC)]
    assert going(decided(builds, Rules(versions=2))) == {"1.0.0 linux/amd64", "1.1.0 linux/amd64"}


def test_what_one_of_number_and_age_keeps_stays() -> None:
    builds = [made("1.0.0", 100), made("1.1.0", 50), made("1.2.0", 20)]
    assert going(decided(builds, Rules(versions=1))) == {"1.0.0 linux/amd64", "1.1.0 linux/amd64"}
    assert going(decided(builds, Rules(versions=1, days=60))) == {"1.0.0 linux/amd64"}
    assert going(decided(builds, Rules(days=30))) == {"1.0.0 linux/amd64", "1.1.0 linux/amd64"}


def test_a_manifest_says_more_than_the_operator_and_only_of_itself() -> None:
    builds = [made(f"1.{number}.0", 9 - number) for number in range(4)]
    others = [made(f"1.{number}.0", 9 - number, name="other") for number in range(4)]
    plan = decided([*builds, *others], Rules(versions=1), {"tiny": declared(retention=Retention(versions=3))})
    assert {each.version for each in plan.retired if each.name == "tiny"} == {"1.0.0"}
    assert {each.version for each in plan.retired if each.name == "other"} == {"1.0.0", "1.1.0", "1.2.0"}


def test_what_is_asked_for_pinned_or_not_ended_never_goes() -> None:
    asked, pinned, waiting, old = (
        made("1.0.0", 400),
        made("1.1.0", 300),
        made("1.2.0", 200, state=BuildState.QUEUED),
        made("1.3.0", 100),
    )
    distributions = {"tiny": declared(asked, retention=Retention(pin=("1.1.0",)))}
    newest = made("1.4.0", 50)
    plan = decided([asked, pinned, waiting, old, newest], Rules(versions=1, quota=1), distributions)
    assert going(plan) == {"1.3.0 linux/amd64"}
    assert plan.excess == 300 - 1


def test_a_retired_distribution_asks_for_nothing_and_its_pins_hold() -> None:
    builds = [made("1.0.0", 400), made("1.1.0", 300), made("1.2.0", 200)]
    record = declared(builds[0], retention=Retention(pin=("1.1.0",)), retired=True)
    assert going(decided(builds, Rules(days=7), {"tiny": record})) == {"1.0.0 linux/amd64", "1.2.0 linux/amd64"}


def test_the_last_good_artifact_stays_where_a_manifest_asks_for_another_one() -> None:
    good, bad = made("1.0.0", 400), made("2.0.0", 300, state=BuildState.FAILED)
    assert decided([good, bad], Rules(days=7), {"tiny": declared(bad)}).retired == ()
    assert going(decided([good, bad], Rules(days=7), {"tiny": declared()})) == {
        "1.0.0 linux/amd64",
        "2.0.0 linux/amd64",
    }


def test_failures_push_no_good_version_out() -> None:
    good = [made("1.0.0", 30), made("1.1.0", 29)]
    bad = [made(f"2.0.{number}", 20 - number, state=BuildState.FAILED) for number in range(5)]
    assert going(decided([*good, *bad], Rules(versions=2))) == {f"2.0.{number} linux/amd64" for number in range(3)}


def test_of_one_version_the_newest_artifact_and_the_newest_build_stay() -> None:
    first, second = made("1.0.0", 30, variant=1), made("1.0.0", 20, variant=2)
    third = made("1.0.0", 10, state=BuildState.FAILED, variant=3)
    assert [each.build for each in decided([first, second, third], Rules(versions=5)).retired] == [first.id]


@pytest.mark.parametrize("unknown", [{}, {"tiny": None}])
def test_what_a_manifest_says_is_waited_for_where_it_is_not_known(unknown: dict[str, None]) -> None:
    """A store of distributions that was lost must not cost a pinned version."""
    builds = [made("1.0.0", 400, source="main"), made("1.1.0", 300, source="main")]
    assert decided(builds, Rules(versions=1, quota=1), unknown).retired == ()


def test_a_quota_takes_the_oldest_first_and_counts_equal_bytes_once() -> None:
    builds = [
        made("1.0.0", 9, data="same"),
        made("1.1.0", 8, data="same"),
        made("1.2.0", 7),
        made("1.3.0", 6),
    ]
    assert decided(builds, Rules(quota=300)).retired == ()
    plan = decided(builds, Rules(quota=250, share=1))
    assert going(plan) == {"1.0.0 linux/amd64", "1.1.0 linux/amd64"}
    assert {each.why for each in plan.retired} == {Why.QUOTA}
    assert (plan.stored, plan.freed, plan.excess) == (300, 100, 0)


def test_a_quota_spares_builds_whose_bytes_stay_anyway() -> None:
    asked, twin, other = made("1.0.0", 9, data="same"), made("1.1.0", 8, data="same"), made("1.2.0", 7, platform=MAC)
    plan = decided([asked, twin, other], Rules(quota=100), {"tiny": declared(asked)})
    assert going(plan) == {"1.2.0 darwin/arm64"}


@pytest.mark.parametrize(
    ("gone", "all_of_them", "said"),
    [
        (0, 0, ""),
        (3, 10, ""),
        (4, 10, "4 of 10 artifacts would go, more than 30%"),
        (1, 2, ""),
        (1, 1, "the last of the artifacts would go"),
        (9, 9, "all 9 artifacts would go"),
    ],
)
def test_more_than_a_share_and_the_last_one_have_to_be_confirmed(gone: int, all_of_them: int, said: str) -> None:
    assert too_many(gone, all_of_them, 0.3, "artifacts") == said


def test_a_record_names_everything_that_it_needs() -> None:
    spec = make_spec()
    record = lifecycle.claimed(lifecycle.queued(build_id(spec), spec, Origin(), 0, NOW), "b.1", "claim", NOW)
    log, contents, artifact = digest("log"), digest("contents"), digest("artifact")
    record = lifecycle.succeeded(record, Artifact(artifact, 3, "x"), StoredLog(log, 1), NOW, StoredLog(contents, 2))
    assert names_of(record) == {record.id, spec.go_mod, spec.go_sum, log, contents, artifact}


def test_a_thousand_retries_do_not_outgrow_a_value() -> None:
    spec = make_spec()
    record = lifecycle.queued(build_id(spec), spec, Origin(), 0, NOW)
    failure = replace(BROKEN, step=Step.COMPILE, tail=("x" * 3000,) * 20)
    largest = 0
    for number in range(1, 1001):
        record = lifecycle.claimed(record, "builder.1", f"claim-{number}", NOW)
        for step in Step:
            record = lifecycle.stepped(record, step, NOW)
        record = lifecycle.failed(record, failure, StoredLog(digest(str(number)), 1), NOW)
        largest = max(largest, len(messages.encode(record)))
        record = lifecycle.retried(record, NOW)
    assert [attempt.number for attempt in record.attempts] == list(range(981, 1001))
    assert largest < 400_000  # of a million that a value may have


def _of_one_size(builds: list[BuildRecord]) -> list[BuildRecord]:
    """Equal bytes have one size."""
    sizes: dict[str, int] = {}
    for each in builds:
        if each.artifact is not None:
            sizes.setdefault(each.artifact.sha256, each.artifact.size)
    return [
        replace(each, artifact=replace(each.artifact, size=sizes[each.artifact.sha256])) if each.artifact else each
        for each in builds
    ]


def test_what_a_quota_takes_changes_which_failures_are_the_newest() -> None:
    """One pass did not see that, so the next one took more."""
    builds = [
        made("1.0.0", 1, platform=MAC),
        made("1.1.0", 0, platform=MAC, state=BuildState.FAILED),
        made("1.0.0", 0, platform=MAC, state=BuildState.FAILED, variant=1),
    ]
    rules, distributions = Rules(versions=1, quota=1), {"tiny": declared()}

    gone = {each.build for each in decide(builds, distributions, rules, NOW).retired}

    assert builds[0].id in gone
    assert not decide([each for each in builds if each.id not in gone], distributions, rules, NOW).retired


STATES = st.sampled_from([*[BuildState.SUCCEEDED] * 4, BuildState.FAILED, BuildState.QUEUED, BuildState.SUPERSEDED])
BUILDS = st.lists(
    st.builds(
        made,
        st.sampled_from(["1.0.0", "1.1.0", "1.2.0", "2.0.0"]),
        st.floats(0, 400),
        name=st.sampled_from(["tiny", "other"]),
        platform=st.sampled_from([LINUX, MAC]),
        state=STATES,
        size=st.integers(0, 1000),
        data=st.sampled_from(["", "", "same"]),
        source=st.sampled_from(["", "main"]),
        variant=st.integers(0, 50),
    ),
    max_size=25,
    unique_by=lambda record: record.id,
).map(_of_one_size)
RULES = st.builds(
    Rules, st.integers(0, 4), st.sampled_from([0, 7, 90]), st.sampled_from([0, 1, 500, 3000]), st.just(0.3)
)
RETENTIONS = st.none() | st.builds(
    Retention, st.integers(0, 3), st.sampled_from([0, 30]), st.sampled_from([(), ("1.0.0",), ("1.1.0", "2.0.0")])
)


@given(BUILDS, RULES, RETENTIONS, st.booleans(), st.data())
def test_laws(
    builds: list[BuildRecord], rules: Rules, retention: Retention | None, retired: bool, data: st.DataObject
) -> None:
    asked = data.draw(st.lists(st.sampled_from(builds), max_size=4)) if builds else []
    mine = [each for each in asked if each.spec.name == "tiny"]
    distributions = {"tiny": declared(*mine, retention=retention, retired=retired)}
    plan = decide(builds, distributions, rules, NOW)
    gone = {each.build for each in plan.retired}
    stays = [each for each in builds if each.id not in gone]

    # The order in which records are read says nothing.
    assert decide(reversed(builds), distributions, rules, NOW) == plan
    # What is needed stays.
    assert not gone & ({each.id for each in mine} if not retired else set())
    assert not gone & {each.id for each in builds if not each.state.final}
    pins = retention.pin if retention is not None else ()
    assert not gone & {each.id for each in builds if each.spec.name == "tiny" and each.spec.version in pins}
    assert not gone & {each.id for each in builds if each.spec.name == "other" and each.origin.source}
    # The bytes add up.
    sizes = {each.artifact.sha256: each.artifact.size for each in stays if each.artifact is not None}
    assert plan.stored - plan.freed == sum(sizes.values())
    assert plan.excess == (max(sum(sizes.values()) - rules.quota, 0) if rules.quota else 0)
    # A quota only adds to what goes, and nothing else goes without a bound.
    unlimited = {each.build for each in decide(builds, distributions, replace(rules, quota=0), NOW).retired}
    assert unlimited <= gone
    assert not gone or rules != Rules() or retention is not None
    # As many versions with an artifact stay as there were, or as are wanted.
    bounds = retention or Retention()
    for name in ("tiny", "other"):
        wanted = (bounds.versions if name == "tiny" else 0) or rules.versions
        for platform in (LINUX, MAC) if wanted and not rules.quota else ():
            before, after = (
                {
                    each.spec.version
                    for each in some
                    if each.artifact and (each.spec.name, each.spec.platform) == (name, platform)
                }
                for some in (builds, stays)
            )
            assert len(after) >= min(wanted, len(before))
    # Once that is done, nothing more goes.
    assert not decide(stays, distributions, rules, NOW).retired
