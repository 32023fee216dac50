"""Laws of reading manifests: any bytes give an answer, and no text of theirs becomes anything but text."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.fuzz.laws import manifest_is_answered
from tests.support.manifests import CORPUS, SMALL
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.manifest import read_all, read_manifest, render_schema
from wombat_gitops.domain.manifest.checker import errors_of
from wombat_gitops.domain.manifest.document import parse_document
from wombat_gitops.domain.manifest.fields import RECORDS
from wombat_gitops.domain.manifest.render import render_github, render_json, render_text
from wombat_gitops.domain.manifest.validation import fits, plain_value

PATH = "manifests/example.yaml"


def rules_of(text: str | bytes) -> set[str]:
    """Ids of the rules a manifest breaks."""
    data = text.encode() if isinstance(text, str) else text
    return {problem.rule for problem in read_manifest(PATH, data).diagnostics}


def fields(**changes: str) -> str:
    """The small manifest with some fields written otherwise."""
    lines = dict(line.split(": ", 1) for line in SMALL.splitlines())
    return "".join(f"{name}: {value}\n" for name, value in (lines | changes).items())


@given(st.binary(max_size=400))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    """No bytes crash the reader."""
    manifest_is_answered(data)


@example("---")
@example("--- \n# only a comment")
@given(st.text(alphabet="{}[],:-? \n#&*!|>'\"%@`<ab1.~\\\t\x85\u2028", max_size=120))
@settings(max_examples=300)
def test_any_yaml_like_text_gets_an_answer(text: str) -> None:
    """No arrangement of YAML's own characters crashes the reader."""
    manifest_is_answered(text.encode())


@given(st.data())
def test_any_damage_to_a_good_manifest_gets_an_answer(data: st.DataObject) -> None:
    """A good manifest with a piece cut out or put in gets an answer."""
    good = (CORPUS / "valid" / "full.yaml").read_bytes()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    manifest_is_answered(good[:start] + data.draw(st.binary(max_size=10)) + good[end:])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 250_000,
        "{" * 250_000,
        "- " * 120_000,
        "? " * 120_000,
        "a: " * 80_000,
        "&a [" * 60_000,
        "!" * 250_000,
        "'" * 250_001,
        "a:\n" + " " * 200_000 + "b",
        "tags: [" + "x," * 5_000 + "]",
        "".join(f"k{number}: {number}\n" for number in range(9_000)),
        "labels: {" + ",".join(f"K{number}: [{{}}]" for number in range(2_000)) + "}",
        "suspend: " + "9" * 200_000,
    ],
    ids=lambda text: text[:12].replace("\n", "_"),
)
@pytest.mark.timeout(60)
def test_hostile_size_gets_an_answer(text: str) -> None:
    """Deep, wide and long files end soon, with a reason."""
    assert rules_of(text)


@pytest.mark.parametrize(
    ("field", "item"),
    [
        ("tags", "*a, {}, "),  # each second one is told already as broken
        ("tags", "a, "),
        ("modules", "{module: example.org/a, version: x, packages: [y]}, "),
        ("modules", "&a {module: [], module: {}}, "),
        ("exclusions", "{platforms: [linux], packages: [{}, &a x]}, "),
    ],
)
def test_work_grows_with_the_size_and_not_with_its_square(field: str, item: str) -> None:
    """Four times as many problems are four times the work, counted in calls and not by a clock."""

    def work(count: int) -> int:
        calls = 0

        def note(*_: object) -> None:
            nonlocal calls
            calls += 1

        data = f"{SMALL}{field}: [{item * count}]\n".encode()
        read_manifest(PATH, data)  # what is made once is made now
        sys.setprofile(note)
        try:
            read_manifest(PATH, data)
        finally:
            sys.setprofile(None)
        return calls

    assert work(400) < 5 * work(100)


@given(st.sampled_from(["name", "version", "benthos", "go", "binary"]))
def test_no_line_end_hides_behind_a_value(field: str) -> None:
    """`$` in an expression does not let a line end through."""
    good = {"name": "example", "version": "1.0.0", "benthos": "v4.76.0", "go": "1.26.6", "binary": "example"}[field]
    assert "WOM-026" in rules_of(fields(**{field: json.dumps(f"{good}\n")}))


