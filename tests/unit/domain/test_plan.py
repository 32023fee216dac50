"""Plans: what is built, why, and what is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.manifests import GO_MOD, GO_SUM, LOCK, SMALL
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.catalogue import DistributionRecord, Target
from wombat_gitops.domain.declaration import Declaration, Declared, desired_builds
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import Artifact, Distribution, Lock, PipelineTest, Withdrawal
from wombat_gitops.domain.plan import Action, Reason, make_plan
from wombat_gitops.domain.platforms import Platform, supported_platforms
from wombat_gitops.domain.records import BuildRecord, BuildState, Origin

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
ARTIFACT = Artifact("0" * 64, 5, "example")


def small(**changes: object) -> Distribution:
    """The small manifest's distribution for one platform, with changes."""
    found = read_manifest("manifests/example.yaml", SMALL.encode()).distribution
    assert found is not None
    return replace(found, **{"platforms": (Platform("linux", "amd64"),), **changes})  # type: ignore[arg-type]


def declare(*distributions: Distribution, lock: Lock | None = LOCK, date: datetime = NOW) -> Declaration:
    """A declaration of some distributions."""
    declared = tuple(
        Declared(found, lock, date, "", desired_builds(found, lock, date) if lock else (), ())
        for found in distributions
    )
    return Declaration("c0ffee", declared, (), len(declared))


def records(declaration: Declaration, state: BuildState = BuildState.SUCCEEDED) -> list[BuildRecord]:
    """A record of every build of a declaration."""
    made = [
        lifecycle.queued(build.id, build.spec, Origin(), 0, NOW)
        for declared in declaration.declared
        for build in declared.builds
    ]
    return [replace(record, state=state, artifact=ARTIFACT) for record in made]


def known(distribution: Distribution, builds: list[BuildRecord]) -> DistributionRecord:
    """What a watcher stored of a distribution."""
    return DistributionRecord(
        name=distribution.name,
        version=distribution.version,
        source="s",
        path=distribution.path,
        revision="c0ffee",
        date=NOW,
        modules=distribution.modules,
        packages=distribution.packages,
        toolchain=distribution.toolchain,
        targets=tuple(Target(build.spec.platform, build.id) for build in builds),
    )


PLATFORMS = st.lists(st.sampled_from(supported_platforms()), min_size=1, max_size=4, unique=True)


@given(st.lists(PLATFORMS, min_size=1, max_size=3))
def test_nothing_is_built_twice(lists: list[list[str]]) -> None:
    """Once everything that was planned has succeeded, a new plan is empty."""
    declaration = declare(
        *(
            small(name=f"d{index}", path=f"manifests/d{index}.yaml", platforms=tuple(map(Platform.parse, texts)))
            for index, texts in enumerate(lists)
        )
    )

    first = make_plan(declaration)
    second = make_plan(declaration, records(declaration))

    assert first.counts["build"] == sum(map(len, lists))
    assert first.pending
    assert not second.pending
    assert second.counts == dict.fromkeys(Action, 0) | {Action.UP_TO_DATE: sum(map(len, lists))}


def test_without_records_everything_is_new() -> None:
    """A plan needs no service."""
    (change,) = make_plan(declare(small())).changes
    assert (change.action, change.reason, change.previous) == (Action.BUILD, Reason.NEW_DISTRIBUTION, "")


def test_new_platform_is_told_from_a_new_distribution() -> None:
    """A known name on a platform it never had."""
    more = small(platforms=(Platform("linux", "amd64"), Platform("linux", "arm64")))
    changes = make_plan(declare(more), records(declare(small()))).changes
    assert [(change.platform, change.reason) for change in changes] == [
        ("linux/amd64", Reason.UP_TO_DATE),
        ("linux/arm64", Reason.NEW_PLATFORM),
    ]


def test_changed_inputs_are_named() -> None:
    """Every input that differs from the newest earlier build is told, with before and after."""
    before = small()
    old = records(declare(before))
    core = replace(before.modules[0], version="v4.77.0")
    after = small(
        version="1.1.0",
        modules=(core,),
        packages=(before.packages[0], "a.b/c"),
        toolchain="1.26.5",
        tags=("x",),
        binary="other",
    )
    lock = Lock(GO_MOD.replace("v4.76.0", "v4.77.0"), GO_SUM)

    plan = make_plan(declare(after, lock=lock, date=NOW + timedelta(days=1)), old, [known(before, old)])

    (change,) = plan.changes
    assert (change.action, change.reason, change.previous) == (Action.BUILD, Reason.CHANGED_INPUT, old[0].id)
    texts = [str(difference) for difference in change.differences]
    assert texts[:4] == [
        "version 1.0.0 → 1.1.0",
        "github.com/redpanda-data/benthos/v4 v4.76.0 → v4.77.0",
        "packages +a.b/c -github.com/redpanda-data/benthos/v4/public/components/pure",
        "tags +x",
    ]
    assert [difference.input for difference in change.differences[4:]] == ["lock", "go", "binary", "date"]
    assert texts[-1] == "date 2026-01-31T08:00:00Z → 2026-02-01T08:00:00Z"


