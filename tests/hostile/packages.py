"""Hostile packages, and builds of them at a chosen level of the sandbox."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Log, build
from tests.support.goproxy import component, distribution
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.records import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.goproxy import GoProxy
    from wombat_gitops.domain.model import Distribution
    from wombat_gitops.domain.records import Failure

PROBES = (Path(__file__).parent / "probes" / "probes.go").read_text(encoding="utf-8")


def sandbox_at(level: SandboxLevel | None) -> Sandbox:
    """A sandbox of that level; None: the best that there is."""
    return Sandbox(level=level if level is SandboxLevel.LANDLOCK else None)


def compiler_at(level: SandboxLevel | None, proxy: GoProxy, data: Path, limits: Limits = UNLIMITED) -> GoCompiler:
    """The compiler, with a sandbox of that level."""
    return GoCompiler(Toolchains(data, ""), data, GoNetwork(proxy.environment), limits, sandbox_at(level))


def publish(proxy: GoProxy, files: Mapping[str, str], *, name: str = "hostile") -> Distribution:
    """Publish a Benthos with the package `bad`, and the distribution of it and `pure`.

    Args:
        files: the package's files by their names.
    """
    contents = repr(sorted(files.items())).encode()
    version = f"v4.91.{zlib.crc32(contents) % 1_000_000}"  # the module store outlives a test
    proxy.add_benthos(version, {f"public/components/bad/{file}": text for file, text in files.items()})
    return distribution(name, ["pure", "bad"], core=version)


def hostile(extra: str, *imports: str) -> dict[str, str]:
    """Files of a package `bad` that registers components, and has *extra* declarations."""
    lines = "".join(f'import "{name}"\n' for name in imports)
    return {"bad.go": component("bad", extra=extra).replace("package bad\n\n", f"package bad\n\n{lines}")}


async def failed(compiler: GoCompiler, proxy: GoProxy, wanted: Distribution, root: Path) -> tuple[Failure, str]:
    """The failure of a build, and its log."""
    log = Log()
    with pytest.raises(StepFailed) as caught:
        await build(compiler, wanted, proxy.lock(wanted.modules), root, log)
    return caught.value.failure, log.data.decode(errors="replace")
