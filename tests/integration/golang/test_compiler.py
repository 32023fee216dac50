"""The compiler over fake modules with the real toolchain: what it builds, and how it fails."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.golang.support import Log, build, compiler_of, spec_of, tiny
from tests.support.enclosed import enclosed_programs
from tests.support.goproxy import (
    BENTHOS,
    CONNECT,
    FLOODS,
    PANICS,
    GoProxy,
    component,
    connect_distribution,
    distribution,
    tamper,
)
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang import smoke as smoke_module
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.identity import LINK_FLAGS, digest
from wombat_gitops.domain.model import Lock, Module
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import FailureKind, StepFailed
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.domain.records import Failure

COMPONENTS = f"{BENTHOS}/public/components"


async def failure_of(proxy: GoProxy, data: Path, root: Path, package: str, files: dict[str, str]) -> Failure:
    """The failure of a build with one more package in the fake Benthos."""
    proxy.add_benthos("v4.76.1", {f"public/components/{package}/{name}": text for name, text in files.items()})
    wanted = distribution("broken", ["pure", package], core="v4.76.1")
    with pytest.raises(StepFailed) as caught:
        await build(compiler_of(proxy, data), wanted, proxy.lock(wanted.modules), root)
    remove_tree(data / "mod" / "cache" / "download" / "github.com" / "redpanda-data" / "benthos" / "v4" / "@v")
    remove_tree(data / "mod" / "github.com" / "redpanda-data" / "benthos" / "v4@v4.76.1")
    return caught.value.failure


async def test_a_build_answers_with_name_version_date_and_components(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path
) -> None:
    """The binary of a distribution runs and says what it is, and its file has the right name."""
    wanted, lock = tiny(go_proxy)

    built = await build(compiler_of(go_proxy, go_data), wanted, lock, tmp_path / "w")

    answer = subprocess.run([built.binary, "--version"], capture_output=True, text=True, check=True)
    assert answer.stdout == "Version: 1.0.0\nDate: 1970-01-01T00:00:00Z\n"
    assert built.spec.file_name == "tiny_1.0.0_linux_amd64"
    assert "components: 1 buffers, 1 inputs, 1 outputs, 1 processors" in built.log.text
    assert "$ " in built.log.text
    assert LINK_FLAGS in built.log.text


async def test_windows_binary_is_checked_without_running_it(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """A binary of another platform is really of that platform."""
    wanted = distribution(platforms=["windows/arm64"])

    built = await build(compiler_of(go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w")

    assert built.binary.name == "tiny.exe"
    assert built.binary.read_bytes()[:2] == b"MZ"
    assert "not run here: it is for windows/arm64" in built.log.text


async def test_a_binary_of_another_platform_is_refused(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Smoke notices a binary that was built for something else, by what the toolchain reads from it."""
    wanted, lock = tiny(go_proxy)
    compiler = compiler_of(go_proxy, go_data)
    built = await build(compiler, wanted, lock, tmp_path / "w")

    with pytest.raises(StepFailed, match="`GOARCH` is `amd64`, expected `arm64`"):
        await compiler.smoke(
            replace(built.spec, platform=Platform("linux", "arm64")), built.binary, built.contents, Log()
        )


