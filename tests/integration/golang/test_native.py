"""Object files and C in modules: listed by package with the real toolchain, and refused unless a policy names them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Log, compiler_of, spec_of
from tests.support.goproxy import GoProxy, component, distribution
from wombat_gitops.adapters.files import FileObjects
from wombat_gitops.adapters.golang.environment import find_c_compiler
from wombat_gitops.adapters.golang.inspector import GoInspector
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.memory import MemoryLogs
from wombat_gitops.domain import policy
from wombat_gitops.domain.contents import Contents, NativePackage
from wombat_gitops.domain.messages import decode
from wombat_gitops.domain.model import Module, Policy, Replace, Selection
from wombat_gitops.domain.records import POLICY_VIOLATION, Step, StepFailed
from wombat_gitops.ports import Workspace
from wombat_gitops.services.engine import Engine
from wombat_gitops.services.joblog import JobLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wombat_gitops.domain.model import Distribution, Lock

PARTS = "example.org/parts/public/components/parts"
BLOB = "example.org/blob"
IMPORTS_BLOB = component("parts").replace("import", f'import _ "{BLOB}/inner"\n\nimport', 1)
WITH_C = 'package inner\n\n// static int one(void) { return 1; }\nimport "C"\n\nvar One = int(C.one())\n'


@pytest.fixture
def inspector(go_proxy: GoProxy, go_data: Path) -> GoInspector:
    return GoInspector(Toolchains(go_data, ""), go_data, GoNetwork(go_proxy.environment))


def over_a_blob(
    proxy: GoProxy, files: dict[str, str], version: str, platforms: tuple[str, ...] = ("linux/amd64",)
) -> tuple[Distribution, Lock]:
    """A distribution with a package that imports `example.org/blob/inner`, a module that no manifest names."""
    blob = proxy.add(BLOB, version, {"inner/inner.go": "package inner\n", **files})
    parts = proxy.add("example.org/parts", version, {"public/components/parts/parts.go": IMPORTS_BLOB}, requires=[blob])
    wanted = distribution(modules=[parts], packages=["io", PARTS], platforms=platforms)
    return wanted, proxy.lock([*wanted.modules, blob])


@pytest.fixture
def job_log(tmp_path: Path) -> Iterator[JobLog]:
    """The log of an attempt."""
    log = JobLog(tmp_path / "log", MemoryLogs(), "0" * 64, 1)
    yield log
    log.end()


async def no_step(_: Step) -> None:
    """Take no notice of a step."""


def told(contents: Contents, *policies: Policy) -> list[str]:
    return [each.message for each in policy.judge_contents(policies, contents)]


async def test_an_object_file_is_refused_on_the_platform_it_is_linked_on(
    inspector: GoInspector, go_proxy: GoProxy
) -> None:
    """The platform in a file's name counts as Go counts it, and cgo does not matter."""
    wanted, lock = over_a_blob(
        go_proxy, {"inner/x_linux_amd64.syso": "\x7fELF"}, "v1.0.0", ("linux/amd64", "linux/arm64", "windows/amd64")
    )
    (_, amd64), (_, arm64), (_, windows) = (await inspector.inspect(wanted, lock, Log())).platforms
    assert amd64.native == (NativePackage(f"{BLOB}/inner", BLOB, "v1.0.0", syso=("x_linux_amd64.syso",)),)
    assert told(amd64) == [
        f"package `{BLOB}/inner` of `{BLOB}@v1.0.0` links `x_linux_amd64.syso`, which no policy allows"
    ]
    assert (arm64.native, told(arm64), told(windows)) == ((), [], [])


@pytest.mark.parametrize("name", [BLOB, f"{BLOB}/inner", "example.org/*/inner", "example.org/..."])
async def test_an_object_file_is_allowed_by_name(inspector: GoInspector, go_proxy: GoProxy, name: str) -> None:
    """By the path of its package or of its module; the path of whoever imports it is not enough."""
    wanted, lock = over_a_blob(go_proxy, {"inner/x.syso": "\x7fELF"}, "v1.1.0")
    ((_, found),) = (await inspector.inspect(wanted, lock, Log())).platforms
    assert told(found, Policy("p", syso=Selection((name,)))) == []
    assert len(told(found, Policy("p", syso=Selection((PARTS,))))) == 1


