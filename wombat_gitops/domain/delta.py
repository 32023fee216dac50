"""What a change of manifests means: two revisions compared, distribution by distribution.

Everything here is plain data, so that a report can be written in one process, carried as JSON, and be
rendered by another one that does not trust it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.declaration import Declared
from wombat_gitops.domain.diagnostics import stem_of
from wombat_gitops.domain.differences import FieldChange, differences, everything, lists
from wombat_gitops.domain.identity import build_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from wombat_gitops.domain.contents import Inspection
    from wombat_gitops.domain.declaration import Declaration, DesiredBuild, SharedFile
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.model import BuildSpec

SCHEMA_VERSION: Final = 1
_COMPONENTS: Final = FieldChange("components")
_LICENSES: Final = FieldChange("licences")


class ChangeKind(StrEnum):
    """What happened to a distribution."""

    ADDED = "added"
    CHANGED = "changed"
    RENAMED = "renamed"
    REMOVED = "removed"
    UNUSABLE = "unusable"  # its manifest or lock is wrong, or a policy does not allow it


class BuildKind(StrEnum):
    """What happens to the build of one platform."""

    NEW = "new"  # it has to be built
    REUSED = "reused"  # it is another build than before, and is there already
    SAME = "same"  # nothing changes
    GONE = "gone"  # the platform is no longer built for
    HELD = "held"  # suspended, withdrawn, or not usable


@dataclass(frozen=True, slots=True)
class BuildChange:
    """One platform.

    Attributes:
        build: id of the build that is wanted now, or "".
        size_before: bytes of the artifact of the base, 0 where it is not known.
        size_after: bytes of the artifact that is there already, 0 where there is none yet.
    """

    platform: str
    kind: BuildKind
    build: str = ""
    size_before: int = 0
    size_after: int = 0


@dataclass(frozen=True, slots=True)
class DistributionChange:
    """One distribution that is not as it was.

    Attributes:
        known_contents: components and licences were compared, or cannot differ; else their lists mean nothing.
        renamed_from: the name it had, or "".
    """

    name: str
    kind: ChangeKind
    path: str
    version_before: str = ""
    version_after: str = ""
    renamed_from: str = ""
    fields: tuple[FieldChange, ...] = ()
    builds: tuple[BuildChange, ...] = ()
    known_contents: bool = False
    components: FieldChange = _COMPONENTS
    licenses: FieldChange = _LICENSES


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong now; `new` where it was not wrong at the base."""

    path: str
    line: int
    column: int
    rule: str
    severity: str
    message: str
    hint: str
    new: bool


@dataclass(frozen=True, slots=True)
class SharedChange:
    """A manifest that others depend on is not as it was: `Policy`, `Defaults` or `Library`."""

    path: str
    kind: str
    change: str


@dataclass(frozen=True, slots=True)
class Delta:
    """All differences between two revisions.

    Attributes:
        unchanged: how many distributions are as they were.
    """

    base: str
    head: str
    distributions: tuple[DistributionChange, ...]
    shared: tuple[SharedChange, ...]
    problems: tuple[Problem, ...]
    unchanged: int
    schema_version: int = SCHEMA_VERSION

    @property
    def valid(self) -> bool:
        """Nothing is wrong that would keep a distribution from being built."""
        return not any(problem.severity == "error" for problem in self.problems)

    @property
    def pending(self) -> bool:
        """Something would be built."""
        return any(build.kind is BuildKind.NEW for change in self.distributions for build in change.builds)


