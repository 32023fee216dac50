"""The page of all fields, made of their definitions: `docs/fields.md`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.manifest.fields import RECORDS
from wombat_gitops.domain.manifest.kinds import Flag, ListOf, Number, Record, Text, TextMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.domain.manifest.kinds import Field, Kind

_INTRODUCTION: Final = """\
# Fields of manifests

Everything that can be written in a manifest, by its kind. Editors know the same from `schemas/`, and
[manifests.md](manifests.md) tells what it is for. A field in bold has to be there. `x[]` is an item of the list `x`."""


def fields_markdown() -> str:
    """All fields of all kinds, as Markdown."""
    parts = [_INTRODUCTION]
    for kind, record in RECORDS.items():
        parts += ["", f"## {kind}", "", "| field | value | what it says |", "|---|---|---|"]
        parts += [_row(path, field) for path, field in _fields(record, "")]
    return "\n".join(parts) + "\n"


def _fields(record: Record, above: str) -> Iterator[tuple[str, Field]]:
    for field in record.fields:
        path = f"{above}{field.name}"
        yield path, field
        kind = field.kind.item if isinstance(field.kind, ListOf) else field.kind
        if isinstance(kind, Record):
            yield from _fields(kind, f"{path}[]." if isinstance(field.kind, ListOf) else f"{path}.")


def _row(path: str, field: Field) -> str:
    name = f"**`{path}`**" if field.required else f"`{path}`"
    words = [field.description]
    words += [f"Deprecated: write `{field.renamed}`."] if field.renamed else []
    words += [f"Default: `{_short(field.default)}`."] if field.default is not None else []
    words += [f"Example: `{_short(field.examples[0])}`."] if field.examples else []
    return f"| {name} | {_value(field.kind)} | {' '.join(words)} |".replace("\n", " ")


def _value(kind: Kind) -> str:
    match kind:
        case Text():
            return "text"
        case Flag():
            return "`true` or `false`"
        case Number():
            return "number"
        case ListOf():
            return f"list of {'maps' if isinstance(kind.item, Record) else 'texts'}"
        case TextMap() | Record():
            return "map"


def _short(value: object) -> str:
    """A value on one line, as YAML reads it too."""
    return value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False)
