"""The port `Compiler` over the Go toolchain. No step but the first uses the network."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.golang import pipelines, reference, smoke
from wombat_gitops.adapters.golang.command import Kept, go
from wombat_gitops.adapters.golang.environment import Folders, find_c_compiler, offline, online
from wombat_gitops.adapters.golang.inspector import GoInspector
from wombat_gitops.adapters.golang.toolchain import host_platform
from wombat_gitops.adapters.process import capture
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.contents import Presence
from wombat_gitops.domain.errors import OverLimit, TimedOut
from wombat_gitops.domain.gosource import MAIN_FILE, SERVICE_PACKAGE, main_go
from wombat_gitops.domain.grammar import check_spec
from wombat_gitops.domain.identity import LINK_FLAGS, check_inputs
from wombat_gitops.domain.inspection import advice, useless
from wombat_gitops.domain.lock import check_lock_files
from wombat_gitops.domain.records import Failure, FailureKind, Step, StepFailed
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchains
    from wombat_gitops.domain.contents import Contents, PackageContents
    from wombat_gitops.domain.model import BuildSpec, Lock
    from wombat_gitops.domain.reference import Reference
    from wombat_gitops.ports import Output

FETCH_SECONDS: Final = 900.0
"""All of Connect is about 1 GB of modules; at 2 MB/s that is done in time."""

COMPILE_SECONDS: Final = 2700.0
"""An empty cache and all of Connect take about 15 minutes on two slow cores; three times that."""

_DIRECTORIES: Final = "{{with .Module}}{{.Dir}}{{end}}"


class GoCompiler:
    """Builds with modules and compiled packages kept in one folder for all builds.

    Args:
        toolchains: where the exact Go release of a build comes from.
        data: folder for Go's caches.
        network: variables for the step that downloads.
        limits: what the programs of one build may take of the machine.
    """

    def __init__(
        self,
        toolchains: Toolchains,
        data: Path,
        network: GoNetwork,
        limits: Limits = UNLIMITED,
    ) -> None:
        self._toolchains = toolchains
        self._folders = Folders(data.absolute())
        self._network = network
        self._limits = limits
        self._inspector = GoInspector(toolchains, data, network)

    async def fetch(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        """See `ports.Compiler`; modules that an equal build has fetched are not asked for again."""
        check_spec(spec)
        check_inputs(spec, lock)
        check_lock_files(lock)
        toolchain = await self._toolchains.locate(spec.toolchain, self._network.environment)
        workspace.source.mkdir(parents=True, exist_ok=True)
        (workspace.source / "go.mod").write_text(lock.go_mod, encoding="utf-8", newline="")
        (workspace.source / "go.sum").write_text(lock.go_sum, encoding="utf-8", newline="")
        mark = self._folders.fetched / f"{_fetch_key(spec)}.json"
        if _is_fetched(mark):
            await output.write(b"all modules are there\n")
            return
        gone = self._network.missing_folder
        if gone is not None:
            raise StepFailed(proxy_gone(gone, Step.FETCH))
        tags = _tags(spec)
        argv = [toolchain.go, "list", "-deps", *tags, "-f", _DIRECTORIES, SERVICE_PACKAGE, *spec.packages]
        env = online(
            toolchain, self._folders, _scratch(workspace), spec.platform, self._network.environment, cgo=spec.cgo
        )
        await output.write(f"$ go list -deps ({len(spec.packages)} packages)\n".encode())
        kept = Kept(output)
        try:
            answer = await capture(argv, cwd=workspace.source, env=env, seconds=FETCH_SECONDS, limits=self._limits)
        except OverLimit as error:
            raise StepFailed(gofailure.over_limit(error, kept.text, Step.FETCH)) from error
        except TimedOut as error:
            raise StepFailed(gofailure.timed_out(kept.text, Step.FETCH, FETCH_SECONDS)) from error
        await kept.write(answer.stderr)
        if answer.status:
            raise StepFailed(gofailure.classify(kept.text, step=Step.FETCH, status=answer.status))
        _mark_fetched(mark, answer.stdout.decode().split("\n"))

    async def generate(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        """See `ports.Compiler`."""
        check_inputs(spec, lock)
        text = main_go(spec)
        (workspace.source / MAIN_FILE).write_text(text, encoding="utf-8", newline="")
        await output.write(f"{MAIN_FILE}: {len(spec.packages)} packages\n".encode())

    async def check(self, spec: BuildSpec, lock: Lock, output: Output) -> Contents:
        """See `ports.Compiler`."""
        check_inputs(spec, lock)
        contents = await self._inspector.contents(
            spec.packages, spec.platform, lock, output, toolchain=spec.toolchain, tags=spec.tags, cgo=spec.cgo
        )
        wrong = useless(contents)
        if wrong:
            raise StepFailed(_useless(wrong, spec))
        await output.write(f"{len(contents.components)} components, licences {', '.join(contents.licenses)}\n".encode())
        return contents

    async def compile(self, spec: BuildSpec, workspace: Workspace, output: Output) -> Path:
        """See `ports.Compiler`."""
        check_spec(spec)
        toolchain = await self._toolchains.locate(spec.toolchain, self._network.environment)
        workspace.out.mkdir(parents=True, exist_ok=True)
        suffix = ".exe" if spec.platform.os == "windows" else ""
        binary = workspace.out / f"{spec.binary_name}{suffix}"
        flags = ["-trimpath", "-buildvcs=false", "-ldflags", LINK_FLAGS, *_tags(spec)]
        check_c_compiler(spec)
        env = offline(toolchain, self._folders, _scratch(workspace), spec.platform, cgo=spec.cgo)
        argv = [toolchain.go, "build", *flags, "-o", str(binary), "."]
        try:
            await go(
                argv,
                cwd=workspace.source,
                env=env,
                seconds=COMPILE_SECONDS,
                output=output,
                step=Step.COMPILE,
                limits=self._limits,
            )
        except StepFailed as failed:
            if failed.failure.reason == "ModulesNotFetched":
                (self._folders.fetched / f"{_fetch_key(spec)}.json").unlink(missing_ok=True)
            raise
        return binary

    async def smoke(self, spec: BuildSpec, binary: Path, contents: Contents, output: Output) -> None:
        """See `ports.Compiler`; the lock is read from beside the binary and checked against *spec*."""
        check_spec(spec)
        workspace = Workspace(binary.parent.parent)
        toolchain = await self._toolchains.locate(spec.toolchain, self._network.environment)
        scratch = _scratch(workspace)
        env = offline(toolchain, self._folders, scratch, spec.platform)
        await smoke.check_contents(spec, binary, workspace.source, toolchain.go, env, output)
        if smoke.can_run(spec.platform):
            await smoke.check_answers(spec, binary, contents, scratch, output, self._limits)
            await pipelines.run_tests(spec, binary, scratch, output, self._limits)
        else:
            await output.write(f"not run here: it is for {spec.platform}\n".encode())

    async def describe(self, spec: BuildSpec, binary: Path, output: Output) -> Reference | None:
        """See `ports.Compiler`."""
        if not smoke.can_run(spec.platform):
            return None
        scratch = _scratch(Workspace(binary.parent.parent))
        return await reference.ask(binary, scratch, output, self._limits)


def _useless(packages: tuple[PackageContents, ...], spec: BuildSpec) -> Failure:
    first = packages[0]
    tail = tuple(f"{each.package}: {each.reason}" for each in packages[:20])
    message = f"package `{first.package}` on `{spec.platform}`: {first.reason}"
    reason = {Presence.MISSING: "PackageMissing", Presence.STUB: "PackageStub"}.get(first.presence, "PackageRefused")
    hint = advice(first, [spec.platform])
    return Failure(FailureKind.USER, reason, message, Step.CHECK, first.package, hint, tail)


def check_c_compiler(spec: BuildSpec) -> None:
    """Make sure that C can be compiled where a spec asks for it.

    Raises:
        StepFailed: there is no C compiler, or none for that platform.
    """
    if not spec.cgo:
        return
    if (spec.platform.os, spec.platform.arch) != host_platform():
        message = f"this builder cannot compile C for `{spec.platform}`"
        hint = "build it on a machine of that platform, or exclude the platform"
    elif find_c_compiler() is None:
        message = "this builder has no C compiler"
        hint = "install one on the builder, or leave out what needs `cgo`"
    else:
        return
    raise StepFailed(Failure(FailureKind.USER, "NoCCompiler", message, Step.COMPILE, "", hint))


def proxy_gone(folder: Path, step: Step | None) -> Failure:
    """The failure of a module proxy that is a folder, and not there."""
    hint = "mount the folder that GOPROXY names"
    message = f"the module proxy folder `{folder}` does not exist"
    return Failure(FailureKind.TRANSIENT, "ModuleProxyUnavailable", message, step, "", hint)


def _tags(spec: BuildSpec) -> list[str]:
    return ["-tags", ",".join(sorted(spec.tags))] if spec.tags else []


def _scratch(workspace: Workspace) -> Path:
    folder = workspace.root.absolute() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fetch_key(spec: BuildSpec) -> str:
    inputs = [spec.go_mod, spec.go_sum, spec.toolchain, str(spec.platform), *sorted(spec.tags), "", *spec.packages]
    inputs += ["", "cgo"] if spec.cgo else []
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()


def _is_fetched(mark: Path) -> bool:
    """Whether everything a mark tells of is still there: a few dozen looks instead of a go command."""
    try:
        folders = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(folders, list) and all(Path(str(folder)).is_dir() for folder in folders)


def _mark_fetched(mark: Path, folders: list[str]) -> None:
    mark.parent.mkdir(parents=True, exist_ok=True)
    part = mark.with_suffix(f".{hashlib.sha256(repr(folders).encode()).hexdigest()[:12]}.part")
    part.write_text(json.dumps(sorted({folder for folder in folders if folder})), encoding="utf-8")
    shutil.move(part, mark)
