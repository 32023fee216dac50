"""What the services need from the world, in our words. The docstrings are the contracts.

Expected outcomes are return values (losing a race is None); adapters translate everything else into
`domain.errors` at the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from wombat_gitops.domain.commitstatus import CommitStatus, StatusTarget
    from wombat_gitops.domain.contents import Contents, Inspection
    from wombat_gitops.domain.gomod import Offer
    from wombat_gitops.domain.lifecycle import BuildRecord
    from wombat_gitops.domain.messages import (
        BuildAnswer,
        BuildPage,
        BuildQuery,
        BuildRequest,
    )
    from wombat_gitops.domain.model import BuildSpec, Distribution, Lock, Module, Platform
    from wombat_gitops.domain.providers import Provider

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """A stored value and the revision it was written at; revisions of a store only grow."""

    key: str
    value: T
    revision: int


@dataclass(frozen=True, slots=True)
class Put(Generic[T]):
    """A key has this value now."""

    entry: Versioned[T]


@dataclass(frozen=True, slots=True)
class Removed:
    """A key is gone."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Corrupt:
    """A key holds bytes that are not a value; other keys are not affected."""

    key: str
    revision: int
    message: str


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything that was in the store when it was last asked has been reported.

    Comes once after the first replay and again after every reconnect and every resync.
    """


@dataclass(frozen=True, slots=True)
class Reset:
    """The store was replaced by another one: forget all entries; a replay follows."""


Change = Put[T] | Removed | Corrupt | Synced | Reset


class Store(Protocol[T]):
    """Typed values by key, with compare-and-set and a feed of changes.

    Every method may raise `Unreachable` once its time-out has passed. A write that raises it may or
    may not have happened; `create` and `replace` settle that by themselves as long as the broker
    comes back in time, so that a caller is never told that it lost a race against itself.
    """

    async def create(self, key: str, value: T) -> Versioned[T] | None:
        """Store a new key, or return None where it exists."""
        ...

    async def replace(self, current: Versioned[T], value: T) -> Versioned[T] | None:
        """Write over exactly *current*, or return None where somebody wrote in between."""
        ...

    async def put(self, key: str, value: T) -> Versioned[T]:
        """Write whatever is there: only for values with one writer."""
        ...

    async def get(self, key: str) -> Versioned[T] | None:
        """The newest value, or None. Raises `CorruptData` where the bytes are not a value."""
        ...

    async def remove(self, key: str) -> None:
        """Make the key go away; no error where it is not there."""
        ...

    def follow(self) -> AsyncIterator[Change[T]]:
        """All entries, then `Synced`, then every change for as long as the caller listens.

        Survives the loss of the broker: changes made meanwhile are reported after it is back. Of
        several changes of one key between two looks only the last may be seen. Ends when closed.
        """
        ...


class ObjectStore(Protocol):
    """Bytes by their SHA-256. Never overwritten; everything read is verified."""

    async def put(self, path: Path, sha256: str, size: int) -> None:
        """Store a file's bytes under *sha256*; nothing happens where they are there already.

        Raises:
            CorruptData: the file's bytes do not have that digest.
            Unreachable: not stored within the time-out; nothing is visible to readers.
        """
        ...

    async def fetch(self, sha256: str, size: int, target: Path) -> None:
        """Write the object's bytes to *target*, atomically and only when they verify.

        Raises:
            NotFound: there is no such object.
            CorruptData: it is there, and its bytes are not the ones it was stored with.
            Unreachable: it could not be read within the time-out.
        """
        ...

    async def size(self, sha256: str) -> int | None:
        """The size of an object in bytes, or None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Some whole lines of a log.

    Attributes:
        sequence: grows within one log; reading can go on behind it.
        text: complete lines with their line ends; "" in the chunk that ends the log.
        end: this is the end of the log.
    """

    sequence: int
    text: str
    end: bool = False


class LogStream(Protocol):
    """Live logs of attempts."""

    async def append(self, build: str, attempt: int, index: int, text: str, *, end: bool = False) -> None:
        """Publish the *index*-th chunk of an attempt's log, counting from 0; sending it twice is harmless."""
        ...

    def read(self, build: str, attempt: int, *, after: int = 0, follow: bool = False) -> AsyncIterator[LogChunk]:
        """Chunks behind sequence *after*; with *follow* wait for more until the end chunk came."""
        ...


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

    async def cancel(self, build: str, *, superseded: bool = False) -> BuildRecord:
        """Stop a build. Raises `NotFound`, or `Refused` where it has ended."""
        ...

    async def retry(self, build: str) -> BuildRecord:
        """Queue an ended build again. Raises `NotFound`, or `Refused` where it has not ended."""
        ...


class Output(Protocol):
    """Takes a build's output as it comes: bytes, cut anywhere."""

    async def write(self, data: bytes) -> None:
        """Take some output; may wait, so that a slow reader slows the writer and loses nothing."""
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


