"""Checks a document against the generated JSON Schema and says in words where it differs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.conforming import make_check
from wombat_gitops.domain.manifest.document import Fields, Items, Node
from wombat_gitops.domain.manifest.fields import KIND, KINDS, RECORDS
from wombat_gitops.domain.manifest.kinds import Field, Flag, Json, Kind, ListOf, Number, Record, Text, TextMap
from wombat_gitops.domain.manifest.oddities import called, unseen
from wombat_gitops.domain.manifest.places import child, did_you_mean, nearest, outward, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jsonschema.exceptions import ValidationError

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest.document import Document
    from wombat_gitops.domain.manifest.places import Places

_MOST_SUGGESTIONS: Final = 20
"""Unknown fields of one map that are compared with the known ones."""


def plain_value(node: Node, kind: Kind | None) -> Json:
    """The JSON of a node, read as what the field at its place wants.

    A text field takes the exact source text, also of what YAML would make a number, a date or a
    truth value.
    """
    if isinstance(node, Items):
        item = kind.item if isinstance(kind, ListOf) else None
        return [plain_value(value, item) for value in node.items]
    if isinstance(node, Fields):
        return {name: plain_value(value, _kind_of(kind, name)) for name, value in node.fields.items()}
    if node.null:
        return None
    if isinstance(kind, Flag) and node.plain and node.text in {"true", "false"}:
        return node.text == "true"
    if isinstance(kind, Number) and node.plain and _NUMBER.fullmatch(node.text):
        return int(node.text)
    return node.text


_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


def validate(document: Document, value: Json, kind: str = KIND) -> list[Diagnostic]:
    """Every difference between a manifest's value and the schema of its kind."""
    if fits(value, kind):
        return []
    from wombat_gitops.domain.manifest.checker import errors_of  # noqa: PLC0415 - half of the start of `wombat validate`

    words = _Words(document, RECORDS[kind])
    return [problem for error in errors_of(value, kind) for problem in words.tell(error)]


def fits(value: Json, kind: str) -> bool:
    """Whether there is no difference at all; much quicker than looking for one."""
    if kind not in _checks:
        _checks[kind] = make_check(RECORDS[kind])
    return _checks[kind](value)


_checks: dict[str, Callable[[Json], bool]] = {}


def _kind_of(kind: Kind | None, step: str | int) -> Kind | None:
    match kind:
        case Record():
            field = kind.field(str(step))
            return field.kind if field is not None else None
        case ListOf():
            return kind.item
        case TextMap():
            return kind.value
        case _:
            return None