@pytest.mark.parametrize("text", ["1.20", "1.10", "1.0e+3", "0x1F", "012", "2024-01-01", "on", "12:30:45", "1_000"])
def test_text_field_takes_what_is_written(text: str) -> None:
    """What YAML would make a number, a date or a truth value stays the text that was written."""
    assert not isinstance(yaml.safe_load(text), str)

    reading = read_manifest(PATH, fields(labels=f"{{kept: {text}}}").encode())

    assert reading.distribution is not None
    assert reading.distribution.labels == (("kept", text),)


def test_number_trap_in_a_version_is_told_with_all_its_digits() -> None:
    """`1.20` is never read as 1.2."""
    (problem,) = read_manifest(PATH, fields(version="1.20").encode()).diagnostics
    assert problem.message == "`version` cannot be `1.20`"
    assert problem.hint == "write `1.20.0`"


@pytest.mark.parametrize("digits", ["1.0.\u0663", "\uff11.0.0"])
def test_digits_are_ascii(digits: str) -> None:
    """Digits of another script are no version."""
    assert rules_of(fields(version=digits)) == {"WOM-026"}


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://example.org", True),
        ("http://localhost:8080/a?b=c#d", True),
        ("https://[::1]:8443/", True),
        ("https://", False),
        ("https://exa mple.org", False),
        ("https://user:pass@example.org", False),
        ("https://example.org:99999", False),
        ("https://[::1", False),
        ("https://-a.example.org", False),
        ("https://example..org", False),
        ("javascript:alert(1)", False),
        ("https://example.org/%zz", False),
        ("not a uri", False),
    ],
)
def test_home_page_is_an_address(address: str, good: bool) -> None:
    """The format `uri` is really checked."""
    assert (rules_of(fields(homepage=json.dumps(address))) == set()) is good


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("a@example.org", True),
        ("a.b+c@mail.example.org", True),
        ("a@localhost", False),
        ("a b@example.org", False),
        ("@example.org", False),
        ("a@@example.org", False),
        ("a@example.org\n", False),
    ],
)
def test_email_is_an_address(address: str, good: bool) -> None:
    """The format `email` is really checked."""
    text = fields(maintainers=f"[{{name: A, email: {json.dumps(address)}}}]")
    assert (rules_of(text) == set()) is good


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_becomes_a_workflow_command(message: str, path: str) -> None:
    """One problem is one line, and the only command in it is ours."""
    problem = Diagnostic(f"a,line=1::{path}", 1, 1, "WOM-001", f"x\r\n::error::{message}", hint="50%\n::add-mask::x")

    text = render_github([problem])

    assert len(text.splitlines()) == 1
    assert text.startswith("::error file=a%2Cline=1%3A%3A")
    assert "50%25%0A" in text


@given(st.text(max_size=40))
def test_json_holds_any_text(message: str) -> None:
    """The JSON form is an object with a version of its own, whatever the texts are."""
    found = json.loads(render_json([Diagnostic("a.yaml", 1, 2, "WOM-001", message)]))
    assert found["schema_version"] == 1
    assert found["diagnostics"][0]["message"] == message


def test_caret_stands_below_wide_characters() -> None:
    """Characters that take two columns move the caret by two."""
    text = render_text(read_manifest(PATH, fields(labels='{a: "日本", B: c}').encode()).diagnostics)
    line, caret = text.splitlines()[2:4]
    assert caret.index("^") == line.index("B:") + 2


def test_no_expression_is_shown() -> None:
    """People are told in words, never by a regular expression."""
    for path in (CORPUS / "invalid").glob("*.txt"):
        text = path.read_text()
        assert "[0-9" not in text
        assert "^[" not in text.replace("^\n", "")


