"""A quick yes for values that fit their kind exactly; whoever gets a no asks `validation` what is wrong.

Most manifests are right, and the schema library takes half of the time of reading one. A law in
tests/unit/domain/test_manifest_laws.py holds both to the same verdict.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wombat_gitops.domain.manifest.kinds import Flag, ListOf, Number, Record, Text, TextMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wombat_gitops.domain.manifest.kinds import Json, Kind

    Check = Callable[[Json], bool]
    Formats = Mapping[str, Callable[[object], bool]]


def make_check(kind: Kind, formats: Formats) -> Check:
    """A function that tells whether a value fits *kind*.

    Args:
        formats: checks of the formats that texts may have, by name; one that raises ValueError says no.
    """
    match kind:
        case Text():
            return _text_check(kind, formats)
        case Flag():
            return lambda value: isinstance(value, bool)
        case Number():
            least, most = kind.least, kind.most
            return lambda value: type(value) is int and least <= value <= most
        case ListOf():
            return _list_check(kind, formats)
        case TextMap():
            return _map_check(kind, formats)
        case Record():
            return _record_check(kind, formats)


def _text_check(kind: Text, formats: Formats) -> Check:
    choices = frozenset(kind.choices)
    longest = kind.longest or None
    pattern = re.compile(kind.pattern.removeprefix("^").removesuffix("$"), re.ASCII) if kind.pattern else None
    form = formats.get(kind.format)

    def check(value: Json) -> bool:
        if not isinstance(value, str) or (choices and value not in choices):
            return False
        if (longest is not None and len(value) > longest) or (pattern is not None and not pattern.fullmatch(value)):
            return False
        try:
            return form is None or form(value)
        except ValueError:
            return False

    return check


def _list_check(kind: ListOf, formats: Formats) -> Check:
    item = make_check(kind.item, formats)

    def check(value: Json) -> bool:
        if not isinstance(value, list) or not kind.least <= len(value) <= kind.most:
            return False
        texts = [each for each in value if isinstance(each, str)]
        return len(set(texts)) == len(texts) and all(item(each) for each in value)

    return check


def _map_check(kind: TextMap, formats: Formats) -> Check:
    key, item = make_check(kind.key, formats), make_check(kind.value, formats)

    def check(value: Json) -> bool:
        if not isinstance(value, dict) or len(value) > kind.most:
            return False
        return all(key(name) and item(each) for name, each in value.items())

    return check


def _record_check(kind: Record, formats: Formats) -> Check:
    fields = {field.name: make_check(field.kind, formats) for field in kind.fields}
    required = frozenset(field.name for field in kind.fields if field.required)

    def check(value: Json) -> bool:
        if not isinstance(value, dict) or not required <= value.keys():
            return False
        return all(name in fields and fields[name](each) for name, each in value.items())

    return check
