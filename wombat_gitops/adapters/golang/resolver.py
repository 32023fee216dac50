"""The port `Resolver`: exact module files from exact versions, the same on every day.

`go list -deps` and never `go mod tidy`: tidy also resolves the tests of dependencies and asks for the
latest versions there, so its answer depends on the date.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.golang.answers import json_values, translated
from wombat_gitops.adapters.golang.command import go
from wombat_gitops.adapters.golang.compiler import proxy_gone
from wombat_gitops.adapters.golang.downloads import Downloaded, download_modules
from wombat_gitops.adapters.golang.environment import Folders, online
from wombat_gitops.adapters.golang.listing import OF_A_PACKAGE
from wombat_gitops.adapters.golang.toolchain import Toolchain
from wombat_gitops.adapters.process import capture
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.contents import Contents, Inspection, PackageContents, Presence
from wombat_gitops.domain.errors import Conflict, InternalError, LockError
from wombat_gitops.domain.gomod import Offer, Requirements, offers, read_requirements
from wombat_gitops.domain.gosource import MAIN_FILE, MAIN_MODULE, exact, first_go_mod, imports_go, requirements
from wombat_gitops.domain.grammar import TAG, matches
from wombat_gitops.domain.inspection import UselessPackages
from wombat_gitops.domain.lock import parse_go_mod
from wombat_gitops.domain.model import COMPONENTS_FOLDER, Distribution, Lock, Module
from wombat_gitops.domain.neighbours import did_you_mean
from wombat_gitops.domain.records import Step, StepFailed
from wombat_gitops.ports import Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchains
    from wombat_gitops.domain.platforms import Platform

_SECONDS: Final = 900.0
"""For one go command; the first one downloads everything."""

_ROUNDS: Final = 4
"""Passes over all platforms after which module files that still change are taken for a defect."""

_MOST_NAMED: Final = 12
"""Packages of a module that are listed where none is like the one that is not there."""

_MOST_SEARCHED: Final = 500
"""Modules whose go.mod is read to explain a failure; those of `all` are fewer."""

_FINDING: Final = "finding module for package "
_MARK: Final = "package error: "

_LEFT_TO_THE_INSPECTION: Final = OF_A_PACKAGE[:4]
"""Errors of a package whose module is resolved."""


@dataclass(frozen=True, slots=True)
class _Job:
    distribution: Distribution
    toolchain: Toolchain
    folder: Path
    scratch: Path
    output: Output


class _Unprovided(LockError):
    """A package that no module of a distribution has."""

    def __init__(self, message: str, package: str) -> None:
        super().__init__(message, hint="name its module with an exact version under `modules`")
        self.package = package


class _Nowhere:
    """An output that nobody reads."""

    async def write(self, data: bytes) -> None:
        """Take some output."""


class GoResolver:
    """Resolves in a private folder, with the same caches as the compiler."""

    def __init__(self, toolchains: Toolchains, data: Path, network: GoNetwork) -> None:
        self._toolchains = toolchains
        self._folders = Folders(data.absolute())
        self._network = network

    async def resolve(self, distribution: Distribution, output: Output) -> Lock:
        """See `ports.Resolver`."""
        source = first_go_mod(distribution.modules, distribution.replaces, distribution.excludes)
        probe = f"module {MAIN_MODULE}\n"
        gone = self._network.missing_folder
        if gone is not None:
            raise translated(proxy_gone(gone, None))
        try:
            toolchain = await self._toolchains.locate(distribution.toolchain, self._network.environment)
            with tempfile.TemporaryDirectory(prefix="wombat-resolve-") as root:
                folders = [Path(root) / name for name in ("source", "tmp", "probe")]
                for folder in folders:
                    folder.mkdir()
                (folders[0] / "go.mod").write_text(source, encoding="utf-8")
                (folders[2] / "go.mod").write_text(probe, encoding="utf-8")
                job = _Job(distribution, toolchain, folders[0], folders[1], output)
                try:
                    await self._check_packages(job, folders[2])
                    return await self._lock(job)
                except StepFailed as failed:
                    if failed.failure.reason == "ModuleMissing":
                        await self._explain(job, failed.failure.culprit.partition("@")[0], folders[2])
                    raise
                except _Unprovided as error:
                    await self._explain(job, error.package, folders[2])
                    raise
        except StepFailed as failed:
            raise translated(failed.failure) from failed

    async def offers(self, distribution: Distribution, lock: Lock) -> tuple[Offer, ...]:
        """See `ports.Resolver`."""
        parsed = parse_go_mod(lock.go_mod)
        try:
            toolchain = await self._toolchains.locate(distribution.toolchain, self._network.environment)
            with tempfile.TemporaryDirectory(prefix="wombat-offers-") as root:
                folder = Path(root)
                (folder / "go.mod").write_text(f"module {MAIN_MODULE}\n", encoding="utf-8")
                job = _Job(distribution, toolchain, folder, folder, _Nowhere())
                downloaded = await self._download(
                    job, [_home(each, distribution) for each in distribution.modules], folder
                )
        except StepFailed as failed:
            raise translated(failed.failure) from failed
        found = list[Offer]()
        for module, each in downloaded.items():
            text = await asyncio.to_thread(each.go_mod.read_bytes)
            found += offers(module, text.decode(errors="replace"), parsed, distribution.replaces)
        return tuple(found)

    async def _explain(self, job: _Job, wanted: str, probe: Path) -> None:
        """Find the module behind *wanted* that cannot be had, where one replaces it by a folder of its owner.

        Args:
            wanted: a module or a package that nothing provides.

        Raises:
            LockError: there is such a module; otherwise nothing is known beyond what Go said.
        """
        level, seen = {_home(module, job.distribution) for module in job.distribution.modules}, set[Module]()
        while level and len(seen) < _MOST_SEARCHED:
            seen |= level
            found = await self._go_mods(job, sorted(level), probe)
            for module, asked in found.items():
                for path, folder in asked.folders.items():
                    if f"{wanted}/".startswith(f"{path}/"):
                        msg = f"`{module}` replaces `{path}` by the folder `{folder}`, which is not published"
                        hint = f"name a published module for `{path}` under `replaces`, or ask the owner of `{module}`"
                        raise LockError(msg, hint=hint)
            level = {each for asked in found.values() for each in asked.modules} - seen

    async def _go_mods(self, job: _Job, modules: Sequence[Module], probe: Path) -> dict[Module, Requirements]:
        """What modules ask for, without those whose go.mod cannot be had."""
        wanted = [exact(module).replace(" ", "@") for module in modules]
        argv = [job.toolchain.go, "list", "-e", "-m", "-json=Path,Version,GoMod", *wanted]
        env = self._env(job, job.distribution.platforms[0])
        answer = await capture(argv, cwd=probe, env=env, seconds=_SECONDS)
        found = dict[Module, Requirements]()
        for report in json_values(answer.stdout.decode(errors="replace")):
            file = Path(str(report.get("GoMod") or probe / "none"))
            with contextlib.suppress(OSError):
                text = (await asyncio.to_thread(file.read_bytes)).decode(errors="replace")
                found[Module(str(report["Path"]), str(report["Version"]))] = read_requirements(text)
        return found

    async def _check_packages(self, job: _Job, probe: Path) -> None:
        """Every package must be a folder with Go files in the declared module that it belongs to."""
        modules = job.distribution.modules
        homes = {module.path: _home(module, job.distribution) for module in modules}
        downloaded = await self._download(job, homes.values(), probe)
        places = {module.path: each.folder for module, each in downloaded.items()}
        missing = dict[str, PackageContents]()
        platforms = job.distribution.platforms
        for package in sorted({each for platform in platforms for each in job.distribution.packages_for(platform)}):
            owner = _owner(package, modules)
            if owner is not None and (wrong := _missing(package, owner, places[homes[owner.path].path])) is not None:
                missing[package] = wrong
        if missing:
            raise UselessPackages(_inspection(job.distribution, missing))

    async def _download(self, job: _Job, modules: Iterable[Module], probe: Path) -> dict[Module, Downloaded]:
        env = self._env(job, job.distribution.platforms[0])
        return await download_modules(job.toolchain, modules, cwd=probe, env=env, output=job.output)

    async def _lock(self, job: _Job) -> Lock:
        for _ in range(_ROUNDS):
            before = _read(job.folder)
            after_first = None
            for platform in job.distribution.platforms:
                await self._list(job, platform)
                after_first = after_first or _read(job.folder)
            if _read(job.folder) in (before, after_first):
                break
        else:
            msg = "the module files still change after several passes"
            raise InternalError(msg)
        lock = _read(job.folder)
        await self._check_versions(job, lock)
        return lock

    async def _list(self, job: _Job, platform: Platform) -> None:
        for tag in job.distribution.tags:
            if not matches(TAG, tag):
                msg = f"`{tag[:80]}` is not a build tag"
                raise LockError(msg)
        tags = ["-tags", ",".join(sorted(job.distribution.tags))] if job.distribution.tags else []
        argv = [
            job.toolchain.go,
            "list",
            "-deps",
            "-e",
            *tags,
            "-f",
            f"{{{{with .Error}}}}{_MARK}{{{{.Err}}}}{{{{end}}}}",
            ".",
        ]
        env = self._env(job, platform)
        imports = imports_go(job.distribution.packages_for(platform))
        (job.folder / MAIN_FILE).write_text(imports, encoding="utf-8")
        await job.output.write(f"# {platform}\n".encode())
        text = await go(argv, cwd=job.folder, env=env, seconds=_SECONDS, output=job.output, step=Step.FETCH)
        sought = [line for line in text.splitlines() if _FINDING in line]
        if sought:
            package = sought[0].split(_FINDING, 1)[1].strip()
            msg = f"no declared module, and none they require, provides package `{package}`"
            raise _Unprovided(msg, package)
        _, mark, errors = _without_platforms(text).partition(_MARK)
        if mark:
            raise StepFailed(gofailure.classify(errors.replace(_MARK, ""), step=Step.FETCH))

    async def _check_versions(self, job: _Job, lock: Lock) -> None:
        actual = requirements(lock.go_mod)
        for module in job.distribution.modules:
            version = actual.get(module.path, module.version)
            if version != module.version:
                by = await self._who_requires(job, f"{module.path}@{version}")
                suffix = f" by `{by}`" if by else ""
                msg = f"`{module.path}`: wanted `{module.version}`, required `{version}`{suffix}"
                hint = f"set it to `{version}`, or choose an older version of what requires it"
                raise Conflict(msg, module=module.path, required=version, by=by, hint=hint)

    async def _who_requires(self, job: _Job, wanted: str) -> str:
        argv = [job.toolchain.go, "mod", "graph"]
        env = self._env(job, job.distribution.platforms[0])
        answer = await capture(argv, cwd=job.folder, env=env, seconds=_SECONDS)
        pairs = [line.split() for line in answer.stdout.decode(errors="replace").splitlines()]
        sources = sorted({pair[0] for pair in pairs if len(pair) == 2 and pair[1] == wanted} - {MAIN_MODULE})  # noqa: PLR2004
        declared = {str(module) for module in job.distribution.modules}
        first = sorted(sources, key=lambda source: (source not in declared, source))
        return first[0] if first else ""

    def _env(self, job: _Job, platform: Platform) -> Mapping[str, str]:
        cgo = job.distribution.cgo
        env = online(job.toolchain, self._folders, job.scratch, platform, self._network.environment, cgo=cgo)
        return env | {"GOFLAGS": "-mod=mod"}


def _without_platforms(text: str) -> str:
    """What a listing printed, but for errors that say nothing about modules."""
    lines = text.splitlines()
    return "\n".join(
        line
        for line in lines
        if not line.startswith(_MARK) or not any(words in line for words in _LEFT_TO_THE_INSPECTION)
    )


def _home(module: Module, distribution: Distribution) -> Module:
    """The module whose source counts: the one itself, or what the manifest replaces it by."""
    replaced = {(each.path, each.version): each.by for each in distribution.replaces}
    return replaced.get((module.path, module.version)) or replaced.get((module.path, "")) or module


def _owner(package: str, modules: tuple[Module, ...]) -> Module | None:
    owners = [module for module in modules if f"{package}/".startswith(f"{module.path}/")]
    return max(owners, key=lambda module: len(module.path), default=None)


def _inspection(distribution: Distribution, wrong: Mapping[str, PackageContents]) -> Inspection:
    """What is known where only some packages were looked at."""
    listed = ((platform, distribution.packages_for(platform)) for platform in distribution.platforms)
    return Inspection(
        tuple((platform, Contents(tuple(wrong[each] for each in names if each in wrong))) for platform, names in listed)
    )


def _missing(package: str, module: Module, place: Path) -> PackageContents | None:
    """What to say of a package that its module does not have; None where it has it."""
    inside = package.removeprefix(module.path).strip("/")
    if _has_go(place / inside):
        return None
    root = COMPONENTS_FOLDER if inside.startswith(f"{COMPONENTS_FOLDER}/") else ""
    asked = inside.removeprefix(root).strip("/")
    known = _packages(place / root)
    below = [name for name in known if name.startswith(f"{asked}/")]
    near = below or difflib.get_close_matches(asked, known, n=3, cutoff=0.6)
    hint = did_you_mean(near[:3])
    if not near and 0 < len(known) <= _MOST_NAMED:
        hint = f"it has {', '.join(f'`{name}`' for name in known)}"
    return PackageContents(package, module.path, Presence.MISSING, f"`{module}` has no such package", hint)


def _packages(root: Path) -> list[str]:
    """Folders with Go files below *root*, at most two deep, as components are."""
    found = {file.parent for pattern in ("*/*.go", "*/*/*.go") for file in root.glob(pattern)}
    return sorted(str(folder.relative_to(root)) for folder in found if _has_go(folder))


def _has_go(folder: Path) -> bool:
    return any(not file.name.endswith("_test.go") for file in folder.glob("*.go"))


def _read(folder: Path) -> Lock:
    go_sum = folder / "go.sum"
    text = go_sum.read_text(encoding="utf-8") if go_sum.exists() else ""
    return Lock((folder / "go.mod").read_text(encoding="utf-8"), text)