def test_newest_earlier_build_is_compared() -> None:
    """Of several earlier builds the one that was requested last counts."""
    builds = [
        replace(records(declare(small(version=f"1.{minor}.0")))[0], requested_at=NOW + timedelta(minutes=minor))
        for minor in (2, 9, 5)
    ]
    (change,) = make_plan(declare(small(version="2.0.0")), builds).changes
    assert [str(difference) for difference in change.differences] == ["version 1.9.0 → 2.0.0"]


def test_each_state_has_its_action() -> None:
    """Only what is neither there nor under way nor failed is built."""
    declaration = declare(small())
    actions = {
        state.value: make_plan(declaration, records(declaration, state)).changes[0].action.value for state in BuildState
    }
    assert actions == {
        "queued": "in_progress",
        "running": "in_progress",
        "succeeded": "up_to_date",
        "failed": "failed",
        "cancelled": "failed",
        "superseded": "build",
    }


def test_a_withdrawn_distribution_is_not_built_and_says_why() -> None:
    """The reason is what people need; what else is different about a build that is not made does not matter."""
    before = declare(small(version="0.9.0"))
    withdrawn = declare(small(withdrawn=Withdrawal("leaks")))
    (change,) = make_plan(withdrawn, records(before)).changes
    assert (change.action, change.reason, change.detail) == (Action.BLOCKED, Reason.WITHDRAWN, "leaks")
    assert change.differences == ()


def test_every_input_that_changes_is_named() -> None:
    """None is left to be called the recipe."""
    one, two = PipelineTest("copies", "a"), PipelineTest("copies", "b")
    for before, after, told in (
        (small(), small(cgo=True), "cgo off → on"),
        (small(tests=(one,)), small(tests=(two,)), "tests +copies -copies"),
        (small(), small(tests=(one,)), "tests +copies"),
        (small(toolchain="1.26.5"), small(), "go 1.26.5 → 1.26.6"),
    ):
        (change,) = make_plan(declare(after), records(declare(before))).changes
        assert [str(difference) for difference in change.differences] == [told]


def test_suspended_distribution_is_not_built() -> None:
    """What is there stays up to date, nothing new is built."""
    suspended = declare(small(suspend=True))
    assert make_plan(suspended).changes[0].reason is Reason.SUSPENDED
    assert make_plan(suspended, records(suspended)).changes[0].action is Action.UP_TO_DATE


def test_unusable_lock_blocks() -> None:
    """Every platform is told, with the reason; nothing is pending."""
    plan = make_plan(declare(small(), lock=None))
    assert [(change.action, change.reason) for change in plan.changes] == [(Action.BLOCKED, Reason.LOCK)]
    assert not plan.pending


def test_removed_manifest_retires_and_a_broken_one_does_not() -> None:
    """A typo in a manifest never retires its distribution."""
    current = [known(small(), [])]
    gone = Declaration("c0ffee", (), (), 0)
    broken = replace(gone, diagnostics=(Diagnostic("manifests/example.yaml", 1, 1, "WOM-023", "unknown field"),))

    assert [(change.name, change.action) for change in make_plan(gone, (), current).changes] == [
        ("example", Action.RETIRE)
    ]
    (change,) = make_plan(broken, (), current).changes
    assert (change.name, change.action, change.reason) == ("example", Action.BLOCKED, Reason.INVALID)
    assert make_plan(gone, (), [replace(current[0], retired=True)]).changes == ()


def test_json_form_is_plain_data() -> None:
    """It survives JSON, has a version, and counts every action."""
    data = json.loads(json.dumps(make_plan(declare(small())).as_json()))
    assert data["schema_version"] == 1
    assert data["pending"] is True
    assert set(data["counts"]) == {action.value for action in Action}
    assert data["changes"][0]["reason"] == "new distribution"
