"""What reviewers read: everything that changes, and no text of a manifest's author as anything but text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support.manifests import GO_MOD, LOCK, SMALL
from wombat_gitops.domain.declaration import Declaration, Declared, DesiredBuild, SharedFile, desired_builds
from wombat_gitops.domain.delta import (
    BuildChange,
    BuildKind,
    ChangeKind,
    Delta,
    DistributionChange,
    Problem,
    Published,
    SharedChange,
    compare,
    narrowed,
)
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.differences import FieldChange
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.messages import decode, encode
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.report import COMMENT_LIMIT, MARKER, code, render_markdown, render_text, summary
from wombat_gitops.domain.visible import visible

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


def test_what_describes_or_dates_a_version_builds_nothing_and_another_test_does() -> None:
    """A published program keeps its date, whatever commit describes it anew; its tests run again."""
    later = replace(declare(), builds=desired_builds(declare().distribution, LOCK, DATE + timedelta(days=1)))
    assert compare(declaration(declare()), declaration(later)).distributions == ()
    tested = declare(SMALL + "tests: [{name: one, config: 'input: {}'}]\n")
    assert {build.kind for build in change([declare()], [tested]).builds} == {BuildKind.NEW}
    other = declare(SMALL + "tests: [{name: one, config: 'output: {}'}]\n")
    (field,) = change([tested], [other]).fields
    assert (field.field, field.added, field.removed) == ("tests", ("one (changed)",), ())


def test_sizes_come_from_what_is_published_whatever_its_date_is() -> None:
    """Before and after; a platform that nobody has built has none."""
    old, new = declare(), declare(SMALL.replace("1.0.0", "1.1.0"))
    dated = desired_builds(old.distribution, LOCK, DATE + timedelta(days=9))
    known = [published(dated[0], 40), published(dated[1], 41), published(new.builds[0], 50)]
    (found,) = compare(declaration(old), declaration(new), published=known).distributions
    assert [(build.kind, build.size_before, build.size_after) for build in found.builds] == [
        (BuildKind.REUSED, 40, 50),
        (BuildKind.NEW, 41, 0),
        (BuildKind.NEW, 0, 0),
        (BuildKind.NEW, 0, 0),
    ]


def test_components_that_cannot_differ_need_no_comparison() -> None:
    """The same modules and packages under another name; with another lock nobody knows without looking."""
    other = declare(SMALL.replace("name: example", "name: other"), path="manifests/other.yaml")
    assert change([declare()], [other]).known_contents
    assert not change([declare()], [declare(SMALL.replace("pure, io", "pure"))]).known_contents
    assert not change([declare()], [replace(declare(), lock=None, builds=())]).known_contents


def test_a_size_of_other_inputs_is_not_taken() -> None:
    """A build of the same version, platform and date, whose id is another one."""
    known = [replace(published(declare().builds[0], 40), id="f" * 64)]
    (found,) = compare(declaration(), declaration(declare()), published=known).distributions
    assert found.builds[0].kind is BuildKind.NEW


def published(build: DesiredBuild, size: int) -> Published:
    """A build that succeeded."""
    spec = build.spec
    return Published(build.id, spec.name, spec.version, str(spec.platform), spec.date, size)


def test_only_what_was_asked_for_is_told() -> None:
    """By its new or its old name, with its problems alone."""
    gone, new = declare(), declare(SMALL.replace("name: example", "name: new"), path="manifests/new.yaml")
    third = declare(SMALL.replace("name: example", "name: third").replace(", io", ""), path="manifests/third.yaml")
    wrong = [Diagnostic(each.distribution.path, 1, 1, "WOM-1", "m") for each in (new, third)]
    delta = compare(declaration(gone), declaration(new, third), wrong)
    for names, kept in ((["example"], "new"), (["third"], "third")):
        found = narrowed(delta, names)
        assert [each.name for each in found.distributions] == [kept]
        assert [problem.path for problem in found.problems] == [f"manifests/{kept}.yaml"]
    assert narrowed(delta, ()) == delta


def test_a_whole_folder_of_renamed_distributions_is_told_in_pairs() -> None:
    """Equal ones too: each is taken once."""
    old = [declare(SMALL.replace("example", f"a{n}"), path=f"manifests/a{n}.yaml") for n in range(3)]
    new = [declare(SMALL.replace("example", f"b{n}"), path=f"manifests/b{n}.yaml") for n in range(2)]
    found = compare(declaration(*old), declaration(*new)).distributions
    assert [(each.name, each.renamed_from) for each in found] == [("a2", ""), ("b0", "a0"), ("b1", "a1")]


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
    assert summary(delta) == "1 added; 4 to build; 0 distributions unchanged"


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


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\U0001f9a6"])
@pytest.mark.parametrize("limit", [COMMENT_LIMIT, 900_000])
def test_a_long_report_is_cut_and_what_is_cut_is_counted(letter: str, limit: int) -> None:
    """In bytes, of which a letter may have four; the rest has an address."""
    word = letter * 150
    fields = tuple(FieldChange(f"{word}{number}", added=(word,) * 50) for number in range(9))
    many = tuple(DistributionChange(f"d{number}", ChangeKind.ADDED, word, fields=fields) for number in range(6000))
    problems = tuple(Problem(word, number, 1, "WOM-1", "error", word, "", new=True) for number in range(6000))
    shared = tuple(SharedChange(f"{word}{number}", "Policy", "added") for number in range(6000))
    delta = Delta("a", "b", many, shared, problems, 0)
    text = render_markdown(delta, limit=limit, rest="https://host.invalid/1")
    assert limit // 2 < len(text.encode()) <= limit
    assert text.count("not shown._") == 4
    assert text.endswith("The whole report is [the summary of the run](https://host.invalid/1).\n")


@pytest.mark.parametrize("text", ["`", "``a``", "a\nb", "|", "\\", "\u202e", "x\x1b]8;;" * 99, "x" * 500, ""])
def test_code_is_one_line_and_closed(text: str) -> None:
    """A code span begins and ends with the only backticks in it."""
    found = code(text)
    assert "\n" not in found
    assert "|" not in found
    assert found.count("`") in {0, 2}


@given(DELTAS)
def test_nothing_hidden_reaches_a_comment_or_a_summary(delta: Delta) -> None:
    """Writing directions and controls of whoever opens a pull request are there to be read."""
    page = render_markdown(delta)
    assert visible(page) == page
    assert code("a\u202eb\x1b]8;;\\|`") == "`a\\u202eb\\x1b]8;;/¦'`"
