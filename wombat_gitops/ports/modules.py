"""Go modules: what is in them, which there are, and which go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wombat_gitops.domain.model import Module
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.domain.contents import Inspection
    from wombat_gitops.domain.gomod import Offer
    from wombat_gitops.domain.model import Distribution, Lock
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.domain.providers import Provider
    from wombat_gitops.ports.logs import Output


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


@dataclass(frozen=True, slots=True)
class ModuleNotice:
    """What the owner of a module says of a version: `retracted` and `deprecated` are texts, "" where it is not.

    A retraction without a reason has the text `by its owner`.
    """

    module: Module
    retracted: str = ""
    deprecated: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """For people, without the text of an author's line ends."""
        name = f"{self.module.path} {self.module.version}"
        said = (
            f"{name} is retracted: {visible_line(self.retracted)}" if self.retracted else "",
            f"the module {self.module.path} is deprecated: {visible_line(self.deprecated)}" if self.deprecated else "",
        )
        return tuple(sentence for sentence in said if sentence)


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

    async def notices(self, modules: Sequence[Module], toolchain: str) -> tuple[ModuleNotice, ...]:
        """The modules of which their owners say something, in their order.

        The newest version of a module has its owner's words. Where no list of versions can be had, or nothing can be
        asked, there are none: this is advice, and no reason to fail.
        """
        ...
