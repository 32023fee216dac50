"""Names of files: those that are passed over are reported, those that Windows cannot check out are refused."""

from __future__ import annotations

import pytest

from tests.support.manifests import SMALL
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.manifest.paths import collisions, odd_path, unread

DEVICES = ["aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]


@pytest.mark.parametrize(
    "name", ["tiny.YAML", "tiny.Yml", "tiny.yaml.txt", "tiny.yaml~", "tiny.yml.bak", "#tiny.yaml#", "tiny.yaml.orig"]
)
def test_a_file_that_is_nearly_a_manifest_is_not_passed_over_in_silence(name: str) -> None:
    """`validate` said "no problems" where the only manifest was not read."""
    problem = unread(f"manifests/{name}", ())

    assert problem is not None
    assert (problem.rule, problem.severity) == ("WOM-045", Severity.WARNING)
    assert problem.message.startswith(f"`manifests/{name}` is not read")
    assert problem.hint == "rename it to `tiny.yaml`"


def test_a_backup_beside_its_manifest_is_removed_and_not_renamed() -> None:
    """Renaming would replace the manifest."""
    problem = unread("manifests/tiny.yaml~", {"manifests/tiny.yaml"})

    assert problem is not None
    assert problem.hint == "remove it; `tiny.yaml` is there"


@pytest.mark.parametrize("path", ["m/a.yaml", "m/a.yml", "m/README.md", "m/a.lock/x.YAML", "m/yaml", "m/.a.yaml.swp"])
def test_other_files_are_none_of_our_business(path: str) -> None:
    """What is read, what belongs to a lock, and what nobody could mean as a manifest."""
    assert unread(path, ()) is None


@pytest.mark.parametrize("name", DEVICES)
def test_a_distribution_is_not_named_for_a_device(name: str) -> None:
    """Git on Windows cannot check out the file, nor the lock beside it."""
    text = SMALL.replace("name: example", f"name: {name}")

    problems = read_manifest(f"manifests/{name}.yaml", text.encode()).diagnostics

    assert [(problem.rule, problem.line) for problem in problems] == [("WOM-026", 3)]
    assert "Windows" in problems[0].hint


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("m/a\\b.yaml", "backslash"),
        ("m/con/a.yaml", "device"),
        ("m/LPT1.d/a.yaml", "device"),
        ("m/team./a.yaml", "ends in a dot"),
        ("m/team /a.yaml", "ends in a space"),
        ("m/a:b.yaml", "not allowed"),
        ("m/what?.yaml", "not allowed"),
    ],
)
def test_paths_that_windows_cannot_check_out_are_refused(path: str, words: str) -> None:
    """One such file makes the whole repository useless there."""
    problem = odd_path(path)

    assert problem is not None
    assert problem.rule == "WOM-043"
    assert words in problem.message


@pytest.mark.parametrize("path", ["m/a.yaml", "m/console/a.yaml", "m/größe.yaml", "m/a.b/c.yaml"])
def test_usual_paths_are_fine(path: str) -> None:
    """Only what cannot be checked out is refused."""
    assert odd_path(path) is None


def test_only_the_path_that_is_not_in_lower_case_is_refused() -> None:
    """One of the two stays usable."""
    assert list(collisions(["m/a.yaml", "m/A.yaml", "m/b.yaml"])) == ["m/A.yaml"]
