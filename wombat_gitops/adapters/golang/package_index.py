"""The port `PackageIndex`: what the packages of modules register, read from the modules' own source.

Only the modules that are asked for are downloaded, not what they need: the packages of a module register in its own
source, or in that of another module that is asked for. That makes the difference between 35 MB and all of Connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.adapters.golang.answers import translated
from wombat_gitops.adapters.golang.downloads import download_modules
from wombat_gitops.adapters.golang.environment import Folders, online
from wombat_gitops.adapters.golang.reading import SourceReader, built_files, target_of
from wombat_gitops.domain.constraints import Target, what_it_takes
from wombat_gitops.domain.gosource import MAIN_MODULE, SERVICE_PACKAGE
from wombat_gitops.domain.gosyntax import scan
from wombat_gitops.domain.model import COMPONENTS_FOLDER, Module
from wombat_gitops.domain.providers import Provider
from wombat_gitops.domain.records import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchains
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.ports import Output

_READER_VERSION: Final = 2
"""Raise it when equal modules would be read otherwise."""

_PROVIDERS: Final = TypeAdapter(tuple[Provider, ...])
_NO_PACKAGES: Final = frozenset({"internal", "testdata", "vendor"})


class GoPackageIndex:
    """Reads with the same toolchains, module cache and network as the compiler.

    Args:
        data: folder for Go's caches; what was read is kept below it, too.
    """

    def __init__(self, toolchains: Toolchains, data: Path, network: GoNetwork) -> None:
        self._toolchains = toolchains
        self._folders = Folders(data.absolute())
        self._network = network
        self._reader = SourceReader()

    async def providers(
        self, modules: Sequence[Module], platforms: Sequence[Platform], toolchain: str, output: Output
    ) -> tuple[tuple[Provider, ...], ...]:
        """See `ports.PackageIndex`."""
        found: dict[Platform, tuple[Provider, ...]] = {}
        for platform in platforms:
            kept = await asyncio.to_thread(_kept, self._mark(modules, platform))
            if kept is not None:
                found[platform] = kept
        missing = [platform for platform in platforms if platform not in found]
        if missing:
            roots = await self._download(modules, missing[0], toolchain, output)
            for platform in missing:
                source = _Source(self._reader, roots)
                found[platform] = await asyncio.to_thread(source.providers, target_of(platform, (), cgo=False))
                await asyncio.to_thread(
                    replace_bytes, self._mark(modules, platform), _PROVIDERS.dump_json(found[platform])
                )
        return tuple(found[platform] for platform in platforms)

    def _mark(self, modules: Iterable[Module], platform: Platform) -> Path:
        inputs = (_READER_VERSION, str(platform), *sorted(map(str, modules)))
        return self._folders.data / "indexed" / f"{hashlib.sha256(repr(inputs).encode()).hexdigest()}.json"

    async def _download(
        self, modules: Sequence[Module], platform: Platform, release: str, output: Output
    ) -> dict[Module, Path]:
        try:
            toolchain = await self._toolchains.locate(release, self._network.environment)
            with tempfile.TemporaryDirectory(prefix="wombat-index-") as root:
                folder = Path(root)
                (folder / "go.mod").write_text(f"module {MAIN_MODULE}\n", encoding="utf-8")
                env = online(toolchain, self._folders, folder, platform, self._network.environment)
                found = await download_modules(toolchain, modules, cwd=folder, env=env, output=output)
        except StepFailed as failed:
            raise translated(failed.failure) from failed
        return {module: each.folder for module, each in found.items()}


class _Source:
    """The source of some modules, as folders."""

    def __init__(self, reader: SourceReader, roots: Mapping[Module, Path]) -> None:
        self._reader = reader
        self._roots = dict(roots)
        self._built = dict[tuple[Path, Target], tuple[list[str], list[str]]]()

    def providers(self, target: Target) -> tuple[Provider, ...]:
        """Every package with components, in its plain form and in each that registers more."""
        service = self._closure(SERVICE_PACKAGE, target).keys()
        found = list[Provider]()
        for module, root in sorted(self._roots.items()):
            for folder in _package_folders(root):
                if self._is_program(folder, target):
                    continue  # no other program can import it; the packages it imports are found by themselves
                package = f"{module.path}/{folder.relative_to(root).as_posix()}".removesuffix("/.")
                plain = self._provider(package, module, target, service)
                found += [plain] if plain.components else []
                for wider in self._wider(package, target):
                    more = self._provider(package, module, wider, service)
                    if more.components > plain.components:
                        found.append(replace(more, tags=tuple(sorted(wider.tags)), cgo=wider.cgo))
        return tuple(found)

    def _is_program(self, folder: Path, target: Target) -> bool:
        texts = (self._reader.text(folder / name) for name in self._files(folder, target)[0])
        words = ([token.value for token in scan(text) if token.kind == "word"][:2] for text in texts)
        return any(pair == ["package", "main"] for pair in words)

    def _provider(self, package: str, module: Module, target: Target, service: Iterable[str]) -> Provider:
        around = self._closure(package, target)
        own = around.keys() - set(service)
        components = {
            component
            for path in own
            for component in self._reader.components(around[path], self._files(around[path], target)[0])
        }
        root = self._roots[module]
        licenses = {
            name
            for path in own
            if path.startswith(f"{module.path}/")
            for name in self._reader.licenses(around[path], self._files(around[path], target)[0], root, by_file=True)
        }
        return Provider(package, module, frozenset(components), tuple(sorted(licenses)))

    def _wider(self, package: str, target: Target) -> list[Target]:
        """Targets with more tags or cgo for which files of a package, or of what it imports, are built."""
        found = dict[Target, None]()
        for folder in self._closure(package, target).values():
            for name in self._files(folder, target)[1]:
                wider = what_it_takes(name, self._reader.text(folder / name), target)
                if wider is not None:
                    found[wider] = None
        return sorted(found, key=lambda each: (each.cgo, sorted(each.tags)))

    def _closure(self, package: str, target: Target) -> dict[str, Path]:
        """A package and what it imports, as far as it is in these modules, each with its folder."""
        found, rest = dict[str, Path](), [package]
        while rest:
            path = rest.pop()
            folder = self._folder(path)
            if path in found or folder is None:
                continue
            found[path] = folder
            for name in self._files(folder, target)[0]:
                rest += self._reader.imports(folder / name)
        return found

    def _folder(self, package: str) -> Path | None:
        owners = [module for module in self._roots if f"{package}/".startswith(f"{module.path}/")]
        if not owners:
            return None
        owner = max(owners, key=lambda module: len(module.path))
        folder = self._roots[owner] / package.removeprefix(owner.path).strip("/")
        return folder if folder.is_dir() else None

    def _files(self, folder: Path, target: Target) -> tuple[list[str], list[str]]:
        key = (folder, target)
        if key not in self._built:
            self._built[key] = built_files(self._reader, folder, target)
        return self._built[key]


def _package_folders(module: Path) -> list[Path]:
    """Folders of a module with Go files that a program may import: its components, or all where it has none."""
    components = module / COMPONENTS_FOLDER
    root = components if components.is_dir() else module
    folders = {file.parent for file in root.rglob("*.go") if not file.name.endswith("_test.go")}
    return sorted(each for each in folders if not _NO_PACKAGES & set(each.relative_to(root).parts))


def _kept(mark: Path) -> tuple[Provider, ...] | None:
    with contextlib.suppress(OSError, ValidationError):
        return _PROVIDERS.validate_json(mark.read_bytes())
    return None
