"""What a change of manifests means: two revisions compared, distribution by distribution.

Everything here is plain data, so that a report can be written in one process, carried as JSON, and be
rendered by another one that does not trust it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.identity import same_program
from wombat_gitops.domain.lifecycle import BuildState
from wombat_gitops.domain.lock import parse_go_mod

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.contents import Inspection
    from wombat_gitops.domain.declaration import Declaration, Declared, SharedFile
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.lifecycle import BuildRecord
    from wombat_gitops.domain.model import Distribution, Module

SCHEMA_VERSION: Final = 1


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
class FieldChange:
    """One thing that differs; a list has `added` and `removed`, anything else `before` and `after`."""

    field: str
    before: str = ""
    after: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


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
        known_contents: components and licences were compared; without that their lists mean nothing.
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
    components: FieldChange = FieldChange("components")
    licenses: FieldChange = FieldChange("licences")


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


def compare(
    base: Declaration,
    head: Declaration,
    problems: Iterable[Diagnostic] = (),
    records: Iterable[BuildRecord] = (),
    inspections: Mapping[str, tuple[Inspection | None, Inspection | None]] | None = None,
) -> Delta:
    """Compare two declarations.

    Args:
        problems: what is wrong with *head* besides its own diagnostics.
        records: known builds, for sizes and for what is there already.
        inspections: by name, the contents before and after, where they were looked at.
    """
    known = {record.id: record for record in records}
    before = {each.distribution.name: each for each in base.declared}
    after = {each.distribution.name: each for each in head.declared}
    gone = {name: each for name, each in before.items() if name not in after}
    looked = inspections or {}
    changes = []
    for name, each in after.items():
        old = before.get(name)
        renamed = _renamed(each, gone) if old is None else ""
        if renamed:
            old = gone.pop(renamed)
        change = _change(old, each, renamed, known, looked.get(name, (None, None)))
        if change is not None:
            changes.append(change)
    broken = {problem.path for problem in head.diagnostics if problem.severity == "error"}
    changes += [_without(each, broken, known) for each in gone.values()]
    old_problems = {(problem.path, problem.rule, problem.message) for problem in base.diagnostics}
    return Delta(
        base=base.revision,
        head=head.revision,
        distributions=tuple(sorted(changes, key=lambda change: change.name)),
        shared=_shared(base.shared, head.shared),
        problems=tuple(_problem(each, old_problems) for each in sorted({*head.diagnostics, *problems})),
        unchanged=len(after) - sum(change.name in after for change in changes),
    )


def changed_names(base: Declaration, head: Declaration) -> tuple[str, ...]:
    """Names of the distributions of *head* whose packages, modules or platforms are not those of *base*."""
    before = {each.distribution.name: each for each in base.declared}
    return tuple(
        each.distribution.name
        for each in head.declared
        if (old := before.get(each.distribution.name)) is None
        or old.lock != each.lock
        or old.distribution.packages != each.distribution.packages
        or old.distribution.platforms != each.distribution.platforms
        or old.distribution.tags != each.distribution.tags
    )


def _renamed(declared: Declared, gone: Mapping[str, Declared]) -> str:
    """The name that a new distribution had before: of one that is gone and was made of the same."""
    made = (declared.distribution.packages, declared.distribution.modules, declared.distribution.platforms)
    for name, old in gone.items():
        if made == (old.distribution.packages, old.distribution.modules, old.distribution.platforms):
            return name
    return ""


def _change(
    old: Declared | None,
    new: Declared,
    renamed: str,
    known: Mapping[str, BuildRecord],
    looked: tuple[Inspection | None, Inspection | None],
) -> DistributionChange | None:
    fields = _fields(old, new) if old is not None else ()
    builds = _builds(old, new, known)
    if old is not None and not renamed and not fields and all(build.kind is BuildKind.SAME for build in builds):
        return None
    kind = ChangeKind.RENAMED if renamed else ChangeKind.CHANGED if old is not None else ChangeKind.ADDED
    inspected = looked[1] is not None and (old is None or looked[0] is not None)
    return DistributionChange(
        name=new.distribution.name,
        kind=kind if new.lock is not None else ChangeKind.UNUSABLE,
        path=new.distribution.path,
        version_before=old.distribution.version if old is not None else "",
        version_after=new.distribution.version,
        renamed_from=renamed,
        fields=fields if old is not None else _all_fields(new),
        builds=builds,
        known_contents=inspected,
        components=_lists("components", _components(looked[0]), _components(looked[1])),
        licenses=_lists("licences", _licenses(looked[0]), _licenses(looked[1])),
    )


def _without(old: Declared, broken: set[str], known: Mapping[str, BuildRecord]) -> DistributionChange:
    """A distribution that *head* does not have, or whose manifest cannot be read any more."""
    unusable = old.distribution.path in broken
    builds = tuple(
        BuildChange(
            str(build.spec.platform),
            BuildKind.HELD if unusable else BuildKind.GONE,
            size_before=_size(known, build.id),
        )
        for build in old.builds
    )
    kind = ChangeKind.UNUSABLE if unusable else ChangeKind.REMOVED
    return DistributionChange(
        old.distribution.name, kind, old.distribution.path, old.distribution.version, builds=builds
    )


def _fields(old: Declared, new: Declared) -> tuple[FieldChange, ...]:
    one, other = old.distribution, new.distribution
    found = [
        FieldChange(name, before, after)
        for name, before, after in (
            ("version", one.version, other.version),
            ("go", one.toolchain, other.toolchain),
            ("binary", one.binary, other.binary),
            ("cgo", _flag(one.cgo), _flag(other.cgo)),
            ("state", one.builds_nothing or "active", other.builds_nothing or "active"),
            ("withdrawn", _withdrawn(one), _withdrawn(other)),
            ("description", one.description, other.description),
        )
        if before != after
    ]
    found += _modules("module", one.modules, other.modules)
    for name, before_items, after_items in (
        ("packages", one.packages, other.packages),
        ("platforms", map(str, one.platforms), map(str, other.platforms)),
        ("tags", one.tags, other.tags),
        ("replaces", map(str, one.replaces), map(str, other.replaces)),
        ("excludes", map(str, one.excludes), map(str, other.excludes)),
        ("tests", (test.name for test in one.tests), (test.name for test in other.tests)),
        ("exclusions", _exclusions(one), _exclusions(other)),
        ("policies", (policy.name for policy in one.policies), (policy.name for policy in other.policies)),
        ("labels", (f"{key}={text}" for key, text in one.labels), (f"{key}={text}" for key, text in other.labels)),
    ):
        change = _lists(name, before_items, after_items)
        if change.added or change.removed:
            found.append(change)
    return (*found, *_locked(old, new))


def _all_fields(new: Declared) -> tuple[FieldChange, ...]:
    """What there is in a distribution that is new."""
    it = new.distribution
    found = [FieldChange(f"module {module.path}", "", module.version) for module in it.modules]
    found += [FieldChange("go", "", it.toolchain), _lists("packages", (), it.packages)]
    found += [_lists("tags", (), it.tags)] if it.tags else []
    return tuple(found)


def _locked(old: Declared, new: Declared) -> tuple[FieldChange, ...]:
    """Modules that only the lock names: those that the manifest's own modules bring along, as one field."""
    if old.lock is None or new.lock is None:
        return ()
    moved = _modules("", _indirect(old), _indirect(new))
    added = [
        f"{each.field.strip()} {each.before} → {each.after}" if each.before else f"{each.field.strip()} {each.after}"
        for each in moved
        if each.after
    ]
    removed = [f"{each.field.strip()} {each.before}" for each in moved if not each.after]
    return (FieldChange("indirect modules", added=tuple(added), removed=tuple(removed)),) if moved else ()


