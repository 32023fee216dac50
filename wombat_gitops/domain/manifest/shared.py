"""What manifests share: values of `Defaults`, groups of packages of `Library`, and every `Policy`.

Defaults and policies hold for their folder and all below it; libraries for the whole source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.licenses import license_meant
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.kinds import Json
from wombat_gitops.domain.manifest.places import Places, shown
from wombat_gitops.domain.manifest.view import record, text, texts
from wombat_gitops.domain.model import Policy, Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest.view import View

_SELECTIONS: Final = ("modules", "packages", "licenses", "platforms", "toolchains", "syso", "cgo")
_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class Declares:
    """A manifest of one of the shared kinds.

    Attributes:
        value: its checked fields.
        usable: False where there is an error; what it says is not known then.
    """

    kind: str
    value: Mapping[str, Json]
    places: Places
    usable: bool = True

    @property
    def path(self) -> str:
        """The file."""
        return self.places.path

    @property
    def folder(self) -> str:
        """The folder the file is in."""
        return self.path.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The name that the file has; a manifest is named for it."""
        return self.path.rpartition("/")[2].rpartition(".")[0]

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
        unusable: paths of the policies that have an error.
        broken: paths of the libraries that have an error, by name.
    """

    defaults: Mapping[str, Declares] = field(default_factory=dict)
    libraries: Mapping[str, Declares] = field(default_factory=dict)
    policies: tuple[tuple[str, Policy], ...] = ()
    unusable: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)

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
        return tuple(policy for folder, policy in self.policies if _holds(folder, path))

    def unusable_for(self, path: str) -> tuple[str, ...]:
        """Paths of the policies that would hold for a file, and cannot be used."""
        return tuple(each for each in self.unusable if _holds(each.rpartition("/")[0], path))


def gather(declared: Iterable[Declares]) -> tuple[Shared, tuple[Diagnostic, ...]]:
    """Put together what files declare; of two that contradict each other the first by path holds, and both are told.

    Of policies every one holds, whatever its name: one more file must never allow more.
    """
    problems: list[Diagnostic] = []
    defaults = dict[str, Declares]()
    named: dict[tuple[str, str], Declares] = {}
    ordered = sorted(declared, key=lambda each: each.path)
    for each in ordered:
        if not each.usable:
            continue
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
        for each in ordered
        if each.kind == "Policy" and each.usable
    )
    unusable = tuple(each.path for each in ordered if each.kind == "Policy" and not each.usable)
    broken = {each.stem: each.path for each in ordered if each.kind == "Library" and not each.usable}
    return Shared(defaults, libraries, policies, unusable, broken), tuple(dict.fromkeys(problems))


def make_policy(name: str, value: Mapping[str, Json], path: str) -> Policy:
    """The policy that checked fields say."""
    selections = {
        name: Selection(tuple(texts(lists.get("allow"))), tuple(texts(lists.get("deny"))))
        for name, lists in ((name, record(value.get(name))) for name in _SELECTIONS)
    }
    return Policy(name, **selections, max_size=size_of(text(value.get("maxSize"))), path=path)


def check_licenses(view: View, value: Mapping[str, Json], around: str = "") -> None:
    """Warn of licences that a policy names and nobody ever tells.

    Args:
        value: the fields of the policy.
        around: JSON Pointer of the policy.
    """
    lists = record(value.get("licenses"))
    for name in ("allow", "deny"):
        for index, license_ in enumerate(texts(lists.get(name))):
            pointer = f"{around}/licenses/{name}/{index}"
            meant = license_meant(license_) if view.sound(pointer) else ""
            if meant:
                message, hint = f"no licence is told as {shown(license_)}", f"did you mean `{meant}`?"
                view.report(rules.POLICY_LICENSE_NAME, message, pointer, hint, Severity.WARNING)


def size_of(words: str) -> int:
    """Bytes of a checked size such as `80MiB`; 0 for ""."""
    unit = next((unit for unit in _UNITS if words.endswith(unit)), "")
    number = words.removesuffix(unit)
    return int(number) * _UNITS.get(unit, 1) if number else 0


def _holds(folder: str, path: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _twice(rule: rules.Rule, message: str, both: Sequence[Declares], pointer: str) -> list[Diagnostic]:
    found = []
    for each, other in (both, tuple(reversed(both))):
        hint = f"keep one of `{each.path}` and `{other.path}`"
        found.append(each.places.problem(rule, message, pointer, hint=hint))
    return found
