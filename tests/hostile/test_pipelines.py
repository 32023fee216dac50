"""The field `tests` of a manifest, which can make official packages start any program of the machine.

Injected: a pipeline that runs shells and reads files. Expected: there are none in the sandbox, and what it writes
goes into the public failure without anything of this machine; without a sandbox it does not run at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.hostile.packages import PROBES, compiler_at, outcome, publish
from tests.integration.golang.support import Log, spec_of
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.model import PipelineTest
from wombat_gitops.domain.records import NO_SANDBOX, StepFailed
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.goproxy import GoProxy

SHELLS = ("/bin/sh", "/bin/bash", "/usr/bin/env", "/usr/bin/id", "/usr/bin/python3")
READS = ("/etc/passwd", "/etc/hostname", "/proc/1/environ", "/root/.profile")


async def test_a_pipeline_finds_no_shell_and_reads_nothing(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, level: SandboxLevel
) -> None:
    """Its output is shown, and says that everything was refused."""
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY-PIPELINE")
    lines = [f"{path}\trun\t{path}\t-c\techo CANARY-SHELL" for path in SHELLS]
    lines += [f"{path}\tread\t{path}" for path in (*READS, str(secret))]
    test = PipelineTest("shell", "\n".join(lines), "", "nothing of the kind")
    wanted = replace(publish(go_proxy, {"probes.go": PROBES}, name="piped"), tests=(test,))

    log, failure = await outcome(
        compiler_at(level, go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w"
    )

    assert failure is not None
    assert failure.reason == "TestFailed"
    said = "\n".join(failure.tail)
    for path in SHELLS:
        assert f"+@{path}\trefused" in said
    for word in ("CANARY", "root:", "uid="):
        assert word not in f"{log}{failure}"


async def test_a_pipeline_does_not_run_without_a_sandbox(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """It is refused before anything is fetched, and the builder is not blamed for it."""
    wanted = replace(publish(go_proxy, {"probes.go": PROBES}, name="piped"), tests=(PipelineTest("shell", "x"),))
    lock = go_proxy.lock(wanted.modules)
    compiler = GoCompiler(
        Toolchains(go_data, ""),
        go_data,
        GoNetwork(go_proxy.environment),
        sandbox=Sandbox(level=SandboxLevel.NONE),
    )

    with pytest.raises(StepFailed) as caught:
        await compiler.fetch(spec_of(wanted, lock), lock, Workspace(tmp_path / "w"), Log())

    assert caught.value.failure.reason == NO_SANDBOX
    assert not (tmp_path / "w" / "source").exists()