def _indirect(declared: Declared) -> tuple[Module, ...]:
    if declared.lock is None:
        return ()
    parsed = parse_go_mod(declared.lock.go_mod)
    own = {module.path for module in declared.distribution.modules}
    return tuple(module for module in parsed.used() if module.path not in own)


def _modules(word: str, before: Iterable[Module], after: Iterable[Module]) -> list[FieldChange]:
    old, new = ({module.path: module.version for module in modules} for modules in (before, after))
    return [
        FieldChange(f"{word} {path}", old.get(path, ""), new.get(path, ""))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]


def _lists(name: str, before: Iterable[str], after: Iterable[str]) -> FieldChange:
    old, new = set(before), set(after)
    return FieldChange(name, added=tuple(sorted(new - old)), removed=tuple(sorted(old - new)))


def _builds(old: Declared | None, new: Declared, known: Mapping[str, BuildRecord]) -> tuple[BuildChange, ...]:
    before = {str(build.spec.platform): build for build in old.builds} if old is not None else {}
    found = []
    for build in new.builds:
        platform = str(build.spec.platform)
        was = before.pop(platform, None)
        same = was is not None and (was.id == build.id or same_program(was.spec, build.spec))
        record = known.get(build.id)
        if same:
            kind = BuildKind.SAME
        elif new.distribution.builds_nothing:
            kind = BuildKind.HELD
        else:
            there = record is not None and record.state is BuildState.SUCCEEDED
            kind = BuildKind.REUSED if there else BuildKind.NEW
        size = _size(known, was.id) if was is not None else 0
        found.append(BuildChange(platform, kind, build.id, size, _size(known, build.id)))
    if new.lock is None:
        found += [BuildChange(str(platform), BuildKind.HELD) for platform in new.distribution.platforms]
        return tuple(found)
    found += [BuildChange(name, BuildKind.GONE, size_before=_size(known, was.id)) for name, was in before.items()]
    return tuple(found)


def _size(known: Mapping[str, BuildRecord], build: str) -> int:
    record = known.get(build)
    return record.artifact.size if record is not None and record.artifact is not None else 0


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


def _flag(value: bool) -> str:  # noqa: FBT001 - it is the value
    return "true" if value else "false"


def _withdrawn(distribution: Distribution) -> str:
    withdrawn = distribution.withdrawn
    if withdrawn is None:
        return ""
    return f"{', '.join(withdrawn.versions) or 'all versions'}: {withdrawn.reason}"


def _exclusions(distribution: Distribution) -> set[str]:
    return {
        f"{platform} without {package}"
        for exclusion in distribution.exclusions
        for platform in exclusion.platforms
        for package in exclusion.packages
    }
