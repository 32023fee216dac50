"""What names, versions and paths may look like: the one set of expressions for schema, service and generator.

Module paths and import paths end up in go.mod, Go source and command lines, so each has a strict
grammar (docs/architecture.md, identity). All expressions are anchored and match the whole text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import Refused

if TYPE_CHECKING:
    from wombat_gitops.domain.model import BuildSpec

DEVICE: Final = r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])$"
"""A name that Windows keeps for a device: no file there can have it, with whatever extension (`con.exe`, `con.yaml`).

`CONIN$` and the others of that kind are no names here anyway.
"""

NAME: Final = rf"^(?!{DEVICE[1:]})[a-z0-9]([a-z0-9-]{{0,61}}[a-z0-9])?$"
"""A distribution's name or a program's file name: a DNS label that is no device."""

_IDENTIFIERS: Final = r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*"
_NUMBERS: Final = r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
VERSION: Final = rf"^{_NUMBERS}(-{_IDENTIFIERS})?(\+{_IDENTIFIERS})?$"
"""A distribution's version: semantic versioning 2.0 without a leading `v`, at most 64 characters."""

MODULE_VERSION: Final = rf"^v{_NUMBERS}(-{_IDENTIFIERS})?(\+incompatible)?$"
"""A Go module's exact version, pseudo-versions included; never a range, a branch or `latest`."""

TOOLCHAIN: Final = r"^1\.[1-9]\d{0,2}\.(0|[1-9]\d{0,2})(rc[1-9]\d?)?$"
"""An exact Go release, `1.26.6`."""

_ELEMENT: Final = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
MODULE_PATH: Final = rf"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(/{_ELEMENT})*$"
"""A module path: a host name, then path elements; no relative elements, no ports, no white space."""

IMPORT_PATH: Final = MODULE_PATH
"""A full import path has the same grammar as a module path."""

SHORT_PACKAGE: Final = rf"^[a-z0-9][a-z0-9_-]*(/{_ELEMENT})*$"
"""A package named by its folder below a module's `public/components/`."""

TAG: Final = r"^[A-Za-z_][A-Za-z0-9_.]{0,63}$"
"""A Go build tag."""

SHA256: Final = r"^[0-9a-f]{64}$"

_MAX_TEXT: Final = {"version": 64, "path": 256}


def matches(pattern: str, text: str) -> bool:
    """Whether the whole *text* has the form *pattern* (`$` alone would accept a line end behind it)."""
    return compiled(pattern).fullmatch(text) is not None


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """An expression of this module without its anchors, for `fullmatch`."""
    return re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII)


def check_spec(spec: BuildSpec) -> None:
    """Refuse a spec with a field that no manifest could have produced.

    The service and the compiler both call it: neither trusts the one before.

    Raises:
        Refused: names the field.
    """
    rules = [
        ("name", NAME, (spec.name,)),
        ("binary", NAME, (spec.binary,) if spec.binary else ()),
        ("version", VERSION, (spec.version,)),
        ("toolchain", TOOLCHAIN, (spec.toolchain,)),
        ("packages", IMPORT_PATH, spec.packages),
        ("tags", TAG, spec.tags),
        ("go_mod", SHA256, (spec.go_mod,)),
        ("go_sum", SHA256, (spec.go_sum,)),
    ]
    for field, pattern, values in rules:
        for value in values:
            if len(value) > _MAX_TEXT["path"] or not matches(pattern, value):
                msg = f"`spec.{field}` cannot be `{value[:80]}`"
                device = pattern == NAME and matches(DEVICE, value)
                raise Refused(msg, hint=f"Windows keeps `{value}` for a device; choose another name" if device else "")
    if not spec.packages:
        msg = "`spec.packages` is empty"
        raise Refused(msg)
