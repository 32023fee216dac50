"""The reference of a program: what it says of every component it holds, and the JSON Schema of its configuration.

Asked of the finished program (`adapters.golang.reference`), and stored as one compressed document beside the
artifact (`BuildRecord.reference`). `Contents` tells what the source registers, this tells how it is used.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.messages import decode, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.contents import Contents

Kind = Literal[
    "input",
    "output",
    "processor",
    "cache",
    "rate-limit",
    "buffer",
    "metric",
    "tracer",
    "scanner",
    "bloblang-function",
    "bloblang-method",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
"""Kinds of components, in the order in which they are shown."""

Status = Literal["stable", "beta", "experimental", "deprecated"]
STATUSES: Final[tuple[str, ...]] = get_args(Status)
"""How far a component can be relied on."""

MOST_BYTES: Final = 96 * 1024 * 1024
"""Size of a document as plain text; all of Connect takes about a tenth of it."""


_MANY: Final = re.compile(r"(?:\[\]|\.<name>)+$")
"""What a path has behind what holds several: arrays and maps."""

_ENDS_EARLY: Final = "it ends early"


@dataclass(frozen=True, slots=True)
class Option:
    """A value that a field may have."""

    value: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a component's configuration.

    Attributes:
        path: where it is below the component, `tls.client_certs[].cert`; "" where the component is this one value.
        type: `string`, `int`, `float`, `bool`, `object`, or the kind of component it holds, `processor`.
        kind: `scalar`, `array`, `2darray` or `map` of that type.
        default: JSON text, or None where there is none.
        optional: it may be left out although it has no default.
        examples: YAML or plain texts.
        version: the release it came with, or "".
    """

    path: str
    name: str
    type: str
    kind: str = "scalar"
    description: str = ""
    default: str | None = None
    optional: bool = False
    advanced: bool = False
    deprecated: bool = False
    interpolated: bool = False
    bloblang: bool = False
    secret: bool = False
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    version: str = ""


def required_paths(fields: Sequence[Field]) -> frozenset[str]:
    """Paths of those that may not be left out, as Benthos itself judges.

    What holds others and has no default of its own may be left out where each of them may.
    """
    below: dict[str, list[Field]] = {}
    for field in fields:
        below.setdefault(_holder(field.path), []).append(field)

    def required(field: Field) -> bool:
        if field.default is not None or field.optional:
            return False
        inside = below.get(field.path, ()) if field.path else ()
        return not inside or any(map(required, inside))

    return frozenset(field.path for field in fields if required(field))


def _holder(path: str) -> str:
    """The path of the field that one is below of, or "": `tls.certs` for `tls.certs[].key`."""
    return _MANY.sub("", path.rpartition(".")[0])


@dataclass(frozen=True, slots=True)
class Example:
    """How a component is used.

    Attributes:
        config: YAML, or for Bloblang a mapping.
        results: of a mapping, pairs of what goes in and what comes out.
    """

    title: str = ""
    summary: str = ""
    config: str = ""
    results: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a Bloblang function or method; `default` is JSON text, or None where there is none."""

    name: str
    type: str = ""
    description: str = ""
    default: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Everything that a program says of one component.

    Attributes:
        kind: one of `KINDS`.
        status: one of `STATUSES`.
        description: Markdown, as `summary` and `footnotes` are.
        version: the release it came with, or "".
        support: a word of whoever publishes it, `certified`, or "".
        package: full import path of the listed package that registers it, or "" where that is not known.
        fields: those of objects follow the object, so that the order is that of a configuration.
        parameters: of Bloblang alone; `variadic` functions take any number of arguments, without names.
        impure: it reads from the world outside of the message.
    """

    kind: str
    name: str
    status: str = "stable"
    summary: str = ""
    description: str = ""
    footnotes: str = ""
    version: str = ""
    support: str = ""
    package: str = ""
    categories: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    fields: tuple[Field, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    variadic: bool = False
    impure: bool = False

    @property
    def component(self) -> Component:
        """What it is about."""
        return Component(self.kind, self.name)

    @property
    def signature(self) -> str:
        """How Bloblang calls it, `.slice(low, [high])`; "" for everything else."""
        if not self.kind.startswith("bloblang-"):
            return ""
        names = [f"[{one.name}]" if one.optional or one.default is not None else one.name for one in self.parameters]
        given = "..." if self.variadic else ", ".join(names)
        return f"{'.' if self.kind == 'bloblang-method' else ''}{self.name}({given})"


@dataclass(frozen=True, slots=True)
class Reference:
    """What one program says of itself.

    Attributes:
        entries: by kind, in the order of `KINDS`, and by name.
        config_schema: JSON Schema of its configuration as compact JSON text, or "" where it tells none.
    """

    entries: tuple[Entry, ...] = ()
    config_schema: str = ""


@dataclass(frozen=True, slots=True)
class _Entries:
    entries: tuple[Entry, ...] = ()
    schema: int = 1


def placed(reference: Reference, contents: Contents) -> Reference:
    """*reference* with the packages that *contents* knows its components to be from."""
    homes = {component: each.package for each in contents.packages for component in each.components}
    entries = tuple(replace(entry, package=homes.get(entry.component, "")) for entry in reference.entries)
    return replace(reference, entries=entries)


def pack(reference: Reference) -> bytes:
    """The stored document: two lines of compressed JSON, the schema first, so that it is read without the rest."""
    entries = encode(_Entries(reference.entries))
    return zlib.compress(reference.config_schema.encode() + b"\n" + entries, 6)


def unpack(data: bytes) -> Reference:
    """Read a stored document.

    Raises:
        CorruptData: it is not one.
    """
    schema, found, entries = _plain(data).partition(b"\n")
    if not found:
        raise _corrupt(_ENDS_EARLY)
    return Reference(decode(_Entries, entries).entries, schema.decode(errors="replace"))


def unpack_schema(data: bytes) -> bytes:
    """The JSON Schema of a stored document alone; empty where it has none.

    Raises:
        CorruptData: it is not such a document.
    """
    return _plain(data).partition(b"\n")[0]


def _plain(data: bytes) -> bytes:
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise _corrupt(str(error)) from error
    if not reader.eof:
        raise _corrupt(_ENDS_EARLY if len(plain) < MOST_BYTES else f"it is larger than {MOST_BYTES:,} bytes")
    return plain


def _corrupt(why: str) -> CorruptData:
    return CorruptData(f"a stored reference cannot be read: {why}")