class _Words:
    """Turns the library's errors into diagnostics in the words of the fields."""

    def __init__(self, document: Document, record: Record) -> None:
        self._record = record
        self._places: Places = document.places
        self._broken = document.broken
        self._compared = 0

    def tell(self, error: ValidationError) -> Iterator[Diagnostic]:  # noqa: C901 - a case a keyword
        """Yield the diagnostic of one error, or nothing where it follows from a problem already told."""
        path = list(error.absolute_path)
        if error.validator in {"pattern", "maxLength"} and "propertyNames" in error.absolute_schema_path:
            yield self._bad_key(path, str(error.instance))
            return
        pointer = _pointer(path)
        if self._within_broken(pointer):
            return
        kind = self._follow(path)
        instance: Any = error.instance
        limit: Any = error.validator_value
        match error.validator:
            case "additionalProperties":
                yield self._unknown(path, pointer, instance)
            case "required":
                yield from self._missing(path, instance)
            case "type":
                yield self._wrong_type(path, pointer, kind, instance)
            case "enum":
                yield self._not_a_choice(path, pointer, kind, str(instance))
            case "pattern" | "format":
                yield self._bad_value(path, pointer, kind, str(instance))
            case "maxLength":
                message = f"{_label(path)} has {len(instance)} characters, at most {limit} fit"
                yield self._places.problem(rules.TOO_LONG, message, pointer, hint="shorten it")
            case "minimum" | "maximum":
                yield self._wrong_number(path, pointer, kind, instance)
            case "uniqueItems":
                yield self._repeated(path, pointer, instance)
            case _:
                yield self._wrong_count(path, pointer, len(instance), limit)

    def _follow(self, path: Sequence[str | int]) -> Kind | None:
        kind: Kind | None = self._record
        for step in path:
            kind = _kind_of(kind, step)
        return kind

    def _within_broken(self, pointer: str) -> bool:
        return any(around in self._broken for around in ("", *outward(pointer)))

    def _unknown(self, path: list[str | int], pointer: str, instance: Mapping[str, object]) -> Diagnostic:
        name = str(path[-1])
        parent = self._follow(path[:-1])
        known = [field.name for field in parent.fields if not field.renamed] if isinstance(parent, Record) else []
        self._compared += 1
        hint = ""
        if self._compared <= _MOST_SUGGESTIONS:
            hint = did_you_mean(name, [field for field in known if field not in instance])
            hint = hint or f"the fields here are {', '.join(f'`{field}`' for field in known)}"
        where = f" in {_label(path[:-1])}" if len(path) > 1 else ""
        message = f"unknown field {shown(name)}{where}"
        return _at_unseen(name, self._places.problem(rules.UNKNOWN_FIELD, message, pointer, hint=hint, at_key=True))

    def _missing(self, path: list[str | int], instance: Mapping[str, object]) -> Iterator[Diagnostic]:
        name = str(path[-1])
        parent = self._follow(path[:-1])
        fields = {field.name: field for field in parent.fields} if isinstance(parent, Record) else {}
        strangers = [key for key in instance if key not in fields][:_MOST_SUGGESTIONS]
        free = [field for field in fields if field not in instance]
        if any(nearest(stranger, free) == name for stranger in strangers):
            return
        where = f" in {_label(path[:-1])}" if len(path) > 1 else ""
        hint = _example_line(fields[name]) if name in fields else ""
        parent_pointer = _pointer(path[:-1])
        yield self._places.problem(rules.MISSING_FIELD, f"field `{name}` is missing{where}", parent_pointer, hint=hint)

    def _wrong_type(self, path: list[str | int], pointer: str, kind: Kind | None, instance: object) -> Diagnostic:
        if not path:
            message = f"a manifest must be a map of fields, not {_describe(instance)}"
            return self._places.problem(rules.NOT_A_MAP, message, pointer, hint="write `field: value` lines")
        wanted, hint = _wanted(kind, path, instance)
        message = f"{_label(path)} must be {wanted}, not {_describe(instance)}"
        problem = self._places.problem(rules.WRONG_TYPE, message, pointer, hint=hint)
        # only there does a blank that is none make a text of a list or a map
        structural = isinstance(instance, str) and instance[:2].strip("-:") == unseen(instance[:2]) != ""
        return _at_unseen(str(instance), problem) if structural else problem

    def _not_a_choice(self, path: list[str | int], pointer: str, kind: Kind | None, value: str) -> Diagnostic:
        choices = kind.choices if isinstance(kind, Text) else ()
        if "platforms" in path:
            hint = (isinstance(kind, Text) and _suggestion(kind, value)) or did_you_mean(value, choices)
            hint = hint or "write `os/arch` or `os/arch/variant` as Go spells them, such as `linux/amd64`"
            message = f"{shown(value)} is not a supported platform"
            return _at_unseen(value, self._places.problem(rules.UNSUPPORTED_PLATFORM, message, pointer, hint=hint))
        supported = " or ".join(f"`{choice}`" for choice in choices)
        if path == ["kind"]:
            message = f"kind {shown(value)} is not supported"
            hint = did_you_mean(value, KINDS) or f"this version reads {' or '.join(f'`{kind}`' for kind in KINDS)}"
            return _at_unseen(value, self._places.problem(rules.UNSUPPORTED_KIND, message, pointer, hint=hint))
        message = f"{_label(path)} {shown(value)} is not supported"
        problem = self._places.problem(rules.UNSUPPORTED_API_VERSION, message, pointer, hint=f"write {supported}")
        return _at_unseen(value, problem)

    def _bad_value(self, path: list[str | int], pointer: str, kind: Kind | None, value: str) -> Diagnostic:
        message = f"{_label(path)} cannot be {shown(value)}" if value else f"{_label(path)} is empty"
        return _at_unseen(value, self._places.problem(rules.BAD_VALUE, message, pointer, hint=_expected(kind, value)))

    def _bad_key(self, path: list[str | int], key: str) -> Diagnostic:
        kind = self._follow(path)
        expected = _expected(kind.key, key) if isinstance(kind, TextMap) else ""
        message = f"a key of {_label(path)} cannot be {shown(key)}"
        pointer = child(_pointer(path), key)
        return self._places.problem(rules.BAD_VALUE, message, pointer, hint=expected, at_key=True)

    def _repeated(self, path: list[str | int], pointer: str, items: Sequence[object]) -> Diagnostic:
        index = int(path[-1])
        value = str(items[index])
        span = self._places.values.get(_pointer([*path[:-1], items.index(value)]))
        where = f" in line {span.line}" if span is not None else ""
        message = f"{shown(value)} is already listed{where}"
        return self._places.problem(rules.REPEATED_ITEM, message, pointer, hint="remove one of them")

    def _wrong_number(self, path: list[str | int], pointer: str, kind: Kind | None, number: int) -> Diagnostic:
        hint = f"write a number from {kind.least:,} to {kind.most:,}" if isinstance(kind, Number) else ""
        return self._places.problem(rules.BAD_VALUE, f"{_label(path)} cannot be `{number}`", pointer, hint=hint)

    def _wrong_count(self, path: list[str | int], pointer: str, count: int, limit: int) -> Diagnostic:
        if count < limit:
            message, hint = f"{_label(path)} is empty", "name at least one"
        else:
            message, hint = f"{_label(path)} has {count:,} items, at most {limit:,} are allowed", ""
        return self._places.problem(rules.ITEM_COUNT, message, pointer, hint=hint)


