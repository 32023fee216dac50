"""The schemas explain every field to editors, with examples that fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from wombat_gitops.domain.manifest.fields import RECORDS
from wombat_gitops.domain.manifest.schema import kind_schema

if TYPE_CHECKING:
    from collections.abc import Iterator


def fields_of(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema, however deep, with its path."""
    for name, field in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        yield where, field
        yield from fields_of(field, where)
        yield from fields_of(field.get("items", {}), f"{where}[]")


FIELDS = {path: field for kind in RECORDS for path, field in fields_of(json.loads(json.dumps(kind_schema(kind))), kind)}


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_is_explained(path: str) -> None:
    """A title, a sentence, and something to start from."""
    field = FIELDS[path]
    assert field["title"]
    assert field["description"].endswith(".")
    assert field.get("examples") or "default" in field or "enum" in field


@pytest.mark.parametrize("path", FIELDS)
def test_examples_and_defaults_fit(path: str) -> None:
    """What an editor offers is never marked as wrong by it."""
    field = FIELDS[path]
    for value in (*field.get("examples", ()), *([field["default"]] if "default" in field else ())):
        Draft7Validator(field).validate(value)