async def test_bytes_depend_on_nothing_but_the_spec(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other folders, empty caches and a hostile Go configuration give the same bytes."""
    wanted, lock = tiny(go_proxy)
    first = await build(compiler_of(go_proxy, go_data), wanted, lock, tmp_path / "first")
    user = tmp_path / "user"
    user.mkdir()
    (user / "env").write_text("GOFLAGS=-race -tags=evil\nGOARCH=arm\nGOAMD64=v3\nCGO_ENABLED=1\n")
    for name, value in {
        "GOENV": str(user / "env"),
        "GOFLAGS": "-gcflags=-N -ldflags=-X=main.x=y",
        "HOME": str(user),
        "GOAMD64": "v3",
        "GOEXPERIMENT": "nosuch",
        "GODEBUG": "madvdontneed=1",
        "CGO_ENABLED": "1",
    }.items():
        monkeypatch.setenv(name, value)

    second = await build(compiler_of(go_proxy, tmp_path / "empty"), wanted, lock, tmp_path / "a" / "longer" / "second")

    assert digest(first.binary.read_bytes()) == digest(second.binary.read_bytes())
    remove_tree(tmp_path / "empty")


async def test_fetched_modules_are_not_asked_for_again(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """A second build of equal modules needs no proxy; when a module is gone from the cache, it is fetched again."""
    wanted, lock = tiny(go_proxy)
    data = tmp_path / "data"
    compiler = compiler_of(go_proxy, data)
    spec = spec_of(wanted, lock)
    first, second, third = Log(), Log(), Log()

    await compiler.fetch(spec, lock, Workspace(tmp_path / "1"), first)
    await compiler.fetch(spec, lock, Workspace(tmp_path / "2"), second)
    remove_tree(data / "mod")
    await compiler.fetch(spec, lock, Workspace(tmp_path / "3"), third)

    assert second.text == "all modules are there\n"
    assert "go list" in first.text
    assert "go list" in third.text
    remove_tree(data)


async def test_modules_whose_downloads_are_gone_were_taken_for_fetched(go_proxy: GoProxy, tmp_path: Path) -> None:
    """Their source is there; Go reads their go.mod files where it has downloaded them, and could not compile."""
    wanted, lock = tiny(go_proxy)
    data, log = tmp_path / "data", Log()
    compiler, spec = compiler_of(go_proxy, data), spec_of(wanted, lock)
    await compiler.fetch(spec, lock, Workspace(tmp_path / "1"), Log())
    remove_tree(data / "mod" / "cache" / "download")

    await compiler.fetch(spec, lock, Workspace(tmp_path / "2"), log)

    assert "go list" in log.text
    remove_tree(data)


async def test_compile_error_names_the_package_and_the_first_error(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path
) -> None:
    """A package that does not compile is the culprit, and the message is the compiler's first one with its place."""
    source = component("bad", extra="\nvar broken int = undefinedName\n\nvar second = alsoUndefined\n")

    failure = await failure_of(go_proxy, tmp_path / "d", tmp_path / "w", "bad", {"bad.go": source})

    assert failure.reason == "CompileError"
    assert failure.kind is FailureKind.USER
    assert failure.culprit == f"{COMPONENTS}/bad"
    assert failure.message.endswith("/bad.go:10:18: undefined: undefinedName")
    assert any("alsoUndefined" in line for line in failure.tail)


async def test_syntax_error_names_the_package(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A file that Go cannot even read is found while fetching, and its package is the culprit."""
    failure = await failure_of(go_proxy, tmp_path / "d", tmp_path / "w", "bad", {"bad.go": "package bad\n\nfunc {\n"})

    assert failure.reason == "CompileError"
    assert failure.culprit.endswith("components/bad")


async def test_missing_package_is_named(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """A package that its module does not have is the culprit."""
    wanted = distribution("gone", ["pure", "nothere"])

    with pytest.raises(StepFailed) as caught:
        await build(compiler_of(go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w")

    assert caught.value.failure.reason == "PackageMissing"
    assert caught.value.failure.culprit == f"{COMPONENTS}/nothere"
    assert caught.value.failure.kind is FailureKind.USER


async def test_a_data_folder_at_another_path_is_no_defect(go_proxy: GoProxy, tmp_path: Path) -> None:
    """It was moved, or a link leads to it: its modules are found again, where that once failed with `ValueError`."""
    wanted, lock = tiny(go_proxy)
    data, spec = tmp_path / "data", spec_of(wanted, lock)
    await compiler_of(go_proxy, data).fetch(spec, lock, Workspace(tmp_path / "one"), Log())
    (tmp_path / "link").symlink_to(data)
    await compiler_of(go_proxy, tmp_path / "link").fetch(spec, lock, Workspace(tmp_path / "two"), Log())
    data.rename(tmp_path / "moved")
    log = Log()
    await compiler_of(go_proxy, tmp_path / "moved").fetch(spec, lock, Workspace(tmp_path / "three"), log)

    assert "$ go list" in log.text
    remove_tree(tmp_path / "moved")


@pytest.mark.parametrize("dropped", ["v4.76.0 h1:", "v4.76.0/go.mod h1:"])
async def test_incomplete_lock_is_refused(go_proxy: GoProxy, go_data: Path, tmp_path: Path, dropped: str) -> None:
    """A lock without a module's sum is never completed during a build."""
    wanted, lock = tiny(go_proxy)
    kept = "".join(line for line in lock.go_sum.splitlines(keepends=True) if dropped not in line)

    with pytest.raises(StepFailed) as caught:
        await build(compiler_of(go_proxy, tmp_path / "d"), wanted, Lock(lock.go_mod, kept), tmp_path / "w")

    assert caught.value.failure.reason == "LockIncomplete"
    assert "wombat lock" in caught.value.failure.hint
    remove_tree(tmp_path / "d")


async def test_a_contradicting_lock_reached_the_compiler(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Go takes it where the right digest is first; the builder refuses it before it fetches anything."""
    wanted, lock = tiny(go_proxy)
    first = lock.go_sum.splitlines()[0].rpartition(" ")[0]
    wrong = Lock(lock.go_mod, f"{lock.go_sum}{first} h1:{'A' * 43}=\n")

    with pytest.raises(Refused, match=r"go\.sum:\d+:\d+: .* has another digest in line 1$"):
        await build(compiler_of(go_proxy, go_data), wanted, wrong, tmp_path / "w")
    assert not (tmp_path / "w" / "source").exists()


async def test_tampered_module_is_refused(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A module whose content is not what the lock says never reaches the compiler."""
    wanted, lock = tiny(go_proxy)
    tamper(go_proxy, wanted.core)

    with pytest.raises(StepFailed) as caught:
        await build(compiler_of(go_proxy, tmp_path / "d"), wanted, lock, tmp_path / "w")

    assert caught.value.failure.reason == "ChecksumMismatch"
    assert caught.value.failure.kind is FailureKind.USER
    assert caught.value.failure.culprit == str(wanted.core)


async def test_missing_module_version_is_named(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A version that does not exist is the user's to correct."""
    wanted, lock = tiny(go_proxy)
    old = go_proxy.folder / "github.com/redpanda-data/benthos/v4/@v"
    for file in old.glob("v4.76.0.*"):
        file.unlink()

    with pytest.raises(StepFailed) as caught:
        await build(compiler_of(go_proxy, tmp_path / "d"), wanted, lock, tmp_path / "w")

    assert caught.value.failure.reason == "ModuleMissing"
    assert caught.value.failure.culprit.startswith(str(wanted.core))


async def test_proxy_that_is_gone_is_transient(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A proxy folder that is not there is tried again, and no module is blamed."""
    wanted, lock = tiny(go_proxy)
    go_proxy.folder.rename(tmp_path / "elsewhere")

    with pytest.raises(StepFailed) as caught:
        await build(compiler_of(go_proxy, tmp_path / "d"), wanted, lock, tmp_path / "w")

    assert caught.value.failure.kind is FailureKind.TRANSIENT
    assert caught.value.failure.reason == "ModuleProxyUnavailable"


async def test_proxy_that_refuses_connections_is_transient(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A proxy nobody listens at is tried again."""
    wanted, lock = tiny(go_proxy)
    refusing = replace(go_proxy, folder=go_proxy.folder)
    compiler = compiler_of(refusing, tmp_path / "d")
    compiler._network = replace(compiler._network, environment={"GOPROXY": "http://127.0.0.1:9", "GOSUMDB": "off"})

    with pytest.raises(StepFailed) as caught:
        await build(compiler, wanted, lock, tmp_path / "w")

    assert caught.value.failure.kind is FailureKind.TRANSIENT
    assert caught.value.failure.reason == "NetworkError"


async def test_package_that_panics_at_start_is_named(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A binary that panics while it starts fails the smoke step, and the trace names the package."""
    failure = await failure_of(
        go_proxy, tmp_path / "d", tmp_path / "w", "bad", {"bad.go": component("bad", extra=PANICS)}
    )

    assert failure.reason == "SmokeFailed"
    assert failure.culprit == f"{COMPONENTS}/bad"
    assert "panic: no such luck" in failure.message


async def test_binary_that_never_ends_is_stopped(
    go_proxy: GoProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A binary whose packages spin is ended after the deadline."""
    monkeypatch.setattr(smoke_module, "RUN_SECONDS", 0.5)
    failure = await failure_of(
        go_proxy,
        tmp_path / "d",
        tmp_path / "w",
        "bad",
        {"bad.go": component("bad", extra="\nfunc init() { for {} }\n")},
    )

    assert failure.reason == "TimedOut"
    assert failure.kind is FailureKind.USER


async def test_binary_that_floods_is_cut(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A binary that prints for ever is ended at the limit."""
    failure = await failure_of(
        go_proxy, tmp_path / "d", tmp_path / "w", "bad", {"bad.go": component("bad", extra=FLOODS)}
    )

    assert failure.reason == "LogLimit"
    assert "wrote more than" in failure.message


async def test_cancelled_compile_leaves_no_process(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Cancelling ends go and every compiler it has started."""
    wanted, lock = tiny(go_proxy)
    spec, workspace, started = spec_of(wanted, lock), Workspace(tmp_path / "w"), asyncio.Event()
    compiler = compiler_of(go_proxy, tmp_path / "cold")
    await compiler.fetch(spec, lock, workspace, Log())
    await compiler.generate(spec, lock, workspace, Log())

    class Starting(Log):
        async def write(self, data: bytes) -> None:
            started.set()

    async with asyncio.timeout(60):
        task = asyncio.create_task(compiler.compile(spec, workspace, Starting()))
        await started.wait()
        while not any("/compile " in command for command in enclosed_programs()):
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert enclosed_programs() == []
    remove_tree(tmp_path / "cold")


HOSTILE = ("$(touch pwned)", '"; touch pwned; "', "1.0.0 -toolexec=/bin/sh", '1.0.0\n")}; func init() {', "-o/x")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", ["name", "version", "binary", "toolchain"])
async def test_hostile_text_is_refused_before_anything_runs(
    go_proxy: GoProxy, tmp_path: Path, field: str, text: str
) -> None:
    """What no manifest could have said reaches no command and no file."""
    wanted, lock = tiny(go_proxy)
    change: dict[str, Any] = {field: text}
    spec = replace(spec_of(wanted, lock), **change)
    log, workspace = Log(), Workspace(tmp_path / "w")
    compiler = compiler_of(go_proxy, tmp_path / "d")

    for step in (
        compiler.fetch(spec, lock, workspace, log),
        compiler.generate(spec, lock, workspace, log),
        compiler.compile(spec, workspace, log),
    ):
        with pytest.raises(Refused):
            await step

    assert log.text == ""
    assert not workspace.root.exists()


@pytest.mark.parametrize("field", ["packages", "tags"])
async def test_hostile_lists_are_refused(go_proxy: GoProxy, tmp_path: Path, field: str) -> None:
    """A package or tag that looks like a flag is refused."""
    wanted, lock = tiny(go_proxy)
    change: dict[str, Any] = {field: ("-toolexec=/bin/sh",)}
    spec = replace(spec_of(wanted, lock), **change)

    with pytest.raises(Refused, match=field):
        await compiler_of(go_proxy, tmp_path / "d").fetch(spec, lock, Workspace(tmp_path / "w"), Log())


async def test_lock_that_is_not_the_specs_is_refused(go_proxy: GoProxy, tmp_path: Path) -> None:
    """Module files with another digest are not compiled."""
    wanted, lock = tiny(go_proxy)

    with pytest.raises(Refused, match=r"go\.sum"):
        await compiler_of(go_proxy, tmp_path / "d").fetch(
            spec_of(wanted, lock), Lock(lock.go_mod, lock.go_sum + "\n"), Workspace(tmp_path / "w"), Log()
        )


async def test_tags_reach_the_compiler(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """A package that needs a tag registers its components only with it."""
    without = connect_distribution(["zeromq"])
    lock = go_proxy.lock([Module(BENTHOS, "v4.77.0"), Module(CONNECT, "v4.105.0")])
    compiler = compiler_of(go_proxy, go_data)

    with pytest.raises(StepFailed, match="it registers nothing") as caught:
        await build(compiler, without, lock, tmp_path / "1")
    tagged = await build(compiler, replace(without, tags=("x_benthos_extra",)), lock, tmp_path / "2")

    assert caught.value.failure.reason == "PackageStub"
    assert caught.value.hint == "add `x_benthos_extra` to `tags`"
    assert "2 inputs" in tagged.log.text
