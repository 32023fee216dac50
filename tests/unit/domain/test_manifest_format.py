"""Manifests in their usual form: nothing a person wrote is lost, and doing it again changes nothing."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.manifests import CORPUS, SMALL, corpus
from wombat_gitops.domain.manifest import Shared, interpret, parse_manifest
from wombat_gitops.domain.manifest import format as form
from wombat_gitops.domain.manifest.document import MAX_BYTES
from wombat_gitops.domain.manifest.fields import RECORDS
from wombat_gitops.domain.manifest.format import format_manifest

PATH = "manifests/example.yaml"
COMMENT = re.compile(r"#[ #-]*c\d+: x' {")
VALID = sorted([*(CORPUS / "valid").glob("*.yaml"), *(CORPUS.parents[1] / "manifests").glob("*.yaml")])

HEAD = {"apiVersion": "wombat/v1"}
EXACT = {"module": "github.com/a/b", "version": "v1.10.0"}
SHARED_VALUES: dict[str, Any] = {
    "platforms": ["linux/amd64", "linux/arm64"],
    "tags": ["x_benthos_extra"],
    "cgo": True,
    "homepage": "https://example.org/a?b=1#top",
    "license": "Apache-2.0",
    "maintainers": [{"name": "Data #1", "email": "data@example.org"}, {"github": "a/b", "name": "it's: me"}],
    "labels": {"team": "data", "kept": "1.10", "on": "off", "a/b": ""},
    "retention": {"days": 90, "versions": 5},
    "needs": {"labels": {"disk": "ssd"}, "memory": "4GiB"},
}
LIMITS: dict[str, Any] = {
    "modules": {"deny": ["github.com/example/*"], "allow": ["github.com/..."]},
    "licenses": {"allow": ["Apache-2.0", "MIT"]},
    "maxSize": "80MiB",
}
WORDS = "Kafka in,\nGröße: out\n\n  # not a comment\n last\n"
MODULES = [
    {"version": "v4.105.0", "module": "github.com/redpanda-data/connect/v4", "packages": ["kafka", "nats"]},
    {"module": "github.com/a/c", "version": "v1.2.0", "replace": {"version": "v1.10.0", "module": "github.com/a/b"}},
]
VALUES: dict[str, dict[str, Any]] = {
    "Distribution": {
        **HEAD,
        "kind": "Distribution",
        "name": "example",
        "version": "1.10.0",
        "benthos": "v4.76.0",
        "packages": ["pure", "io"],
        "modules": MODULES,
        "binary": "benthos",
        "description": WORDS,
        "suspend": False,
        "replaces": [{"with": EXACT, "module": "github.com/a/d"}],
        "excludes": [{"version": "v1.4.0", "module": "github.com/a/e"}],
        "exclusions": [{"reason": "needs cgo", "packages": ["io"], "platforms": ["windows"]}],
        "tests": [{"config": "input: {}\n#x\n\n  output: {}\n", "name": "one", "expect": "a\n\n", "input": "  a\nb"}],
        "policy": LIMITS,
        "withdrawn": {"versions": ["1.0.0"], "reason": "leaks"},
        "toolchain": "1.26.6",
        **SHARED_VALUES,
    },
    "Defaults": {**HEAD, "kind": "Defaults", "go": "1.26.6", **SHARED_VALUES},
    "Library": {
        **HEAD,
        "kind": "Library",
        "name": "example",
        "packages": ["pure"],
        "modules": MODULES,
        "description": "Words that go on and on, without a line end",
    },
    "Policy": {**HEAD, "kind": "Policy", "name": "example", **LIMITS},
}


@dataclass
class Scribe:
    """Writes a value as YAML in ways that people do, and some that they should not, with comments everywhere."""

    data: st.DataObject
    comments: int = 0
    sealed: bool = False  # a block scalar stands above: what is indented would be part of it

    def one_of(self, *choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices))

    def some(self) -> bool:
        return bool(self.one_of(False, False, False, True))

    def comment(self) -> str:
        self.comments += 1
        return f"#{self.one_of('', ' ', '#', '- ')}c{self.comments}: x' {{"

    def behind(self) -> str:
        return f"{self.one_of(' ', '   ')}{self.comment()}" if self.some() else self.one_of("", "", "  ")

    def between(self, column: int) -> list[str]:
        """Lines without values."""
        if not self.some():
            return []
        columns = [column] if self.sealed else [0, column, column + 1, column + 2, column + 6]
        made = [
            self.one_of("", " " * column, " " * self.one_of(*columns) + self.comment())
            for _ in range(self.one_of(1, 1, 2, 3))
        ]
        return [line.strip(" ") if self.sealed and not line.strip() else line for line in made]

    def file(self, value: dict[str, Any]) -> str:
        lines = [*self.between(0), f"---{self.behind()}"] if self.some() else []
        lines += self.fields(value, 0)
        lines += self.between(0)
        lines += [f"...{self.behind()}", *self.between(0)] if self.some() else []
        text: str = "\n".join(lines) + self.one_of("", "\n", "\n\n\n")
        return text.replace("\n", "\r\n") if self.some() else text

    def fields(self, value: dict[str, Any], column: int) -> list[str]:
        lines = list[str]()
        for name in self.data.draw(st.permutations(list(value))):
            lines += self.between(column)
            key = self.one_of(name, name, name, f'"{name}"', f"'{name}'") + self.one_of("", "", " ")
            lines += self.placed(f"{' ' * column}{key}:", value[name], column)
        return lines + ([] if self.sealed else self.between(column))

    def items(self, value: list[Any], column: int) -> list[str]:
        lines = list[str]()
        for each in value:
            lines += self.between(column)
            dash = f"{' ' * column}-"
            if isinstance(each, dict) and self.one_of(True, True, False):
                inner = column + self.one_of(2, 2, 3, 5)
                made = self.fields(each, inner)
                first = made[0]
                if first.startswith(" " * inner) and first.strip() and not first.strip().startswith("#"):
                    made[0] = f"{dash}{first[column + 1 :]}"
                else:
                    made.insert(0, dash + self.behind())
                lines += made
            else:
                lines += self.placed(dash, each, column)
        return lines

    def placed(self, label: str, value: Any, column: int) -> list[str]:
        inner = column + self.one_of(1, 2, 2, 4)
        if isinstance(value, str) and "\n" in value:
            return self.block(label, value, column)
        if isinstance(value, dict | list) and self.one_of(True, False):
            self.sealed = False
            if isinstance(value, dict):
                return [label + self.behind(), *self.fields(value, inner)]
            indent = column if label.endswith(":") and self.one_of(True, False) else inner
            return [label + self.behind(), *self.items(value, indent)]
        self.sealed = False
        words = self.flow(value, inner)
        if isinstance(value, str) and len(value) > 20 and value in words and self.some() and " " in value:
            words = words.replace(" ", f"  \n{' ' * inner}", 1)
        if self.some():
            return [label + self.behind(), *self.between(inner), *f"{' ' * inner}{words}{self.behind()}".split("\n")]
        return f"{label} {words}{self.behind()}".split("\n")

    def block(self, label: str, value: str, column: int) -> list[str]:
        stripped = value.rstrip("\n")
        ends = len(value) - len(stripped)
        chomp = {0: "-", 1: self.one_of("", "+")}.get(ends, "+")
        step = self.one_of(1, 2, 4)
        digits = str(step) if stripped.startswith(" ") or self.some() else ""
        if self.sealed or not digits:
            step = max(step, 2)
            digits = str(step) if digits else ""
        note = f" {self.comment()}" if self.some() else ""
        lines = [f"{label} |{digits}{chomp}{note}"]
        lines += [" " * (column + step) + line if line else "" for line in stripped.split("\n")]
        lines += [""] * (ends - 1 if chomp == "+" else self.one_of(0, 0, 2))
        self.sealed = True
        # The scalar's lines must not be followed by empty ones that would be part of it.
        return [*lines, self.comment()] if chomp == "+" else lines

    def flow(self, value: Any, column: int) -> str:
        if isinstance(value, bool | int):
            return json.dumps(value)
        if isinstance(value, str):
            plain = value and not set(value) & set(":#{}[],&*'\"") and value not in {"true", "false", "null"}
            styles = [json.dumps(value, ensure_ascii=False), "'" + value.replace("'", "''") + "'"]
            return str(self.one_of(*styles, *([value] if plain else [])))
        gap = self.one_of("", " ")
        if self.some():
            gap = f"\n{' ' * column}" if self.one_of(True, False) else f" {self.comment()}\n{' ' * (column + 3)}"
        comma = f",{gap or ' '}"
        if isinstance(value, list):
            return f"[{gap}{comma.join(self.flow(each, column) for each in value)}{self.one_of('', ',')}{gap}]"
        pairs = [f"{name}: {self.flow(each, column)}" for name, each in value.items()]
        return f"{{{gap}{comma.join(self.data.draw(st.permutations(pairs)))}{gap}}}"


def formatted(data: bytes | str) -> str:
    """The usual form of a manifest that can be read."""
    found = format_manifest(PATH, data if isinstance(data, bytes) else data.encode())
    assert found.text is not None, found.diagnostics
    return found.text


def names_of(text: str) -> list[str]:
    """Top-level fields in the file's order."""
    value = parse_manifest(PATH, text.encode()).value
    return list(value or ())


