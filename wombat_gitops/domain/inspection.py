"""What an inspection means for a manifest: packages that are missing, stubs or of no use, at their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.contents import Presence
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest import rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.domain.contents import Contents, Inspection, PackageContents
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.model import Platform

_RULES: Final[Mapping[Presence, rules.Rule]] = {
    Presence.MISSING: rules.PACKAGE_MISSING,
    Presence.STUB: rules.PACKAGE_STUB,
    Presence.REFUSED: rules.PACKAGE_REFUSED,
}


def useless(contents: Contents) -> tuple[PackageContents, ...]:
    """The packages that a program must not be built with."""
    return tuple(package for package in contents.packages if package.presence is not Presence.PRESENT)


def diagnose(reading: Reading, inspection: Inspection) -> tuple[Diagnostic, ...]:
    """What is wrong with the packages of a distribution, each once, with the platforms it is wrong on."""
    wrong: dict[PackageContents, list[Platform]] = {}
    for platform, contents in inspection.platforms:
        for package in contents.packages:
            if package.presence is not Presence.PRESENT or not package.components:
                wrong.setdefault(package, []).append(platform)
    everywhere = len(inspection.platforms)
    return tuple(sorted(_problem(reading, package, where, everywhere) for package, where in wrong.items()))


def _problem(reading: Reading, package: PackageContents, where: list[Platform], everywhere: int) -> Diagnostic:
    short = package.package.partition("/public/components/")[2] or package.package
    places = ", ".join(f"`{platform}`" for platform in where)
    on = "" if len(where) == everywhere or package.presence is Presence.STUB else f" on {places}"
    pointer = reading.pointers.get(package.package, "/packages")
    rule = _RULES.get(package.presence)
    if rule is None:
        message = f"package `{short}` is not known to register a component{on}"
        hint = "take the package that registers what you need"
        return reading.places.problem(rules.PACKAGE_EMPTY, message, pointer, hint=hint, severity=Severity.WARNING)
    return reading.places.problem(rule, f"package `{short}`{on}: {package.reason}", pointer, hint=package.hint)
