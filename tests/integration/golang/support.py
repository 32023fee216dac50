"""What the tests of the Go adapters share: the compiler over fake modules, and a whole build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.goproxy import distribution
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.resolver import GoResolver
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.domain.contents import Contents
from wombat_gitops.domain.identity import make_spec
from wombat_gitops.domain.model import UNCOMMITTED_DATE
from wombat_gitops.domain.reference import Reference
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from tests.support.goproxy import GoProxy
    from wombat_gitops.domain.model import BuildSpec, Distribution, Lock


class Log:
    """An output that keeps everything."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes) -> None:
        self.data += data

    @property
    def text(self) -> str:
        return self.data.decode()


def compiler_of(proxy: GoProxy, data: Path) -> GoCompiler:
    """The compiler with no Go on PATH, so that the wheel's is used."""
    return GoCompiler(Toolchains(data, ""), data, GoNetwork(proxy.environment))


def resolver_of(proxy: GoProxy, data: Path) -> GoResolver:
    """The resolver with no Go on PATH, so that the wheel's is used."""
    return GoResolver(Toolchains(data, ""), data, GoNetwork(proxy.environment))


def spec_of(wanted: Distribution, lock: Lock) -> BuildSpec:
    """The spec of the first platform."""
    return make_spec(wanted, lock, wanted.platforms[0], UNCOMMITTED_DATE)


@dataclass(frozen=True, slots=True)
class Built:
    spec: BuildSpec
    binary: Path
    log: Log
    contents: Contents
    reference: Reference | None


async def build(compiler: GoCompiler, wanted: Distribution, lock: Lock, root: Path, log: Log | None = None) -> Built:
    """Every step of a build."""
    log = log or Log()
    spec = spec_of(wanted, lock)
    workspace = Workspace(root)
    await compiler.fetch(spec, lock, workspace, log)
    await compiler.generate(spec, lock, workspace, log)
    contents = await compiler.check(spec, lock, log)
    binary = await compiler.compile(spec, workspace, log)
    await compiler.smoke(spec, binary, contents, log)
    return Built(spec, binary, log, contents, await compiler.describe(spec, binary, log))


def tiny(proxy: GoProxy) -> tuple[Distribution, Lock]:
    """The distribution of `pure` and `io`, and its lock."""
    wanted = distribution()
    return wanted, proxy.lock(wanted.modules)
