"""Asking for builds, and doing them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wombat_gitops.domain.contents import Contents
    from wombat_gitops.domain.messages import (
        AttemptAnswer,
        AttemptClaim,
        AttemptEnd,
        AttemptStep,
        BuildAnswer,
        BuilderAnswer,
        BuildPage,
        BuildQuery,
        BuildRequest,
    )
    from wombat_gitops.domain.model import BuildSpec, Lock
    from wombat_gitops.domain.rebuild import Difference
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.domain.reference import Reference
    from wombat_gitops.ports.logs import Output


class BuildClient(Protocol):
    """The service `build` as its callers see it. Raises `Unreachable` where no instance answers."""

    async def request(self, request: BuildRequest) -> BuildAnswer:
        """Ask for a build; the same request twice is one build. Raises `Refused`."""
        ...

    async def get(self, build: str) -> BuildRecord:
        """One build. Raises `NotFound`."""
        ...

    async def list(self, query: BuildQuery) -> BuildPage:
        """Builds that match, newest first."""
        ...

    async def cancel(self, build: str, *, superseded: bool = False, source: str = "") -> BuildRecord:
        """Stop a build. Raises `NotFound`, or `Refused` where it has ended.

        Args:
            superseded: only where it is queued, and *source* was the last who asked for it.
        """
        ...

    async def retry(self, build: str) -> BuildRecord:
        """Queue an ended build again. Raises `NotFound`, or `Refused` where it has not ended.

        A record that cannot be read is removed, and `RecordRemoved` raised.
        """
        ...


class Builders(Protocol):
    """What an operator can order of builders. Raises `Unreachable` where no instance of the service answers."""

    async def drain(self, name: str) -> BuilderAnswer:
        """Let a builder take nothing more, under whatever start, until `resume`; what it has it ends."""
        ...

    async def resume(self, name: str) -> BuilderAnswer:
        """Let a builder take builds again."""
        ...


class Attempts(Protocol):
    """The queue as builders see it.

    Each method may be repeated when its answer was lost: what was done already is not done twice. Where the
    attempt is not, or no longer, the builder's, the answer says so and nothing has changed. Raises `Unreachable`
    where nobody answers in time.
    """

    async def claim(self, asked: AttemptClaim) -> AttemptAnswer:
        """Start a new attempt of a queued build; of many builders that ask, one gets it."""
        ...

    async def step(self, asked: AttemptStep) -> AttemptAnswer:
        """The attempt begins a step."""
        ...

    async def end(self, asked: AttemptEnd) -> AttemptAnswer:
        """The attempt ends; at most one attempt of a build ever publishes a result."""
        ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """A private folder of one attempt: `source/` for generated files, `out/` for the binary."""

    root: Path

    @property
    def source(self) -> Path:
        """Where go.mod, go.sum and main.go are."""
        return self.root / "source"

    @property
    def out(self) -> Path:
        """Where the compiler puts the binary."""
        return self.root / "out"


class Compiler(Protocol):
    """The Go toolchain, one method a step of a build.

    Each writes what it runs and what that prints to *output*, ends its whole process group when
    cancelled or after its deadline, and raises `StepFailed` with the classified
    failure when the step fails.
    """

    async def fetch(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        """Make toolchain and modules available; the only step that uses the network."""
        ...

    async def generate(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        """Write the program's source."""
        ...

    async def check(self, spec: BuildSpec, lock: Lock, output: Output) -> Contents:
        """Find out what the program will be made of; a package that is missing or a stub fails the step."""
        ...

    async def compile(self, spec: BuildSpec, workspace: Workspace, output: Output) -> Path:
        """Compile without network and return the binary."""
        ...

    async def smoke(self, spec: BuildSpec, binary: Path, contents: Contents, output: Output) -> None:
        """Check that the binary is what *spec* asks for; run it, and its tests, where this machine can.

        Then every package of *contents* that is known to register something must have added a component.
        """
        ...

    async def describe(self, spec: BuildSpec, binary: Path, output: Output) -> Reference | None:
        """Ask the binary what it says of its components; None where this machine cannot run it, or it does not tell.

        Never raises `StepFailed`: *output* tells why there is no answer.
        """
        ...


class Comparer(Protocol):
    """Looks into two programs that differ."""

    async def compare(self, spec: BuildSpec, rebuilt: Path, published: Path, workspace: Workspace) -> Difference:
        """Where two programs of *spec* differ; what cannot be read of them is a note of the answer.

        Raises:
            StepFailed: there is no toolchain to look into them with.
            WombatError: they could not be compared, because they take more than a program may.
        """
        ...