@dataclass(frozen=True, slots=True)
class Published:
    """A build that succeeded, as far as a comparison needs it."""

    id: str
    name: str
    version: str
    platform: str
    date: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One distribution before and after, either of which may not be there."""

    old: Declared | None
    new: Declared | None

    @property
    def names(self) -> frozenset[str]:
        """The names that it had and has."""
        return frozenset(each.distribution.name for each in (self.old, self.new) if each is not None)

    @property
    def renamed_from(self) -> str:
        """The name that it had, or ""."""
        if self.old is None or self.new is None or self.old.distribution.name == self.new.distribution.name:
            return ""
        return self.old.distribution.name


def pair(base: Declaration, head: Declaration) -> tuple[Pair, ...]:
    """The distributions of both that are not the same to the last detail.

    One that is new and made of what another one was made of that is gone is that one, renamed.
    """
    before = {each.distribution.name: each for each in base.declared}
    after = {each.distribution.name for each in head.declared}
    gone: dict[tuple[object, ...], list[Declared]] = {}
    for each in base.declared:
        if each.distribution.name not in after:
            gone.setdefault(_made_of(each), []).append(each)
    pairs = []
    for new in head.declared:
        like = gone.get(_made_of(new)) if new.distribution.name not in before else None
        old = like.pop(0) if like else before.get(new.distribution.name)
        if old is None or (old.distribution, old.lock, old.builds) != (new.distribution, new.lock, new.builds):
            pairs.append(Pair(old, new))
    return (*pairs, *(Pair(old, None) for like in gone.values() for old in like))


def _made_of(declared: Declared) -> tuple[object, ...]:
    return declared.distribution.packages, declared.distribution.modules, declared.distribution.platforms


def compare(
    base: Declaration,
    head: Declaration,
    problems: Iterable[Diagnostic] = (),
    published: Iterable[Published] = (),
    inspections: Mapping[str, tuple[Inspection | None, Inspection | None]] | None = None,
) -> Delta:
    """Compare two declarations.

    Args:
        problems: what is wrong with *head* besides its own diagnostics.
        published: known builds, for sizes and for what is there already.
        inspections: by name, the contents before and after, where they were looked at.
    """
    known = _Known(published)
    looked = inspections or {}
    broken = {problem.path for problem in head.diagnostics if problem.severity == "error"}
    changes = []
    for each in pair(base, head):
        if each.new is not None:
            change = _change(each, each.new, known, looked.get(each.new.distribution.name, (None, None)))
            changes += [change] if change is not None else []
        elif each.old is not None:
            changes.append(_without(each.old, broken, known))
    old_problems = {(problem.path, problem.rule, problem.message) for problem in base.diagnostics}
    touched = {change.name for change in changes}
    return Delta(
        base=base.revision,
        head=head.revision,
        distributions=tuple(sorted(changes, key=lambda change: change.name)),
        shared=_shared(base.shared, head.shared),
        problems=tuple(_problem(each, old_problems) for each in sorted({*head.diagnostics, *problems})),
        unchanged=sum(each.distribution.name not in touched for each in head.declared),
    )


def narrowed(delta: Delta, names: Collection[str]) -> Delta:
    """What is about some distributions and about what several share; all of it where there are no names."""
    if not names:
        return delta
    chosen = tuple(change for change in delta.distributions if {change.name, change.renamed_from} & set(names))
    paths = {change.path for change in chosen}
    told = {change.name for change in chosen} | {change.renamed_from for change in chosen}
    return replace(
        delta,
        distributions=chosen,
        problems=tuple(each for each in delta.problems if each.path in paths or stem_of(each.path) in names),
        unchanged=len(set(names) - told),
    )


def contents_differ(each: Pair) -> bool:
    """Whether looking into a distribution may show something else than it did before."""
    if each.old is None or each.new is None:
        return each.new is not None
    one, other = each.old.distribution, each.new.distribution
    same = (one.packages, one.platforms, one.tags, one.cgo, one.exclusions, one.policies) == (
        other.packages,
        other.platforms,
        other.tags,
        other.cgo,
        other.exclusions,
        other.policies,
    )
    return each.old.lock != each.new.lock or not same


class _Known:
    """Published builds by what they are builds of."""

    def __init__(self, published: Iterable[Published]) -> None:
        self._builds: dict[tuple[str, str, str], list[Published]] = {}
        for each in published:
            self._builds.setdefault((each.name, each.version, each.platform), []).append(each)

    def size(self, spec: BuildSpec) -> int:
        """Bytes of the artifact of a build, whatever date is stamped into it; 0 where there is none."""
        like = self._builds.get((spec.name, spec.version, str(spec.platform)), ())
        return next((each.size for each in like if build_id(replace(spec, date=each.date)) == each.id), 0)


def _change(
    each: Pair, new: Declared, known: _Known, looked: tuple[Inspection | None, Inspection | None]
) -> DistributionChange | None:
    old = each.old
    fields = differences(old, new) if old is not None else ()
    builds = _builds(old, new, known)
    if old is not None and not fields and all(build.kind is BuildKind.SAME for build in builds):
        return None
    kind = ChangeKind.RENAMED if each.renamed_from else ChangeKind.CHANGED if old is not None else ChangeKind.ADDED
    inspected = looked[1] is not None and (old is None or looked[0] is not None)
    alike = old is not None and new.lock is not None and not contents_differ(each)
    return DistributionChange(
        name=new.distribution.name,
        kind=kind if new.lock is not None else ChangeKind.UNUSABLE,
        path=new.distribution.path,
        version_before=old.distribution.version if old is not None else "",
        version_after=new.distribution.version,
        renamed_from=each.renamed_from,
        fields=fields if old is not None else everything(new),
        builds=builds,
        known_contents=inspected or alike,
        components=lists("components", _components(looked[0]), _components(looked[1])),
        licenses=lists("licences", _licenses(looked[0]), _licenses(looked[1])),
    )


def _without(old: Declared, broken: set[str], known: _Known) -> DistributionChange:
    """A distribution that *head* does not have, or whose manifest cannot be read any more."""
    unusable = old.distribution.path in broken
    kind = BuildKind.HELD if unusable else BuildKind.GONE
    return DistributionChange(
        old.distribution.name,
        ChangeKind.UNUSABLE if unusable else ChangeKind.REMOVED,
        old.distribution.path,
        old.distribution.version,
        builds=tuple(
            BuildChange(str(build.spec.platform), kind, size_before=known.size(build.spec)) for build in old.builds
        ),
    )


def _builds(old: Declared | None, new: Declared, known: _Known) -> tuple[BuildChange, ...]:
    before = {str(build.spec.platform): build for build in old.builds} if old is not None else {}
    if new.lock is None:
        return tuple(BuildChange(str(platform), BuildKind.HELD) for platform in new.distribution.platforms)
    found = []
    for build in new.builds:
        platform = str(build.spec.platform)
        was = before.pop(platform, None)
        size = known.size(build.spec)
        if was is not None and _same(was, build):
            kind = BuildKind.SAME
        elif new.distribution.builds_nothing:
            kind = BuildKind.HELD
        else:
            kind = BuildKind.REUSED if size else BuildKind.NEW
        found.append(BuildChange(platform, kind, build.id, known.size(was.spec) if was is not None else 0, size))
    gone = (BuildChange(name, BuildKind.GONE, size_before=known.size(was.spec)) for name, was in before.items())
    return (*found, *gone)


def _same(was: DesiredBuild, build: DesiredBuild) -> bool:
    """Whether nothing is built anew: a published program keeps its date (`domain.publication`)."""
    return was.id == build.id or build_id(replace(build.spec, date=was.spec.date)) == was.id


def _components(inspection: Inspection | None) -> set[str]:
    platforms = inspection.platforms if inspection is not None else ()
    return {str(component) for _, contents in platforms for component in contents.components}


def _licenses(inspection: Inspection | None) -> set[str]:
    return {name for _, contents in (inspection.platforms if inspection else ()) for name in contents.licenses}


def _shared(before: Iterable[SharedFile], after: Iterable[SharedFile]) -> tuple[SharedChange, ...]:
    old, new = ({each.path: each for each in files} for files in (before, after))
    found = []
    for path in sorted({*old, *new}):
        one, other = old.get(path), new.get(path)
        if one == other:
            continue
        change = "added" if one is None else "removed" if other is None else "changed"
        kind = (other or one or new[path]).kind
        found.append(SharedChange(path, kind, change))
    return tuple(found)


def _problem(each: Diagnostic, known: set[tuple[str, str, str]]) -> Problem:
    new = (each.path, each.rule, each.message) not in known
    return Problem(each.path, each.line, each.column, each.rule, each.severity.value, each.message, each.hint, new)
