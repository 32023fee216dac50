"""What a watcher writes down: conditions, and the records of sources and distributions made from a declaration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.catalogue import Condition, DistributionRecord, Target
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.errors import (
    CorruptData,
    DoesNotFit,
    HistoryCut,
    NotFound,
    Refused,
    TimedOut,
    TooLarge,
    UnusableSource,
    Unverified,
    WombatError,
)
from wombat_gitops.domain.messages import encode
from wombat_gitops.domain.model import UNCOMMITTED_DATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wombat_gitops.domain.catalogue import SourceRecord
    from wombat_gitops.domain.declaration import Declaration, Declared

READY: Final = "Ready"
STALLED: Final = "Stalled"
FETCH_FAILED: Final = "FetchFailed"
VERIFICATION_FAILED: Final = "VerificationFailed"
INVALID_MANIFEST: Final = "InvalidManifest"
NAME_CONFLICT: Final = "NameConflict"
PRUNE_BLOCKED: Final = "PruneBlocked"

NOT_REQUESTED: Final = "BuildsNotRequested"
"""Reason of a source that is not `Ready`: what its newest revision wants could not be asked for."""

BUILD_UNREADABLE: Final = "BuildUnreadable"
"""Reason of `Stalled`, and of a source that is not `Ready`, for builds whose records cannot be read."""


_MESSAGE: Final = 2048
"""Characters of a condition's message."""

_MOST_PROBLEMS: Final = 100
_LONGEST_TEXT: Final = 500
_PROBLEMS_BYTES: Final = 64 * 1024
"""Of all problems of a source, as JSON: its record is one value of the store, and every page of sources has it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When and at which revision something is observed."""

    revision: str
    time: datetime

    def condition(self, kind: str, reason: str, message: str, *, status: bool = True) -> Condition:
        """A condition that is observed now."""
        return Condition(kind, status, reason, message, self.revision, self.time)


def failure_reason(error: WombatError) -> str:
    """One word for why a source could not be read."""
    if isinstance(error, TimedOut) or isinstance(error.__cause__, TimedOut):
        return "TimedOut"
    if isinstance(error, Unverified | UnusableSource):
        return error.reason
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "Unreachable")


_REASONS: Final[tuple[tuple[type[WombatError], str], ...]] = (
    (TooLarge, "TooLarge"),
    (DoesNotFit, "TooLarge"),
    (HistoryCut, "HistoryCutOff"),
    (NotFound, "RefNotFound"),
    (Refused, "AccessDenied"),
    (CorruptData, "Corrupt"),
)
"""From special to general: the first that fits counts."""


def failure_condition(error: WombatError) -> str:
    """The abnormal condition of a source that could not be used."""
    return VERIFICATION_FAILED if isinstance(error, Unverified) else FETCH_FAILED


