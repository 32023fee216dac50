"""The port `PackageIndex`: what the packages of modules register, read from the modules' own source.

Only the modules that are asked for are downloaded, not what they need: the packages of a module register in its own
source, or in that of another module that is asked for. That makes the difference between 35 MB and all of Connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.adapters.golang.answers import translated
from wombat_gitops.adapters.golang.downloads import download_modules
from wombat_gitops.adapters.golang.environment import Folders, online
from wombat_gitops.adapters.golang.licensing import LicenseReader
from wombat_gitops.adapters.golang.reader import GoReader
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.gosource import MAIN_MODULE
from wombat_gitops.domain.model import CORE_MODULE
from wombat_gitops.domain.providers import Provider
from wombat_gitops.domain.records import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.reader import Provided
    from wombat_gitops.adapters.golang.toolchain import Toolchains
    from wombat_gitops.domain.model import Module
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.ports import Output

_READER_VERSION: Final = 2
"""Raise it when equal modules would be read otherwise."""

_PROVIDERS: Final = TypeAdapter(tuple[Provider, ...])


class GoPackageIndex:
    """Reads with the same toolchains, module cache and network as the compiler.

    Args:
        data: folder for Go's caches; what was read is kept below it, too.
        limits: what the reader may take of the machine.
    """

    def __init__(
        self,
        toolchains: Toolchains,
        data: Path,
        network: GoNetwork,
        sandbox: Sandbox | None = None,
        limits: Limits = UNLIMITED,
    ) -> None:
        self._toolchains = toolchains
        self._folders = Folders(data.absolute())
        self._network = network
        self._reader = GoReader(self._folders, sandbox or Sandbox(), limits)
        self._licenses = LicenseReader()

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
                found[platform] = await self._read(roots, platform, toolchain, output)
                await asyncio.to_thread(
                    replace_bytes, self._mark(modules, platform), _PROVIDERS.dump_json(found[platform])
                )
        return tuple(found[platform] for platform in platforms)

    async def _read(
        self, roots: Mapping[Module, Path], platform: Platform, release: str, output: Output
    ) -> tuple[Provider, ...]:
        try:
            toolchain = await self._toolchains.locate(release, self._network.environment)
            provided = await self._reader.providers(roots, toolchain, platform, output)
        except StepFailed as failed:
            raise translated(failed.failure) from failed
        modules = {module.path: (module, root) for module, root in roots.items()}
        return await asyncio.to_thread(self._with_licenses, provided, modules)

    def _with_licenses(
        self, provided: Iterable[Provided], modules: Mapping[str, tuple[Module, Path]]
    ) -> tuple[Provider, ...]:
        found = []
        for each in provided:
            module, root = modules[each.module]
            components = frozenset(
                made for one in each.registrations if one.core == CORE_MODULE and (made := one.component)
            )
            if not components:
                continue
            files = [root / name for name in each.sources or ()]
            licenses = {
                name for file in files for name in self._licenses.licenses(file.parent, [file.name], root, by_file=True)
            }
            found.append(Provider(each.package, module, components, tuple(sorted(licenses)), each.tags, each.cgo))
        return tuple(found)

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


def _kept(mark: Path) -> tuple[Provider, ...] | None:
    with contextlib.suppress(OSError, ValidationError):
        return _PROVIDERS.validate_json(mark.read_bytes())
    return None
