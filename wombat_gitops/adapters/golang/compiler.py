"""The port `Compiler` over the Go toolchain.

The first step alone uses the network, and runs nothing of a module. Everything after it happens in the sandbox.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.adapters.golang import pipelines, reference, smoke
from wombat_gitops.adapters.golang.command import Kept, go
from wombat_gitops.adapters.golang.enclosed import enclosed_go
from wombat_gitops.adapters.golang.environment import Folders, find_c_compiler, offline, online
from wombat_gitops.adapters.golang.inspector import GoInspector
from wombat_gitops.adapters.golang.modules import ModuleStore, StoredModule, stored_module
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.adapters.golang.toolchain import host_platform
from wombat_gitops.adapters.process import capture
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.contents import Presence
from wombat_gitops.domain.errors import InternalError, OverLimit, TimedOut
from wombat_gitops.domain.gosource import MAIN_FILE, SERVICE_PACKAGE, main_go
from wombat_gitops.domain.grammar import check_spec
from wombat_gitops.domain.identity import LINK_FLAGS, check_inputs
from wombat_gitops.domain.inspection import advice, useless
from wombat_gitops.domain.lock import check_lock_files
from wombat_gitops.domain.records import NO_SANDBOX, Failure, FailureKind, Step, StepFailed
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchain, Toolchains
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
        sandbox: contains everything that comes from a module.
        store: folder of modules in the place of the one below *data*; it is verified anew, as *data* has the notes.
    """

    def __init__(
        self,
        toolchains: Toolchains,
        data: Path,
        network: GoNetwork,
        limits: Limits = UNLIMITED,
        sandbox: Sandbox | None = None,
        *,
        store: Path | None = None,
    ) -> None:
        self._toolchains = toolchains
        self._folders = Folders(data.absolute(), store)
        self._network = network
        self._limits = limits
        self._sandbox = sandbox or Sandbox()
        self._modules = ModuleStore(self._folders.modules, self._folders.verified)
        self._inspector = GoInspector(toolchains, data, network, self._sandbox, limits=limits, store=store)

    async def fetch(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        """See `ports.Compiler`; modules that an equal build has fetched are not asked for again."""
        check_spec(spec)
        check_inputs(spec, lock)
        check_lock_files(lock)
        await self._check_tests(spec)
        toolchain = await self._toolchains.locate(spec.toolchain, self._network.environment)
        workspace.source.mkdir(parents=True, exist_ok=True)
        (workspace.source / "go.mod").write_text(lock.go_mod, encoding="utf-8", newline="")
        (workspace.source / "go.sum").write_text(lock.go_sum, encoding="utf-8", newline="")
        mark = self._folders.fetched / f"{_fetch_key(spec)}.json"
        differing: tuple[StoredModule, ...] = ()
        for _ in range(2):
            folders = await asyncio.to_thread(_fetched, mark, self._folders.modules)
            if folders:
                await output.write(b"all modules are there\n")
            else:
                folders = await self._download(spec, toolchain, workspace, output)
            differing = await asyncio.to_thread(self._differing, folders, lock)
            if not differing:
                await asyncio.to_thread(_mark_fetched, mark, folders)
                return
            for stored in differing:
                await output.write(f"{stored.module}: its files are not what go.sum says, fetched again\n".encode())
                await asyncio.to_thread(self._modules.discard, stored)
        raise StepFailed(_not_as_locked(differing))

    async def _download(self, spec: BuildSpec, toolchain: Toolchain, workspace: Workspace, output: Output) -> list[str]:
        """Have Go download and verify what a build needs; returns the folders of its modules."""
        gone = self._network.missing_folder
        if gone is not None:
            raise StepFailed(proxy_gone(gone, Step.FETCH))
        argv = [toolchain.go, "list", "-deps", *_tags(spec), "-f", _DIRECTORIES, SERVICE_PACKAGE, *spec.packages]
        scratch = workspace.root.absolute() / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        env = online(toolchain, self._folders, scratch, spec.platform, self._network.environment, cgo=spec.cgo)
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
        return sorted({folder for folder in answer.stdout.decode().split("\n") if folder})

    async def _check_tests(self, spec: BuildSpec) -> None:
        """A pipeline may run any program of the machine: it runs in a sandbox, or not at all."""
        if spec.tests and (await self._sandbox.strength()).level is SandboxLevel.NONE:
            message = "its `tests` run only in a sandbox, and this machine has none"
            hint = "build it on a builder with a sandbox (`wombat builders`), or leave out `tests`"
            raise StepFailed(Failure(FailureKind.INTERNAL, NO_SANDBOX, message, Step.FETCH, "", hint))

    def _differing(self, folders: list[str], lock: Lock) -> tuple[StoredModule, ...]:
        root = self._folders.modules
        stored = [stored_module(Path(each).relative_to(root).as_posix()) for each in folders]
        return self._modules.differing(stored, lock.go_sum)

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
        suffix = ".exe" if spec.platform.os == "windows" else ""
        name = f"{spec.binary_name}{suffix}"
        flags = ["-trimpath", "-buildvcs=false", "-ldflags", LINK_FLAGS, *_tags(spec)]
        check_c_compiler(spec)
        made = workspace.root / "made"
        made.mkdir(exist_ok=True)
        try:
            place = workspace.root / "compile"
            async with enclosed_go(self._sandbox, self._folders, toolchain, place, cgo=spec.cgo) as inside:
                out = inside.enclosure.write(made, "/out")
                await go(
                    [inside.paths.go, "build", *flags, "-o", f"{out}/{name}", "."],
                    cwd=inside.enclosure.read(workspace.source, "/src"),
                    env=offline(inside.paths, spec.platform, cgo=spec.cgo),
                    seconds=COMPILE_SECONDS,
                    output=output,
                    step=Step.COMPILE,
                    limits=self._limits,
                    enclosure=inside.enclosure,
                )
        except StepFailed as failed:
            if failed.failure.reason == "ModulesNotFetched":
                (self._folders.fetched / f"{_fetch_key(spec)}.json").unlink(missing_ok=True)
            raise
        return await asyncio.to_thread(_taken_out, made / name, workspace.out)

    async def smoke(self, spec: BuildSpec, binary: Path, contents: Contents, output: Output) -> None:
        """See `ports.Compiler`; the lock is read from beside the binary and checked against *spec*."""
        check_spec(spec)
        workspace = Workspace(binary.parent.parent)
        toolchain = await self._toolchains.locate(spec.toolchain, self._network.environment)
        program = self._program(spec, binary)
        await smoke.check_contents(spec, program, workspace.source, toolchain, output)
        if smoke.can_run(spec.platform):
            await smoke.check_answers(spec, program, contents, output)
            await pipelines.run_tests(spec, program, output)
        else:
            await output.write(f"not run here: it is for {spec.platform}\n".encode())

    async def describe(self, spec: BuildSpec, binary: Path, output: Output) -> Reference | None:
        """See `ports.Compiler`."""
        if not smoke.can_run(spec.platform):
            return None
        return await reference.ask(self._program(spec, binary), output)

    def _program(self, spec: BuildSpec, binary: Path) -> BuiltProgram:
        return BuiltProgram(binary, binary.parent.parent, self._sandbox, self._limits, spec.cgo)


def _taken_out(made: Path, out: Path) -> Path:
    """The program, moved to where no sandbox writes; a link or device that the sandbox left there is refused."""
    if not stat.S_ISREG(made.lstat().st_mode):
        msg = "the compiler has left something that is no file"
        raise InternalError(msg)
    out.mkdir(parents=True, exist_ok=True)
    return made.replace(out / made.name)


def _not_as_locked(differing: tuple[StoredModule, ...]) -> Failure:
    culprit = str(differing[0].module)
    message = f"the files of `{culprit}` are not what go.sum says, also after they were fetched again"
    hint = "look for what writes to the module store of this builder; it is a folder that only the fetch step may write"
    return Failure(FailureKind.INTERNAL, "ChecksumMismatch", message, Step.FETCH, culprit, hint)


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


def _fetch_key(spec: BuildSpec) -> str:
    inputs = [spec.go_mod, spec.go_sum, spec.toolchain, str(spec.platform), *sorted(spec.tags), "", *spec.packages]
    inputs += ["", "cgo"] if spec.cgo else []
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()


def _fetched(mark: Path, root: Path) -> list[str]:
    """The module folders that a mark tells of, if all are still there: a few dozen looks instead of a go command.

    A data folder that was moved, or is reached by another path, has marks of folders that are not below *root*.
    """
    try:
        folders = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    if not isinstance(folders, list):
        return []
    found = [Path(str(folder)) for folder in folders]
    if not all(folder.is_relative_to(root) and folder.is_dir() and _go_mod(folder, root).is_file() for folder in found):
        return []
    return [str(folder) for folder in found]


def _go_mod(folder: Path, root: Path) -> Path:
    """Where Go keeps the go.mod of an extracted module as it was downloaded; it reads this one and not the module's."""
    path, _, version = folder.relative_to(root).as_posix().rpartition("@")
    return root / "cache" / "download" / path / "@v" / f"{version}.mod"


def _mark_fetched(mark: Path, folders: list[str]) -> None:
    mark.parent.mkdir(parents=True, exist_ok=True)
    replace_bytes(mark, json.dumps(folders).encode())