def meaning(data: bytes, path: str = PATH) -> tuple[Any, ...]:
    """What a manifest says, whatever its layout is."""
    parsed = parse_manifest(path, data)
    value = dict(parsed.value or {})
    if "go" not in value and "toolchain" in value:
        value["go"] = value.pop("toolchain")
    return parsed.kind, value, interpret(parsed, Shared()).distribution


def check_laws(data: bytes) -> None:
    """Whatever can be read keeps its meaning, and is done the second time."""
    found = format_manifest(PATH, data)
    assert (found.text is None) == bool(found.diagnostics)
    if found.text is None:
        return
    after = found.text.encode()
    assert meaning(after) == meaning(data)
    assert format_manifest(PATH, after).text == found.text


@given(st.sampled_from(sorted(VALUES)), st.data())
@settings(max_examples=400)
def test_form_changes_and_nothing_else(kind: str, data: st.DataObject) -> None:
    """Any manifest in any layout: same meaning, every comment once, fields in order, nothing to do again."""
    whole = VALUES[kind]
    wanted = data.draw(st.sets(st.sampled_from(sorted(set(whole) - {"apiVersion", "kind"})), max_size=6))
    scribe = Scribe(data)
    text = scribe.file({name: value for name, value in whole.items() if name in wanted | {"apiVersion", "kind"}})

    result = formatted(text)

    check_laws(text.encode())
    assert Counter(COMMENT.findall(result)) == Counter(COMMENT.findall(text))
    assert text.count("#") == result.count("#")
    order = ["go" if each.name == "toolchain" else each.name for each in RECORDS[kind].fields]
    assert names_of(result) == [name for name in dict.fromkeys(order) if name in set(names_of(result))]
    assert "toolchain" not in names_of(result)
    assert "\r" not in result
    assert result.endswith("\n")


