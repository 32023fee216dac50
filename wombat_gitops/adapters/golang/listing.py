"""What `go list` says of a program's packages on one platform, as values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wombat_gitops.domain.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_A_PACKAGE: Final = (
    "build constraints exclude all Go files",
    "is a program, not an importable package",
    "use of internal package",
    "C source files not allowed",
    "does not contain package",
    "no required module provides package",
    "cannot find module providing package",
    "no Go files in",
)
"""Errors that say something of a package, while its module is there."""

FIELDS: Final = (
    "ImportPath,Name,Dir,GoFiles,CgoFiles,IgnoredGoFiles,Imports,Module,Error,Standard,"
    "SysoFiles,SwigFiles,SwigCXXFiles,CFiles,CXXFiles,MFiles,FFiles,SFiles"
)


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ListedModule(_Loose):
    """The module of a package, and what is used in its place."""

    path: str = Field(alias="Path")
    version: str = Field("", alias="Version")
    dir: str = Field("", alias="Dir")
    replace: ListedModule | None = Field(None, alias="Replace")

    @property
    def used(self) -> ListedModule:
        """The module whose source is compiled."""
        return self.replace or self

    def moved(self, inside: str, outside: str) -> ListedModule:
        """The same with folders below *outside* instead of *inside*."""
        other = self.replace.moved(inside, outside) if self.replace is not None else None
        return self.model_copy(update={"dir": _moved(self.dir, inside, outside), "replace": other})


class _Error(_Loose):
    text: str = Field("", alias="Err")


class ListedPackage(_Loose):
    """One package; `files` are those that are built, `ignored` those that are not for this target."""

    path: str = Field(alias="ImportPath")
    name: str = Field("", alias="Name")
    dir: str = Field("", alias="Dir")
    go_files: tuple[str, ...] = Field((), alias="GoFiles")
    cgo_files: tuple[str, ...] = Field((), alias="CgoFiles")
    syso_files: tuple[str, ...] = Field((), alias="SysoFiles")
    swig_files: tuple[str, ...] = Field((), alias="SwigFiles")
    swig_cxx_files: tuple[str, ...] = Field((), alias="SwigCXXFiles")
    c_files: tuple[str, ...] = Field((), alias="CFiles")
    cxx_files: tuple[str, ...] = Field((), alias="CXXFiles")
    objc_files: tuple[str, ...] = Field((), alias="MFiles")
    fortran_files: tuple[str, ...] = Field((), alias="FFiles")
    assembly_files: tuple[str, ...] = Field((), alias="SFiles")
    ignored: tuple[str, ...] = Field((), alias="IgnoredGoFiles")
    imports: tuple[str, ...] = Field((), alias="Imports")
    module: ListedModule | None = Field(None, alias="Module")
    standard: bool = Field(default=False, alias="Standard")
    failure: _Error | None = Field(None, alias="Error")

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that are compiled."""
        return (*self.go_files, *self.cgo_files)

    def moved(self, inside: str, outside: str) -> ListedPackage:
        """The same with folders below *outside* instead of *inside*."""
        module = self.module.moved(inside, outside) if self.module is not None else None
        return self.model_copy(update={"dir": _moved(self.dir, inside, outside), "module": module})

    @property
    def through_c(self) -> tuple[str, ...]:
        """Names of the files that a C toolchain compiles; none with cgo off.

        Go refuses C files in a package that does not call C. In one that does, the C compiler takes the assembly too.
        """
        callers = (*self.cgo_files, *self.swig_files, *self.swig_cxx_files)
        beside = (*self.c_files, *self.cxx_files, *self.objc_files, *self.fortran_files, *self.assembly_files)
        return (*callers, *beside) if callers else ()

    @property
    def broken(self) -> bool:
        """Whether its error is about its module, or about getting it."""
        return bool(self.error) and not any(words in self.error for words in OF_A_PACKAGE)

    @property
    def error(self) -> str:
        """What keeps it from being used, or ""."""
        return self.failure.text if self.failure is not None else ""


def _moved(folder: str, inside: str, outside: str) -> str:
    return outside + folder.removeprefix(inside) if folder.startswith(f"{inside}/") else folder


def read_listing(text: str) -> dict[str, ListedPackage]:
    """Packages by import path, those of the standard library left out.

    Raises:
        InternalError: it is not what `go list -json` prints.
    """
    try:
        found = [ListedPackage.model_validate(value) for value in _values(text)]
    except (ValueError, ValidationError) as error:
        msg = "the answer of `go list` cannot be read"
        raise InternalError(msg) from error
    return {package.path: package for package in found if not package.standard}


def closure(listing: dict[str, ListedPackage], roots: tuple[str, ...]) -> set[str]:
    """Import paths of packages and everything they import, as far as it is listed."""
    found, rest = set[str](), list(roots)
    while rest:
        path = rest.pop()
        package = listing.get(path)
        if path not in found and package is not None:
            found.add(path)
            rest.extend(package.imports)
    return found


def _values(text: str) -> Iterator[object]:
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        value, at = decoder.raw_decode(text, at)
        yield value
