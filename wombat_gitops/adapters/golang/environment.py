"""The whole environment of a go command: nothing is inherited, nothing is left for a user's file to decide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.adapters.golang.toolchain import Toolchain
    from wombat_gitops.domain.model import Platform


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
    """What every go command gets, whatever it does.

    Go takes an empty variable for an unset one and then asks the user's file and its own go.env, so each
    variable that matters has a value here and `GOENV` is off.

    Args:
        scratch: an existing private folder, home and place of temporary files.
    """
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
        "GOTELEMETRY": "off",
        "GOTMPDIR": str(scratch),
        "GOTOOLCHAIN": "local",
        "GOVCS": "*:off",
        "GOWORK": "off",
        "HOME": str(scratch),
        "LC_ALL": "C",
        "TMPDIR": str(scratch),
    }


def offline(toolchain: Toolchain, folders: Folders, scratch: Path, platform: Platform) -> dict[str, str]:
    """Environment of a step without network."""
    env = base_environment(folders, scratch) | _of_toolchain(toolchain)
    return env | platform.go_env | {"GOPROXY": "off", "GOSUMDB": "off"}


def online(
    toolchain: Toolchain, folders: Folders, scratch: Path, platform: Platform, network: Mapping[str, str]
) -> dict[str, str]:
    """Environment of a step that may use the network."""
    env = dict(network) | base_environment(folders, scratch) | _of_toolchain(toolchain)
    return env | platform.go_env


def _of_toolchain(toolchain: Toolchain) -> dict[str, str]:
    return {"GOROOT": str(toolchain.root), "PATH": str(toolchain.root / "bin")}