def _at_unseen(value: str, problem: Diagnostic) -> Diagnostic:
    """A problem of a value moved to the character in it that cannot be seen, and naming it; where all can, as it is."""
    found = unseen(value)
    if not found:
        return problem
    at = problem.source_line.find(found, max(problem.column - 1, 0))
    message = f"{problem.message}: it has the {called(found)}"
    moved = replace(problem, message=message, hint="remove it, or write a plain space")
    return replace(moved, column=at + 1, end_column=at + 2) if at >= 0 else moved


def _pointer(path: Sequence[str | int]) -> str:
    pointer = ""
    for step in path:
        pointer = child(pointer, step)
    return pointer


def _label(path: Sequence[str | int]) -> str:
    """A place in words: `modules[0].version`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return shown(text.removeprefix("."))


def _describe(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case int():
            return f"the number `{value}`"
        case str():
            return f"the text {shown(value)}"
        case list():
            return "a list"
        case _:
            return "a map"


def _wanted(kind: Kind | None, path: Sequence[str | int], value: object) -> tuple[str, str]:
    """What a value should have been, and how to write it."""
    match kind:
        case Text():
            hint = f"write {kind.expected}" if kind.expected else ""
            return "a text", hint
        case Flag():
            words = {"yes": "true", "on": "true", "no": "false", "off": "false", "true": "true", "false": "false"}
            meant = words.get(str(value).lower(), "")
            return "`true` or `false`", f"write `{meant}`, without quotes" if meant else "write `true` or `false`"
        case Number():
            return "a number", f"write a number from {kind.least:,} to {kind.most:,}, without quotes"
        case ListOf():
            name = next((step for step in reversed(path) if isinstance(step, str)), "")
            simple = isinstance(value, str) and len(value) <= 40 and value.isprintable()  # noqa: PLR2004
            hint = f"write `{name}: [{value}]`" if simple and isinstance(kind.item, Text) else "write a list"
            return "a list", hint
        case Record():
            return "a map", f"its fields are {', '.join(f'`{field.name}`' for field in kind.fields)}"
        case _:
            return "a map", "write `key: text` lines"


def _expected(kind: Kind | None, value: str) -> str:
    if not isinstance(kind, Text):
        return ""
    return _suggestion(kind, value) or (f"write {kind.expected}" if kind.expected else "")


def _suggestion(kind: Text, value: str) -> str:
    return kind.suggest(value) if kind.suggest is not None and len(value) <= 100 else ""  # noqa: PLR2004


def _example_line(field: Field) -> str:
    if isinstance(field.kind, Text) and field.kind.choices:
        return f"add `{field.name}: {field.kind.choices[0]}`"
    return f"for example `{field.name}: {_flow(field.examples[0])}`" if field.examples else f"add `{field.name}`"


def _flow(value: Json) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return str(value)
