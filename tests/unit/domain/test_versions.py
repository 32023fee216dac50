"""Order and growth of versions."""

from __future__ import annotations

import pytest

from wombat_gitops.domain.versions import bumped, newer_versions, newest_release, version_key

ORDERED = [
    "v1.0.0-alpha",
    "v1.0.0-alpha.1",
    "v1.0.0-alpha.beta",
    "v1.0.0-beta.2",
    "v1.0.0-beta.11",
    "v1.0.0-rc.1",
    "v1.0.0",
    "v1.9.0",
    "v1.10.0",
]


def test_versions_are_in_the_order_of_the_standard() -> None:
    """The example of semver.org, 11, and numbers as numbers."""
    mixed = ORDERED[::-1]
    assert sorted(mixed, key=version_key) == ORDERED


@pytest.mark.parametrize(
    ("current", "newest"),
    [
        ("v1.0.0", "v1.10.0"),
        ("v1.10.0", None),
        ("v1.10.1-rc.1", "v1.11.0-rc.2"),
        ("v0.0.0-20260101000000-0123456789ab", "v0.1.0"),
        ("v2.0.0+incompatible", "v2.1.0+incompatible"),
        ("v3.0.0", None),
    ],
)
def test_newer_is_within_the_major_version(current: str, newest: str | None) -> None:
    """Pre-releases count only for who is on one."""
    known = [*ORDERED, "v1.11.0-rc.2", "v2.0.0", "v0.1.0", "v2.1.0+incompatible"]
    assert next(iter(newer_versions(current, known)), None) == newest


def test_releases_of_go_are_finished_ones() -> None:
    """Never a candidate, never an older one."""
    known = ["1.9", "1.26.6", "1.26.10", "1.27rc1", "1.28.0rc1", "go"]
    assert newest_release("1.26.6", known) == "1.26.10"
    assert newest_release("1.27.0", known) == "1.27.0"
    assert newest_release("1.27.0rc1", ["1.27.0"]) == "1.27.0"


@pytest.mark.parametrize(
    ("version", "old", "new", "grown"),
    [
        ("1.2.3", "v4.1.0", "v4.1.1", "1.2.4"),
        ("1.2.3", "v4.1.0", "v4.2.0", "1.3.0"),
        ("1.2.3+abc", "v0.1.0", "v0.2.0", "1.3.0"),
        ("1.2.3-rc.9", "v4.1.0", "v4.2.0", "1.2.3-rc.10"),
        ("1.2.3-beta", "v4.1.0", "v4.2.0", "1.2.3-beta.1"),
    ],
)
def test_a_distribution_grows_as_its_modules_do(version: str, old: str, new: str, grown: str) -> None:
    """Patch for patches, else minor; always to a version after the one there was."""
    assert bumped(version, [(old, new)]) == grown
    assert version_key(grown) > version_key(version)
