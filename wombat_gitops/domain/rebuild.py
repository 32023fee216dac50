"""A program that was built once more, next to the published one: where the two differ first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from wombat_gitops.domain.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.domain.gosource import BuildInfo, Dependency


class Verdict(StrEnum):
    """What a rebuild says of a published build."""

    EQUAL = "equal"  # the record names the digest of the rebuilt program, and the stored bytes have it
    DIFFERENT = "different"  # the record names another digest
    UNREADABLE = "unreadable"  # the record names the same digest; the stored bytes are missing or damaged


class Change(StrEnum):
    """How a function differs."""

    REBUILT = "rebuilt"  # only the rebuilt program has it
    PUBLISHED = "published"  # only the published program has it
    SIZE = "size"  # both have it, with code of different length
    CODE = "code"  # both have it, with equally long code that is not the same


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A difference of what two programs say about how they were built; "" where one of them says nothing.

    Attributes:
        what: `module x`, `setting GOARCH`, `go` or `main package`.
    """

    what: str
    rebuilt: str
    published: str


@dataclass(frozen=True, slots=True)
class SectionDifference:
    """A section that differs.

    Attributes:
        code: it holds machine code.
        rebuilt: its size in the rebuilt file in bytes, -1 where that file has none of this name.
        published: the same in the published file.
        first: the first differing byte, counted from its start.
    """

    name: str
    code: bool
    rebuilt: int
    published: int
    first: int


@dataclass(frozen=True, slots=True)
class FunctionDifference:
    """A function that differs.

    Attributes:
        section: the section that holds it.
        name: with its import path, `example.org/a/b.(*T).Method`.
        file: its source file, `example.org/a@v1.2.3/b/c.go`.
        module: `example.org/a@v1.2.3`, `standard library` or `main program`.
    """

    section: str
    name: str
    file: str
    module: str
    change: Change


@dataclass(frozen=True, slots=True)
class ModuleDifference:
    """A module with functions that differ, and how many."""

    module: str
    functions: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two programs differ. What the published file says of itself may be forged.

    Attributes:
        offset: the first differing byte in the file; -1 where nobody looked.
        section: what the rebuilt file has there: a section, `headers`, `between sections` or `end of file`.
        sections: every section that differs, in file order.
        function: the first function that differs, one of a module before one of the standard library.
        modules: whose functions differ, those of the standard library last.
        notes: what could not be read or compared, and why.
        information: the first difference in their build information.
    """

    offset: int = -1
    section: str = ""
    sections: tuple[SectionDifference, ...] = ()
    function: FunctionDifference | None = None
    modules: tuple[ModuleDifference, ...] = ()
    notes: tuple[str, ...] = ()
    information: Mismatch | None = None

    @property
    def data(self) -> SectionDifference | None:
        """The first section without code that differs."""
        return next((each for each in self.sections if not each.code), None)

    @property
    def place(self) -> tuple[str, str]:
        """Section and module of the difference; "" for a module that is not known.

        Code refers to data by address. Where data differs, equally long code may differ for that alone.
        """
        if self.function is not None and (self.function.change is not Change.CODE or self.data is None):
            return self.function.section, self.function.module
        if self.data is not None:
            return self.data.name, ""
        return self.section, ""


_DIFFERENCE: Final = TypeAdapter(Difference)


def difference_data(found: Difference) -> dict[str, Any]:
    """A difference as JSON values, with its `place`."""
    section, module = found.place
    fields: dict[str, Any] = _DIFFERENCE.dump_python(found, mode="json")
    return {"place": {"section": section, "module": module}, **fields}


def parse_difference(text: bytes) -> Difference:
    """Read what `adapters/golang/differ` prints. Raises `CorruptData`."""
    try:
        return _DIFFERENCE.validate_json(text)
    except ValidationError as error:
        msg = "the comparison of two programs printed something else than a comparison"
        raise CorruptData(msg) from error


def first_mismatch(rebuilt: BuildInfo, published: BuildInfo) -> Mismatch | None:
    """The first difference of two programs' build information: Go release, main package, modules by path, settings."""
    ours, theirs = _modules(rebuilt.deps), _modules(published.deps)
    pairs = [
        Mismatch("go", rebuilt.go_version, published.go_version),
        Mismatch("main package", rebuilt.path, published.path),
        *_pairs("module", ours, theirs),
        *_pairs("setting", rebuilt.settings, published.settings),
    ]
    return next((each for each in pairs if each.rebuilt != each.published), None)


def _modules(deps: tuple[Dependency, ...]) -> dict[str, str]:
    return {dep.path: f"{dep.version} {dep.sum}".strip() for dep in deps}


def _pairs(kind: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[Mismatch]:
    return [Mismatch(f"{kind} {key}", ours.get(key, ""), theirs.get(key, "")) for key in sorted({*ours, *theirs})]
