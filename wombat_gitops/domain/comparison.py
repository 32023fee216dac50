"""What two programs are made of, held against each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wombat_gitops.domain.contents import Contents
from wombat_gitops.domain.differences import FieldChange, flag, lists, module_changes, value_changes
from wombat_gitops.domain.model import CORE_MODULE, BuildSpec, Module
from wombat_gitops.domain.versions import version_key


class Turn(StrEnum):
    """Which way a value went."""

    ADDED = "added"
    REMOVED = "removed"
    UP = "up"
    DOWN = "down"
    CHANGED = "changed"  # neither is newer, or it is no version


@dataclass(frozen=True, slots=True)
class Side:
    """One of two programs; `contents` is None where it is not recorded what is inside."""

    spec: BuildSpec
    contents: Contents | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs.

    Attributes:
        fields: `toolchain`, `cgo` and `core` (the version of Benthos), where they differ.
        lists: `packages` and `tags`; with known contents also `components` and `licenses`. Lists that agree are empty.
        modules: one change a module, its path is the field; "" as a version where it is not compiled in.
        known: modules, components, licences and the core were compared; otherwise nothing is said of them.
    """

    fields: tuple[FieldChange, ...]
    lists: tuple[FieldChange, ...]
    modules: tuple[FieldChange, ...]
    known: bool

    @property
    def equal(self) -> bool:
        """Nothing that was compared differs."""
        return not (self.fields or self.modules or any(each.added or each.removed for each in self.lists))


def turn_of(change: FieldChange) -> Turn:
    """Which way a module, the core or the toolchain went from one version to another."""
    if not change.before or not change.after:
        return Turn.ADDED if change.after else Turn.REMOVED
    if change.field == "cgo":
        return Turn.CHANGED
    old, new = version_key(change.before), version_key(change.after)
    if old == new:
        return Turn.CHANGED
    return Turn.UP if old < new else Turn.DOWN


def compare(before: Side, after: Side) -> Comparison:
    """Hold *after* against *before*; the other way round every change is turned."""
    one, other = before.spec, after.spec
    fields = [("toolchain", one.toolchain, other.toolchain), ("cgo", flag(one.cgo), flag(other.cgo))]
    found = [lists("packages", one.packages, other.packages), lists("tags", one.tags, other.tags)]
    old, new = before.contents, after.contents
    if old is None or new is None:
        return Comparison(tuple(value_changes(*fields)), tuple(found), (), known=False)
    fields.append(("core", _core(old), _core(new)))
    found.append(lists("components", map(str, old.components), map(str, new.components)))
    found.append(lists("licenses", old.licenses, new.licenses))
    modules = module_changes(_modules(old), _modules(new))
    return Comparison(tuple(value_changes(*fields)), tuple(found), tuple(modules), known=True)


def _core(contents: Contents) -> str:
    return next((module.version for module in contents.modules if CORE_MODULE in {module.path, module.replaces}), "")


def _modules(contents: Contents) -> list[Module]:
    return [Module(module.path, module.version) for module in contents.modules]