def errors_of(problems: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those that make a manifest unusable, sorted."""
    return tuple(sorted(problem for problem in problems if problem.severity is Severity.ERROR))


def describe(problems: Sequence[Diagnostic]) -> str:
    """One line a problem, `path:line:column: WOM-nnn message`, as many as fit; the last line counts the others."""
    lines, size = list[str](), 0
    for number, problem in enumerate(problems):
        place = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
        line = " ".join(f"{place}: {problem.rule} {problem.message}".split())[:512]
        size += len(line) + 1
        if size > _MESSAGE - 32:
            lines.append(f"and {len(problems) - number} more")
            break
        lines.append(line)
    return "\n".join(lines)


def fitting(problems: Sequence[Diagnostic]) -> tuple[tuple[Diagnostic, ...], int]:
    """The first problems that a record has room for, and how many others there are."""
    kept, size = list[Diagnostic](), 0
    for problem in problems[:_MOST_PROBLEMS]:
        short = replace(problem, message=problem.message[:_LONGEST_TEXT], hint=problem.hint[:_LONGEST_TEXT])
        size += len(encode(short))
        if size > _PROBLEMS_BYTES:
            break
        kept.append(short)
    return tuple(kept), len(problems) - len(kept)


def names(items: Iterable[str], most: int = 10) -> str:
    """Names as a list for people, sorted and bounded."""
    found = sorted(items)
    shown = ", ".join(f"`{item}`" for item in found[:most])
    return shown if len(found) <= most else f"{shown} and {len(found) - most} more"


def settle(conditions: Iterable[Condition], before: Iterable[Condition]) -> tuple[Condition, ...]:
    """*conditions* sorted, each with the time since which it holds if it held before."""
    known = {(old.type, old.status, old.reason): old.since for old in before}
    settled = (replace(new, since=known.get((new.type, new.status, new.reason), new.since)) for new in conditions)
    return tuple(sorted(settled, key=lambda condition: condition.type))


def make_record(
    item: Declared, source: str, moment: Moment, conditions: Iterable[Condition], before: DistributionRecord | None
) -> DistributionRecord:
    """The record of a distribution whose manifest and lock can be used."""
    distribution = item.distribution
    return DistributionRecord(
        name=distribution.name,
        version=distribution.version,
        source=source,
        path=distribution.path,
        revision=moment.revision,
        date=item.date,
        modules=distribution.modules,
        packages=distribution.packages,
        toolchain=distribution.toolchain,
        targets=tuple(Target(build.spec.platform, build.id) for build in item.builds),
        manifest=item.manifest,
        description=distribution.description,
        homepage=distribution.homepage,
        license=distribution.license,
        maintainers=distribution.maintainers,
        labels=distribution.labels,
        tags=distribution.tags,
        suspended=distribution.suspend,
        conditions=settle(conditions, before.conditions if before else ()),
        withdrawn=distribution.withdrawn,
        retention=distribution.retention,
        needs=distribution.needs,
        exclusions=distribution.exclusions,
        replaces=distribution.replaces,
        cgo=distribution.cgo,
        readme=item.readme,
    )


def same_distribution(one: DistributionRecord, other: DistributionRecord) -> bool:
    """Whether two records say the same but for the revision at which it was seen."""
    return _plain(one) == _plain(other)


def _plain(record: DistributionRecord) -> DistributionRecord:
    return replace(record, revision="", conditions=_timeless(record.conditions))


def same_source(one: SourceRecord, other: SourceRecord) -> bool:
    """Whether two records say the same, of the same revision, but for when it was seen."""
    return _bare(one) == _bare(other)


def _bare(record: SourceRecord) -> SourceRecord:
    return replace(record, checked_at=None, conditions=_timeless(record.conditions))


def _timeless(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    return tuple(replace(condition, revision="", since=UNCOMMITTED_DATE) for condition in conditions)


def source_conditions(
    broken: Mapping[str, list[Diagnostic]],
    foreign: Mapping[str, str],
    failed: Mapping[str, str],
    moment: Moment,
) -> list[Condition]:
    """What a source that was read amounts to.

    Args:
        broken: errors by the manifest's path.
        foreign: sources by the name that they have and this one declares too.
        failed: by build or name, why the service could not answer for it.
    """
    ready = moment.condition(READY, "Reconciled", "")
    if failed:
        message = "\n".join(sorted(set(failed.values())))[:2048]
        ready = moment.condition(READY, BUILD_UNREADABLE, message, status=False)
    conditions = [ready]
    problems = [problem for path in sorted(broken) for problem in broken[path]]
    if broken:
        message = describe(problems) or f"no usable lock: {names(broken)}"
        conditions.append(moment.condition(INVALID_MANIFEST, "ManifestInvalid", message))
    if foreign:
        owners = names(set(foreign.values()))
        message = f"another source already declares {names(foreign)}: {owners}"
        conditions.append(moment.condition(NAME_CONFLICT, "NameTaken", message))
    return conditions


def unusable(declaration: Declaration) -> dict[str, list[Diagnostic]]:
    """The errors of each manifest that cannot be used, by the manifest's path."""
    found: dict[str, list[Diagnostic]] = {}
    owned = set[Diagnostic]()
    for item in declaration.declared:
        problems = errors_of(item.diagnostics)
        owned.update(item.diagnostics)
        if problems or item.lock is None:
            found.setdefault(item.distribution.path, []).extend(problems)
    for problem in errors_of(declaration.diagnostics):
        if problem not in owned:
            found.setdefault(problem.path, []).append(problem)
    return found


def settled(
    declaration: Declaration, usable: Mapping[str, Declared], refused: Mapping[str, Sequence[Diagnostic]]
) -> Declaration:
    """What is declared, as it counts: builds as they are published, and what is wrong because of what is published.

    Args:
        usable: by name, the declarations with the builds that are asked for.
        refused: by path, errors that a manifest has because of what is published.
    """

    def one(item: Declared) -> Declared:
        other = usable.get(item.distribution.name, item)
        kept = other if other.distribution.path == item.distribution.path else item
        wrong = refused.get(item.distribution.path, ())
        return replace(kept, diagnostics=tuple(sorted((*kept.diagnostics, *wrong)))) if wrong else kept

    problems = (problem for wrong in refused.values() for problem in wrong)
    return replace(
        declaration,
        declared=tuple(map(one, declaration.declared)),
        diagnostics=tuple(sorted((*declaration.diagnostics, *problems))),
    )


def choose(declared: Sequence[Declared], stored: Mapping[str, DistributionRecord]) -> dict[str, Declared]:
    """One declaration a name: the path that had the name before keeps it, else the first path has it."""
    chosen: dict[str, Declared] = {}
    for item in sorted(declared, key=lambda item: item.distribution.path):
        name = item.distribution.name
        owner = stored.get(name)
        keeps = owner is not None and owner.path == item.distribution.path
        if name not in chosen or keeps:
            chosen[name] = item
    return chosen


def marked(record: DistributionRecord, problems: Iterable[Diagnostic], moment: Moment) -> DistributionRecord:
    """The last good declaration, with what is wrong with the present one."""
    message = describe(tuple(problems)) or "the lock cannot be used"
    condition = moment.condition(INVALID_MANIFEST, "ManifestInvalid", message)
    return replace(record, conditions=settle([condition], record.conditions))


def not_taken(item: Declared, refused: Mapping[str, str], failed: Mapping[str, str], moment: Moment) -> list[Condition]:
    """What is told of a distribution some builds of which the service refuses, or cannot answer for; by build, why."""
    for reason, why in ((BUILD_UNREADABLE, failed), ("BuildRefused", refused)):
        messages = sorted({why[build.id] for build in item.builds if build.id in why})
        if messages:
            return [moment.condition(STALLED, reason, "\n".join(messages)[:_MESSAGE])]
    return []


def stalled(record: DistributionRecord, message: str, moment: Moment) -> DistributionRecord:
    """The last good declaration, where the service could not tell what is published of the present one."""
    condition = moment.condition(STALLED, BUILD_UNREADABLE, message[:_MESSAGE])
    return replace(record, conditions=settle([condition], record.conditions))
