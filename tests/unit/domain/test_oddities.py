"""Leftovers of git and characters that cannot be seen have messages of their own, at their place."""

from __future__ import annotations

import pytest

from tests.support.manifests import LOCK, SMALL
from wombat_gitops.domain.lock import examine_lock, render_lock
from wombat_gitops.domain.manifest import read_manifest

PATH = "manifests/example.yaml"
OURS, BASE, THEIRS = "version: 1.0.0\n", "version: 0.9.0\n", "version: 2.0.0\n"


@pytest.mark.parametrize(
    "merged",
    [
        f"<<<<<<< HEAD\n{OURS}=======\n{THEIRS}>>>>>>> theirs\n",
        f"<<<<<<< HEAD\n{OURS}||||||| 0a1b2c3\n{BASE}=======\n{THEIRS}>>>>>>> theirs\n",
        f"<<<<<<<\n{OURS}=======\n{THEIRS}>>>>>>>\n",
    ],
    ids=["merge", "diff3", "no labels"],
)
def test_marks_of_a_merge_are_named(merged: str) -> None:
    """They were "not well-formed YAML: could not find expected ':'", at another line."""
    (problem,) = read_manifest(PATH, SMALL.replace(OURS, merged).encode()).diagnostics

    assert (problem.rule, problem.line, problem.column) == ("WOM-018", SMALL[: SMALL.index(OURS)].count("\n") + 1, 1)
    assert problem.message == "the file has marks of a merge that was not resolved (`<<<<<<<`)"
    assert problem.hint.startswith("resolve")


@pytest.mark.parametrize(("mark", "line"), [("|||||||", 2), (">>>>>>>", 2)])
def test_a_mark_that_was_left_alone_is_named(mark: str, line: int) -> None:
    """People delete some of the lines and overlook one."""
    first, rest = SMALL.split("\n", 1)

    (problem,) = read_manifest(PATH, f"{first}\n{mark} theirs\n{rest}".encode()).diagnostics

    assert (problem.rule, problem.line) == ("WOM-018", line)


def test_a_policy_with_marks_of_a_merge_is_no_policy_that_is_passed_over() -> None:
    """It must not be taken for a distribution: breaking a policy is no way around it."""
    text = "apiVersion: wombat/v1\nkind: Policy\n<<<<<<< HEAD\nname: house\n=======\nname: home\n>>>>>>> b\n"

    reading = read_manifest("manifests/house.yaml", text.encode())

    assert reading.kind == "Policy"
    assert [(each.rule, each.line) for each in reading.diagnostics] == [("WOM-018", 3)]


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_a_pointer_of_git_lfs_is_named() -> None:
    """It was a syntax error in the second line."""
    (problem,) = read_manifest(PATH, POINTER.encode()).diagnostics

    assert (problem.rule, problem.line, problem.message) == ("WOM-019", 1, "the file is a Git LFS pointer")
    assert ".gitattributes" in problem.hint


@pytest.mark.parametrize("file", [0, 1], ids=["go.mod", "go.sum"])
@pytest.mark.parametrize(("left", "rule"), [("<<<<<<< HEAD\n", "WOM-018"), (POINTER, "WOM-019")])
def test_what_git_left_in_a_lock_is_named_at_its_place(file: int, left: str, rule: str) -> None:
    """A conflict in a lock, the most frequent one of all, was "no such header" or a line that Go would not write."""
    distribution = read_manifest(PATH, SMALL.encode()).distribution
    assert distribution is not None
    made = render_lock(distribution, LOCK)
    texts = [made.go_mod, made.go_sum]
    texts[file] = left if left == POINTER else texts[file].replace("\n", f"\n{left}", 1)

    lock, (problem,) = examine_lock(distribution, texts[0].encode(), texts[1].encode())

    assert lock is None
    assert problem.rule == rule
    assert problem.path == f"manifests/example.lock/{('go.mod', 'go.sum')[file]}"
    assert problem.line == (1 if left == POINTER else 2)


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u200b", "zero width space (U+200B)"),
        ("\u2060", "word joiner (U+2060)"),
        ("\ufeff", "zero width no-break space (U+FEFF)"),
        ("\u00ad", "soft hyphen (U+00AD)"),
        ("\u202e", "right-to-left override (U+202E)"),
        ("\U000e0041", "tag latin capital letter a (U+E0041)"),
    ],
)
def test_an_invisible_character_is_named_at_its_place(character: str, name: str) -> None:
    """Some passed in texts; the rest were numbers, or a "byte order mark" in the middle of a line."""
    line = f"description: all{character}is well"

    (problem,) = read_manifest(PATH, f"{SMALL}{line}\n".encode()).diagnostics

    assert (problem.rule, problem.message) == ("WOM-005", f"{name} is not allowed")
    assert (problem.line, problem.column) == (SMALL.count("\n") + 1, line.index(character) + 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: example", "name:\u00a0example"),
        ("name: example", "name: example\u00a0"),
        ("name: example", "\u00a0name: example"),
        ("name: example", "name\u00a0: example"),
        ("[pure, io]", "[pure,\u00a0io]"),
        ("packages: [pure, io]", "packages:\n  -\u00a0pure\n  - io"),
        ("packages: [pure, io]", "packages:\n \u00a0- pure\n  - io"),
        ("name: example", "name: exam\u200dple"),
        ("name: example", "name:\u3000example"),
    ],
)
def test_a_blank_that_is_none_is_named_at_its_place(old: str, new: str) -> None:
    """It looks like a space, so "cannot be `tiny`" and a syntax error elsewhere helped nobody."""
    assert old in SMALL
    text = SMALL.replace(old, new)
    odd = next(each for each in text if ord(each) > 127)

    problems = read_manifest(PATH, text.encode()).diagnostics

    at = (text[: text.index(odd)].count("\n") + 1, text.index(odd) - text.rfind("\n", 0, text.index(odd)))
    told = [each for each in problems if f"(U+{ord(odd):04X})" in each.message]
    assert [(each.line, each.column) for each in told] == [at]


def test_blanks_and_joiners_in_texts_are_fine() -> None:
    """French puts no-break spaces before colons, emoji are put together by joiners."""
    text = f'{SMALL}description: "Attention\u00a0: \U0001f468\u200d\U0001f469\u200d\U0001f467"\n'

    assert read_manifest(PATH, text.encode()).diagnostics == ()
