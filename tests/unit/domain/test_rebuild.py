"""What is said of two programs that differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.gosource import BuildInfo, Dependency
from wombat_gitops.domain.rebuild import (
    Change,
    Difference,
    FunctionDifference,
    Mismatch,
    SectionDifference,
    first_mismatch,
    parse_difference,
)

INFO = BuildInfo(
    "go1.26.6",
    "distribution",
    {"GOOS": "linux", "-trimpath": "true"},
    (Dependency("example.org/a", "v1.0.0", "h1:a"), Dependency("example.org/b", "v1.0.0", "h1:b")),
)
TEXT = SectionDifference(".text", code=True, rebuilt=10, published=10, first=3)
DATA = SectionDifference(".rodata", code=False, rebuilt=10, published=10, first=3)


def function(change: Change) -> FunctionDifference:
    return FunctionDifference(".text", "a.f", "example.org/a@v1/a.go", "example.org/a@v1", change)


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (INFO, None),
        (replace(INFO, go_version="go1.26.7"), Mismatch("go", "go1.26.6", "go1.26.7")),
        (replace(INFO, path="other"), Mismatch("main package", "distribution", "other")),
        (replace(INFO, deps=INFO.deps[:1]), Mismatch("module example.org/b", "v1.0.0 h1:b", "")),
        (
            replace(INFO, deps=(*INFO.deps, Dependency("evil.org/x", "v1.0.0", ""))),
            Mismatch("module evil.org/x", "", "v1.0.0"),
        ),
        (
            replace(INFO, deps=(INFO.deps[0], Dependency("example.org/b", "v1.0.0", "h1:c"))),
            Mismatch("module example.org/b", "v1.0.0 h1:b", "v1.0.0 h1:c"),
        ),
        (replace(INFO, settings={"GOOS": "linux"}), Mismatch("setting -trimpath", "true", "")),
    ],
)
def test_the_first_difference_of_build_information(published: BuildInfo, expected: Mismatch | None) -> None:
    assert first_mismatch(INFO, published) == expected


@pytest.mark.parametrize(
    ("difference", "place"),
    [
        (Difference(0, "headers", (TEXT, DATA), function(Change.PUBLISHED)), (".text", "example.org/a@v1")),
        (Difference(0, "headers", (TEXT, DATA), function(Change.SIZE)), (".text", "example.org/a@v1")),
        (Difference(0, ".text", (TEXT,), function(Change.CODE)), (".text", "example.org/a@v1")),
        (Difference(0, ".text", (TEXT, DATA), function(Change.CODE)), (".rodata", "")),
        (Difference(0, ".rodata", (DATA,)), (".rodata", "")),
        (Difference(0, "headers"), ("headers", "")),
        (Difference(), ("", "")),
    ],
)
def test_where_a_difference_is(difference: Difference, place: tuple[str, str]) -> None:
    """Code of the same length may differ because of what it refers to: then the data counts."""
    assert difference.place == place


@pytest.mark.parametrize("text", [b"", b"[]", b'{"offset": "x"}', b'{"function": {"name": "f"}}'])
def test_what_is_no_comparison(text: bytes) -> None:
    with pytest.raises(CorruptData):
        parse_difference(text)
