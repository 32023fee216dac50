"""Where a value differs from the generated JSON Schema of its kind, by the `jsonschema` library.

Four of its keywords are replaced: `pattern`, because Python's `$` accepts a line end behind the text, and
`uniqueItems`, `required` and `additionalProperties`, to report each item or field by itself (and in linear time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from wombat_gitops.domain import grammar
from wombat_gitops.domain.manifest.conforming import FORMATS
from wombat_gitops.domain.manifest.schema import kind_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wombat_gitops.domain.manifest.kinds import Json


def errors_of(value: Json, kind: str) -> Iterator[ValidationError]:
    """Every difference, in the order of the schema."""
    return _validator(kind).iter_errors(value)


def _validator(name: str) -> Draft7Validator:
    if name not in _validators:
        kind = extend(  # type: ignore[no-untyped-call]
            Draft7Validator,
            {
                "pattern": _pattern,
                "uniqueItems": _unique_items,
                "required": _required,
                "additionalProperties": _additional_properties,
            },
        )
        _validators[name] = kind(kind_schema(name), format_checker=_formats())
    return cast("Draft7Validator", _validators[name])


_validators: dict[str, Any] = {}


def _pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not grammar.matches(pattern, instance):
        yield ValidationError("pattern")


def _unique_items(_: object, __: object, instance: object, ___: object) -> Iterator[ValidationError]:
    seen = set[str]()
    for index, item in enumerate(instance if isinstance(instance, list) else ()):
        if not isinstance(item, str):
            continue
        if item in seen:
            yield ValidationError("repeated", path=(index,))
        seen.add(item)


def _required(_: object, names: Sequence[str], instance: object, __: object) -> Iterator[ValidationError]:
    for name in names:
        if isinstance(instance, dict) and name not in instance:
            yield ValidationError("missing", path=(name,))


def _additional_properties(
    validator: Draft7Validator, wanted: object, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for name, value in instance.items():
        if name in schema.get("properties", {}):
            continue
        if wanted is False:
            yield ValidationError("unknown", path=(name,))
        elif isinstance(wanted, dict):
            yield from validator.descend(value, wanted, path=name)


def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, check in FORMATS.items():
        checker.checks(name, raises=ValueError)(check)
    return checker
