"""What is inside a program: its packages, the components they register, the modules and licences compiled in.

Read from the source of the exact modules, for one platform with its tags, without running any of it.
Stored as a JSON document beside the artifact (`BuildRecord.contents`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wombat_gitops.domain.platforms import Platform

LISTED_KINDS: Final = {
    "inputs": "input",
    "outputs": "output",
    "processors": "processor",
    "caches": "cache",
    "rate-limits": "rate-limit",
    "buffers": "buffer",
    "metrics": "metric",
    "tracers": "tracer",
    "scanners": "scanner",
    "bloblang-functions": "bloblang-function",
    "bloblang-methods": "bloblang-method",
}
"""The keys of a program's `list --format json`, and the kinds they list."""


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """Something a pipeline can name.

    Attributes:
        kind: `input`, `output`, `processor`, `cache`, `rate-limit`, `buffer`, `metric`, `tracer`, `scanner`,
            `bloblang-function` or `bloblang-method`.
        name: `kafka_franz`.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Presence(StrEnum):
    """Whether a package is of use on a platform."""

    PRESENT = "present"  # it registers components there
    STUB = "stub"  # it exists and compiles, and registers nothing there: a tag, cgo or the platform keeps its files out
    MISSING = "missing"  # the module has no such package in that version
    REFUSED = "refused"  # it cannot be used: a program, internal, of another core, or files are left out that it needs
    EMPTY = "empty"  # it imports nothing that components are registered with


@dataclass(frozen=True, slots=True)
class PackageContents:
    """One package that a distribution lists.

    Attributes:
        package: full import path.
        module: path of the module it is in, or "" where none has it.
        reason: why it is not present, for people, or "".
        hint: the tag to add, the platform to exclude, or the name that was probably meant; or "".
        components: what it and the packages it imports register under constant names, sorted.
        certain: those of *components* that every start of a program with it registers, sorted.
        unnamed: calls that register under a name made at run time, `file.go:12`, sorted.
        licenses: SPDX identifiers of what it brings in from its own module, sorted.
        license_files: for each of them a file that is under it, by its path in the module.
    """

    package: str
    module: str
    presence: Presence
    reason: str = ""
    hint: str = ""
    components: tuple[Component, ...] = ()
    licenses: tuple[str, ...] = ()
    license_files: tuple[str, ...] = ()
    certain: tuple[Component, ...] = ()
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Clash:
    """A component that more than one package registers; *packages* are their import paths, sorted."""

    component: Component
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModuleContents:
    """A module of which something is compiled in.

    Attributes:
        licenses: SPDX identifiers of the files that are compiled in, sorted; `NOASSERTION` where none is known.
        replaces: path of the module in whose place it is, or "".
    """

    path: str
    version: str
    licenses: tuple[str, ...] = ()
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class NativePackage:
    """A package, listed or imported by one, that adds machine code which Go's compiler did not make.

    Attributes:
        package: full import path.
        module: path of the module whose files are used.
        version: of that module.
        replaces: path of the module in whose place it is, or "".
        syso: `.syso` files that are linked into the program as they are, cgo or not, sorted.
        cgo: files that a C toolchain compiles, those with `import "C"` among them, sorted.
    """

    package: str
    module: str
    version: str
    replaces: str = ""
    syso: tuple[str, ...] = ()
    cgo: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """The package's path in the module whose files are used: another one than `package` in a replacement."""
        return self.module + self.package.removeprefix(self.replaces or self.module)


@dataclass(frozen=True, slots=True)
class Contents:
    """What one program is made of.

    Attributes:
        packages: those that a distribution lists, by path.
        modules: those of which something is compiled in, by path.
        native: packages of modules with machine code of their own, by path; the standard library and assembly for Go's
            own assembler are not listed. Contents that were stored before this was known have none.
        clashes: components that several packages register, sorted.
    """

    packages: tuple[PackageContents, ...]
    modules: tuple[ModuleContents, ...] = ()
    native: tuple[NativePackage, ...] = ()
    clashes: tuple[Clash, ...] = ()

    @property
    def components(self) -> tuple[Component, ...]:
        """Every component, once, sorted."""
        return tuple(sorted({component for package in self.packages for component in package.components}))

    @property
    def licenses(self) -> tuple[str, ...]:
        """Every licence, once, sorted."""
        return tuple(sorted({name for module in self.modules for name in module.licenses}))


@dataclass(frozen=True, slots=True)
class Inspection:
    """The contents of a distribution's programs, in the order of its platforms."""

    platforms: tuple[tuple[Platform, Contents], ...]
