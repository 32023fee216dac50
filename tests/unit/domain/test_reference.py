"""What programs print of their components, as it is read, stored and read again."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from wombat_gitops.domain.contents import LISTED_KINDS, Component, Contents, PackageContents, Presence
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.reference import (
    KINDS,
    Entry,
    Example,
    Field,
    Option,
    Parameter,
    Reference,
    pack,
    placed,
    unpack,
    unpack_schema,
)
from wombat_gitops.domain.reference_reading import MOST_ENTRIES, MOST_FIELDS, read_reference

# As Benthos v4.76.0 prints it, shortened.
CACHE = {
    "name": "lru",
    "type": "cache",
    "status": "stable",
    "support_level": "certified",
    "plugin": True,
    "summary": "Stores key/value pairs in a lru in-memory cache.",
    "description": "\nThis uses the package https://github.com/hashicorp/golang-lru/v2[`lru`^]\n\n== Rules\n\nNone.\n",
    "categories": None,
    "version": "4.0.0",
    "config": {
        "name": "",
        "type": "object",
        "kind": "scalar",
        "children": [
            {"name": "cap", "type": "int", "kind": "scalar", "description": "How many.", "default": 1000},
            {
                "name": "algorithm",
                "type": "string",
                "kind": "scalar",
                "is_advanced": True,
                "default": "standard",
                "annotated_options": [["arc", "is an adaptive replacement cache."], ["standard", "is a simple cache."]],
                "options": ["arc", "standard"],
                "linter": "\nlet options = {}\n",
            },
            {
                "name": "init_values",
                "type": "string",
                "kind": "map",
                "default": {},
                "examples": [{"Nickelback": "1995", "The Human League": "1977"}],
            },
            {
                "name": "nodes",
                "type": "object",
                "kind": "array",
                "is_optional": True,
                "children": [
                    {"name": "key", "type": "string", "kind": "scalar", "is_secret": True, "interpolated": True},
                    {
                        "name": "by",
                        "type": "object",
                        "kind": "map",
                        "children": [{"name": "x", "type": "bool", "kind": ""}],
                    },
                ],
            },
        ],
    },
}
SWITCH = {
    "name": "switch",
    "status": "stable",
    "categories": ["Composition"],
    "config": {
        "name": "",
        "type": "object",
        "kind": "array",
        "children": [{"name": "check", "type": "string", "kind": "scalar", "bloblang": True, "default": ""}],
    },
    "examples": [{"title": "Ignore", "summary": "We have it.", "config": "\npipeline: {}\n"}],
}
SLICE = {
    "status": "stable",
    "name": "slice",
    "description": "Extracts a portion of an array or string",
    "params": {
        "named": [
            {"name": "low", "description": "Where.", "type": "integer", "no_dynamic": False},
            {"name": "high", "type": "integer", "is_optional": True},
        ]
    },
    "examples": [
        {"mapping": "root = this.slice(1)", "summary": "", "results": [["[1,2]", "[2]"]], "skip_testing": False}
    ],
    "categories": [
        {
            "Category": "Object & Array Manipulation",
            "Description": "Takes what is between.",
            "Examples": [{"mapping": "root = this.slice(1)", "summary": "", "results": [["[1,2]", "[2]"]]}],
        }
    ],
    "impure": False,
}


def printed(**lists: Any) -> bytes:
    return json.dumps({"version": "v4.76.0", "date": "now", "config": [], **lists}).encode()


def deep(levels: int) -> list[Any]:
    """Lists in lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def only(kind: str, node: object) -> Entry:
    (entry,) = read_reference(json.dumps({kind: [node]}).encode()).entries
    return entry


def test_every_kind_that_programs_list_is_one_that_is_shown() -> None:
    assert set(LISTED_KINDS.values()) == set(KINDS)


