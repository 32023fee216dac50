"""What is written down of a build: its record, its attempts and their steps, and why one failed.

Values alone; `domain.lifecycle` has every change that a record may go through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from wombat_gitops.domain.capability import NO_NEEDS, Needs
from wombat_gitops.domain.errors import BuildFailed, IllegalTransition
from wombat_gitops.domain.model import Artifact, BuildSpec, Policy

MAX_ATTEMPTS: Final = 3
"""Executions of one build before it fails for good."""


class BuildState(StrEnum):
    """Where a build stands."""

    QUEUED = "queued"  # accepted; no builder has it
    RUNNING = "running"  # one builder holds the lease
    SUCCEEDED = "succeeded"  # the artifact is stored and verified
    FAILED = "failed"  # ended without an artifact; `failure` says why
    CANCELLED = "cancelled"  # a person stopped it
    SUPERSEDED = "superseded"  # its manifest changed before a builder took it

    @property
    def final(self) -> bool:
        """Nothing happens to the build any more unless somebody retries it."""
        return self not in {BuildState.QUEUED, BuildState.RUNNING}


class Step(StrEnum):
    """The named steps of a build, in order."""

    FETCH = "fetch"  # toolchain and modules, the only step with network
    GENERATE = "generate"  # the program's source
    CHECK = "check"  # every package is there and of use; licences; policy
    COMPILE = "compile"
    SMOKE = "smoke"  # the binary says what it is, and that is what was asked for
    UPLOAD = "upload"  # artifact to the object store, read back, verified


class FailureKind(StrEnum):
    """Who can mend a failure; what a `user` has to mend is not tried again."""

    USER = "user"  # the manifest, a package or the lock
    TRANSIENT = "transient"  # network, broker, lost builder
    INTERNAL = "internal"  # the builder's machine or a defect: another builder may do better


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt ended without an artifact.

    Attributes:
        reason: CamelCase word of a fixed list, `CompileError` (see `domain.gofailure`).
        culprit: the guilty module or package, or "".
        message: the first error, one line.
        hint: what to do, or "".
        tail: the last lines of the log, at most 20.
    """

    kind: FailureKind
    reason: str
    message: str
    step: Step | None = None
    culprit: str = ""
    hint: str = ""
    tail: tuple[str, ...] = ()


POLICY_VIOLATION: Final = "PolicyViolation"
"""The reason of a failure that another policy mends."""

NO_SANDBOX: Final = "NoSandbox"
"""The reason of a build with tests on a builder that cannot contain them; another builder may."""

KILLS_BUILDERS: Final = "KillsItsBuilder"
"""The reason of a build whose builders were lost, one after the other, until its attempts were spent."""


class StepFailed(BuildFailed):
    """A step of an attempt failed, for a reason that is already understood."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, hint=failure.hint)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of one attempt; `seconds` is None while it runs."""

    step: Step
    started_at: datetime
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A whole text in the object store, most often a log: SHA-256 and size in bytes of its plain text."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a build by one builder under one lease.

    Attributes:
        number: 1 for the first.
        claim: random text that only the claiming builder knows to be its own.
        ended_as: None while it runs, else how it ended (`lost` = its lease ran out).
        sandbox: how its builder contained foreign code (`capability.SandboxLevel`); "" where that was not written down.
    """

    number: int
    builder: str
    claim: str
    started_at: datetime
    steps: tuple[StepRun, ...] = ()
    ended_at: datetime | None = None
    ended_as: str | None = None
    failure: Failure | None = None
    log: StoredLog | None = None
    sandbox: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who first asked for a build: a source's id and commit, and the manifest's path there."""

    source: str = ""
    revision: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """Everything known of one build id; the value under that id in the KV `builds`.

    Attributes:
        round: 1, and one more after each retry by a person; attempts count anew in each round.
        not_before: no builder takes it earlier (back-off after a transient failure).
        attempts: the newest ones of all rounds, at most `lifecycle.KEPT_ATTEMPTS`, oldest first.
        policies: what the newest request wants held; the builder adds its own.
        contents: JSON of `contents.Contents` in the object store, once the build has succeeded.
        reference: what the program says of its components (`domain.reference`), where it was asked and answered.
        trace: `traceparent` of the request that queued it, or "" where nobody traces.
        lost: `Missing` or `DigestMismatch` where its artifact was found gone or damaged, until there is a good one.
        needs: what the newest request wants of a builder.
        asked_by: ids of the sources that ask for the build, "" for people; sorted (see `domain.asking`).
    """

    id: str
    spec: BuildSpec
    state: BuildState
    requested_at: datetime
    changed_at: datetime
    origin: Origin = Origin()
    priority: int = 0
    round: int = 1
    tries_left: int = MAX_ATTEMPTS
    not_before: datetime | None = None
    cancel_requested: bool = False
    attempts: tuple[Attempt, ...] = ()
    artifact: Artifact | None = None
    failure: Failure | None = None
    policies: tuple[Policy, ...] = ()
    contents: StoredLog | None = None
    trace: str = ""
    needs: Needs = NO_NEEDS
    asked_by: tuple[str, ...] = ()
    lost: str = ""
    reference: StoredLog | None = None
    schema: int = 1

    @property
    def attempt(self) -> Attempt:
        """The newest attempt.

        Raises:
            IllegalTransition: no builder has taken the build yet.
        """
        if not self.attempts:
            msg = f"build `{self.id[:12]}` has no attempt"
            raise IllegalTransition(msg)
        return self.attempts[-1]

    @property
    def step(self) -> StepRun | None:
        """The step that is running now."""
        if self.state is not BuildState.RUNNING or not self.attempts or not self.attempts[-1].steps:
            return None
        return self.attempts[-1].steps[-1]
