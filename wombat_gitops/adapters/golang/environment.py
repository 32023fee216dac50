"""The whole environment of a go command: nothing is inherited, nothing is left for a user's file to decide."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.adapters.golang.toolchain import Toolchain
    from wombat_gitops.domain.platforms import Platform

_SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"
"""Where a C compiler and the programs it starts are looked for."""


def write_telemetry_mode(config: Path) -> None:
    """Switch Go's telemetry off below a folder that is XDG_CONFIG_HOME; there is no variable for that."""
    mode = config / "go" / "telemetry" / "mode"
    if not mode.exists():
        mode.parent.mkdir(parents=True, exist_ok=True)
        mode.write_text("off\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Folders:
    """Where Go keeps what builds share: extracted modules and compiled packages.

    Attributes:
        data: the root of all of it; one user's, on one machine.
        store: where the modules are; None: below *data*.
    """

    data: Path
    store: Path | None = None

    @property
    def modules(self) -> Path:
        """GOMODCACHE; only steps with network write there. Read-only files, see `files.remove_tree`."""
        return self.store or self.data / "mod"

    @property
    def compiled(self) -> Path:
        """The compile cache, see `compiled.CompileCache`."""
        return self.data / "compiled"

    @property
    def listed(self) -> Path:
        """GOCACHE of go commands outside of the sandbox, which compile nothing; no build sees it."""
        return self.data / "listed"

    @property
    def fetched(self) -> Path:
        """Marks of what has been fetched whole."""
        return self.data / "fetched"

    @property
    def verified(self) -> Path:
        """Notes of modules that are what go.sum says, see `modules.ModuleStore`."""
        return self.data / "verified"

    @property
    def config(self) -> Path:
        """XDG_CONFIG_HOME of every go command; it switches Go's telemetry off, which has no variable.

        Left on, a go command leaves a process behind that writes below its home after it has ended.
        """
        write_telemetry_mode(self.data / "config")
        return self.data / "config"


@dataclass(frozen=True, slots=True)
class GoPaths:
    """Where a go command finds things, as it sees them itself.

    Attributes:
        root: GOROOT; "" for the command's own.
        scratch: an existing private folder, home and place of temporary files.
    """

    root: str
    modules: str
    compiled: str
    config: str
    scratch: str

    @property
    def go(self) -> str:
        """The go command."""
        return f"{self.root}/bin/go"


def outside(folders: Folders, toolchain: Toolchain | None, scratch: Path) -> GoPaths:
    """The paths of a go command outside of the sandbox."""
    root = str(toolchain.root) if toolchain is not None else ""
    return GoPaths(root, str(folders.modules), str(folders.listed), str(folders.config), str(scratch))


def base_environment(paths: GoPaths) -> dict[str, str]:
    """What every go command gets, whatever it does.

    Go takes an empty variable for an unset one and then asks the user's file and its own go.env, so each
    variable that matters has a value here and `GOENV` is off.
    """
    env = {
        "CGO_ENABLED": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GO111MODULE": "on",
        "GOAUTH": "off",
        "GOCACHE": paths.compiled,
        "GOENV": "off",
        "GOFIPS140": "off",
        "GOFLAGS": "-mod=readonly",
        "GOMODCACHE": paths.modules,
        "GOPATH": f"{paths.scratch}/path",
        "GOTMPDIR": paths.scratch,
        "GOTOOLCHAIN": "local",
        "GOVCS": "*:off",
        "GOWORK": "off",
        "HOME": paths.scratch,
        "LC_ALL": "C",
        "TMPDIR": paths.scratch,
        "XDG_CONFIG_HOME": paths.config,
    }
    return env | ({"GOROOT": paths.root, "PATH": f"{paths.root}/bin"} if paths.root else {})


def offline(paths: GoPaths, platform: Platform, *, cgo: bool = False) -> dict[str, str]:
    """Environment of a step without network."""
    env = base_environment(paths)
    return env | platform.go_env | _of_cgo(env, on=cgo) | {"GOPROXY": "off", "GOSUMDB": "off"}


def online(
    toolchain: Toolchain,
    folders: Folders,
    scratch: Path,
    platform: Platform,
    network: Mapping[str, str],
    *,
    cgo: bool = False,
) -> dict[str, str]:
    """Environment of a step that may use the network, and runs nothing of a module."""
    env = dict(network) | base_environment(outside(folders, toolchain, scratch))
    return env | platform.go_env | _of_cgo(env, on=cgo)


def find_c_compiler() -> str | None:
    """The C compiler of this machine, or None."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name, path=_SYSTEM_PATH))), None)


def _of_cgo(env: Mapping[str, str], *, on: bool) -> dict[str, str]:
    """C is compiled with these flags whatever the user's are; Go itself refuses dangerous ones of packages."""
    if not on:
        return {}
    return {
        "CGO_ENABLED": "1",
        "CC": find_c_compiler() or "cc",
        "CGO_CFLAGS": "-O2 -g0",
        "CGO_CXXFLAGS": "-O2 -g0",
        "CGO_LDFLAGS": "-O2",
        "PATH": f"{env['PATH']}:{_SYSTEM_PATH}",
        "PKG_CONFIG_PATH": "",
    }
