"""The shipped manifest `tiny`, built with the real Benthos and this machine's own module proxy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import go_network
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.domain.identity import make_spec
from wombat_gitops.domain.lock import read_lock
from wombat_gitops.domain.model import (
    CORE_MODULE,
    DEFAULT_TOOLCHAIN,
    UNCOMMITTED_DATE,
    Distribution,
    Module,
    PipelineTest,
)
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.reference import placed
from wombat_gitops.ports import Workspace
from wombat_gitops.settings import go_environment, search_path

if TYPE_CHECKING:
    from wombat_gitops.adapters.sandbox.sandbox import Sandbox
    from wombat_gitops.domain.model import BuildSpec
    from wombat_gitops.domain.reference import Reference

_MANIFESTS = Path(__file__).parents[2] / "manifests"
_LOCK = _MANIFESTS / "tiny.lock"
_PLATFORM = Platform("linux", "amd64")

TINY = Distribution(
    name="tiny",
    version="1.0.0",
    modules=(Module(CORE_MODULE, "v4.76.0"),),
    packages=tuple(f"{CORE_MODULE}/public/components/{name}" for name in ("io", "pure")),
    platforms=(_PLATFORM,),
    toolchain=DEFAULT_TOOLCHAIN,
    path="manifests/tiny.yaml",
    binary="tiny",
)
_, TINY_LOCK = read_lock((_LOCK / "go.mod").read_text(encoding="utf-8"), (_LOCK / "go.sum").read_text(encoding="utf-8"))


class Silence:
    """An output nobody reads."""

    async def write(self, data: bytes) -> None:
        """Take some output."""


@dataclass(frozen=True, slots=True)
class RealBuild:
    """A finished build, and how many seconds each step took."""

    spec: BuildSpec
    binary: Path
    seconds: dict[str, float]
    reference: Reference | None = None


async def real_compiler(data: Path, sandbox: Sandbox | None = None) -> GoCompiler:
    """The compiler as the product makes it, with its caches in *data*."""
    network = await go_network(go_environment(), search_path())
    return GoCompiler(Toolchains(data, search_path()), data, network, sandbox=sandbox)


async def build_real(compiler: GoCompiler, root: Path, tests: tuple[PipelineTest, ...] = ()) -> RealBuild:
    """All steps of `tiny` for linux/amd64."""
    wanted = replace(TINY, tests=tests)
    spec, workspace, output = make_spec(wanted, TINY_LOCK, _PLATFORM, UNCOMMITTED_DATE), Workspace(root), Silence()
    marks = [perf_counter()]
    await compiler.fetch(spec, TINY_LOCK, workspace, output)
    marks.append(perf_counter())
    await compiler.generate(spec, TINY_LOCK, workspace, output)
    marks.append(perf_counter())
    contents = await compiler.check(spec, TINY_LOCK, output)
    marks.append(perf_counter())
    binary = await compiler.compile(spec, workspace, output)
    marks.append(perf_counter())
    await compiler.smoke(spec, binary, contents, output)
    marks.append(perf_counter())
    described = await compiler.describe(spec, binary, output)
    marks.append(perf_counter())
    steps = ("fetch", "generate", "check", "compile", "smoke", "describe")
    seconds = {step: after - before for step, before, after in zip(steps, marks, marks[1:], strict=False)}
    return RealBuild(spec, binary, seconds, placed(described, contents) if described else None)