BEFORE = """\
# yaml-language-server: $schema=x
#   of the house

# Who it is.
name: 'tiny'   # short
kind: Distribution
version:   "1.10"
toolchain: 1.26.6 # the old name
apiVersion: wombat/v1


packages:
    - io
    - # why
      pure
    # - kafka
modules:
# the rest
-   packages: [ nats,kafka ]
    # exact
    version: v4.105.0
    module: github.com/redpanda-data/connect/v4

    # end of it

- {version: v1.0.0, module: github.com/a/b}
- { version: v1.0.0, # in brackets
    module: github.com/a/c }
# words
description: >
      folded
        as it is   
      # text

benthos: v4.76.0
unknown: {b: 1,   a: 2}
# the end"""  # noqa: W291 - blanks in a block scalar are text

AFTER = """\
# yaml-language-server: $schema=x
#   of the house

apiVersion: wombat/v1
kind: Distribution
# Who it is.
name: "tiny"  # short
version: "1.10"

benthos: v4.76.0

packages:
  - io
  # why
  - pure
  # - kafka
modules:
  # the rest
  - module: github.com/redpanda-data/connect/v4
    # exact
    version: v4.105.0
    packages: [nats, kafka]

    # end of it

  - {module: github.com/a/b, version: v1.0.0}
  - { version: v1.0.0, # in brackets
      module: github.com/a/c }
# words
description: >
  folded
    as it is   
  # text
go: 1.26.6  # the old name
unknown: {b: 1, a: 2}
# the end
"""  # noqa: W291 - blanks in a block scalar are text


