"""What a listing and the source of its packages mean: the contents of a program."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.golang.listing import closure
from wombat_gitops.adapters.golang.reader import Described
from wombat_gitops.domain.contents import (
    Clash,
    Component,
    Contents,
    ModuleContents,
    NativePackage,
    PackageContents,
    Presence,
)
from wombat_gitops.domain.gosource import SERVICE_PACKAGE
from wombat_gitops.domain.inspection import EXCLUDE
from wombat_gitops.domain.model import COMPONENTS_FOLDER, CORE_MODULE
from wombat_gitops.domain.neighbours import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.adapters.golang.licensing import LicenseReader
    from wombat_gitops.adapters.golang.listing import ListedModule, ListedPackage
    from wombat_gitops.adapters.golang.reader import Need, Registration

_NOT_THERE: Final = (
    "does not contain package",
    "no required module provides package",
    "cannot find module providing package",
)
_CANNOT_REGISTER: Final = f"nothing it imports leads to `{CORE_MODULE}/public`, so it cannot register a component"


class ContentsReading:
    """Makes contents of one listing.

    Args:
        described: what packages outside of the core's service say, by import path.
    """

    def __init__(
        self, licenses: LicenseReader, listing: Mapping[str, ListedPackage], described: Mapping[str, Described]
    ) -> None:
        self._licenses = licenses
        self._listing = dict(listing)
        self._described = described
        self._service = closure(self._listing, (SERVICE_PACKAGE,))
        self._arounds = dict[str, list[str]]()

    def contents(self, packages: tuple[str, ...]) -> Contents:
        """What the listed packages bring."""
        modules: dict[str, tuple[ListedModule, set[str]]] = {}
        listed_modules = {module.path for path in packages if (module := self._module(path)) is not None}
        licenses: dict[str, dict[str, str]] = {}
        for path in closure(self._listing, (SERVICE_PACKAGE, *packages)):
            package = self._listing[path]
            if package.module is None or not package.dir:
                continue
            used = package.module.used
            by_file = package.module.path in listed_modules
            names = self._licenses.licenses(Path(package.dir), package.files, Path(used.dir), by_file=by_file)
            licenses[path] = names
            modules.setdefault(used.path, (package.module, set()))[1].update(names)
        return Contents(
            tuple(self._package(path, licenses) for path in sorted(packages)),
            tuple(
                ModuleContents(
                    path, module.used.version, tuple(sorted(names)), module.path if module.replace is not None else ""
                )
                for path, (module, names) in sorted(modules.items())
            ),
            tuple(native for _, each in sorted(self._listing.items()) if (native := _native(each)) is not None),
            self._clashes(packages),
        )

    def _module(self, path: str) -> ListedModule | None:
        package = self._listing.get(path)
        return package.module if package is not None else None

    def _package(self, path: str, licenses: Mapping[str, Mapping[str, str]]) -> PackageContents:
        package = self._listing.get(path)
        if package is None or not package.dir or any(words in package.error for words in _NOT_THERE):
            return self._missing(path)
        module = package.module.path if package.module is not None else ""
        reason = _refusal(package)
        if reason:
            hint = self._help([package]) if not package.files else "take a package that the module offers to others"
            return PackageContents(path, module, Presence.REFUSED, reason, hint)
        around = [self._listing[name] for name in self._around(path)]
        reason, hint = self._lack(package, around)
        if reason:
            return PackageContents(path, module, Presence.REFUSED, reason, hint)
        home = [each for each in around if each.module is not None and each.module.path == module]
        names = {name: file for each in reversed(home) for name, file in licenses.get(each.path, {}).items()}
        plain = PackageContents(
            path,
            module,
            Presence.PRESENT,
            licenses=tuple(sorted(names)),
            license_files=tuple(names[name] for name in sorted(names)),
        )
        return self._with_registrations(plain, home)

    def _with_registrations(self, package: PackageContents, home: list[ListedPackage]) -> PackageContents:
        """The package with what it registers, or with the reason why it registers nothing."""
        around = self._around(package.package)
        found = [each for name in around for each in self._of(name).registrations if each.core == CORE_MODULE]
        made = {each.component: each for each in found if each.reached and not each.certain}
        made |= {each.component: each for each in found if each.reached and each.certain}
        components = sorted(component for component in made if component is not None)
        if components:
            return replace(
                package,
                components=tuple(components),
                certain=tuple(component for component in components if made[component].certain),
                unnamed=_unnamed(found),
            )
        if unnamed := _unnamed(found):
            reason = f"the names of its components are made at run time ({unnamed[0]}), so nobody checks them"
            return replace(package, reason=reason, unnamed=unnamed)
        if hint := _words(self._of(each.path).adds for each in home):
            return replace(package, presence=Presence.STUB, reason="it registers nothing", hint=hint)
        if found:
            where = f"function `{found[0].function}`" if found[0].function else found[0].place
            package = replace(package, reason=f"it registers only in {where}, which no `init` calls")
        return self._of_the_core(package, around)

    def _of_the_core(self, package: PackageContents, around: list[str]) -> PackageContents:
        """A package that registers nothing, refused where it cannot register with this core."""
        cores = {core for name in around for core in self._of(name).cores}
        if cores and CORE_MODULE not in cores:
            reason = f"it is made for `{min(cores)}`, another core than `{CORE_MODULE}`"
            return replace(package, presence=Presence.REFUSED, reason=reason, hint="take its version for this core")
        if not cores and not any(name.startswith(f"{CORE_MODULE}/public/") for name in self._all(package.package)):
            return replace(package, presence=Presence.EMPTY, reason=_CANNOT_REGISTER, hint="remove it")
        return package

    def _clashes(self, packages: Iterable[str]) -> tuple[Clash, ...]:
        """Components that several packages of the program register, each whenever it starts."""
        owners: dict[Component, set[str]] = {}
        for path in {name for listed in packages if listed in self._listing for name in self._around(listed)}:
            for each in self._of(path).registrations:
                if each.certain and each.core == CORE_MODULE and (component := each.component) is not None:
                    owners.setdefault(component, set()).add(path)
        return tuple(sorted(Clash(each, tuple(sorted(who))) for each, who in owners.items() if len(who) > 1))

    def _of(self, path: str) -> Described:
        return self._described.get(path) or Described(path=path)

    def _all(self, path: str) -> set[str]:
        return closure(self._listing, (path,))

    def _around(self, path: str) -> list[str]:
        """A package and what it imports, but for what the core's service imports anyway."""
        if path not in self._arounds:
            self._arounds[path] = sorted(self._all(path) - self._service)
        return self._arounds[path]

    def _lack(self, package: ListedPackage, around: list[ListedPackage]) -> tuple[str, str]:
        """Why a package cannot be compiled for want of something that it imports, and what would help; or ""."""
        paths = {each.path for each in around}
        for each in around:
            if each is package:
                continue
            if not each.files and (each.ignored or each.error):
                lack = "of which no file is built" if each.ignored else "which no module has"
                return f"it imports `{each.path}`, {lack}", self._help([each])
            used = [name for name, users in self._of(each.path).lost.items() if paths.intersection(users)]
            if used:
                return f"it uses `{each.name}.{min(used)}` of `{each.path}`, which is C", "write `cgo: true`"
        return "", ""

    def _missing(self, path: str) -> PackageContents:
        owners = {
            each.module.path: each.module.used.dir
            for each in self._listing.values()
            if each.module is not None and path.startswith(f"{each.module.path}/")
        }
        module = max(owners, key=len, default="")
        root = Path(owners[module], COMPONENTS_FOLDER) if module and owners[module] else None
        known = [folder.name for folder in root.iterdir() if folder.is_dir()] if root and root.is_dir() else []
        near = difflib.get_close_matches(path.rpartition("/")[2], known, n=2)
        hint = did_you_mean(near)
        where = f"module `{module}` has no such package" if module else "no module has it"
        return PackageContents(path, module, Presence.MISSING, where, hint)

    def _help(self, around: list[ListedPackage]) -> str:
        """What to write into the manifest so that files are built that are not now."""
        return _words(self._of(each.path).need for each in around)


