"""Two declarations of one distribution, compared field by field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wombat_gitops.domain.capability import size_text
from wombat_gitops.domain.lock import parse_go_mod

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.declaration import Declared
    from wombat_gitops.domain.model import Distribution, Module, PipelineTest


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One thing that differs; a list has `added` and `removed`, anything else `before` and `after`."""

    field: str
    before: str = ""
    after: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def differences(old: Declared, new: Declared) -> tuple[FieldChange, ...]:
    """Every field in which two declarations of a distribution differ, with the modules that only the lock names."""
    one, other = old.distribution, new.distribution
    found = value_changes(
        ("version", one.version, other.version),
        ("go", one.toolchain, other.toolchain),
        ("binary", one.binary, other.binary),
        ("cgo", flag(one.cgo), flag(other.cgo)),
        ("state", one.builds_nothing or "active", other.builds_nothing or "active"),
        ("withdrawn", _withdrawn(one), _withdrawn(other)),
        ("retention", _retention(one), _retention(other)),
        ("description", one.description, other.description),
        ("homepage", one.homepage, other.homepage),
        ("license", one.license, other.license),
        ("path", one.path, other.path),
    )
    found += [replace(each, field=f"module {each.field}") for each in module_changes(one.modules, other.modules)]
    for name, before_items, after_items in (
        ("packages", one.packages, other.packages),
        ("platforms", map(str, one.platforms), map(str, other.platforms)),
        ("tags", one.tags, other.tags),
        ("replaces", map(str, one.replaces), map(str, other.replaces)),
        ("excludes", map(str, one.excludes), map(str, other.excludes)),
        ("tests", *_tests(one.tests, other.tests)),
        ("exclusions", _exclusions(one), _exclusions(other)),
        ("policies", (policy.name for policy in one.policies), (policy.name for policy in other.policies)),
        ("labels", (f"{key}={text}" for key, text in one.labels), (f"{key}={text}" for key, text in other.labels)),
        ("needs", _needs(one), _needs(other)),
        ("maintainers", (each.name for each in one.maintainers), (each.name for each in other.maintainers)),
    ):
        change = lists(name, before_items, after_items)
        if change.added or change.removed:
            found.append(change)
    return (*found, *_locked(old, new))


def everything(new: Declared) -> tuple[FieldChange, ...]:
    """What there is in a distribution that is new."""
    it = new.distribution
    found = [FieldChange(f"module {module.path}", "", module.version) for module in it.modules]
    found += [FieldChange("go", "", it.toolchain), lists("packages", (), it.packages)]
    found += [FieldChange("cgo", "", "true")] if it.cgo else []
    found += [FieldChange("state", "", it.builds_nothing)] if it.builds_nothing else []
    more = [
        lists("tags", (), it.tags),
        lists("replaces", (), map(str, it.replaces)),
        lists("exclusions", (), _exclusions(it)),
        lists("policies", (), (policy.name for policy in it.policies)),
    ]
    return (*found, *(change for change in more if change.added))


def _locked(old: Declared, new: Declared) -> tuple[FieldChange, ...]:
    """Modules that only the lock names: those that the manifest's own modules bring along, as one field."""
    if old.lock is None or new.lock is None:
        return ()
    moved = module_changes(_indirect(old), _indirect(new))
    added = [
        f"{each.field} {each.before} → {each.after}" if each.before else f"{each.field} {each.after}"
        for each in moved
        if each.after
    ]
    removed = [f"{each.field} {each.before}" for each in moved if not each.after]
    return (FieldChange("indirect modules", added=tuple(added), removed=tuple(removed)),) if moved else ()


def _indirect(declared: Declared) -> tuple[Module, ...]:
    if declared.lock is None:
        return ()
    parsed = parse_go_mod(declared.lock.go_mod)
    own = {module.path for module in declared.distribution.modules}
    return tuple(module for module in parsed.used() if module.path not in own)


def value_changes(*values: tuple[str, str, str]) -> list[FieldChange]:
    """Of name, value before and value after, those that differ."""
    return [FieldChange(name, before, after) for name, before, after in values if before != after]


def module_changes(before: Iterable[Module], after: Iterable[Module]) -> list[FieldChange]:
    """Modules whose versions differ, by path, which is the field; "" as a version where there is none."""
    old, new = ({module.path: module.version for module in modules} for modules in (before, after))
    return [
        FieldChange(path, old.get(path, ""), new.get(path, ""))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]


def lists(name: str, before: Iterable[str], after: Iterable[str]) -> FieldChange:
    """What came into a list and what went, whatever the order is."""
    old, new = set(before), set(after)
    return FieldChange(name, added=tuple(sorted(new - old)), removed=tuple(sorted(old - new)))


def flag(value: bool) -> str:  # noqa: FBT001 - it is the value
    """A switch as text."""
    return "true" if value else "false"


def _withdrawn(distribution: Distribution) -> str:
    withdrawn = distribution.withdrawn
    if withdrawn is None:
        return ""
    return f"{', '.join(withdrawn.versions) or 'all versions'}: {withdrawn.reason}"


def _retention(distribution: Distribution) -> str:
    kept = distribution.retention
    if kept is None:
        return ""
    pinned = f", pinned {', '.join(kept.pin)}" if kept.pin else ""
    return f"{kept.versions} versions, {kept.days} days{pinned}"


def _needs(distribution: Distribution) -> list[str]:
    needs = distribution.needs
    memory = [f"{size_text(needs.memory)} of memory"] if needs.memory else []
    return memory + [f"label {key}={text}" for key, text in needs.labels]


def _tests(before: Iterable[PipelineTest], after: Iterable[PipelineTest]) -> tuple[list[str], list[str]]:
    """Names of tests; one that says something else now is among the later ones alone."""
    old, new = ({test.name: test for test in tests} for tests in (before, after))
    changed = {name for name, test in new.items() if name in old and old[name] != test}
    return [name for name in old if name not in changed], [
        f"{name} (changed)" if name in changed else name for name in new
    ]


def _exclusions(distribution: Distribution) -> set[str]:
    return {
        f"{platform} without {package}"
        for exclusion in distribution.exclusions
        for platform in exclusion.platforms
        for package in exclusion.packages
    }
