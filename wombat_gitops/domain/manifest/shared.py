"""What manifests share: values of `Defaults`, groups of packages of `Library`, and every `Policy`.

Defaults and policies hold for their folder and all below it; libraries for the whole source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.kinds import Json
from wombat_gitops.domain.manifest.places import Places
from wombat_gitops.domain.manifest.view import record, text, texts
from wombat_gitops.domain.model import Policy, Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wombat_gitops.domain.diagnostics import Diagnostic

_SELECTIONS: Final = ("modules", "packages", "licenses", "platforms", "toolchains")
_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class Declares:
    """A usable manifest of one of the shared kinds.

    Attributes:
        value: its checked fields.
    """

    kind: str
    value: Mapping[str, Json]
    places: Places

    @property
    def path(self) -> str:
        """The file."""
        return self.places.path

    @property
    def folder(self) -> str:
        """The folder the file is in."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The name of a library or a policy."""
        return text(self.value.get("name"))


@dataclass(frozen=True, slots=True)
class Shared:
    """Everything that the manifests of a source share.

    Attributes:
        defaults: by folder.
        libraries: by name.
        policies: each with the folder it holds for.
    """

    defaults: Mapping[str, Declares] = field(default_factory=dict)
    libraries: Mapping[str, Declares] = field(default_factory=dict)
    policies: tuple[tuple[str, Policy], ...] = ()

    def defaults_for(self, path: str) -> tuple[Declares, ...]:
        """The defaults that hold for a file, the nearest first."""
        found = []
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self.defaults:
                found.append(self.defaults[folder])
        return tuple(found)

    def policies_for(self, path: str) -> tuple[Policy, ...]:
        """The policies that hold for a file."""
        return tuple(policy for folder, policy in self.policies if not folder or path.startswith(f"{folder}/"))


def gather(declared: Iterable[Declares]) -> tuple[Shared, tuple[Diagnostic, ...]]:
    """Put together what files declare; of two that contradict each other the first by path holds, and both are told."""
    problems: list[Diagnostic] = []
    defaults = dict[str, Declares]()
    named: dict[tuple[str, str], Declares] = {}
    for each in sorted(declared, key=lambda each: each.path):
        if each.kind == "Defaults":
            other = defaults.setdefault(each.folder, each)
            if other is not each:
                problems += _twice(rules.REPEATED_DEFAULTS, "the folder has other `Defaults` too", (other, each), "")
        else:
            other = named.setdefault((each.kind, each.name), each)
            if other is not each:
                message = f"{each.kind.lower()} `{each.name}` is declared by another manifest too"
                problems += _twice(rules.NAME_CONFLICT, message, (other, each), "/name")
    libraries = {name: each for (kind, name), each in named.items() if kind == "Library"}
    policies = tuple(
        (each.folder, make_policy(each.name, each.value, each.path))
        for (kind, _), each in named.items()
        if kind == "Policy"
    )
    return Shared(defaults, libraries, policies), tuple(dict.fromkeys(problems))


def make_policy(name: str, value: Mapping[str, Json], path: str) -> Policy:
    """The policy that checked fields say."""
    modules, packages, licenses, platforms, toolchains = (
        Selection(tuple(texts(lists.get("allow"))), tuple(texts(lists.get("deny"))))
        for lists in (record(value.get(name)) for name in _SELECTIONS)
    )
    return Policy(name, modules, packages, licenses, platforms, toolchains, size_of(text(value.get("maxSize"))), path)


def size_of(words: str) -> int:
    """Bytes of a checked size such as `80MiB`; 0 for ""."""
    unit = next((unit for unit in _UNITS if words.endswith(unit)), "")
    number = words.removesuffix(unit)
    return int(number) * _UNITS.get(unit, 1) if number else 0


def _twice(rule: rules.Rule, message: str, both: Sequence[Declares], pointer: str) -> list[Diagnostic]:
    found = []
    for each, other in (both, tuple(reversed(both))):
        hint = f"keep one of `{each.path}` and `{other.path}`"
        found.append(each.places.problem(rule, message, pointer, hint=hint))
    return found