class Inspector(Protocol):
    """Reads what programs would be made of from the source of their modules; compiles and runs nothing."""

    async def inspect(self, distribution: Distribution, lock: Lock, output: Output) -> Inspection:
        """The contents of the program of each platform. Answers again at once while nothing has changed.

        A package that is missing or a stub is part of the answer, not an error.

        Raises:
            LockError: the lock's modules cannot be listed.
            Unreachable: the module proxy does not answer.
        """
        ...


class PackageIndex(Protocol):
    """Tells what the packages of modules provide, from the source of these modules alone."""

    async def providers(
        self, modules: Sequence[Module], platforms: Sequence[Platform], toolchain: str, output: Output
    ) -> tuple[tuple[Provider, ...], ...]:
        """For each platform, the packages below `public/components` of *modules* that register something there.

        A package that registers more with build tags or cgo comes once more in that form. What packages of modules
        that are not among *modules* register is not seen.

        Args:
            modules: with the core module among them.
            toolchain: Go release to get modules with.

        Raises:
            LockError: a module does not exist in that version.
            Unreachable: the module proxy does not answer.
        """
        ...


class Resolver(Protocol):
    """Finds the exact modules of a distribution."""

    async def resolve(self, distribution: Distribution, output: Output) -> Lock:
        """Resolve for all platforms of *distribution*; never raises a version that was asked for.

        Raises:
            LockError: versions conflict, or a module or package does not exist; says which.
            Unreachable: the module proxy does not answer.
        """
        ...

    async def offers(self, distribution: Distribution, lock: Lock) -> tuple[Offer, ...]:
        """Replacements that the declared modules make for themselves, of modules that *lock* requires.

        Raises:
            LockError, Unreachable: as `resolve` does.
        """
        ...


@dataclass(frozen=True, slots=True)
class VersionList:
    """The versions of a module that its origin tells.

    Attributes:
        versions: oldest first, without those that their owner has retracted.
        problem: why the list could not be had, or "".
    """

    module: str
    versions: tuple[str, ...] = ()
    problem: str = ""


class ModuleVersions(Protocol):
    """Tells which versions of modules there are."""

    async def versions(self, modules: Sequence[str], toolchain: str) -> Mapping[str, VersionList]:
        """The list of each module, by its path; one that cannot be had does not keep the others.

        Args:
            modules: module paths, and `go` for the releases of Go itself (`1.26.6`).
            toolchain: Go release to ask with.

        Raises:
            LockError, Unreachable: nothing can be asked at all.
        """
        ...


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file below a source's folder: its path from the root of the repository and content id.

    Attributes:
        mode: git's file mode, `100644`; symbolic links and submodules are reported, never followed.
        size: bytes, or None where git does not say (submodules).
    """

    path: str
    oid: str
    mode: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Tree:
    """A source's folder at one revision."""

    revision: str
    entries: tuple[TreeEntry, ...]


class StatusWriter(Protocol):
    """Tells git hosts how commits stand."""

    async def write(self, target: StatusTarget, status: CommitStatus) -> None:
        """Write one status; the same one twice does no harm.

        Raises:
            Unreachable: the host does not answer, or asks to come back later.
            Refused: the host does not take it.
        """
        ...


class Refresher(Protocol):
    """Reaches the watchers."""

    async def refresh(self, source: str) -> None:
        """Have the source of this id looked at now, whoever watches it; a hint that may be lost.

        Raises:
            Unreachable: it cannot be passed on.
        """
        ...


class ManifestSource(Protocol):
    """A repository, branch and folder that is watched; read-only."""

    @property
    def id(self) -> str:
        """Short stable id, usable as a key."""
        ...

    @property
    def url(self) -> str:
        """Where it is read from, without credentials."""
        ...

    @property
    def ref(self) -> str:
        """The branch, or "" where the work tree itself is watched."""
        ...

    @property
    def folder(self) -> str:
        """The folder in the repository, `manifests`."""
        ...

    async def revision(self) -> str:
        """The newest revision, asked as cheaply as possible.

        Raises:
            Unreachable: the host does not answer, or not in time.
            NotFound: the branch does not exist.
            Refused: the URL is not allowed, or access was denied.
        """
        ...

    async def tree(self, revision: str) -> Tree:
        """All files below the folder at *revision* (fetched if need be). Raises as `revision` does."""
        ...

    async def read(self, tree: Tree, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some entries of *tree*."""
        ...

    async def dates(self, tree: Tree, groups: Mapping[str, Sequence[str]]) -> Mapping[str, datetime]:
        """For each group of paths the committer date (UTC) of the newest first-parent commit that changed one.

        `UNCOMMITTED_DATE` where no commit holds what *tree* shows.
        """
        ...

    def changes(self) -> AbstractAsyncContextManager[Callable[[float], Awaitable[None]]]:
        """A waiter: `await wait(seconds)` returns when the source may have changed, or after *seconds*."""
        ...