def test_a_component_is_read_with_all_its_fields() -> None:
    """Children come behind their object, with the path that leads to them."""
    entry = only("caches", CACHE)

    assert (entry.kind, entry.name, entry.status, entry.version, entry.support) == (
        "cache",
        "lru",
        "stable",
        "4.0.0",
        "certified",
    )
    assert entry.description.startswith("This uses the package")
    assert entry.fields == (
        Field("cap", "cap", "int", description="How many.", default="1000"),
        Field(
            "algorithm",
            "algorithm",
            "string",
            default='"standard"',
            advanced=True,
            options=(
                Option("arc", "is an adaptive replacement cache."),
                Option("standard", "is a simple cache."),
            ),
        ),
        Field(
            "init_values",
            "init_values",
            "string",
            "map",
            default="{}",
            examples=("Nickelback: '1995'\nThe Human League: '1977'",),
        ),
        Field("nodes", "nodes", "object", "array", optional=True),
        Field("nodes[].key", "key", "string", secret=True, interpolated=True),
        Field("nodes[].by", "by", "object", "map"),
        Field("nodes[].by.<name>.x", "x", "bool"),
    )


def test_a_component_that_is_one_value_has_a_field_without_a_path() -> None:
    """A list of cases, a text: the component's own value comes first."""
    switch = only("processors", SWITCH)
    assert [(field.path, field.type, field.kind) for field in switch.fields] == [
        ("", "object", "array"),
        ("[].check", "string", "scalar"),
    ]
    assert switch.examples == (Example("Ignore", "We have it.", "pipeline: {}"),)
    mapping = only("processors", {"name": "mapping", "config": {"name": "", "type": "string", "kind": "scalar"}})
    assert mapping.fields == (Field("", "", "string"),)


def test_bloblang_has_a_signature_and_examples_once() -> None:
    """What its categories repeat is told once; the first sentence is its summary."""
    method = only("bloblang-methods", SLICE)
    assert method.signature == ".slice(low, [high])"
    assert method.parameters == (
        Parameter("low", "integer", "Where."),
        Parameter("high", "integer", optional=True),
    )
    assert (method.summary, method.description) == (
        "Extracts a portion of an array or string",
        "Takes what is between.",
    )
    assert method.examples == (Example(config="root = this.slice(1)", results=(("[1,2]", "[2]"),)),)
    assert method.categories == ("Object & Array Manipulation",)
    variadic = only("bloblang-functions", {"name": "all", "category": "General", "params": {"variadic": True}})
    assert (variadic.signature, variadic.categories) == ("all(...)", ("General",))


@pytest.mark.parametrize(
    ("description", "summary", "rest"),
    [
        ("Reads it. And more.", "Reads it.", "And more."),
        ("Reads e.g. this\nand that. More", "Reads e.g. this\nand that.", "More"),
        ("No full stop\n\nNext", "No full stop", "Next"),
        ("", "", ""),
        ("x" * 400, "", "x" * 400),
    ],
)
def test_the_first_sentence_stands_in_for_a_summary(description: str, summary: str, rest: str) -> None:
    entry = only("inputs", {"name": "a", "description": description})
    assert (entry.summary, entry.description) == (summary, rest)


@pytest.mark.parametrize(
    ("node", "status"),
    [({"status": "beta"}, "beta"), ({}, "stable"), ({"status": 3}, "stable"), ({"status": "brittle"}, "experimental")],
)
def test_a_status_that_nobody_knows_is_not_called_stable(node: dict[str, Any], status: str) -> None:
    assert only("inputs", {"name": "a", **node}).status == status


@pytest.mark.parametrize(
    "node",
    [
        None,
        [],
        "file",
        {},
        {"name": 3},
        {"name": ""},
        {"name": "../../etc"},
        {"name": "a b"},
        {"name": "x" * 200},
        {"name": "secret", "status": "hidden"},
    ],
)
def test_what_is_no_component_is_passed_over(node: object) -> None:
    """One bad entry does not keep the others."""
    found = read_reference(printed(inputs=[node, {"name": "file"}], outputs="none", caches={"a": 1}, metrics=None))
    assert [str(entry.component) for entry in found.entries] == ["input file"]


