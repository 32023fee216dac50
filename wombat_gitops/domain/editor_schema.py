"""The JSON Schema that a program tells of its configuration, made fit for editors.

Benthos writes each kind of component as a choice between objects that forbid nothing, so a wrong field fits all of
those that do not mean it, and it writes no word about what anything is for. Here a component is one object that may
hold every name of its kind, each checked by its own fields, and what the program says of them elsewhere is put
beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wombat_gitops.domain.reference import Entry, Field

_KINDS: Final = {"rate_limit": "rate-limit", "metrics": "metric"}
"""Definitions that have another name than the kind of component; the others have the same."""

_MARKS: Final = frozenset({"is_advanced", "is_deprecated", "is_optional", "is_secret"})
"""Keywords of Benthos' own, which no editor knows."""

_FROM_OUTSIDE: Final = r"\$\{"
"""Where a number or a truth is wanted, an environment variable may give it: `${PORT}`."""

_MOST_WORDS: Final = 400
"""Characters of a description: editors show them in a small box, and some are repeated in a hundred components."""

_LINKS: Final = (
    (re.compile(r"(?:xref|link):[^\s\[]*\[([^\]]*)\]"), r"\1"),
    (re.compile(r"(https?://[^\s\[\]<>()]+)\[([^\]^]*)\^?\]"), r"\2 (\1)"),
    (re.compile(r"<<[^>,\n]+, *([^>\n]+)>>"), r"\1"),
)

_Schema = Mapping[str, Any]
_Docs = Mapping[str, "Field"]


def for_editors(schema: _Schema, entries: Iterable[Entry], config: Sequence[Field]) -> dict[str, Any]:
    """*schema* with what is said of components and of the fields around them.

    Args:
        config: the fields of a configuration that belong to no component.
    """
    told: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        told.setdefault(entry.kind, {})[entry.name] = entry
    whole = _node(schema, _docs(config), "")
    definitions = schema.get("definitions")
    if isinstance(definitions, Mapping):
        known = {str(name): each for name, each in definitions.items()}
        whole["definitions"] = {
            name: _definition(each, told.get(_KINDS.get(name, name), {})) for name, each in known.items()
        }
    return whole


def _definition(node: object, entries: Mapping[str, Entry]) -> object:
    """One kind of component; what does not look like one is left as it is."""
    match node:
        case {"allOf": [{"anyOf": list(choices)}, {"properties": dict(common)}]} if all(map(_is_choice, choices)):
            properties = {name: _child(each, {}, name) for name, each in common.items()}
            for choice in choices:
                for name, each in choice["properties"].items():
                    properties[name] = _component(each, entries.get(name))
            return {"type": "object", "properties": properties, "additionalProperties": False}
        case _:
            return _child(node, {}, "")


def _is_choice(node: object) -> bool:
    return isinstance(node, Mapping) and set(node) == {"type", "properties"} and isinstance(node["properties"], Mapping)


def _component(node: object, entry: Entry | None) -> object:
    if entry is None or not isinstance(node, Mapping):
        return _child(node, {}, "")
    told = _node(node, _docs(entry.fields), "")
    description = _plain(entry.summary or entry.description)
    if entry.status in {"beta", "experimental"}:
        description = f"{entry.status.capitalize()}. {description}".strip()
    if description:
        told["description"] = description
    if entry.status == "deprecated":
        told["deprecated"] = True
    if told.get("type") == "object":
        told["type"] = ["object", "null"]  # `stdin:` alone is one with all defaults
    return told


def _node(node: _Schema, docs: _Docs, path: str) -> dict[str, Any]:
    """A schema with what *docs* say of the field at *path* and of those below it."""
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties" and isinstance(value, Mapping):
            made[key] = {name: _child(each, docs, _join(path, name)) for name, each in value.items()}
        elif key == "patternProperties" and isinstance(value, Mapping):
            made[key] = {name: _child(each, docs, _join(path, "<name>")) for name, each in value.items()}
        elif key == "items":
            made[key] = _child(value, docs, f"{path}[]")
        elif key not in _MARKS:
            made[key] = value
    match made.get("type"):
        case "number" | "boolean" as plain:
            made |= {"type": [plain, "string"], "pattern": _FROM_OUTSIDE}
        case "string":
            made["type"] = ["string", "number", "boolean"]  # any plain value is a text where one is wanted
        case _:
            pass
    if node.get("is_deprecated") is True:
        made["deprecated"] = True
    field = docs.get(path)
    return made if field is None else {**made, **_annotations(field)}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _child(node: object, docs: _Docs, path: str) -> object:
    return _node(node, docs, path) if isinstance(node, Mapping) else node


def _annotations(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if field.description:
        found["description"] = _plain(field.description)
    if field.options:
        found["examples"] = [option.value for option in field.options]
    if field.default is not None:
        with suppress(ValueError):  # it was too long, and cut
            found["default"] = json.loads(field.default)
    return found


def _docs(fields: Iterable[Field]) -> _Docs:
    return {field.path: field for field in fields}


def _plain(text: str) -> str:
    """The first paragraph, without the marks of links."""
    first = text.strip().split("\n\n", 1)[0]
    for pattern, instead in _LINKS:
        first = pattern.sub(instead, first)
    return first if len(first) <= _MOST_WORDS else first[:_MOST_WORDS].rsplit(" ", 1)[0] + " …"