def test_the_form_that_people_get() -> None:
    """One file with most of what there is, also with wrong values in it."""
    assert formatted(BEFORE) == AFTER
    assert formatted(AFTER) == AFTER


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("description: |\n    a\n\n\nname: x", "\nname: x\ndescription: |\n  a\n"),
        ("description: |+\n    a\n\n\nname: x", "name: x\ndescription: |+\n  a\n\n\n"),
        ("suspend: true\nname: x\ndescription: |\n  a", "name: x\ndescription: |-\n  a\nsuspend: true\n"),
        ("description: |+\n\n\n\n# c\n\nname: x\n", "# c\n\nname: x\ndescription: |+\n\n\n\n"),
        ("description: |2\n    a\n   b\n", "description: |2\n    a\n   b\n"),
        ("description: |2-  #c\n  a\n     \n", "description: |2-  #c\n  a\n     \n"),
        ('description: "a\\ \n   b"', 'description: "a\\ \n  b"\n'),
        ("description: 'it''s'", "description: 'it''s'\n"),
        ("description: 'a\\b'", "description: 'a\\b'\n"),
        ("description: a\n   b\n\n   c # x\n", "description: a\n  b\n\n  c  # x\n"),
        ("description:\n    a\n    b\n", "description:\n  a\n  b\n"),
        (f"description:\n    {'x' * 120}\n", f"description:\n  {'x' * 120}\n"),
        ("description: # c\n  a", "# c\ndescription: a\n"),
        ("description:\n", "description:\n"),
        ("tags: [a, {b}, [c: d], {e: }]", "tags: [a, {b}, [c: d], {e: }]\n"),
        ('"tags": [ "a:b" ,c#d, ]\n"x y" : 1', 'tags: ["a:b", c#d]\n"x y": 1\n'),
        ("tags:\n- - b\n  -   c\n  # e\n-\n  # d\n  d\n", "tags:\n  - - b\n    - c\n    # e\n  # d\n  - d\n"),
        ("go: 1.26.6\ntoolchain: 1.26.5", "go: 1.26.6\ntoolchain: 1.26.5\n"),
        ("name: x\r\n\r\n\r\ntags: [a]   \r\n\r\n", "name: x\n\ntags: [a]\n"),
        ("# a\n--- # b\n\n# c\nname: x\n...   # d\n# e", "# a\n--- # b\n\n# c\nname: x\n... # d\n# e\n"),
        ("retention:\n        days: 1\n        versions: 2\n", "retention:\n  versions: 2\n  days: 1\n"),
        ("labels:\n  z: 1\n  a: 1_000\n", "labels:\n  z: 1\n  a: 1_000\n"),
    ],
)
def test_each_construct(before: str, after: str) -> None:
    """What can be moved is moved, and what cannot stays as it was written."""
    head = "apiVersion: wombat/v1\nkind: Distribution\n"
    top, dashes, rest = before.partition("--- # b\n\n# c\n")
    before, after = (
        (f"{top}{dashes}{head}{rest}", after.replace("# c\n", f"# c\n{head}")) if dashes else (before, after)
    )
    data = before.encode() if dashes else f"{head}{before}".encode()
    assert formatted(data) == (after if dashes else head + after)
    check_laws(data)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind:   ConfigMap\n",
        "apiVersion: wombat/v1\n? kind\n:   Distribution\n",
        "- a\n-   b\n",
        "{kind: Distribution,   apiVersion: wombat/v1}\r\n",
        "words",
    ],
)
def test_what_is_no_manifest_or_cannot_be_moved_stays(text: str) -> None:
    """Not a byte of it changes."""
    assert formatted(text) == text


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_good_files_keep_their_meaning(path: Any) -> None:
    """Everything that is kept in the repository, in its own form and in its usual one."""
    data = path.read_bytes()
    check_laws(data)
    before = meaning(data, path.name)
    assert before[2] is not None
    assert meaning(formatted(data).encode(), path.name) == before


