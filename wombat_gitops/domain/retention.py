"""Which builds go, and why: pure, from the records alone.

A build is *needed* where a manifest asks for it now, where its version is pinned, where it has not ended, where it
made the newest artifact of a platform that a manifest still asks for, or where it is not known what its manifest
says. What is needed never goes. Of the others, each distribution and platform keeps its newest versions and those
younger than so many days; what one of the two bounds keeps stays, and without any bound everything does. Then the
oldest go until a quota is met, if there is one.

A version is newer the later its newest build changed. Of each version kept, the newest artifact and the newest build
stay; versions without an artifact are counted apart, so that failures push no good version out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import ConfigDict

from wombat_gitops.domain import messages
from wombat_gitops.domain.messages import BuildId
from wombat_gitops.domain.model import Retention
from wombat_gitops.domain.platforms import PlatformField
from wombat_gitops.domain.records import BuildRecord, BuildState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.catalogue import DistributionRecord

_DIGEST: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_STRICT: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator wants kept.

    Attributes:
        versions: newest versions of a distribution to keep where its manifest does not say; 0 sets no bound.
        days: for how many days to keep versions where the manifest does not say; 0 sets no bound.
        quota: bytes that all artifacts may have together; 0 sets no bound.
        share: part of all artifacts, 0 to 1, that may go at once without being confirmed.
    """

    versions: int = 0
    days: int = 0
    quota: int = 0
    share: float = 0.3


class Why(StrEnum):
    """Why something goes."""

    RETENTION = "retention"  # more or older than is to be kept
    QUOTA = "quota"  # artifacts take more room than they may
    UNNAMED = "unnamed"  # no record has named it for the whole grace
    BROKEN_OFF = "broken-off"  # an upload that never came to its end


@dataclass(frozen=True, slots=True)
class Retired:
    """A build that goes, and what is freed of the artifacts by that.

    Attributes:
        size: bytes of its artifact; 0 where it has none, or where a build that stays has the same.
    """

    build: str
    name: str
    version: str
    platform: PlatformField
    state: BuildState
    changed_at: datetime
    why: Why
    size: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes and what that does.

    Attributes:
        artifacts: how many different artifacts there are.
        stored: bytes of all artifacts before.
        freed: bytes of artifacts that go.
        excess: bytes by which the quota is exceeded also afterwards, since everything else is needed.
        refused: why this must be confirmed by a person before it is done, or "".
    """

    retired: tuple[Retired, ...] = ()
    artifacts: int = 0
    stored: int = 0
    freed: int = 0
    excess: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """Clear away what need not be kept.

    Attributes:
        dry_run: only tell what would go.
        confirm: also where more goes than may go unasked.
    """

    __pydantic_config__ = _STRICT

    dry_run: bool = False
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Swept:
    """Something stored that no record names and that has waited out its grace: an object, input or upload."""

    kind: str
    name: str
    why: Why
    size: int = 0


@dataclass(frozen=True, slots=True)
class CollectAnswer:
    """What goes, or has gone.

    Attributes:
        dry_run: nothing was done.
        done: everything told here has been done; otherwise the service is at it, or `refused` says why it is not.
        retired: builds; at most so many are listed here, `retired_total` counts them all.
        swept: stored things; at most so many are listed here, `swept_total` counts them all.
        stored: bytes of all artifacts before.
        freed: bytes of artifacts whose builds go; their room is free after the grace.
        reclaimed: bytes of room that are free at once.
        waiting: stored things that no record names, and that wait out their grace.
        waiting_bytes: the room they take.
        excess: bytes by which the quota is exceeded also afterwards.
        refused: why a person has to confirm this.
        held: why stored things are left alone although no record names them, or "".
    """

    dry_run: bool
    done: bool = False
    retired: tuple[Retired, ...] = ()
    retired_total: int = 0
    swept: tuple[Swept, ...] = ()
    swept_total: int = 0
    stored: int = 0
    freed: int = 0
    reclaimed: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    excess: int = 0
    refused: str = ""
    held: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactSuspect:
    """An artifact could not be read as it was stored; it is looked at soon."""

    __pydantic_config__ = _STRICT

    sha256: BuildId


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something stored that no record named.

    Attributes:
        revision: of what was seen; where that is another one, it is another sighting.
        seconds: for how long it was seen so, by the clocks of those who looked.
        released: its last record went on purpose.
    """

    revision: int
    seconds: float = 0.0
    released: bool = False


@dataclass(frozen=True, slots=True)
class KeeperNote:
    """What one pass leaves for the next: the value of `keeper.note` in `leases`.

    Attributes:
        seen: by kind and name, what no record named.
        passes: how many there were; so that each note differs from the one before.
    """

    seen: Mapping[str, Sighting] = field(default_factory=dict)
    passes: int = 0


def needed(record: BuildRecord, wanted: frozenset[str], distributions: Mapping[str, DistributionRecord | None]) -> bool:
    """Whether nothing, not even a quota, may take a build away; see `decide`. *wanted*: builds of manifests."""
    if not record.state.final or record.id in wanted:
        return True
    name = record.spec.name
    if name not in distributions:
        return bool(record.origin.source)  # a watcher asked for it, and has not written down what it is a part of
    distribution = distributions[name]
    if distribution is None:
        return True
    return distribution.retention is not None and record.spec.version in distribution.retention.pin


def wanted_builds(distributions: Mapping[str, DistributionRecord | None]) -> frozenset[str]:
    """Ids of the builds that manifests ask for now."""
    found = (each for each in distributions.values() if each is not None and not each.retired)
    return frozenset(target.build for each in found for target in each.targets)


