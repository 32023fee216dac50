"""The port `Inspector`: what programs are made of, read from the source of their modules.

Go's own listing, made in the sandbox, says which packages and files belong to a program on a platform; the files say
what they register and under which licence they are. Nothing is compiled and nothing of the modules is run.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.adapters.golang.answers import translated
from wombat_gitops.adapters.golang.enclosed import enclosed_go
from wombat_gitops.adapters.golang.environment import Folders, offline, online
from wombat_gitops.adapters.golang.listing import FIELDS, ListedPackage, closure, read_listing
from wombat_gitops.adapters.golang.reading import SourceReader, target_of, what_would_help
from wombat_gitops.adapters.process import Captured, capture
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.contents import (
    Contents,
    Inspection,
    ModuleContents,
    NativePackage,
    PackageContents,
    Presence,
)
from wombat_gitops.domain.errors import OverLimit, TimedOut
from wombat_gitops.domain.goscope import names_used
from wombat_gitops.domain.gosource import SERVICE_PACKAGE
from wombat_gitops.domain.inspection import EXCLUDE
from wombat_gitops.domain.model import COMPONENTS_FOLDER, CORE_MODULE
from wombat_gitops.domain.neighbours import did_you_mean
from wombat_gitops.domain.records import Step, StepFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from wombat_gitops.adapters.golang.listing import ListedModule
    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchain, Toolchains
    from wombat_gitops.domain.constraints import Target
    from wombat_gitops.domain.model import Distribution, Lock
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.ports import Output

SECONDS: Final = 900.0
"""For the listing of one platform; the first one downloads modules."""

_READER_VERSION: Final = 3
"""Raise it when equal modules would be read otherwise."""

_NOT_THERE: Final = (
    "does not contain package",
    "no required module provides package",
    "cannot find module providing package",
)
_CONTENTS: Final = TypeAdapter(Contents)


class GoInspector:
    """Inspects with the same toolchains, caches and network as the compiler.

    Args:
        data: folder for Go's caches; what was read is kept below it, too.
        limits: what a listing may take of the machine.
    """

    def __init__(
        self,
        toolchains: Toolchains,
        data: Path,
        network: GoNetwork,
        sandbox: Sandbox | None = None,
        *,
        limits: Limits = UNLIMITED,
        store: Path | None = None,
    ) -> None:
        self._toolchains = toolchains
        self._limits = limits
        self._folders = Folders(data.absolute(), store)
        self._network = network
        self._sandbox = sandbox or Sandbox()
        self._reader = SourceReader()

    async def inspect(self, distribution: Distribution, lock: Lock, output: Output) -> Inspection:
        """See `ports.Inspector`."""
        found = []
        for platform in distribution.platforms:
            packages = distribution.packages_for(platform)
            tags = distribution.tags
            try:
                contents = await self.contents(
                    packages, platform, lock, output, toolchain=distribution.toolchain, tags=tags, cgo=distribution.cgo
                )
            except StepFailed as failed:
                raise translated(failed.failure) from failed
            found.append((platform, contents))
        return Inspection(tuple(found))

    async def contents(
        self,
        packages: tuple[str, ...],
        platform: Platform,
        lock: Lock,
        output: Output,
        *,
        toolchain: str,
        tags: tuple[str, ...] = (),
        cgo: bool = False,
    ) -> Contents:
        """The contents of one program.

        Raises:
            StepFailed: the listing failed; of kind transient where the module proxy does not answer.
        """
        inputs = (str(_READER_VERSION), lock.go_mod, lock.go_sum, toolchain, str(platform), *tags, str(cgo), *packages)
        mark = self._folders.data / "inspected" / f"{hashlib.sha256(repr(inputs).encode()).hexdigest()}.json"
        with contextlib.suppress(OSError, ValidationError):
            return _CONTENTS.validate_json(await asyncio.to_thread(mark.read_bytes))
        listing = await self._list(packages, platform, lock, output, toolchain, tags, cgo=cgo)
        target = target_of(platform, tags, cgo=cgo)
        contents = await asyncio.to_thread(_Reading(self._reader, listing, target).contents, packages)
        await asyncio.to_thread(replace_bytes, mark, _CONTENTS.dump_json(contents))
        return contents

    async def _list(
        self,
        packages: tuple[str, ...],
        platform: Platform,
        lock: Lock,
        output: Output,
        release: str,
        tags: tuple[str, ...],
        *,
        cgo: bool,
    ) -> dict[str, ListedPackage]:
        toolchain = await self._toolchains.locate(release, self._network.environment)
        chosen = ["-tags", ",".join(sorted(tags))] if tags else []
        words = ["list", "-deps", "-e", f"-json={FIELDS}", *chosen, SERVICE_PACKAGE, *packages]
        await output.write(f"$ go list -deps ({len(packages)} packages, {platform})\n".encode())
        with tempfile.TemporaryDirectory(prefix="wombat-inspect-") as root:
            source, scratch = await asyncio.to_thread(_prepare, Path(root), lock)
            try:
                return await self._listed(toolchain, words, source, platform, output, cgo=cgo)
            except StepFailed:
                pass  # most often a module is not there yet; Go says without the sandbox what is wrong
            env = online(toolchain, self._folders, scratch, platform, self._network.environment, cgo=cgo)
            await _listing(capture([toolchain.go, *words], cwd=source, env=env, seconds=SECONDS), output)
            return await self._listed(toolchain, words, source, platform, output, cgo=cgo)

    async def _listed(
        self, toolchain: Toolchain, words: list[str], source: Path, platform: Platform, output: Output, *, cgo: bool
    ) -> dict[str, ListedPackage]:
        """What Go lists inside the sandbox, with folders as they are outside of it."""
        place = source.parent / "list"
        async with enclosed_go(self._sandbox, self._folders, toolchain, place, cgo=cgo) as inside:
            env = offline(inside.paths, platform, cgo=cgo)
            cwd = inside.enclosure.read(source, "/src")
            run = inside.enclosure.capture(
                [inside.paths.go, *words], cwd=cwd, env=env, seconds=SECONDS, limits=self._limits
            )
            listing = await _listing(run, output)
            modules = (inside.paths.modules, str(self._folders.modules))
        return {path: package.moved(*modules) for path, package in listing.items()}


async def _listing(run: Awaitable[Captured], output: Output) -> dict[str, ListedPackage]:
    """What a run of `go list` says; raises `StepFailed` where a module is missing or broken."""
    try:
        answer = await run
    except OverLimit as error:
        raise StepFailed(gofailure.over_limit(error, "", Step.CHECK)) from error
    except TimedOut as error:
        raise StepFailed(gofailure.timed_out("", Step.CHECK, SECONDS)) from error
    await output.write(answer.stderr)
    if answer.status:
        text = answer.stderr.decode(errors="replace")
        raise StepFailed(gofailure.classify(text, step=Step.FETCH, status=answer.status))
    listing = read_listing(answer.stdout.decode(errors="replace"))
    errors = [each.error for each in listing.values() if each.broken]
    if errors:
        raise StepFailed(gofailure.classify("\n".join(errors), step=Step.FETCH))
    return listing


class _Reading:
    """Makes contents of one listing."""

    def __init__(self, reader: SourceReader, listing: Mapping[str, ListedPackage], target: Target) -> None:
        self._reader = reader
        self._listing = dict(listing)
        self._target = target
        self._service = closure(self._listing, (SERVICE_PACKAGE,))
        self._lost_names: dict[str, frozenset[str]] = {}

    def contents(self, packages: tuple[str, ...]) -> Contents:
        """What the listed packages bring."""
        modules: dict[str, tuple[ListedModule, set[str]]] = {}
        listed_modules = {module.path for path in packages if (module := self._module(path)) is not None}
        licenses: dict[str, dict[str, str]] = {}
        for path in closure(self._listing, (SERVICE_PACKAGE, *packages)):
            package = self._listing[path]
            if package.module is None or not package.dir:
                continue
            used = package.module.used
            by_file = package.module.path in listed_modules
            names = self._reader.licenses(Path(package.dir), package.files, Path(used.dir), by_file=by_file)
            licenses[path] = names
            modules.setdefault(used.path, (package.module, set()))[1].update(names)
        return Contents(
            tuple(self._package(path, licenses) for path in sorted(packages)),
            tuple(
                ModuleContents(
                    path, module.used.version, tuple(sorted(names)), module.path if module.replace is not None else ""
                )
                for path, (module, names) in sorted(modules.items())
            ),
            tuple(native for _, each in sorted(self._listing.items()) if (native := _native(each)) is not None),
        )

    def _module(self, path: str) -> ListedModule | None:
        package = self._listing.get(path)
        return package.module if package is not None else None

    def _package(self, path: str, licenses: Mapping[str, Mapping[str, str]]) -> PackageContents:
        package = self._listing.get(path)
        if package is None or not package.dir or any(words in package.error for words in _NOT_THERE):
            return self._missing(path)
        module = package.module.path if package.module is not None else ""
        reason = _refusal(package)
        if reason:
            hint = self._help([package]) if not package.files else "take a package that the module offers to others"
            return PackageContents(path, module, Presence.REFUSED, reason, hint)
        around = [self._listing[name] for name in sorted(closure(self._listing, (path,)) - self._service)]
        reason, hint = self._lack(package, around)
        if reason:
            return PackageContents(path, module, Presence.REFUSED, reason, hint)
        found = {
            component
            for each in around
            if _registers(each)
            for component in self._reader.components(Path(each.dir), each.files)
        }
        home = [each for each in around if each.module is not None and each.module.path == module]
        names = {name: file for each in reversed(home) for name, file in licenses.get(each.path, {}).items()}
        present = PackageContents(
            path,
            module,
            Presence.PRESENT,
            components=tuple(sorted(found)),
            licenses=tuple(sorted(names)),
            license_files=tuple(names[name] for name in sorted(names)),
        )
        hint = self._help(home) if not found else ""
        return replace(present, presence=Presence.STUB, reason="it registers nothing", hint=hint) if hint else present

    def _lack(self, package: ListedPackage, around: list[ListedPackage]) -> tuple[str, str]:
        """Why a package cannot be compiled for want of something that it imports, and what would help; or ""."""
        for each in around:
            if each is package:
                continue
            if not each.files and (each.ignored or each.error):
                lack = "of which no file is built" if each.ignored else "which no module has"
                return f"it imports `{each.path}`, {lack}", self._help([each])
            lost = self._lost(each)
            used = lost & self._used(each, around) if lost else lost
            if used:
                return f"it uses `{each.name}.{min(used)}` of `{each.path}`, which is C", "write `cgo: true`"
        return "", ""

    def _used(self, package: ListedPackage, around: list[ListedPackage]) -> frozenset[str]:
        """Names that others take from a package."""
        files = [Path(each.dir, file) for each in around if package.path in each.imports for file in each.files]
        texts = (self._reader.text(file) for file in files)
        return frozenset(name for text in texts for name in names_used(text, package.path, package.name))

    def _lost(self, package: ListedPackage) -> frozenset[str]:
        if package.path not in self._lost_names:
            self._lost_names[package.path] = self._reader.lost_names(
                Path(package.dir), package.files, package.ignored, self._target
            )
        return self._lost_names[package.path]

    def _missing(self, path: str) -> PackageContents:
        owners = {
            each.module.path: each.module.used.dir
            for each in self._listing.values()
            if each.module is not None and path.startswith(f"{each.module.path}/")
        }
        module = max(owners, key=len, default="")
        root = Path(owners[module], COMPONENTS_FOLDER) if module and owners[module] else None
        known = [folder.name for folder in root.iterdir() if folder.is_dir()] if root and root.is_dir() else []
        near = difflib.get_close_matches(path.rpartition("/")[2], known, n=2)
        hint = did_you_mean(near)
        where = f"module `{module}` has no such package" if module else "no module has it"
        return PackageContents(path, module, Presence.MISSING, where, hint)

    def _help(self, around: list[ListedPackage]) -> str:
        """What to write into the manifest so that files are built that are not now."""
        needs = {
            need
            for each in around
            if each.dir and (need := what_would_help(self._reader, Path(each.dir), each.ignored, self._target))
        }
        if not needs:
            return ""
        need = min(needs, key=lambda words: (words == "another platform", len(words)))
        if need == "another platform":
            return EXCLUDE
        parts = []
        if "`" in need:
            parts.append(f"add {', '.join(part for part in need.split(' and ') if '`' in part)} to `tags`")
        if "cgo" in need.split(" and "):
            parts.append("write `cgo: true`")
        return " and ".join(parts).replace("the build tag ", "")


def _native(package: ListedPackage) -> NativePackage | None:
    """The machine code that a package brings along, where there is any."""
    module = package.module
    if module is None or not (package.syso_files or package.through_c):
        return None
    return NativePackage(
        package.path,
        module.used.path,
        module.used.version,
        module.path if module.replace is not None else "",
        tuple(sorted(package.syso_files)),
        tuple(sorted(package.through_c)),
    )


def _registers(package: ListedPackage) -> bool:
    """Whether a package can register anything: it has to import what components are registered with."""
    return any(path.startswith(f"{CORE_MODULE}/") for path in package.imports) or package.path.startswith(CORE_MODULE)


def _refusal(package: ListedPackage) -> str:
    if package.name == "main":
        return "it is a program, and cannot be imported"
    if "use of internal package" in package.error:
        return "it is internal to its module"
    if not package.files:
        return "no file of it is built" if package.ignored else "it has no Go files"
    return ""


def _prepare(root: Path, lock: Lock) -> tuple[Path, Path]:
    source, scratch = root / "source", root / "tmp"
    source.mkdir()
    scratch.mkdir()
    (source / "go.mod").write_text(lock.go_mod, encoding="utf-8", newline="")
    (source / "go.sum").write_text(lock.go_sum, encoding="utf-8", newline="")
    return source, scratch
