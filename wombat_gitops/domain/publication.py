"""Published versions: what people have downloaded stays what it was.

A version is published when a build of it has succeeded. After that its program may be described,
labelled and tested in another way, and never be another program: that takes another version.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.declaration import Declared, DesiredBuild
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.identity import build_id, same_program
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.records import BuildRecord, BuildState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.declaration import Declaration
    from wombat_gitops.domain.manifest.places import Places
    from wombat_gitops.domain.model import BuildSpec

_NUMBERS: Final = re.compile(r"^(\d+)\.(\d+)\.(\d+)$")


def keep_dates(declared: Declared, published: Iterable[BuildRecord]) -> Declared:
    """Stamp builds with the date under which the same program of the same version is published already.

    So a new description or label of a published version builds nothing.
    """
    known = {
        (str(record.spec.platform), record.spec.version): record.spec
        for record in sorted(published, key=lambda record: (record.requested_at, record.id), reverse=True)
        if record.spec.name == declared.distribution.name and record.state is BuildState.SUCCEEDED
    }
    return replace(declared, builds=tuple(_dated(build, known) for build in declared.builds))


def _dated(build: DesiredBuild, known: Mapping[tuple[str, str], BuildSpec]) -> DesiredBuild:
    other = known.get((str(build.spec.platform), build.spec.version))
    if other is None or other.date == build.spec.date or not same_program(other, build.spec):
        return build
    spec = replace(build.spec, date=other.date)
    return DesiredBuild(build_id(spec), spec)


def changed_programs(declared: Declared, published: Iterable[BuildRecord]) -> tuple[BuildSpec, ...]:
    """Published builds of the declared version whose program would be another one now."""
    wanted = {(str(build.spec.platform), build.spec.version): build.spec for build in declared.builds}
    return tuple(
        record.spec
        for record in published
        if record.state is BuildState.SUCCEEDED
        and record.spec.name == declared.distribution.name
        and (spec := wanted.get((str(record.spec.platform), record.spec.version))) is not None
        and not same_program(spec, record.spec)
    )


def compare_declarations(base: Declaration, head: Declaration, places: Mapping[str, Places]) -> tuple[Diagnostic, ...]:
    """An error at each version that stays the same although its program does not.

    Args:
        base: what is published, or about to be: the branch that a pull request goes to.
        places: of the manifests of *head*, by path.
    """
    before = {
        (build.spec.name, str(build.spec.platform), build.spec.version): build.spec
        for declared in base.declared
        for build in declared.builds
    }
    found = []
    for declared in head.declared:
        for build in declared.builds:
            spec = build.spec
            other = before.get((spec.name, str(spec.platform), spec.version))
            if other is not None and not same_program(other, spec) and declared.distribution.path in places:
                found.append(problem(declared, other, spec, places[declared.distribution.path]))
                break
    return tuple(found)


def problem(declared: Declared, before: BuildSpec, after: BuildSpec, places: Places) -> Diagnostic:
    """The error at a manifest's `version`."""
    message = (
        f"version `{after.version}` of `{declared.distribution.name}` was made from other inputs: "
        f"{', '.join(differing_inputs(before, after))}"
    )
    return places.problem(
        rules.VERSION_PUBLISHED,
        message,
        "/version",
        hint=f"raise `version`, for example to `{next_version(after.version)}`",
        severity=Severity.ERROR,
    )


def differing_inputs(before: BuildSpec, after: BuildSpec) -> tuple[str, ...]:
    """Names of the inputs that differ, in the words of manifests."""
    pairs = (
        ("packages", before.packages, after.packages),
        ("modules", (before.go_mod, before.go_sum), (after.go_mod, after.go_sum)),
        ("go", before.toolchain, after.toolchain),
        ("tags", before.tags, after.tags),
        ("cgo", before.cgo, after.cgo),
        ("binary", before.binary, after.binary),
    )
    return tuple(name for name, one, other in pairs if one != other)


def next_version(version: str) -> str:
    """The next patch version; of a pre-release, its release."""
    plain = version.partition("+")[0].partition("-")[0]
    numbers = _NUMBERS.match(plain)
    if numbers is None or plain != version.partition("+")[0]:
        return plain
    return f"{numbers[1]}.{numbers[2]}.{int(numbers[3]) + 1}"
