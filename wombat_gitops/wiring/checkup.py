"""What of a running system can be checked from outside: its streams, and who answers for the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats import infrastructure, jetstream, requirements
from wombat_gitops.domain.access import STREAMS
from wombat_gitops.domain.errors import NotFound, Unreachable
from wombat_gitops.wiring import access
from wombat_gitops.wiring.access import connected

if TYPE_CHECKING:
    from wombat_gitops.settings import Settings

_SECONDS: Final = 3.0
_NEARLY: Final = 0.85


@dataclass(frozen=True, slots=True)
class Streams:
    """How the streams are.

    Attributes:
        missing: those that are not there.
        leaderless: those of a cluster that has no leader for them.
        copies: those that are kept less often than the settings say, with how often.
        full: those that hold more than 85 % of what they may, with both in bytes.
        stored: bytes of all of them.
    """

    missing: tuple[str, ...]
    leaderless: tuple[str, ...]
    copies: tuple[tuple[str, int], ...]
    full: tuple[tuple[str, int, int], ...]
    stored: int


async def broker(settings: Settings) -> str:
    """What the broker may lack for some distributions; "" where it can do everything.

    Raises:
        Unreachable: there is no broker.
        Denied: it does not let this user in.
        Refused: service and builders would not start on it; the message is theirs.
    """
    async with connected(settings, "doctor", seconds=_SECONDS) as connection:
        await infrastructure.checked(connection, settings.replicas, access.sizes(settings, "service"))
        return requirements.weakness(connection.max_payload)


async def streams(settings: Settings) -> Streams:
    """Look at every stream.

    Raises:
        Unreachable: there is no broker, or it has no streams at all.
        Denied: these credentials may not look.
    """
    missing: list[str] = []
    leaderless: list[str] = []
    copies: list[tuple[str, int]] = []
    full: list[tuple[str, int, int]] = []
    stored = 0
    async with connected(settings, "doctor", seconds=_SECONDS) as connection:
        for name in STREAMS:
            try:
                info = await jetstream.api(connection, f"STREAM.INFO.{name}", {}, seconds=_SECONDS)
            except NotFound:
                missing.append(name)
                continue
            kept, most = int(info["state"]["bytes"]), int(info["config"].get("max_bytes", -1))
            stored += kept
            if "cluster" in info and not info["cluster"].get("leader"):
                leaderless.append(name)
            if int(info["config"]["num_replicas"]) < settings.replicas:
                copies.append((name, int(info["config"]["num_replicas"])))
            # logs push their oldest out, which is as it should be
            if most > 0 and kept > most * _NEARLY and info["config"].get("discard") != "old":
                full.append((name, kept, most))
    return Streams(tuple(missing), tuple(leaderless), tuple(copies), tuple(full), stored)


async def service(settings: Settings) -> str:
    """Version of the instance of the service that answered first; "" where none does.

    Raises:
        Unreachable: there is no broker.
        Denied: these credentials may not ask.
    """
    async with connected(settings, "doctor", seconds=_SECONDS) as connection:
        try:
            answer = await connection.request("$SRV.PING.build", b"", seconds=_SECONDS)
        except Unreachable:
            return ""
    return str(json.loads(answer.data)["version"])
