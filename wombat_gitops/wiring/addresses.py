"""Where broker and API are: where the settings say, or where a running `wombat up` has noted it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import Unreachable

if TYPE_CHECKING:
    from wombat_gitops.settings import Settings

NOTE: Final = "up.json"
"""File in the data folder with the addresses of the `wombat up` that runs on it."""


def broker_address(settings: Settings) -> str:
    """The broker to talk to: the one that is set, else that of a running `wombat up`.

    Raises:
        Unreachable: neither is there.
    """
    return settings.nats or _find(settings, "nats", "`wombat --nats URL …`")


def broker_domain(settings: Settings) -> str:
    """The JetStream domain that holds the streams of the broker that is set; "": the broker's own."""
    return settings.nats_domain if settings.nats else ""


def api_address(settings: Settings) -> str:
    """The HTTP API to talk to: the one that is set, else that of a running `wombat up`.

    Raises:
        Unreachable: neither is there.
    """
    return settings.server.rstrip("/") or _find(settings, "api", "`wombat --server URL …`")


def noted_credentials(settings: Settings) -> Path | None:
    """The credentials of the broker of a running `wombat up`, or None where there is none, or it needs none."""
    try:
        found = json.loads((settings.data / NOTE).read_text())["credentials"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Path(str(found)) if found else None


def _find(settings: Settings, what: str, option: str) -> str:
    try:
        found = json.loads((settings.data / NOTE).read_text())[what]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = "no `wombat up` is running here"
        raise Unreachable(msg, hint=f"start `wombat up`, or say where to look: {option}") from error
    return str(found)