def test_what_is_not_shown_is_told_inside_of_the_file() -> None:
    """Behind the last problem that is shown, also where that one is on an empty line."""
    unknown = "".join(f"field{number}: 1\n" for number in range(99))
    text = f"{SMALL}{unknown}tests:\n  - name: one\n    config: |\n      {{\n\nlast: 1\n"
    problems = manifest_is_answered(text.encode()).diagnostics
    assert [problem.rule for problem in problems[-2:]] == ["WOM-017", "WOM-039"]
    assert {problem.line for problem in problems[-2:]} == {text.count("\n") - 1}


def test_typo_of_a_required_field_is_told_once() -> None:
    """`pakcages` is a typo, not also a missing field."""
    assert rules_of(SMALL.replace("packages", "pakcages")) == {"WOM-023"}


def test_another_kind_is_told_alone() -> None:
    """Fields of a kind that cannot be read are not judged."""
    assert rules_of("apiVersion: wombat/v1\nkind: Recipe\nallow: [x]\n") == {"WOM-022"}


def test_line_ends_of_windows_are_fine() -> None:
    """CR LF reads as LF."""
    crlf = read_manifest(PATH, SMALL.replace("\n", "\r\n").encode())
    assert crlf.distribution == read_manifest(PATH, SMALL.encode()).distribution
    assert crlf.distribution is not None


def test_one_name_in_two_files_is_used_by_neither() -> None:
    """Both files are told, and a third goes on."""
    other = SMALL.replace("name: example", "name: other").encode()
    files = {"a/example.yaml": SMALL.encode(), "b/example.yml": SMALL.encode(), "other.yaml": other}

    found = read_all(files)

    assert [distribution.name for distribution in found.distributions] == ["other"]
    assert [(problem.path, problem.rule) for problem in found.diagnostics] == [
        ("a/example.yaml", "WOM-041"),
        ("b/example.yml", "WOM-041"),
    ]


def test_all_errors_of_all_files_come_at_once_in_order() -> None:
    """Nobody mends one error only to be told the next."""
    files = {"b.yaml": b"name: B_\n", "a.yaml": fields(go="1.26", version="1").encode()}
    found = read_all(files).diagnostics
    assert list(found) == sorted(found)
    assert {problem.path for problem in found} == {"a.yaml", "b.yaml"}
    assert sum(problem.path == "a.yaml" and problem.rule == "WOM-026" for problem in found) == 2


def test_schema_is_valid_and_accepts_the_good() -> None:
    """The schema is itself valid, and an independent validator accepts what we accept."""
    schema = json.loads(render_schema())
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(yaml.safe_load(SMALL))
    assert schema["$id"] == "urn:wombat:schema:distribution:v1"


def test_package_belongs_to_the_longest_module_path() -> None:
    """A nested module owns the packages below its path."""
    text = SMALL + (
        "modules:\n"
        "  - {module: github.com/example/a, version: v1.0.0, packages: [github.com/example/a/b/c]}\n"
        "  - {module: github.com/example/a/b, version: v1.0.0}\n"
    )
    (problem,) = read_manifest(PATH, text.encode()).diagnostics
    assert problem.rule == "WOM-032"
    assert problem.hint == "move it to the entry of `github.com/example/a/b`"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2_000_000)
    | st.sampled_from(["", "x", "v1.2.3", "1.0.0", "linux/amd64", "Distribution", "a@b.example", "https://h.example/x"])
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "module", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(st.sampled_from(sorted(RECORDS)), st.sampled_from(sorted((CORPUS / "valid").glob("*.yaml"))), st.data())
@settings(max_examples=400)
def test_the_quick_check_agrees_with_the_schema(kind: str, path: Path, data: st.DataObject) -> None:
    """Whatever is put into a good manifest, the quick yes is the schema's own verdict."""
    document = parse_document(PATH, path.read_bytes())
    assert document.root is not None
    value = plain_value(document.root, RECORDS[kind])
    place: Any = value
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            match data.draw(st.sampled_from(["keep", "change", "drop", "repeat"])):
                case "change":
                    place[key] = data.draw(VALUES)
                case "drop":
                    del place[key]
                case "repeat" if isinstance(place, list):
                    place.append(place[key])
                case _:
                    pass
            break
        place = place[key]

    assert fits(value, kind) == (not list(errors_of(value, kind)))
