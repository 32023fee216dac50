"""What reviewers read: everything that changes, and no text of a manifest's author as anything but text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support.manifests import GO_MOD, LOCK, SMALL
from wombat_gitops.domain.declaration import Declaration, Declared, SharedFile, desired_builds
from wombat_gitops.domain.delta import (
    BuildChange,
    BuildKind,
    ChangeKind,
    Delta,
    DistributionChange,
    FieldChange,
    Problem,
    SharedChange,
    compare,
)
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.messages import decode, encode
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.report import COMMENT_LIMIT, MARKER, code, render_markdown, render_text, summary

DATE = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = st.text(min_size=0, max_size=40) | st.sampled_from(
    [
        "<img src=x onerror=alert(1)>",
        "@octocat #1 https://evil.example",
        "`](https://evil.example)",
        "a|b|c",
        "\n\n# heading\n\n- list",
        "</code></summary></details><script>",
        "``` \n```",
        "\u202egnirts\u202c",
        "![x](https://evil.example/x.png)",
        "\\` **bold**",
    ]
)
FIELDS = st.builds(
    FieldChange, TEXTS, TEXTS, TEXTS, st.lists(TEXTS, max_size=3).map(tuple), st.lists(TEXTS, max_size=3).map(tuple)
)
BUILDS = st.builds(BuildChange, TEXTS, st.sampled_from(BuildKind), TEXTS)
CHANGES = st.builds(
    DistributionChange,
    TEXTS,
    st.sampled_from(ChangeKind),
    TEXTS,
    TEXTS,
    TEXTS,
    TEXTS,
    st.lists(FIELDS, max_size=3).map(tuple),
    st.lists(BUILDS, max_size=2).map(tuple),
    st.booleans(),
    FIELDS,
    FIELDS,
)
PROBLEMS = st.builds(Problem, TEXTS, st.integers(0, 9), st.integers(0, 9), TEXTS, TEXTS, TEXTS, TEXTS, st.booleans())
DELTAS = st.builds(
    Delta,
    TEXTS,
    TEXTS,
    st.lists(CHANGES, max_size=3).map(tuple),
    st.lists(st.builds(SharedChange, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
    st.lists(PROBLEMS, max_size=3).map(tuple),
    st.integers(0, 9),
)
OUR_MARKUP = {"text", "code_inline", "strong_open", "strong_close", "em_open", "em_close", "softbreak"}
OUR_HTML = ("<!-- wombat", "<details><summary>", "</details>")


def declare(text: str = SMALL, lock: Lock = LOCK, path: str = "manifests/example.yaml") -> Declared:
    """What one manifest declares."""
    distribution = read_manifest(path, text.encode()).distribution
    assert distribution is not None
    return Declared(distribution, lock, DATE, text, desired_builds(distribution, lock, DATE), ())


def declaration(*declared: Declared, shared: tuple[SharedFile, ...] = ()) -> Declaration:
    """What a revision declares."""
    return Declaration("0" * 40, declared, (), len(declared), shared)


def change(base: list[Declared], head: list[Declared]) -> DistributionChange:
    """The one change there is."""
    (found,) = compare(declaration(*base), declaration(*head)).distributions
    return found


def test_nothing_changes() -> None:
    """Equal revisions have no difference."""
    delta = compare(declaration(declare()), declaration(declare()))
    assert (delta.distributions, delta.unchanged, delta.valid) == ((), 1, True)
    assert "Nothing is built for this change." in render_markdown(delta)


def test_a_new_distribution_is_told_whole() -> None:
    """Its modules, packages and builds."""
    found = change([], [declare()])
    assert (found.kind, found.version_after) == (ChangeKind.ADDED, "1.0.0")
    assert {build.kind for build in found.builds} == {BuildKind.NEW}
    assert len(next(field for field in found.fields if field.field == "packages").added) == 2


def test_every_difference_is_told() -> None:
    """Fields by what they were, lists by what came and went."""
    text = SMALL.replace("1.0.0", "1.1.0").replace("pure, io", "pure") + (
        "go: 1.26.5\ntags: [x]\nplatforms: [linux/amd64, linux/arm/7]\ncgo: true\nlabels: {team: data}\n"
    )
    lock = replace(LOCK, go_mod=GO_MOD + "require a.b/c v1.1.0 // indirect\n")
    old = declare(lock=replace(LOCK, go_mod=GO_MOD + "require a.b/c v1.0.0 // indirect\n"))
    found = {field.field: field for field in change([old], [declare(text, lock)]).fields}
    assert (found["version"].before, found["version"].after) == ("1.0.0", "1.1.0")
    assert found["go"].after == "1.26.5"
    assert found["cgo"].after == "true"
    assert found["packages"].removed == ("github.com/redpanda-data/benthos/v4/public/components/io",)
    assert found["platforms"].added == ("linux/arm/7",)
    assert found["tags"].added == ("x",)
    assert found["labels"].added == ("team=data",)
    assert found["indirect modules"].added == ("a.b/c v1.0.0 → v1.1.0",)


def test_a_description_builds_nothing() -> None:
    """The change is told, and that its builds stay."""
    found = change([declare()], [declare(SMALL + "description: other\n")])
    assert [field.field for field in found.fields] == ["description"]
    assert {build.kind for build in found.builds} == {BuildKind.SAME}


def test_a_renamed_distribution_is_one_change() -> None:
    """And not one that is gone and one that is new."""
    other = declare(SMALL.replace("name: example", "name: other"), path="manifests/other.yaml")
    found = change([declare()], [other])
    assert (found.kind, found.renamed_from, found.name) == (ChangeKind.RENAMED, "example", "other")


def test_a_removed_distribution_and_a_withdrawn_one() -> None:
    """Neither builds anything."""
    assert {build.kind for build in change([declare()], []).builds} == {BuildKind.GONE}
    held = change([], [declare(SMALL + "withdrawn: {reason: leaks}\n")])
    assert {build.kind for build in held.builds} == {BuildKind.HELD}


def test_a_changed_policy_is_told_first() -> None:
    """Before anything that it allows."""
    policy = SharedFile("manifests/house.yaml", "Policy", "a")
    delta = compare(declaration(), declaration(shared=(policy,)))
    text = render_markdown(delta)
    assert "**This changes what is allowed.**" in text
    assert "! Policy manifests/house.yaml added" in render_text(delta)


def test_the_summary_counts() -> None:
    """One line says what will be done."""
    delta = compare(declaration(), declaration(declare()))
    assert summary(delta) == "1 added; 4 to build, 0 there already, 0 distributions unchanged"


@given(DELTAS)
@settings(max_examples=150)
def test_no_text_of_an_author_becomes_markup(delta: Delta) -> None:
    """Only code, text, tables, lists, emphasis and folds of ours come out of the parser."""
    text = render_markdown(delta)
    assert text.startswith(MARKER)
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        assert token.type != "heading_open" or token.tag == "h3"
        if token.type == "html_block":
            for line in token.content.splitlines():
                assert not line or line.startswith(OUR_HTML) or _is_inside_fold(line)
        for child in token.children or []:
            assert child.type in {
                "text",
                "code_inline",
                "strong_open",
                "strong_close",
                "em_open",
                "em_close",
                "softbreak",
            }
            if child.type == "text":
                assert "@" not in child.content
                assert "http" not in child.content


def _is_inside_fold(line: str) -> bool:
    return "<" not in line


@given(DELTAS)
def test_a_report_survives_its_journey(delta: Delta) -> None:
    """What one process writes is what the other one reads."""
    try:
        data = encode(delta)
    except UnicodeEncodeError:
        return
    assert decode(Delta, data) == delta


@pytest.mark.parametrize("data", [b"", b"[]", b'{"base": 1}', b'{"distributions": [{"name": {}}]}'])
def test_another_file_is_no_report(data: bytes) -> None:
    """It is refused with a reason, not rendered."""
    with pytest.raises(CorruptData):
        decode(Delta, data)


def test_a_long_report_is_cut_between_distributions() -> None:
    """What is cut is counted, and where the rest is."""
    many = tuple(
        DistributionChange(
            f"d{number}", ChangeKind.ADDED, "p", fields=(FieldChange("packages", added=("x" * 150,) * 50),)
        )
        for number in range(60)
    )
    text = render_markdown(Delta("a", "b", many, (), (), 0), rest="the summary")
    assert len(text) < COMMENT_LIMIT
    assert "more distributions not shown; see the summary._" in text


@pytest.mark.parametrize("text", ["`", "``a``", "a\nb", "|", "\\", "\u202e", "x" * 500, ""])
def test_code_is_one_line_and_closed(text: str) -> None:
    """A code span begins and ends with the only backticks in it."""
    found = code(text)
    assert "\n" not in found
    assert "|" not in found
    assert found.count("`") in {0, 2}
