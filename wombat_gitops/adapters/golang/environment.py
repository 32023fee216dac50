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


@dataclass(frozen=True, slots=True)
class Folders:
    """Where Go keeps what builds share: extracted modules and compiled packages.

    Attributes:
        data: the root of all of it; one user's, on one machine.
    """

    data: Path

    @property
    def modules(self) -> Path:
        """GOMODCACHE; read-only files, see `files.remove_tree`."""
        return self.data / "mod"

    @property
    def compiled(self) -> Path:
        """GOCACHE."""
        return self.data / "cache"

    @property
    def fetched(self) -> Path:
        """Marks of what has been fetched whole."""
        return self.data / "fetched"


def base_environment(folders: Folders, scratch: Path) -> dict[str, str]:
    """What every go command gets, whatever it does; also switches its telemetry off.

    Telemetry has no variable. Left on, a go command leaves a process behind that writes below its home
    after it has ended, while that folder is being removed.

    Go takes an empty variable for an unset one and then asks the user's file and its own go.env, so each
    variable that matters has a value here and `GOENV` is off.

    Args:
        scratch: an existing private folder, home and place of temporary files.
    """
    mode = folders.data / "config" / "go" / "telemetry" / "mode"
    if not mode.exists():
        mode.parent.mkdir(parents=True, exist_ok=True)
        mode.write_text("off\n", encoding="utf-8")
    return {
        "CGO_ENABLED": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GO111MODULE": "on",
        "GOAUTH": "off",
        "GOCACHE": str(folders.compiled),
        "GOENV": "off",
        "GOFIPS140": "off",
        "GOFLAGS": "-mod=readonly",
        "GOMODCACHE": str(folders.modules),
        "GOPATH": str(folders.data / "path"),
        "GOTMPDIR": str(scratch),
        "GOTOOLCHAIN": "local",
        "GOVCS": "*:off",
        "GOWORK": "off",
        "HOME": str(scratch),
        "LC_ALL": "C",
        "TMPDIR": str(scratch),
        "XDG_CONFIG_HOME": str(folders.data / "config"),
    }


def offline(
    toolchain: Toolchain, folders: Folders, scratch: Path, platform: Platform, *, cgo: bool = False
) -> dict[str, str]:
    """Environment of a step without network."""
    env = base_environment(folders, scratch) | _of_toolchain(toolchain)
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
    """Environment of a step that may use the network."""
    env = dict(network) | base_environment(folders, scratch) | _of_toolchain(toolchain)
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


def _of_toolchain(toolchain: Toolchain) -> dict[str, str]:
    return {"GOROOT": str(toolchain.root), "PATH": str(toolchain.root / "bin")}