@pytest.mark.parametrize(
    "rest",
    [
        {"config": None, "examples": {}, "categories": 7, "params": []},
        {"config": {"children": [None, 3, {"name": None}, {"name": "x", "children": "none"}], "type": "object"}},
        {
            "config": {
                "type": "object",
                "children": [{"name": "x", "options": [1, None], "annotated_options": [[1], "a"]}],
            }
        },
        {"config": {"type": 5, "kind": [], "default": {"a": [None]}, "examples": [None, 1.5, [], {"a": {}}]}},
        {"summary": 1, "description": [], "footnotes": {}, "version": {}, "support_level": []},
        {"examples": [None, [], {"title": 1, "summary": [], "config": None, "results": [[1], [1, 2], 3]}]},
        {"categories": [None, {"Category": 1, "Description": [], "Examples": [{"results": 1}]}]},
        {"params": {"named": [None, {"name": 1, "default": None}], "variadic": "yes"}, "impure": 1},
        {"summary": "half a \ud800", "config": {"type": "\udfff", "default": "\ud83d\ude00"}},
    ],
)
def test_shapes_that_nobody_expects_do_no_harm(rest: dict[str, Any]) -> None:
    """The component is there, whatever stands in its fields or in the schema, and can be stored."""
    for key, kind in LISTED_KINDS.items():
        found = read_reference(printed(**{key: [{"name": "odd", **rest}]}), json.dumps({"properties": rest}).encode())
        assert [entry.component for entry in found.entries] == [Component(kind, "odd")]
        assert unpack(pack(found)) == found


def test_everything_has_a_bound() -> None:
    """Depth, number and length."""
    deep: dict[str, Any] = {"name": "end", "type": "string"}
    for _ in range(200):
        deep = {"name": "a", "type": "object", "children": [deep]}
    fields = only("inputs", {"name": "deep", "config": {"type": "object", "children": [deep]}}).fields
    assert len(fields) == 20
    many = {"type": "object", "children": [{"name": f"f{number}"} for number in range(MOST_FIELDS + 50)]}
    assert len(only("inputs", {"name": "wide", "config": many}).fields) == MOST_FIELDS
    long = only("inputs", {"name": "long", "description": "word " * 50_000, "summary": "s"})
    assert len(long.description) < 70_000
    assert long.description.endswith("…")
    crowd = read_reference(printed(inputs=[{"name": f"i{number}"} for number in range(MOST_ENTRIES + 9)]))
    assert len(crowd.entries) == MOST_ENTRIES


@pytest.mark.parametrize(
    ("full", "message"),
    [
        (b"", "the program knows no full list of components"),
        (b"{", "the list of components is no JSON"),
        (b"\xff\xfe\x00", "the list of components is no JSON"),
        (b"[" * 100_000, "the list of components is no JSON"),
        (b"[]", "the list of components is no JSON object"),
        (b"{}", "the full list of components names none"),
        (b'{"inputs":[1]}', "the full list of components names none"),
        (b'{"inputs":[{"name":"x","version":NaN}]}', "`NaN` is no value"),
        (printed(inputs=[{"name": "x", "config": {"examples": [deep(900)]}}]), "too deep"),
    ],
)
def test_an_answer_that_is_none_says_what_it_is(full: bytes, message: str) -> None:
    with pytest.raises(CorruptData, match=message):
        read_reference(full)


def test_the_schema_is_kept_as_compact_json() -> None:
    """It is told apart from the rest, and may be missing; one that is broken is an error."""
    found = read_reference(printed(inputs=[{"name": "file"}]), b'{ "properties": {"a": "\xc3\xa4\\n"} }\n')
    assert found.config_schema == '{"properties":{"a":"ä\\n"}}'
    assert unpack_schema(pack(found)) == found.config_schema.encode()
    assert unpack(pack(found)) == found
    assert read_reference(printed(inputs=[{"name": "file"}]), b"\n").config_schema == ""
    with pytest.raises(CorruptData, match="schema of the configuration is no JSON"):
        read_reference(printed(inputs=[{"name": "file"}]), b"panic: no")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain",
        zlib.compress(b"one line"),
        zlib.compress(b"\n{}")[:-6],
        zlib.compress(b'\n{"entries":[{"kind":1}]}'),
    ],
)
def test_a_damaged_document_is_told(data: bytes) -> None:
    with pytest.raises(CorruptData):
        unpack(data)


def test_components_are_placed_in_the_packages_that_register_them() -> None:
    """By kind and name, as the source tells; what no package is known to register has none."""
    packages = (PackageContents("e.com/m/p", "e.com/m", Presence.PRESENT, components=(Component("input", "a"),)),)
    found = placed(Reference((Entry("input", "a"), Entry("output", "a"))), Contents(packages))
    assert [entry.package for entry in found.entries] == ["e.com/m/p", ""]