async def test_a_replacement_is_not_allowed_by_what_it_replaces(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """Otherwise a manifest could put any object file in the place of an allowed module."""
    wanted, _ = over_a_blob(go_proxy, {"inner/x.syso": "\x7fELF"}, "v1.2.0")
    files = {"inner/inner.go": "package inner\n", "inner/evil.syso": "\x7fELF"}
    evil = go_proxy.add("evil.example/blob", "v1.0.0", files, go_mod=f"module {BLOB}\n\ngo 1.21\n")
    lock = go_proxy.lock([*wanted.modules, Module(BLOB, "v1.2.0"), evil])
    go_mod = lock.go_mod.replace(f"\t{evil.path} {evil.version}\n", "") + f"\nreplace {BLOB} => {evil.path} v1.0.0\n"
    lock = replace(lock, go_mod=go_mod)
    wanted = replace(wanted, replaces=(Replace(BLOB, "", evil),))

    ((_, found),) = (await inspector.inspect(wanted, lock, Log())).platforms

    assert found.native == (NativePackage(f"{BLOB}/inner", evil.path, "v1.0.0", BLOB, syso=("evil.syso",)),)
    assert len(told(found, Policy("p", syso=Selection((f"{BLOB}/...",))))) == 1
    assert told(found, Policy("p", syso=Selection((evil.path,)))) == []


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_builder_refuses_an_object_file_that_nobody_validated(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, job_log: JobLog, allowed: bool
) -> None:
    """A build without policies, as a forged record asks for it, ends before the compiler starts."""
    wanted, lock = over_a_blob(go_proxy, {"inner/x.syso": "not an object file"}, "v1.3.0")
    rules = (Policy("p", syso=Selection((BLOB,))),) if allowed else ()
    engine = Engine(compiler_of(go_proxy, go_data), FileObjects(tmp_path / "objects"), rules)
    steps: list[Step] = []

    async def note(step: Step) -> None:
        steps.append(step)

    with pytest.raises(StepFailed) as caught:
        await engine.build(spec_of(wanted, lock), lock, Workspace(tmp_path / "work"), job_log, note)

    if allowed:  # only the linker finds out that the file is broken
        assert steps[-1] is Step.COMPILE
    else:
        assert (steps[-1], caught.value.failure.reason) == (Step.CHECK, POLICY_VIOLATION)
        assert f"`syso: {{allow: [{BLOB}/inner]}}`" in caught.value.hint


async def test_c_is_listed_where_it_is_compiled(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """Only with cgo on, with what is compiled beside it; the standard library's own C is not listed."""
    files = {
        "inner/with_c.go": WITH_C,
        "inner/help.c": "int help(void) { return 2; }\n",
        "inner/help.h": "int help(void);\n",
        "inner/user.go": 'package inner\n\nimport (\n\t_ "net"\n\t_ "os/user"\n)\n',
        "inner/help_windows.c": "int windows(void) { return 2; }\n",
    }
    wanted, lock = over_a_blob(go_proxy, files, "v1.4.0")
    ((_, plain),) = (await inspector.inspect(wanted, lock, Log())).platforms
    ((_, cgo),) = (await inspector.inspect(replace(wanted, cgo=True), lock, Log())).platforms
    assert plain.native == ()
    assert cgo.native == (NativePackage(f"{BLOB}/inner", BLOB, "v1.4.0", cgo=("help.c", "with_c.go")),)
    assert len(told(cgo)) == 1
    assert len(told(cgo, Policy("p", syso=Selection((BLOB,))))) == 1
    assert told(cgo, Policy("p", cgo=Selection((BLOB,)))) == []


async def test_assembly_is_not_native_code(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """Go's own assembler takes it, as in many ordinary modules."""
    files = {"inner/add_amd64.s": "TEXT ·add(SB),$0\n\tRET\n", "inner/add_amd64.go": "package inner\n\nfunc add()\n"}
    wanted, lock = over_a_blob(go_proxy, files, "v1.5.0")
    ((_, found),) = (await inspector.inspect(wanted, lock, Log())).platforms
    assert found.native == ()


async def test_what_swig_makes_is_c(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """No Go file of such a package names C, and Go compiles it all the same with cgo on."""
    wanted, lock = over_a_blob(go_proxy, {"inner/lib.swigcxx": "%module lib\n", "inner/lib.cc": ""}, "v1.6.0")
    ((_, plain),) = (await inspector.inspect(wanted, lock, Log())).platforms
    ((_, found),) = (await inspector.inspect(replace(wanted, cgo=True), lock, Log())).platforms
    assert plain.native == ()
    assert found.native == (NativePackage(f"{BLOB}/inner", BLOB, "v1.6.0", cgo=("lib.cc", "lib.swigcxx")),)


@pytest.mark.skipif(find_c_compiler() is None, reason="no C compiler here")
async def test_allowed_c_is_built(go_proxy: GoProxy, go_data: Path, tmp_path: Path, job_log: JobLog) -> None:
    """A policy that names the module is enough, and the contents of the build say what was compiled."""
    wanted, lock = over_a_blob(go_proxy, {"inner/with_c.go": WITH_C}, "v1.7.0")
    rules = (Policy("p", cgo=Selection((BLOB,))),)
    engine = Engine(compiler_of(go_proxy, go_data), FileObjects(tmp_path / "objects"), rules)
    spec = spec_of(replace(wanted, cgo=True), lock)

    built = await engine.build(spec, lock, Workspace(tmp_path / "work"), job_log, no_step)

    inside = decode(Contents, (tmp_path / "work" / "contents.json").read_bytes())
    assert built.artifact.size > 0
    assert inside.native == (NativePackage(f"{BLOB}/inner", BLOB, "v1.7.0", cgo=("with_c.go",)),)
