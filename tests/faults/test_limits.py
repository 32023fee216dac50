"""What a build may take of its machine, with the real compiler: each limit has its own verdict, and nothing is left.

Injected: a package whose program, or whose compilation, takes too much. Expected: the step fails with the reason of
its limit, no process of the build is alive, and a build beside it ends well.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Built, build, tiny
from tests.support.enclosed import enclosed_programs
from tests.support.faultlog import note
from tests.support.goproxy import FLOODS, component, distribution
from tests.support.hostile import programs_in
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.errors import OverLimit
from wombat_gitops.domain.records import FailureKind, Step, StepFailed
from wombat_gitops.settings import Settings
from wombat_gitops.wiring import machine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.goproxy import GoProxy
    from wombat_gitops.domain.records import Failure

MIB = 1 << 20

HOARDS = """
func init() {
	var hoard [][]byte
	for {
		block := make([]byte, 16<<20)
		for index := range block {
			block[index] = 1
		}
		hoard = append(hoard, block)
		time.Sleep(20 * time.Millisecond)
	}
}
"""
FORKS = """
func init() {
	if os.Getenv("GRANDCHILD") == "" {
		for count := 0; count < 60; count++ {
			os.StartProcess(os.Args[0], os.Args, &os.ProcAttr{
				Env: append(os.Environ(), "GRANDCHILD=yes"),
				Sys: &syscall.SysProcAttr{Setsid: true},
			})
		}
	}
	time.Sleep(time.Hour)
}
"""
WAITS = """
func init() {
	time.Sleep(time.Hour)
}
"""
MANY_FILES = """
func init() {
	for count := 0; ; count++ {
		os.WriteFile(os.Getenv("TMPDIR")+"/"+time.Now().Format("150405.000000000"), make([]byte, 4<<20), 0o600)
		time.Sleep(10 * time.Millisecond)
	}
}
"""
ONE_FILE = """
func init() {
	file, _ := os.Create(os.Getenv("TMPDIR") + "/large")
	for {
		if _, err := file.Write(make([]byte, 4<<20)); err != nil {
			panic(err)
		}
	}
}
"""
LARGE = "\nvar Large = [200 << 20]byte{1}\n\nfunc init() { if Large[5] == 1 { println() } }\n"


def package(extra: str, *imports: str) -> str:
    """Go source of a package called `bad`."""
    lines = "".join(f'import "{name}"\n' for name in imports)
    return component("bad", extra=extra).replace("package bad\n\n", f"package bad\n\n{lines}")


async def failure_of(proxy: GoProxy, data: Path, root: Path, source: str, limits: Limits) -> Failure:
    """The failure of a build with the package `bad`."""
    version = f"v4.90.{zlib.crc32(source.encode()) % 100_000}"  # the module cache outlives a test
    proxy.add_benthos(version, {"public/components/bad/bad.go": source})
    wanted = distribution("broken", ["pure", "bad"], core=version)
    compiler = GoCompiler(Toolchains(data, ""), data, GoNetwork(proxy.environment), limits)
    with pytest.raises(StepFailed) as caught:
        await build(compiler, wanted, proxy.lock(wanted.modules), root)
    return caught.value.failure


@pytest.mark.parametrize(
    ("source", "limits", "reason", "step"),
    [
        (package(HOARDS, "time"), Limits(memory=800 * MIB), "OutOfMemory", Step.SMOKE),
        (package(FORKS, "os", "syscall", "time"), Limits(processes=40), "ProcessLimit", Step.SMOKE),
        (package(WAITS, "time"), Limits(silence=2), "SilentTimeout", Step.SMOKE),
        (package(MANY_FILES, "os", "time"), Limits(space=128 * MIB), "OutputLimit", Step.SMOKE),
        (package(ONE_FILE, "os"), Limits(space=128 * MIB), "OutputLimit", Step.SMOKE),
        (package(LARGE), Limits(space=128 * MIB), "OutputLimit", Step.COMPILE),
        (package(FLOODS), Limits(log=1 * MIB), "LogLimit", Step.SMOKE),
    ],
    ids=["memory", "processes", "silence", "many files", "one file", "large program", "log"],
)
async def test_a_build_that_takes_too_much(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, source: str, limits: Limits, reason: str, step: Step
) -> None:
    """The verdict names the limit and the step, says what to do, and no process is left a moment later."""
    failure = await failure_of(go_proxy, go_data, tmp_path / "w", source, limits)
    begun = time.monotonic()

    assert (failure.reason, failure.step) == (reason, step)
    assert failure.hint
    assert failure.kind is FailureKind.USER
    assert not programs_in(tmp_path)
    assert not enclosed_programs()
    note(f"a build over its limit ({reason})", time.monotonic() - begun)


async def test_a_build_beside_one_that_takes_too_much(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Programs without end in one build; the one beside it, in the same caches, ends well and is whole."""
    wanted, lock = tiny(go_proxy)
    compiler = GoCompiler(Toolchains(go_data, ""), go_data, GoNetwork(go_proxy.environment), Limits(processes=40))
    failure, built = await asyncio.gather(
        failure_of(go_proxy, go_data, tmp_path / "bad", package(FORKS, "os", "syscall", "time"), Limits(processes=40)),
        build(compiler, wanted, lock, tmp_path / "good"),
    )

    assert failure.reason == "ProcessLimit"
    assert "components: 1 buffers, 1 inputs, 1 outputs, 1 processors" in built.log.text
    assert not programs_in(tmp_path)
    assert not enclosed_programs()


async def test_the_limits_of_an_ordinary_builder(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """With every limit as it is set by default, a build is what it is without any."""
    wanted, lock = tiny(go_proxy)
    made: list[Built] = []
    for limits in (UNLIMITED, machine.limits(Settings())):
        compiler = GoCompiler(Toolchains(go_data, ""), go_data, GoNetwork(go_proxy.environment), limits)
        made.append(await build(compiler, wanted, lock, tmp_path / str(len(made))))

    assert made[0].binary.read_bytes() == made[1].binary.read_bytes()


@pytest.mark.parametrize(
    ("reason", "step", "kind"),
    [
        ("SilentTimeout", Step.FETCH, FailureKind.TRANSIENT),
        ("SilentTimeout", Step.COMPILE, FailureKind.USER),
        ("OutOfMemory", Step.COMPILE, FailureKind.USER),
        ("OutputLimit", Step.FETCH, FailureKind.USER),
    ],
)
def test_who_can_mend_it(reason: str, step: Step, kind: FailureKind) -> None:
    """Silence while fetching is the network's and tried again; all else is the build's, and no builder is blamed."""
    assert gofailure.over_limit(OverLimit("x", reason=reason), "", step).kind is kind
