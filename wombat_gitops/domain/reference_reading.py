"""Reading what a program prints of itself: `list --format json-full`.

Programs are other people's, and Benthos adds to the format and changes it: what is unknown is passed over, what
is missing has its default, and everything has a bound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from wombat_gitops.domain.contents import LISTED_KINDS
from wombat_gitops.domain.editor_schema import for_editors
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.reference import (
    KINDS,
    STATUSES,
    Entry,
    Example,
    Field,
    Option,
    Parameter,
    Reference,
)

MOST_ENTRIES: Final = 5_000
"""All of Connect has about 900."""

MOST_FIELDS: Final = 1_000
"""Fields of one component; the largest known has about 150."""

_MOST_ITEMS: Final = 200
_MOST_DEPTH: Final = 20
_MOST_TEXT: Final = 64 * 1024
_MOST_VALUE: Final = 4 * 1024
_CUT: Final = "\n\n…"
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_SENTENCE: Final = re.compile(r"(?:[^\n]|\n(?!\n)){1,300}?(?:[.!?](?=\s+[A-Z`]|\n\n|$)|(?=\n\n|$))")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a character, perhaps: JSON has an escape for it, and UTF-8 has no bytes."""

_INSIDE: Final = {"array": "[]", "2darray": "[][]"}
_HIDDEN: Final = "hidden"

_Node = Mapping[str, Any]


def read_reference(full: bytes, config_schema: bytes = b"") -> Reference:
    """Make sense of both answers of a program.

    Args:
        full: of `list --format json-full`.
        config_schema: of `list --format jsonschema`, or nothing where it tells none.

    Raises:
        CorruptData: one of them is no JSON object, is too deep, or names no component.
    """
    try:
        return _read(full, config_schema)
    except RecursionError as error:
        msg = "what the program tells of its components is too deep"
        raise CorruptData(msg) from error


def _read(full: bytes, config_schema: bytes) -> Reference:
    if not full.strip():
        msg = "the program knows no full list of components"
        raise CorruptData(msg)
    answer = _object(full, "list of components")
    entries: dict[tuple[str, str], Entry] = {}
    for key, kind in LISTED_KINDS.items():
        for node in _nodes(answer.get(key)):
            entry = _entry(kind, node)
            if entry is not None and len(entries) < MOST_ENTRIES:
                entries.setdefault((entry.kind, entry.name), entry)
    if not entries:
        msg = "the full list of components names none"
        raise CorruptData(msg)
    found = tuple(sorted(entries.values(), key=_order))
    if not config_schema.strip():
        return Reference(found)
    told = _object(config_schema, "schema of the configuration")
    around = _fields({"type": "object", "children": answer.get("config")})
    return Reference(found, _compact(for_editors(told, found, around)))


def _entry(kind: str, node: _Node) -> Entry | None:
    name, status = node.get("name"), _word(node.get("status"))
    if not isinstance(name, str) or not _NAME.fullmatch(name) or status == _HIDDEN:
        return None
    bloblang = kind.startswith("bloblang-")
    groups = [] if not bloblang else list(_nodes(node.get("categories")))
    summary, description = _texts(node, groups)
    parameters = node.get("params")
    parameters = parameters if bloblang and isinstance(parameters, Mapping) else {}
    return Entry(
        kind=kind,
        name=name,
        status=status if status in STATUSES else "experimental" if status else "stable",
        summary=summary,
        description=description,
        footnotes=_text(node.get("footnotes")),
        version=_word(node.get("version")),
        support=_word(node.get("support_level")),
        categories=_categories(node, groups),
        examples=tuple(_mappings(node, groups) if bloblang else map(_example, _nodes(node.get("examples")))),
        fields=() if bloblang else _fields(node.get("config")),
        parameters=tuple(_parameter(each) for each in _nodes(parameters.get("named"))),
        variadic=parameters.get("variadic") is True,
        impure=node.get("impure") is True,
    )


def _texts(node: _Node, groups: list[_Node]) -> tuple[str, str]:
    """Summary and description; where there is no summary, the first sentence is one."""
    summary = _text(node.get("summary"))
    parts = [_text(node.get("description")), *(_text(group.get("Description")) for group in groups)]
    description = "\n\n".join(dict.fromkeys(part for part in parts if part))
    if summary:
        return summary, description
    first = _SENTENCE.match(description)
    return (first[0], description[first.end() :].strip()) if first else ("", description)


def _categories(node: _Node, groups: list[_Node]) -> tuple[str, ...]:
    given = node.get("categories")
    plain = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    found = [*plain, _word(node.get("category")), *(_word(group.get("Category")) for group in groups)]
    return tuple(dict.fromkeys(each[:100] for each in found if each))[:_MOST_ITEMS]