@pytest.mark.parametrize("path", sorted((CORPUS.parents[1] / "manifests").glob("*.yaml")), ids=lambda path: path.stem)
def test_our_own_manifests_are_formatted(path: Any) -> None:
    """What we ask of others."""
    assert formatted(path.read_bytes()) == path.read_text()


@pytest.mark.parametrize("name", corpus())
def test_wrong_files_get_a_form_or_a_reason(name: str) -> None:
    """A wrong value does not keep a file from being formatted; a file that cannot be read says where."""
    for path, data in corpus()[name].items():
        if not path.endswith(".yaml"):
            continue
        check_laws(data)
        found = format_manifest(path, data)
        wrong = [
            problem
            for problem in parse_manifest(path, data).diagnostics
            if problem.rule < "WOM-020" and problem.rule != "WOM-017"
        ]
        assert list(found.diagnostics) == sorted(wrong)


@given(st.binary(max_size=400))
def test_any_bytes_get_a_form_or_a_reason(data: bytes) -> None:
    """No bytes crash the formatter."""
    check_laws(data)


@given(st.text(alphabet="{}[],:-? \n#|>+2'\"ab\\", max_size=80))
@settings(max_examples=600)
def test_any_yaml_like_text_gets_a_form_or_a_reason(text: str) -> None:
    """No arrangement of YAML's own characters crashes it or comes out as something else."""
    check_laws(f"apiVersion: wombat/v1\nkind: Distribution\ntags: {text}".encode())
    check_laws(f"kind: Distribution\ndescription:\n  {text}\napiVersion: wombat/v1\n".encode())


@given(st.sampled_from([BEFORE, AFTER, (CORPUS / "valid" / "full.yaml").read_text()]), st.data())
@settings(max_examples=400)
def test_any_damage_to_a_good_manifest_is_survived(text: str, data: st.DataObject) -> None:
    """A piece cut out or put in: still a form with the same meaning, or a reason."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    put = data.draw(st.text(alphabet="{}[],:-? \n#|>+'\"a", max_size=10))
    check_laws((text[:start] + put + text[end:]).encode())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("item", ["a,", "[],", "{a: b},", "a, # c\n "])
def test_a_file_of_the_largest_size_is_soon_done(item: str) -> None:
    """Time grows with the size, not with its square."""
    count = min(3_000, (MAX_BYTES - 1_000) // len(item))
    check_laws(f"{SMALL}tags: [{item * count}]\n".encode())
    lines = "".join(f"  # c\n  - {item.partition(',')[0]}\n" for _ in range(count))
    assert formatted(f"tags:\n{lines}{SMALL}").startswith("apiVersion")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"1.10"', "1.10"),
        ("# exact\n", "\n"),
        ("    as it is   \n", "    as it is\n"),
        ("  - io\n", ""),
        ("go:", "cgo:"),
        ("b: 1, a: 2", "b: 1"),
        ("name:", "name: ["),
    ],
)
def test_a_fault_of_ours_changes_no_file(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the text set wrongly, its file would stay as it is."""
    assert AFTER.count(old) >= 1
    monkeypatch.setattr(form, "typeset", lambda _: AFTER.replace(old, new, 1))
    assert formatted(BEFORE) == BEFORE
