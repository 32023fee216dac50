"""A quick yes for values that fit their kind exactly; whoever gets a no asks `validation` what is wrong.

Most manifests are right, and the schema library takes half of the time of reading one. A law in
tests/unit/domain/test_manifest_laws.py holds both to the same verdict.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from wombat_gitops.domain.manifest.kinds import Flag, ListOf, Number, Record, Text, TextMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wombat_gitops.domain.manifest.kinds import Json, Kind

    Check = Callable[[Json], bool]


def make_check(kind: Kind) -> Check:
    """A function that tells whether a value fits *kind*."""
    match kind:
        case Text():
            return _text_check(kind)
        case Flag():
            return lambda value: isinstance(value, bool)
        case Number():
            least, most = kind.least, kind.most
            return lambda value: type(value) is int and least <= value <= most
        case ListOf():
            return _list_check(kind)
        case TextMap():
            return _map_check(kind)
        case Record():
            return _record_check(kind)


def _text_check(kind: Text) -> Check:
    choices = frozenset(kind.choices)
    longest = kind.longest or None
    pattern = re.compile(kind.pattern.removeprefix("^").removesuffix("$"), re.ASCII) if kind.pattern else None
    form = FORMATS.get(kind.format)

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


def _list_check(kind: ListOf) -> Check:
    item = make_check(kind.item)

    def check(value: Json) -> bool:
        if not isinstance(value, list) or not kind.least <= len(value) <= kind.most:
            return False
        texts = [each for each in value if isinstance(each, str)]
        return len(set(texts)) == len(texts) and all(item(each) for each in value)

    return check


def _map_check(kind: TextMap) -> Check:
    key, item = make_check(kind.key), make_check(kind.value)

    def check(value: Json) -> bool:
        if not isinstance(value, dict) or len(value) > kind.most:
            return False
        return all(key(name) and item(each) for name, each in value.items())

    return check


def _record_check(kind: Record) -> Check:
    fields = {field.name: make_check(field.kind) for field in kind.fields}
    required = frozenset(field.name for field in kind.fields if field.required)

    def check(value: Json) -> bool:
        if not isinstance(value, dict) or not required <= value.keys():
            return False
        return all(name in fields and fields[name](each) for name, each in value.items())

    return check


_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)
_URI: Final = re.compile(r"https?://(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")


def _is_email(value: object) -> bool:
    return not isinstance(value, str) or (len(value) <= 254 and _EMAIL.fullmatch(value) is not None)  # noqa: PLR2004


def _is_web_address(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if _URI.fullmatch(value) is None:
        return False
    parts = urlsplit(value)
    host = parts.hostname or ""
    labels = host.split(".")
    in_order = parts.port != 0 and parts.username is None and parts.password is None
    return in_order and (":" in host or all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in labels))


FORMATS: Final[Mapping[str, Callable[[object], bool]]] = {"email": _is_email, "uri": _is_web_address}
"""Checks of the formats that texts may have; one that raises ValueError says no."""
