"""Where Go modules come from on this machine."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from wombat_gitops.adapters.process import capture
from wombat_gitops.domain.errors import WombatError

_CONFIGURED: Final = ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY", "GOINSECURE")
_ASK_SECONDS: Final = 10.0
"""`go env` answers in milliseconds; a program of that name that does not is not asked again."""


@dataclass(frozen=True, slots=True)
class GoNetwork:
    """The variables that steps with network get, and no other step: proxies, checksum database, certificates."""

    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing_folder(self) -> Path | None:
        """The folder that is the only module proxy, where it is not there: Go would call each module missing."""
        proxy = self.environment.get("GOPROXY", "")
        if not proxy.startswith("file:") or "," in proxy or "|" in proxy:
            return None
        folder = Path(unquote(urlsplit(proxy).path))
        return None if folder.is_dir() else folder


async def go_network(environment: Mapping[str, str], search_path: str) -> GoNetwork:
    """What the process's environment says, and for the rest what the user's own Go is configured to do.

    Args:
        environment: the variables of the process that matter (`settings.go_environment`).
        search_path: PATH, to find the user's Go; where there is none, Go's own defaults hold.
    """
    configured = await _configured(search_path)
    return GoNetwork({**configured, **environment})


async def _configured(search_path: str) -> dict[str, str]:
    go = shutil.which("go", path=search_path)
    if go is None:
        return {}
    inherited = ("HOME", "XDG_CONFIG_HOME", "GOENV")
    env = {name: value for name in inherited if (value := os.environ.get(name))}
    env |= {"GOTOOLCHAIN": "local", "GOWORK": "off", "PATH": search_path}
    try:
        answer = await capture(
            [go, "env", "-json", *_CONFIGURED], cwd=Path(tempfile.gettempdir()), env=env, seconds=_ASK_SECONDS
        )
        values = json.loads(answer.stdout) if answer.status == 0 else {}
    except (WombatError, ValueError):
        return {}
    return {name: str(values[name]) for name in _CONFIGURED if isinstance(values, dict) and values.get(name)}
