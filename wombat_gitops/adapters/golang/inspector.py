"""The port `Inspector`: what programs are made of, read from the source of their modules.

Go's own listing, made in the sandbox, says which packages and files belong to a program on a platform; the files say
what they register and under which licence they are. Nothing is compiled and nothing of the modules is run.
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
from wombat_gitops.adapters.golang.enclosed import enclosed_go
from wombat_gitops.adapters.golang.environment import Folders, offline, online
from wombat_gitops.adapters.golang.licensing import LicenseReader
from wombat_gitops.adapters.golang.listing import FIELDS, ListedPackage, closure, read_listing
from wombat_gitops.adapters.golang.meaning import ContentsReading
from wombat_gitops.adapters.golang.reader import GoReader
from wombat_gitops.adapters.process import Captured, capture
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.contents import Contents, Inspection
from wombat_gitops.domain.errors import OverLimit, TimedOut
from wombat_gitops.domain.gosource import SERVICE_PACKAGE
from wombat_gitops.domain.records import Step, StepFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from wombat_gitops.adapters.golang.network import GoNetwork
    from wombat_gitops.adapters.golang.toolchain import Toolchain, Toolchains
    from wombat_gitops.domain.model import Distribution, Lock
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.ports import Output

SECONDS: Final = 900.0
"""For the listing of one platform; the first one downloads modules."""

_READER_VERSION: Final = 5
"""Raise it when equal modules would be read otherwise."""

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
        self._reader = GoReader(self._folders, self._sandbox, limits)
        self._licenses = LicenseReader()

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
        # What Go's own listing has for the core's service registers nothing that a distribution chooses.
        own = closure(listing, packages) - closure(listing, (SERVICE_PACKAGE,))
        release = await self._toolchains.locate(toolchain, self._network.environment)
        described = await self._reader.describe(
            [listing[path] for path in sorted(own)], release, platform, output, tags=tags, cgo=cgo
        )
        reading = ContentsReading(self._licenses, listing, described)
        contents = await asyncio.to_thread(reading.contents, packages)
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


def _prepare(root: Path, lock: Lock) -> tuple[Path, Path]:
    source, scratch = root / "source", root / "tmp"
    source.mkdir()
    scratch.mkdir()
    (source / "go.mod").write_text(lock.go_mod, encoding="utf-8", newline="")
    (source / "go.sum").write_text(lock.go_sum, encoding="utf-8", newline="")
    return source, scratch
