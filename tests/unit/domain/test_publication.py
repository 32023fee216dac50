"""A published version stays the program it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.factories import NOW
from tests.support.manifests import LOCK, SMALL
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.declaration import Declaration, Declared, desired_builds
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import PipelineTest
from wombat_gitops.domain.publication import changed_programs, compare_declarations, keep_dates, next_version
from wombat_gitops.domain.records import BuildRecord, BuildState, Origin

PATH = "manifests/example.yaml"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)


def declare(text: str = SMALL, date: datetime = FIRST) -> Declared:
    """What a manifest declares at a date."""
    reading = read_manifest(PATH, text.encode())
    assert reading.distribution is not None
    return Declared(reading.distribution, LOCK, date, text, desired_builds(reading.distribution, LOCK, date), ())


def published(declared: Declared, state: BuildState = BuildState.SUCCEEDED) -> list[BuildRecord]:
    """Its builds as they are when all went well."""
    return [replace(lifecycle.queued(build.id, build.spec, Origin(), 0, NOW), state=state) for build in declared.builds]


@pytest.mark.parametrize("added", ["description: other\n", "labels: {a: b}\n", "maintainers: [{name: x}]\n"])
def test_what_describes_a_version_builds_nothing(added: str) -> None:
    """The newer commit keeps the date under which the program is published."""
    first, second = declare(), declare(SMALL + added, LATER)
    assert {build.id for build in second.builds}.isdisjoint(build.id for build in first.builds)
    assert keep_dates(second, published(first)).builds == first.builds


def test_other_tests_make_another_build_of_the_same_program() -> None:
    """They run again, and the bytes are those that are published."""
    first, second = declare(), declare(date=LATER)
    tested = replace(second.distribution, tests=(PipelineTest("t", "input: {}\n"),))
    second = replace(second, distribution=tested, builds=desired_builds(tested, LOCK, LATER))
    kept = keep_dates(second, published(first))
    assert [build.spec.date for build in kept.builds] == [FIRST] * len(first.builds)
    assert [build.id for build in kept.builds] == [build_id(build.spec) for build in kept.builds]
    assert not changed_programs(second, published(first))


@pytest.mark.parametrize("state", [state for state in BuildState if state is not BuildState.SUCCEEDED])
def test_only_what_succeeded_is_published(state: BuildState) -> None:
    """A version that never got anywhere may still change."""
    first, second = declare(), declare(SMALL + "tags: [x]\n", LATER)
    assert keep_dates(second, published(first, state)).builds == second.builds
    assert not changed_programs(second, published(first, state))


@pytest.mark.parametrize(
    ("text", "inputs"),
    [(SMALL + "tags: [x]\n", "tags"), (SMALL + "go: 1.26.5\n", "go"), (SMALL.replace("pure, io", "io"), "packages")],
)
def test_a_changed_program_needs_a_new_version(text: str, inputs: str) -> None:
    """The error stands at `version`, says what differs, and proposes the next one."""
    base, head = declare(), declare(text, LATER)
    assert len(changed_programs(head, published(base))) == len(base.builds)
    reading = read_manifest(PATH, text.encode())
    (problem,) = compare_declarations(
        Declaration("a", (base,), (), 1), Declaration("b", (head,), (), 1), {PATH: reading.places}
    )
    assert (problem.rule, problem.line) == ("WOM-060", 4)
    assert problem.message.endswith(f"other inputs: {inputs}")
    assert "`1.0.1`" in problem.hint


def test_a_new_version_and_a_new_platform_are_fine() -> None:
    """Neither is another program under a known name."""
    base = declare(SMALL + "platforms: [linux/amd64]\n")
    more = declare(SMALL + "platforms: [linux/amd64, linux/arm64]\n", LATER)
    raised = declare(SMALL.replace("1.0.0", "1.1.0") + "tags: [x]\n", LATER)
    for head in (more, raised):
        places = {PATH: read_manifest(PATH, head.manifest.encode()).places}
        declarations = Declaration("a", (base,), (), 1), Declaration("b", (head,), (), 1)
        assert not compare_declarations(*declarations, places)
        assert not changed_programs(head, published(base))
    assert keep_dates(more, published(base)).builds[0] == base.builds[0]


def test_the_first_date_of_several_counts() -> None:
    """Programs that were published twice keep the date of the first."""
    first, second = declare(), declare(date=LATER)
    records = published(first) + [replace(r, requested_at=NOW + timedelta(days=1)) for r in published(second)]
    assert keep_dates(declare(date=LATER + timedelta(days=9)), records).builds == first.builds


@pytest.mark.parametrize(
    ("version", "following"), [("1.2.9", "1.2.10"), ("2.0.0-rc.1", "2.0.0"), ("1.0.0+build", "1.0.1")]
)
def test_next_version(version: str, following: str) -> None:
    """The smallest step that semantic versioning orders behind it."""
    assert next_version(version) == following