def _fields(config: object) -> tuple[Field, ...]:
    """The fields of a component in the order of a configuration; a component that is one value has the path ""."""
    if not isinstance(config, Mapping):
        return ()
    found: list[Field] = []
    is_object = config.get("type") == "object" and config.get("kind") in {"scalar", "", None}
    for field in _below(config, "", 0) if is_object else _walk(config, "", 0):
        if len(found) == MOST_FIELDS:
            break
        found.append(field)
    return tuple(found)


def _walk(node: _Node, path: str, depth: int) -> Iterator[Field]:
    yield _field(node, path)
    yield from _below(node, path, depth)


def _below(node: _Node, path: str, depth: int) -> Iterator[Field]:
    if node.get("kind") == "map":
        base = f"{path}.<name>" if path else "<name>"
    else:
        base = path + _INSIDE.get(_word(node.get("kind")), "")
    for child in _nodes(node.get("children")) if depth < _MOST_DEPTH else ():
        name = _word(child.get("name"))
        if name:
            yield from _walk(child, f"{base}.{name}" if base else name, depth + 1)


def _field(node: _Node, path: str) -> Field:
    return Field(
        path=path,
        name=_word(node.get("name")),
        type=_word(node.get("type")) or "unknown",
        kind=_word(node.get("kind")) or "scalar",
        description=_text(node.get("description")),
        default=_default(node),
        optional=node.get("is_optional") is True,
        advanced=node.get("is_advanced") is True,
        deprecated=node.get("is_deprecated") is True,
        interpolated=node.get("interpolated") is True,
        bloblang=node.get("bloblang") is True,
        secret=node.get("is_secret") is True,
        options=_options(node),
        examples=tuple(_value(each) for each in _list(node.get("examples"))),
        version=_word(node.get("version")),
    )


def _options(node: _Node) -> tuple[Option, ...]:
    told = [Option(_word(pair[0]), _text(pair[1])) for pair in _pairs(node.get("annotated_options"))]
    plain = [Option(each[:200]) for each in _list(node.get("options")) if isinstance(each, str)]
    return tuple({option.value: option for option in (*plain, *told)}.values())


def _parameter(node: _Node) -> Parameter:
    return Parameter(
        name=_word(node.get("name")),
        type=_word(node.get("type")),
        description=_text(node.get("description")),
        default=_default(node),
        optional=node.get("is_optional") is True,
    )


def _example(node: _Node) -> Example:
    return Example(_word(node.get("title")), _text(node.get("summary")), _text(node.get("config")))


def _mappings(node: _Node, groups: list[_Node]) -> Iterator[Example]:
    """Examples of Bloblang: of the whole, then those of each category that are not the same."""
    seen = dict[Example, None]()
    for each in (*_nodes(node.get("examples")), *(one for group in groups for one in _nodes(group.get("Examples")))):
        results = tuple((_text(pair[0]), _text(pair[1])) for pair in _pairs(each.get("results")))
        seen.setdefault(Example("", _text(each.get("summary")), _text(each.get("mapping")), results))
    yield from seen


def _default(node: _Node) -> str | None:
    if "default" not in node:
        return None
    return _short(json.dumps(node["default"], ensure_ascii=False))


def _value(value: object) -> str:
    """An example as it is written in a configuration."""
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, Mapping | list):
        return _short(yaml.safe_dump(value, sort_keys=False, allow_unicode=True).strip())
    return _short(json.dumps(value))


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data, parse_constant=_not_json)
        if _SURROGATE.search(data):
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError) as error:
        msg = f"the {what} is no JSON: {str(error)[:200]}"
        raise CorruptData(msg) from error
    if not isinstance(value, dict):
        msg = f"the {what} is no JSON object"
        raise CorruptData(msg)
    return value


def _not_json(word: str) -> object:
    msg = f"`{word}` is no value"
    raise ValueError(msg)


def _nodes(value: object) -> Iterator[_Node]:
    return (each for each in _list(value, MOST_ENTRIES) if isinstance(each, Mapping))


def _list(value: object, most: int = _MOST_ITEMS) -> list[object]:
    return value[:most] if isinstance(value, list) else []


def _pairs(value: object) -> Iterator[tuple[object, object]]:
    for each in _list(value):
        if isinstance(each, list) and len(each) == 2:  # noqa: PLR2004
            yield each[0], each[1]


def _word(value: object) -> str:
    return value.strip()[:200] if isinstance(value, str) else ""


def _text(value: object) -> str:
    """A text without blank lines around it, cut where it is too long."""
    text = value.strip("\n").rstrip() if isinstance(value, str) else ""
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + _CUT


def _short(text: str) -> str:
    return text if len(text) <= _MOST_VALUE else text[:_MOST_VALUE] + "…"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _order(entry: Entry) -> tuple[int, str]:
    return KINDS.index(entry.kind), entry.name
