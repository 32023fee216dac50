"""What an inspection means for a manifest: packages that are missing, stubs or of no use, at their lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.contents import Presence
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.model import COMPONENTS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.contents import Contents, Inspection, PackageContents
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.platforms import Platform

_RULES: Final[Mapping[Presence, rules.Rule]] = {
    Presence.MISSING: rules.PACKAGE_MISSING,
    Presence.STUB: rules.PACKAGE_STUB,
    Presence.REFUSED: rules.PACKAGE_REFUSED,
    Presence.EMPTY: rules.PACKAGE_EMPTY,
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


class UselessPackages(LockError):
    """Modules that were resolved, with packages that no program can be made of.

    Args:
        inspection: with at least one package that is not present.
    """

    def __init__(self, inspection: Inspection) -> None:
        wrong = _wrong(inspection, Presence.PRESENT)
        (first, where), *others = wrong.items()
        more = f" (and {len(others)} more)" if others else ""
        super().__init__(f"{_sentence(first, where, inspection)}{more}", hint=advice(first, where))
        self.inspection = inspection


def useless(contents: Contents) -> tuple[PackageContents, ...]:
    """The packages that a program must not be built with."""
    return tuple(package for package in contents.packages if package.presence is not Presence.PRESENT)


def refuse(inspection: Inspection) -> None:
    """Stop where a program must not be built. Raises `UselessPackages`."""
    if any(useless(contents) for _, contents in inspection.platforms):
        raise UselessPackages(inspection)


def diagnose(reading: Reading, inspection: Inspection) -> tuple[Diagnostic, ...]:
    """What is wrong with the packages of a distribution, each once, with the platforms it is wrong on."""
    found = []
    for package, where in _wrong(inspection).items():
        pointer = reading.pointers.get(package.package, "/packages")
        message, hint = _sentence(package, where, inspection), advice(package, where)
        rule, severity = _RULES.get(package.presence, rules.PACKAGE_EMPTY), Severity.ERROR
        if package.presence is Presence.PRESENT:
            hint, severity = "take the package that registers what you need", Severity.WARNING
        found.append(reading.places.problem(rule, message, pointer, hint=hint, severity=severity))
    for clash in sorted({clash for _, contents in inspection.platforms for clash in contents.clashes}):
        packages = " and ".join(f"`{package}`" for package in clash.packages)
        pointer = next((reading.pointers[each] for each in clash.packages if each in reading.pointers), "/packages")
        message = f"{clash.component} is registered by {packages}: one of them hides the other"
        hint = "leave one of the packages out, or ask an owner for another name"
        found.append(
            reading.places.problem(rules.PACKAGE_CLASH, message, pointer, hint=hint, severity=Severity.WARNING)
        )
    return tuple(sorted(found))


def _wrong(inspection: Inspection, *tolerated: Presence) -> dict[PackageContents, list[Platform]]:
    """Each package that there is something to say about, with the platforms it is to be said of."""
    wrong: dict[PackageContents, list[Platform]] = {}
    for platform, contents in inspection.platforms:
        for package in contents.packages:
            if package.presence not in tolerated and (
                package.presence is not Presence.PRESENT or not package.components
            ):
                plain = replace(package, components=(), licenses=(), license_files=())
                wrong.setdefault(plain, []).append(platform)
    return wrong


def _sentence(package: PackageContents, where: list[Platform], inspection: Inspection) -> str:
    everywhere = len(where) == len(inspection.platforms)
    on = "" if everywhere else f" on {', '.join(f'`{platform}`' for platform in where)}"
    reason = package.reason or "it is not known to register a component"
    return f"package `{short_name(package.package)}`{on}: {reason}"
