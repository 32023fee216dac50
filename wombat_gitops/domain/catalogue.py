"""What a watcher reports of a source and of each distribution in it, and what that amounts to.

`SourceRecord` and `DistributionRecord` are the values in the KVs `sources` and `distributions`, written
by the watcher alone. Status is never stored: `assess` derives it from a record and the builds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.capability import EVERYTHING, NO_NEEDS, Capabilities, Needs
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.model import CORE_MODULE, Exclusion, Maintainer, Module, Replace, Retention, Withdrawal
from wombat_gitops.domain.platforms import PlatformField
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.sources import Host

if TYPE_CHECKING:
    from collections.abc import Mapping

_GRACE: Final = timedelta(minutes=10)
"""What a watcher may be late: it writes some looks only, and waits up to five minutes after a failure."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A named, reasoned fact.

    Attributes:
        type: `Ready`, `Reconciling`, `Stalled`, or an abnormal one that exists only while true
            (`FetchFailed`, `VerificationFailed`, `InvalidManifest`, `NameConflict`, `PruneBlocked`, `NoBuilder`).
        reason: CamelCase word of a fixed list.
        message: for people; where a file is wrong, its diagnostics as `path:line:column: …` lines.
        revision: the commit it was observed at.
        since: when it became so.
    """

    type: str
    status: bool
    reason: str
    message: str
    revision: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """One platform of a distribution and the build its manifest asks for there."""

    platform: PlatformField
    build: str


@dataclass(frozen=True, slots=True)
class DistributionRecord:
    """A distribution as its manifest declares it at the newest revision that could be used.

    Attributes:
        manifest: the manifest's text at that revision.
        readme: the text in Markdown beside the manifest at that revision, or "".
        revision: commit (40 hex digits), with `+` behind it where the work tree differs from it.
        date: the date stamped into its binaries.
        retired: the manifest is gone; artifacts stay.
        withdrawn: nothing of it, or of some versions, is to be downloaded any more.
    """

    name: str
    version: str
    source: str
    path: str
    revision: str
    date: datetime
    modules: tuple[Module, ...]
    packages: tuple[str, ...]
    toolchain: str
    targets: tuple[Target, ...]
    manifest: str = ""
    description: str = ""
    homepage: str = ""
    license: str = ""
    maintainers: tuple[Maintainer, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    suspended: bool = False
    retired: bool = False
    conditions: tuple[Condition, ...] = ()
    withdrawn: Withdrawal | None = None
    retention: Retention | None = None
    needs: Needs = NO_NEEDS
    exclusions: tuple[Exclusion, ...] = ()
    replaces: tuple[Replace, ...] = ()
    cgo: bool = False
    readme: str = ""
    schema: int = 1

    @property
    def core(self) -> str:
        """The version of Benthos, or "" where the modules do not name it."""
        return next((module.version for module in self.modules if module.path == CORE_MODULE), "")


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A watched repository, branch and folder, and how the last look at it went.

    Attributes:
        id: short stable text made from url, ref and folder; a KV key.
        url: where it is read from, without credentials.
        revision: the newest commit that was read whole.
        manifests: how many manifests that revision holds, and how many of them are unusable.
        problems: what makes them unusable, as many as fit; `more_problems` counts the others.
        host: software of its git host, where the list of sources says it.
    """

    id: str
    url: str
    ref: str
    folder: str
    revision: str = ""
    checked_at: datetime | None = None
    manifests: int = 0
    invalid: int = 0
    conditions: tuple[Condition, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    more_problems: int = 0
    host: Host | None = None
    schema: int = 1


@dataclass(frozen=True, slots=True)
class SourceLook:
    """How a watcher last looked at a source, used or not: the value of `source.<id>` in `leases`.

    Attributes:
        revision: newest commit that was seen at the tip of the branch; "" where the host did not answer.
        via: why it is known: `poll`, or `webhook` where a message of the host made the watcher look.
        polled_at: the last look; of looks in which nothing is new, one in five minutes is written.
        interval: seconds between two looks, 0 where that is not known.
        pushed_at: the last message of the host.
        verified: whether that commit is signed as the source demands; None where it demands nothing.
        signer: who signed it.
        error: why the last look did not come to its end, or "".
        status_error: why the host could not be told how the builds stand, or "".
    """

    id: str
    revision: str = ""
    via: str = "poll"
    polled_at: datetime | None = None
    pushed_at: datetime | None = None
    verified: bool | None = None
    signer: str = ""
    error: str = ""
    status_error: str = ""
    interval: float = 0.0
    schema: int = 1

    @property
    def due_at(self) -> datetime | None:
        """When another look must have been written, unless nobody watches any more; None where that is not known."""
        if self.polled_at is None or not self.interval:
            return None
        return self.polled_at + 2 * timedelta(seconds=self.interval) + _GRACE


class BuilderState(StrEnum):
    """What a builder does about new builds."""

    WORKING = "working"  # takes what it can
    DRAINING = "draining"  # takes nothing more, and ends what it has
    QUARANTINED = "quarantined"  # its machine is broken or full: it takes nothing until it is well again


@dataclass(frozen=True, slots=True)
class BuilderPresence:
    """A builder that is at work, renewed while it lives: the value of `builder.<id>` in `leases`.

    Attributes:
        reason: why it is not working, or "".
        can: which builds it takes.
    """

    id: str
    host: str
    version: str
    workers: int
    busy: int
    started_at: datetime
    beat: int = 0
    state: BuilderState = BuilderState.WORKING
    reason: str = ""
    can: Capabilities = EVERYTHING


SERVICE_ROLE: Final = "service"
WATCHER_ROLE: Final = "watcher"


@dataclass(frozen=True, slots=True)
class RolePresence:
    """A service or a watcher that is at work, renewed while it lives: the value of `role.<role>.<id>` in `leases`.

    Attributes:
        id: `<host>.<start>`.
        renewed_at: by the clock of its machine.
    """

    id: str
    role: str
    host: str
    version: str
    started_at: datetime
    renewed_at: datetime


@dataclass(frozen=True, slots=True)
class BuilderOrder:
    """What an operator wants of a builder: the value of `order.<name>` in `leases`, written by the service alone.

    It holds for every start of a builder of that name, until there is another order.
    """

    drain: bool
    at: datetime


class Sync(StrEnum):
    """Is the newest published artifact the one the manifest asks for?"""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    """Does the artifact exist, and is its build in order?"""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    MISSING = "Missing"


@dataclass(frozen=True, slots=True)
class Status:
    """The two axes that are derived; the third, the operation, is the build's own state."""

    sync: Sync
    health: Health


def assess(record: DistributionRecord, builds: Mapping[str, BuildRecord]) -> Status:
    """Derive a distribution's status.

    Args:
        builds: the builds of the record's targets that are known, by id.
    """
    wanted = [builds.get(target.build) for target in record.targets]
    states = [build.state if build is not None else None for build in wanted]
    lost = any(build is not None and build.lost for build in wanted)
    synced = bool(states) and not lost and all(state is BuildState.SUCCEEDED for state in states)
    sync = Sync.SYNCED if synced else Sync.OUT_OF_SYNC
    if record.suspended:
        return Status(sync, Health.SUSPENDED)
    if synced:
        return Status(sync, Health.HEALTHY)
    if lost:
        return Status(sync, Health.MISSING)
    if BuildState.FAILED in states:
        return Status(sync, Health.DEGRADED)
    if any(state in {BuildState.QUEUED, BuildState.RUNNING} for state in states):
        return Status(sync, Health.PROGRESSING)
    return Status(sync, Health.MISSING)
