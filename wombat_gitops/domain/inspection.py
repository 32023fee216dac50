"""What an inspection means for a manifest: packages that are missing, stubs or of no use, at their lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.contents import Presence
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.model import COMPONENTS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.contents import Contents, Inspection, PackageContents
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.model import Platform

_RULES: Final[Mapping[Presence, rules.Rule]] = {
    Presence.MISSING: rules.PACKAGE_MISSING,
    Presence.STUB: rules.PACKAGE_STUB,
    Presence.REFUSED: rules.PACKAGE_REFUSED,
}


EXCLUDE: Final = "exclude it there"
"""The hint where only another platform would help; `advice` says how."""


def advice(package: PackageContents, platforms: Iterable[Platform]) -> str:
    """What to do about a package that is of no use on some platforms."""
    if package.hint != EXCLUDE:
        return package.hint
    listed = ", ".join(map(str, platforms))
    return f"{EXCLUDE}: `exclusions: [{{platforms: [{listed}], packages: [{short_name(package.package)}]}}]`"


def short_name(package: str) -> str:
    """A package as a manifest may list it."""
    return package.partition(f"/{COMPONENTS_FOLDER}/")[2] or package


def useless(contents: Contents) -> tuple[PackageContents, ...]:
    """The packages that a program must not be built with."""
    return tuple(package for package in contents.packages if package.presence is not Presence.PRESENT)


def diagnose(reading: Reading, inspection: Inspection) -> tuple[Diagnostic, ...]:
    """What is wrong with the packages of a distribution, each once, with the platforms it is wrong on."""
    wrong: dict[PackageContents, list[Platform]] = {}
    for platform, contents in inspection.platforms:
        for package in contents.packages:
            if package.presence is not Presence.PRESENT or not package.components:
                wrong.setdefault(replace(package, components=(), licenses=(), license_files=()), []).append(platform)
    everywhere = len(inspection.platforms)
    return tuple(sorted(_problem(reading, package, where, everywhere) for package, where in wrong.items()))


def _problem(reading: Reading, package: PackageContents, where: list[Platform], everywhere: int) -> Diagnostic:
    short = short_name(package.package)
    on = "" if len(where) == everywhere else f" on {', '.join(f'`{platform}`' for platform in where)}"
    pointer = reading.pointers.get(package.package, "/packages")
    rule = _RULES.get(package.presence)
    if rule is None:
        message = f"package `{short}`{on} is not known to register a component"
        hint = "take the package that registers what you need"
        return reading.places.problem(rules.PACKAGE_EMPTY, message, pointer, hint=hint, severity=Severity.WARNING)
    message = f"package `{short}`{on}: {package.reason}"
    return reading.places.problem(rule, message, pointer, hint=advice(package, where))
