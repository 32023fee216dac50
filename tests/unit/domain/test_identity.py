"""Laws of ids: every input matters, order does not, and a default never changes an id."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.identity import build_id, canonical, check_inputs, digest, make_spec, same_program, utc_text
from wombat_gitops.domain.model import BuildSpec, Distribution, Exclusion, Lock, Module, PipelineTest
from wombat_gitops.domain.platforms import Platform

CORE = "github.com/redpanda-data/benthos/v4"
SPEC = BuildSpec(
    name="tiny",
    version="1.0.0",
    date=datetime(2026, 1, 31, 8, 0, tzinfo=UTC),
    platform=Platform("linux", "amd64"),
    toolchain="1.26.6",
    packages=(f"{CORE}/public/components/io", f"{CORE}/public/components/pure"),
    go_mod=digest("module distribution\n"),
    go_sum=digest(""),
)
GOLDEN = "44a0ea9b8f4c7dc8850b0eb49a3775739af22cd0a2061eea989075784f8ffb24"
CHANGES: dict[str, Any] = {
    "name": "tin",
    "version": "1.0.1",
    "date": SPEC.date + timedelta(seconds=1),
    "platform": Platform("linux", "amd64", "v3"),
    "toolchain": "1.26.5",
    "packages": SPEC.packages[:1],
    "go_mod": digest("x"),
    "go_sum": digest("x"),
    "tags": ("timetzdata",),
    "cgo": True,
    "binary": "benthos",
    "tests": (PipelineTest("copies", "input: {stdin: {}}\n", "a\n", "a\n"),),
}
NOT_IN_THE_BYTES = {"date", "tests"}


def distribution(**changes: Any) -> Distribution:
    """The distribution that gives `SPEC`, with changes."""
    made = Distribution(
        name="tiny",
        version="1.0.0",
        modules=(Module(CORE, "v4.76.0"),),
        packages=SPEC.packages,
        platforms=(SPEC.platform,),
        toolchain="1.26.6",
        path="manifests/tiny.yaml",
        binary="tiny",
    )
    return replace(made, **changes)


LOCK = Lock("module distribution\n", "")


def test_id_is_for_ever() -> None:
    """The id of a spec never changes: artifacts of years are found by it."""
    assert build_id(SPEC) == GOLDEN


def test_every_field_of_a_spec_is_tried() -> None:
    """A new field cannot be forgotten below."""
    assert set(CHANGES) == {field.name for field in fields(BuildSpec)}


@pytest.mark.parametrize("name", CHANGES)
def test_each_input_matters(name: str) -> None:
    """A change of any input gives another id."""
    assert build_id(replace(SPEC, **{name: CHANGES[name]})) != GOLDEN


@pytest.mark.parametrize("name", CHANGES)
def test_a_program_is_another_one_by_all_but_its_date_and_tests(name: str) -> None:
    """A published version may be described and tested anew; anything else makes it another program."""
    assert same_program(SPEC, replace(SPEC, **{name: CHANGES[name]})) is (name in NOT_IN_THE_BYTES)


def test_a_package_is_left_out_where_the_manifest_says_so() -> None:
    """An exclusion changes the spec of its platforms and of no other."""
    arm = Platform("linux", "arm", "7")
    made = distribution(platforms=(SPEC.platform, arm), exclusions=(Exclusion((arm,), SPEC.packages[:1]),))
    assert make_spec(made, LOCK, SPEC.platform, SPEC.date) == SPEC
    assert make_spec(made, LOCK, arm, SPEC.date).packages == SPEC.packages[1:]


@pytest.mark.parametrize("field", ["name", "version", "toolchain", "binary"])
@given(value=st.text(min_size=1, max_size=20, alphabet='abc.-019"\\{},:'))
def test_no_text_slides_into_its_neighbour(field: str, value: str) -> None:
    """Longer text in one field is never the same as text in another."""
    changed = replace(SPEC, **{field: getattr(SPEC, field) + value})
    assert build_id(changed) != GOLDEN


@given(st.permutations(["a.b/c", "a.b/d", "a.b/e"]), st.permutations(["x", "y", "z"]))
def test_order_does_not_matter(packages: list[str], tags: list[str]) -> None:
    """Packages and tags are sets."""
    ordered = replace(SPEC, packages=("a.b/c", "a.b/d", "a.b/e"), tags=("x", "y", "z"))
    assert build_id(replace(SPEC, packages=tuple(packages), tags=tuple(tags))) == build_id(ordered)


def test_defaults_are_left_out() -> None:
    """A field that holds its default is not part of the text that is hashed."""
    text = canonical(SPEC).decode()
    assert not any(f'"{name}"' in text for name in ("tags", "cgo", "binary", "tests"))


def test_spec_is_made_of_the_inputs_alone() -> None:
    """Description, labels and the other platforms do not reach an id."""
    plain = make_spec(distribution(), LOCK, SPEC.platform, SPEC.date)
    told = distribution(
        description="x",
        homepage="x",
        license="x",
        labels=(("a", "b"),),
        suspend=True,
        path="elsewhere.yaml",
        platforms=(SPEC.platform, Platform("linux", "arm64")),
    )

    assert plain == SPEC
    assert make_spec(told, LOCK, SPEC.platform, SPEC.date) == SPEC


def test_repeated_packages_and_the_default_binary_change_nothing() -> None:
    """What is said twice, or said though it is the default, gives the same id."""
    twice = distribution(packages=(*reversed(SPEC.packages), *SPEC.packages), binary="tiny")
    assert build_id(make_spec(twice, LOCK, SPEC.platform, SPEC.date)) == GOLDEN


def test_a_moment_is_the_same_in_every_time_zone() -> None:
    """Dates are compared in UTC, to the second."""
    elsewhere = SPEC.date.astimezone(timezone(timedelta(hours=9))).replace(microsecond=999_999)
    assert utc_text(elsewhere) == "2026-01-31T08:00:00Z"
    assert make_spec(distribution(), LOCK, SPEC.platform, elsewhere) == SPEC


@pytest.mark.parametrize("lock", [Lock("module distribution", ""), Lock("module distribution\n", "\n")])
def test_other_module_files_are_refused(lock: Lock) -> None:
    """A byte more or less in go.mod or go.sum is another input."""
    check_inputs(SPEC, LOCK)
    with pytest.raises(Refused, match="digest"):
        check_inputs(SPEC, lock)