def decide(
    builds: Iterable[BuildRecord],
    distributions: Mapping[str, DistributionRecord | None],
    rules: Rules,
    now: datetime,
) -> Plan:
    """Which builds go.

    Args:
        distributions: by name; None for one that is there and cannot be read.
        now: the service's clock, as that of the records; it decides about days alone.
    """
    records = sorted(builds, key=lambda record: (record.changed_at, record.id))
    wanted = wanted_builds(distributions)
    fixed = {record.id for record in records if needed(record, wanted, distributions)} | _last_good(
        records, distributions
    )
    groups: defaultdict[tuple[str, str], list[BuildRecord]] = defaultdict(list)
    for record in records:
        groups[record.spec.name, str(record.spec.platform)].append(record)
    reasons: dict[str, Why] = {}

    def bound() -> None:
        kept = set[str](fixed)
        for (name, _), group in groups.items():
            left = [record for record in group if record.id not in reasons]
            kept |= _kept(left, _bounds(distributions.get(name), rules), now)
        gone = {record.id for record in records if record.id not in kept}
        reasons.update(dict.fromkeys(gone - reasons.keys(), Why.RETENTION))

    bound()
    excess = _meet_quota(records, fixed, reasons, rules.quota)
    bound()  # a version whose artifact the quota took counts as one that was never made
    return _plan(records, reasons, excess, rules.share)


def names_of(record: BuildRecord) -> frozenset[str]:
    """Everything that a record may name by its SHA-256: artifact, contents, logs, inputs, and what comes later.

    Found in its text and not by field, so that a new kind of file beside the artifact is not forgotten here.
    """
    return frozenset(_DIGEST.findall(messages.encode(record).decode()))


def _bounds(distribution: DistributionRecord | None, rules: Rules) -> Retention:
    own = distribution.retention if distribution is not None else None
    own = own or Retention()
    return Retention(own.versions or rules.versions, own.days or rules.days)


def _last_good(records: Iterable[BuildRecord], distributions: Mapping[str, DistributionRecord | None]) -> set[str]:
    """The newest artifact of each platform that a manifest asks for; *records* from old to new."""
    asked = {
        (name, str(target.platform))
        for name, each in distributions.items()
        if each is not None and not each.retired
        for target in each.targets
    }
    newest: dict[tuple[str, str], str] = {}
    for record in records:
        place = (record.spec.name, str(record.spec.platform))
        if record.artifact is not None and place in asked:
            newest[place] = record.id
    return set(newest.values())


def _kept(group: list[BuildRecord], bounds: Retention, now: datetime) -> set[str]:
    """What of one distribution and platform stays by number and age; *group* from old to new."""
    if not bounds.versions and not bounds.days:
        return {record.id for record in group}
    oldest = now - timedelta(days=bounds.days)
    kept = {record.id for record in group if bounds.days and record.changed_at > oldest}
    newest: dict[str, str] = {}
    made: dict[str, str] = {}
    for record in group:
        version = record.spec.version
        newest.pop(version, None)
        newest[version] = record.id
        if record.artifact is not None:
            made.pop(version, None)
            made[version] = record.id
    if bounds.versions:
        good = [*made][-bounds.versions :]
        bad = [version for version in newest if version not in made][-bounds.versions :]
        kept.update(made[version] for version in good)
        kept.update(newest[version] for version in (*good, *bad))
    return kept


def _meet_quota(records: list[BuildRecord], fixed: set[str], reasons: dict[str, Why], quota: int) -> int:
    """Let the oldest go until the artifacts of the others fit; returns the bytes that are too many even then."""
    if not quota:
        return 0
    holders: defaultdict[str, set[str]] = defaultdict(set)
    sizes: dict[str, int] = {}
    for record in records:
        if record.artifact is not None and record.id not in reasons:
            holders[record.artifact.sha256].add(record.id)
            sizes[record.artifact.sha256] = record.artifact.size
    total = sum(sizes.values())
    for record in records:
        if total <= quota:
            break
        if record.artifact is None or record.id in reasons or record.id in fixed:
            continue
        sha256 = record.artifact.sha256
        if holders[sha256] & fixed:
            continue  # its bytes stay anyway
        reasons[record.id] = Why.QUOTA
        holders[sha256].discard(record.id)
        if not holders[sha256]:
            total -= sizes[sha256]
    return max(total - quota, 0)


def _plan(records: list[BuildRecord], reasons: Mapping[str, Why], excess: int, share: float) -> Plan:
    sizes = {record.artifact.sha256: record.artifact.size for record in records if record.artifact is not None}
    staying = {record.artifact.sha256 for record in records if record.artifact is not None and record.id not in reasons}
    counted = set[str](staying)
    retired = list[Retired]()
    for record in records:
        if record.id not in reasons:
            continue
        size = 0
        if record.artifact is not None and record.artifact.sha256 not in counted:
            counted.add(record.artifact.sha256)
            size = record.artifact.size
        spec = record.spec
        retired.append(
            Retired(
                record.id,
                spec.name,
                spec.version,
                spec.platform,
                record.state,
                record.changed_at,
                reasons[record.id],
                size,
            )
        )
    freed = sum(each.size for each in retired)
    refused = too_many(len(sizes) - len(staying), len(sizes), share, "artifacts")
    return Plan(tuple(retired), len(sizes), sum(sizes.values()), freed, excess, refused)


def too_many(going: int, all_of_them: int, share: float, noun: str) -> str:
    """Why so many must not go unasked, or "". One alone may always go, unless it is the last."""
    if not going:
        return ""
    if going == all_of_them:
        return f"all {all_of_them} {noun} would go" if all_of_them > 1 else f"the last of the {noun} would go"
    if going > 1 and going > all_of_them * share:
        return f"{going} of {all_of_them} {noun} would go, more than {share:.0%}"
    return ""