def _words(needs: Iterable[Need | None]) -> str:
    """The least of some needs as a thing to write into a manifest; "" where there is none."""
    least = min((need for need in needs if need is not None), key=lambda each: each.rank, default=None)
    if least is None:
        return ""
    if least.platform:
        return EXCLUDE
    parts = [f"add {', '.join(f'`{tag}`' for tag in least.tags)} to `tags`"] if least.tags else []
    return " and ".join([*parts, *(["write `cgo: true`"] if least.cgo else [])])


def _unnamed(found: Iterable[Registration]) -> tuple[str, ...]:
    return tuple(sorted({each.place for each in found if each.reached and each.component is None}))


def _native(package: ListedPackage) -> NativePackage | None:
    """The machine code that a package brings along, where there is any."""
    module = package.module
    if module is None or not (package.syso_files or package.through_c):
        return None
    return NativePackage(
        package.path,
        module.used.path,
        module.used.version,
        module.path if module.replace is not None else "",
        tuple(sorted(package.syso_files)),
        tuple(sorted(package.through_c)),
    )


def _refusal(package: ListedPackage) -> str:
    if package.name == "main":
        return "it is a program, and cannot be imported"
    if "use of internal package" in package.error:
        return "it is internal to its module"
    if not package.files:
        return "no file of it is built" if package.ignored else "it has no Go files"
    return ""
