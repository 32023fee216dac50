"""The JSON Schema of a program's configuration, as editors get it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from wombat_gitops.domain.editor_schema import for_editors
from wombat_gitops.domain.reference import Entry, Field, Option

MARKS = {"is_advanced": False, "is_deprecated": False, "is_optional": False, "is_secret": False}


def leaf(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **MARKS, **more}


def component(name: str, **fields: Any) -> dict[str, Any]:
    inside = {"type": "object", "additionalProperties": False, "properties": fields, **MARKS}
    return {"type": "object", "properties": {name: inside}}


# As Benthos v4.76.0 prints it, shortened.
PRINTED = {
    "properties": {
        "input": {"$ref": "#/definitions/input", **MARKS},
        "rate_limit_resources": {"type": "array", "items": {"$ref": "#/definitions/rate_limit", **MARKS}, **MARKS},
        "shutdown_timeout": leaf("string"),
    },
    "definitions": {
        "input": {
            "allOf": [
                {
                    "anyOf": [
                        component("stdin", codec=leaf("string"), old=leaf("string", is_deprecated=True)),
                        component(
                            "generate",
                            count=leaf("number"),
                            headers={"type": "object", "patternProperties": {".": leaf("string")}, **MARKS},
                            certs={
                                "type": "array",
                                "items": {"type": "object", "properties": {"key": leaf("string")}, **MARKS},
                                **MARKS,
                            },
                        ),
                        {"type": "object", "properties": {"sequence": leaf("string")}},
                    ]
                },
                {"type": "object", "properties": {"label": leaf("string"), "type": leaf("string")}},
            ]
        },
        "rate_limit": {
            "allOf": [
                {"anyOf": [component("local", count=leaf("number"))]},
                {"type": "object", "properties": {"label": leaf("string")}},
            ]
        },
    },
}
ENTRIES = (
    Entry("input", "stdin", summary="Reads lines.", fields=(Field("codec", "codec", "string", description="Which."),)),
    Entry(
        "input",
        "generate",
        status="beta",
        summary="Makes messages with xref:guides:bloblang/about.adoc[Bloblang], see https://e.com/a[this^].\n\nMore.",
        fields=(
            Field("count", "count", "int", description="How many.", default="0", options=(Option("1"), Option("2"))),
            Field("headers", "headers", "string", "map", default='{"cut":…'),
            Field("certs[].key", "key", "string", description="Secret."),
        ),
    ),
    Entry("rate-limit", "local", status="deprecated", summary="Counts."),
)
CONFIG = (Field("shutdown_timeout", "shutdown_timeout", "string", description="How long.", default='"20s"'),)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return for_editors(PRINTED, ENTRIES, CONFIG)


@pytest.mark.parametrize(
    "good",
    [
        {"input": {"stdin": {"codec": "lines"}, "label": "a"}},
        {"input": {"stdin": None}},
        {"input": {"generate": {"count": 3, "certs": [{"key": 5}], "headers": {"a": "b"}}}},
        {"input": {"generate": {"count": "${COUNT:3}"}}},
        {"input": {"sequence": "a", "type": "sequence"}},
        {"rate_limit_resources": [{"label": "x", "local": {"count": 1}}]},
    ],
)
def test_a_good_configuration_is_taken(made: dict[str, Any], good: object) -> None:
    jsonschema.Draft7Validator(made).validate(good)


@pytest.mark.parametrize(
    "bad",
    [
        {"input": {"stdinn": {}}},
        {"input": {"stdin": {"codecs": "lines"}}},
        {"input": {"generate": {"count": "many"}}},
        {"rate_limit_resources": [{"locale": {}}]},
    ],
)
def test_a_field_that_the_component_does_not_have_is_refused(made: dict[str, Any], bad: object) -> None:
    """What the program prints takes each of these: a wrong field fits every other component."""
    assert jsonschema.Draft7Validator(PRINTED).is_valid(bad)
    assert not jsonschema.Draft7Validator(made).is_valid(bad)


def test_what_components_and_fields_are_for_stands_beside_them(made: dict[str, Any]) -> None:
    """The first paragraph, without the marks of links; defaults and options as editors offer them."""
    inputs = made["definitions"]["input"]["properties"]
    assert inputs["generate"]["description"] == "Beta. Makes messages with Bloblang, see this (https://e.com/a)."
    assert inputs["stdin"]["properties"]["codec"]["description"] == "Which."
    assert inputs["stdin"]["properties"]["old"]["deprecated"] is True
    count = inputs["generate"]["properties"]["count"]
    assert (count["default"], count["examples"], count["description"]) == (0, ["1", "2"], "How many.")
    assert inputs["generate"]["properties"]["certs"]["items"]["properties"]["key"]["description"] == "Secret."
    assert "default" not in inputs["generate"]["properties"]["headers"], "one that was cut is no default"
    assert made["definitions"]["rate_limit"]["properties"]["local"]["deprecated"] is True
    assert made["properties"]["shutdown_timeout"]["description"] == "How long."
    assert "is_advanced" not in str(made)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"definitions": []},
        {"definitions": {"input": None}, "properties": None},
        {"definitions": {"input": {"allOf": []}}},
        {"definitions": {"input": {"allOf": [{"anyOf": [True, {"type": "object"}]}, {"properties": {}}]}}},
        {"properties": {"a": True, "b": {"type": ["string"], "items": [1], "patternProperties": 2}}},
    ],
)
def test_a_schema_of_another_shape_stays_as_it_is(odd: dict[str, Any]) -> None:
    assert for_editors(odd, ENTRIES, CONFIG) == odd
