"""What a value of a manifest can be, and its JSON Schema. The fields themselves are in `fields`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Text:
    """A text.

    Attributes:
        pattern: expression for the whole text, valid in Python and in ECMAScript.
        format: `uri` or `email`, checked by `validation`.
        choices: the only texts allowed.
        expected: what it must look like, as the end of the sentence "write …".
        suggest: makes a hint from a wrong text, or returns "".
    """

    pattern: str = ""
    format: str = ""
    choices: tuple[str, ...] = ()
    longest: int = 0
    expected: str = ""
    suggest: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `least` to `most`."""

    least: int = 0
    most: int = 1_000_000


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of different items."""

    item: Kind
    least: int = 0
    most: int = 100


@dataclass(frozen=True, slots=True)
class TextMap:
    """A map of free keys to texts."""

    key: Text
    value: Text
    most: int = 50


@dataclass(frozen=True, slots=True)
class Record:
    """A map of known fields."""

    fields: tuple[Field, ...]
    _named: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note the fields by their names."""
        object.__setattr__(self, "_named", {each.name: each for each in self.fields})

    def field(self, name: str) -> Field | None:
        """The field of that name, if there is one."""
        return self._named.get(name)


Kind: TypeAlias = "Text | Flag | Number | ListOf | TextMap | Record"


@dataclass(frozen=True, slots=True)
class Field:
    """A named value of a record.

    Attributes:
        default: what its absence means, for readers of the schema.
        renamed: the field's name today, where this one is only read for the sake of older manifests.
    """

    name: str
    kind: Kind
    title: str
    description: str
    required: bool = False
    default: Json = None
    examples: tuple[Json, ...] = ()
    renamed: str = ""


def schema_of(kind: Kind) -> dict[str, Json]:
    """The JSON Schema (draft-07) of a kind of value."""
    match kind:
        case Text():
            return _text_schema(kind)
        case Flag():
            return {"type": "boolean"}
        case Number():
            return {"type": "integer", "minimum": kind.least, "maximum": kind.most}
        case ListOf():
            return {
                "type": "array",
                "items": schema_of(kind.item),
                "minItems": kind.least,
                "maxItems": kind.most,
                "uniqueItems": True,
            }
        case TextMap():
            return {
                "type": "object",
                "propertyNames": schema_of(kind.key),
                "additionalProperties": schema_of(kind.value),
                "maxProperties": kind.most,
            }
        case Record():
            return {
                "type": "object",
                "required": [field.name for field in kind.fields if field.required],
                "properties": {field.name: _field_schema(field) for field in kind.fields},
                "additionalProperties": False,
            }


def _text_schema(kind: Text) -> dict[str, Json]:
    schema: dict[str, Json] = {"type": "string"}
    if kind.choices:
        schema["enum"] = list(kind.choices)
    if kind.pattern:
        schema["pattern"] = kind.pattern
    if kind.format:
        schema["format"] = kind.format
    if kind.longest:
        schema["maxLength"] = kind.longest
    if kind.expected:
        schema["patternErrorMessage"] = f"write {kind.expected}"
    return schema


def _field_schema(field: Field) -> dict[str, Json]:
    schema: dict[str, Json] = {"title": field.title, "description": field.description}
    schema.update(schema_of(field.kind))
    if field.renamed:
        schema["deprecated"] = True
        schema["deprecationMessage"] = f"write `{field.renamed}`"
    if field.default is not None:
        schema["default"] = field.default
    if field.examples:
        schema["examples"] = list(field.examples)
    return schema
