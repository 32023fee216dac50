"""What would be built, and why: the declared builds against those that are known.

Works from records alone, so it serves with a service (records from `build.list`), without one (records of
the local store) and with nothing at all (every build is new).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.identity import utc_text
from wombat_gitops.domain.records import BuildRecord, BuildState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.declaration import Declaration, Declared, DesiredBuild
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.model import BuildSpec, Module


class Action(StrEnum):
    """What applying the plan does about one build."""

    BUILD = "build"  # it is requested
    UP_TO_DATE = "up_to_date"  # its artifact is there
    IN_PROGRESS = "in_progress"  # it is queued or running
    FAILED = "failed"  # it ended without an artifact; only a retry by a person builds it again
    RETIRE = "retire"  # its manifest is gone; artifacts stay
    BLOCKED = "blocked"  # something has to be mended first


class Reason(StrEnum):
    """Why."""

    NEW_DISTRIBUTION = "new distribution"
    NEW_PLATFORM = "new platform"
    CHANGED_INPUT = "changed input"
    SUPERSEDED = "superseded before it was built"
    UP_TO_DATE = "up to date"
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REMOVED = "manifest removed"
    SUSPENDED = "suspended"
    LOCK = "lock cannot be used"
    POLICY = "not allowed by a policy"
    WITHDRAWN = "withdrawn"
    INVALID = "manifest cannot be used"


_KNOWN: Final[dict[BuildState, tuple[Action, Reason]]] = {
    BuildState.QUEUED: (Action.IN_PROGRESS, Reason.QUEUED),
    BuildState.RUNNING: (Action.IN_PROGRESS, Reason.RUNNING),
    BuildState.SUCCEEDED: (Action.UP_TO_DATE, Reason.UP_TO_DATE),
    BuildState.FAILED: (Action.FAILED, Reason.FAILED),
    BuildState.CANCELLED: (Action.FAILED, Reason.CANCELLED),
    BuildState.SUPERSEDED: (Action.BUILD, Reason.SUPERSEDED),
}

_SHORT_ID: Final = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """One input that is not what it was.

    Attributes:
        input: `version`, `date`, `go`, `cgo`, `packages`, `tags`, `tests`, `binary`, `lock`, or a module's path.
        before: what it was; "" for a list, or for a module that is new.
        after: what it is; "" for a list, or for a module that is gone.
        added: items of a list that are new.
        removed: items of a list that are gone.
    """

    input: str
    before: str = ""
    after: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        items = [f"+{item}" for item in self.added] + [f"-{item}" for item in self.removed]
        if items:
            return f"{self.input} {' '.join(items)}"
        return f"{self.input} {self.before or '(none)'} → {self.after or '(none)'}"


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one platform of one distribution.

    Attributes:
        platform: "" where all platforms are meant (`retire`, and manifests that cannot be used).
        build: the build's id, or "" where there is none.
        previous: id of the newest earlier build of this name and platform, or "".
        differences: against that earlier build.
        detail: a sentence more where the reason is not enough, or "".
    """

    name: str
    version: str
    platform: str
    action: Action
    reason: Reason
    build: str = ""
    previous: str = ""
    differences: tuple[Difference, ...] = ()
    detail: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, by name and in the order of each manifest's platforms."""

    revision: str
    changes: tuple[Change, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many changes there are of each action, every action named."""
        found = Counter(change.action for change in self.changes)
        return {action.value: found[action] for action in Action}

    @property
    def pending(self) -> bool:
        """Applying the plan would change something."""
        return any(change.action in {Action.BUILD, Action.RETIRE} for change in self.changes)

    def as_json(self) -> dict[str, object]:
        """The plan in its stable JSON form."""
        return {
            "schema_version": 1,
            "revision": self.revision,
            "pending": self.pending,
            "counts": self.counts,
            "changes": [_change_json(change) for change in self.changes],
        }


def make_plan(
    declaration: Declaration,
    observed: Iterable[BuildRecord] = (),
    current: Iterable[DistributionRecord] = (),
) -> Plan:
    """Compare what is declared with what is known.

    Args:
        observed: any build records; those of other distributions do no harm.
        current: the distributions known of the same source; those that are no longer declared retire, but
            not where their manifest is only unusable at the moment.
    """
    records = {record.id: record for record in observed}
    distributions = {record.name: record for record in current}
    history = _History(records.values(), distributions)
    changes: list[Change] = []
    for declared in declaration.declared:
        changes.extend(_changes(declared, records, history))
    names = {declared.distribution.name for declared in declaration.declared}
    good = {declared.distribution.path for declared in declaration.declared}
    broken = _first_errors(declaration.diagnostics, good)
    changes.extend(_unusable(path, problem) for path, problem in broken.items())
    changes.extend(
        Change(record.name, record.version, "", Action.RETIRE, Reason.REMOVED, path=record.path)
        for record in distributions.values()
        if record.name not in names and not record.retired and record.path not in broken
    )
    return Plan(declaration.revision, tuple(sorted(changes, key=lambda change: change.name)))


class _History:
    """The newest build of each name and platform, and the modules it is known to have had."""

    def __init__(self, records: Collection[BuildRecord], current: Mapping[str, DistributionRecord]) -> None:
        self.names = {record.spec.name for record in records} | set(current)
        self._current = current
        self._newest: dict[tuple[str, str], BuildRecord] = {}
        for record in sorted(records, key=lambda record: (record.requested_at, record.id)):
            self._newest[record.spec.name, str(record.spec.platform)] = record

    def newest(self, spec: BuildSpec) -> BuildRecord | None:
        return self._newest.get((spec.name, str(spec.platform)))

    def modules(self, build: BuildRecord) -> tuple[Module, ...] | None:
        record = self._current.get(build.spec.name)
        if record is None or all(target.build != build.id for target in record.targets):
            return None
        return record.modules


def _changes(declared: Declared, records: Mapping[str, BuildRecord], history: _History) -> list[Change]:
    distribution = declared.distribution
    if declared.lock is not None:
        return [_change(declared, desired, records.get(desired.id), history) for desired in declared.builds]
    problem = next((problem for problem in declared.diagnostics if problem.severity is Severity.ERROR), None)
    detail = problem.message if problem is not None else ""
    reason = Reason.POLICY if problem is not None and problem.rule.startswith("WOM-08") else Reason.LOCK
    return [
        Change(
            distribution.name,
            distribution.version,
            str(platform),
            Action.BLOCKED,
            reason,
            detail=detail,
            path=distribution.path,
        )
        for platform in distribution.platforms
    ]


def _change(declared: Declared, desired: DesiredBuild, record: BuildRecord | None, history: _History) -> Change:
    spec = desired.spec
    previous = None
    differences: tuple[Difference, ...] = ()
    detail = ""
    if record is not None:
        action, reason = _KNOWN[record.state]
        detail = record.failure.message if action is Action.FAILED and record.failure is not None else ""
    else:
        action, reason = Action.BUILD, Reason.NEW_DISTRIBUTION
        previous = history.newest(spec)
        if previous is not None:
            reason = Reason.CHANGED_INPUT
            differences = _differences(previous.spec, spec, history.modules(previous), declared.distribution.modules)
        elif spec.name in history.names:
            reason = Reason.NEW_PLATFORM
    if action is Action.BUILD and declared.distribution.builds_nothing:
        action, reason, differences = Action.BLOCKED, Reason(declared.distribution.builds_nothing), ()
        withdrawn = declared.distribution.withdrawn
        detail = withdrawn.reason if reason is Reason.WITHDRAWN and withdrawn is not None else ""
    return Change(
        name=spec.name,
        version=spec.version,
        platform=str(spec.platform),
        action=action,
        reason=reason,
        build=desired.id,
        previous=previous.id if previous is not None else "",
        differences=differences,
        detail=detail,
        path=declared.distribution.path,
    )


def _differences(
    before: BuildSpec, after: BuildSpec, modules_before: tuple[Module, ...] | None, modules_after: tuple[Module, ...]
) -> tuple[Difference, ...]:
    found = [Difference("version", before.version, after.version)] if before.version != after.version else []
    modules = _module_differences(modules_before, modules_after)
    found += modules
    if before.packages != after.packages:
        found.append(_list_difference("packages", before.packages, after.packages))
    if before.tags != after.tags:
        found.append(_list_difference("tags", before.tags, after.tags))
    if (before.go_mod, before.go_sum) != (after.go_mod, after.go_sum):
        found.append(Difference("lock", _lock_text(before), _lock_text(after)))
    added, removed = _names_of(after, before), _names_of(before, after)
    if added or removed:
        found.append(Difference("tests", added=added, removed=removed))
    for name, old, new in (
        ("go", before.toolchain, after.toolchain),
        ("cgo", *("on" if spec.cgo else "off" for spec in (before, after))),
        ("binary", before.binary_name, after.binary_name),
        ("date", utc_text(before.date), utc_text(after.date)),
    ):
        if old != new:
            found.append(Difference(name, old, new))
    return tuple(found) or (Difference("recipe"),)


def _names_of(spec: BuildSpec, other: BuildSpec) -> tuple[str, ...]:
    """Names of the tests of *spec* that *other* does not have just so."""
    return tuple(test.name for test in spec.tests if test not in other.tests)


def _module_differences(before: tuple[Module, ...] | None, after: tuple[Module, ...]) -> list[Difference]:
    if before is None:
        return []
    old, new = ({module.path: module.version for module in modules} for modules in (before, after))
    return [
        Difference(path, old.get(path, ""), new.get(path, ""))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]


def _list_difference(name: str, before: tuple[str, ...], after: tuple[str, ...]) -> Difference:
    added, removed = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    return Difference(name, added=tuple(added), removed=tuple(removed))


def _lock_text(spec: BuildSpec) -> str:
    return f"{spec.go_mod[:_SHORT_ID]}/{spec.go_sum[:_SHORT_ID]}"


def _first_errors(problems: Iterable[Diagnostic], good: Collection[str]) -> dict[str, Diagnostic]:
    """The first error of each manifest that gave no distribution."""
    found: dict[str, Diagnostic] = {}
    for problem in problems:
        if problem.severity is Severity.ERROR and problem.path not in good:
            found.setdefault(problem.path, problem)
    return found


def _unusable(path: str, problem: Diagnostic) -> Change:
    name = path.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")
    detail = f"{problem.rule} {problem.message}"
    return Change(name, "", "", Action.BLOCKED, Reason.INVALID, detail=detail, path=path)


def _change_json(change: Change) -> dict[str, object]:
    return {
        "name": change.name,
        "version": change.version,
        "platform": change.platform,
        "action": change.action.value,
        "reason": change.reason.value,
        "build": change.build,
        "previous": change.previous,
        "detail": change.detail,
        "path": change.path,
        "differences": [
            {
                "input": difference.input,
                "before": difference.before,
                "after": difference.after,
                "added": list(difference.added),
                "removed": list(difference.removed),
            }
            for difference in change.differences
        ],
    }
