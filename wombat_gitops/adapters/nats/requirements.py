"""What a broker must offer, checked when a role connects: nothing is started that cannot work.

A message names the setting of the broker and its value. Service, builder and `wombat doctor` say the same.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.jetstream import JetStreamDisabled
from wombat_gitops.adapters.nats.retrying import persist
from wombat_gitops.domain.access import ACCOUNT
from wombat_gitops.domain.errors import Denied, NobodyAnswers, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.adapters.nats.connection import Connection

OLDEST: Final = (2, 11, 0)
"""The first nats-server with messages that expire and direct reads in batches."""
LEAST_PAYLOAD: Final = 64 << 10
"""Bytes that a message must be able to have: an average build record has 10 KB."""
USUAL_PAYLOAD: Final = 1 << 20
"""What nats-server takes where nobody configures it; every known distribution fits."""
_FIRST_STREAM: Final = "KV_builds"
_HERE_SECONDS: Final = 2.0
_ELSEWHERE_SECONDS: Final = 10.0
"""How long JetStream may take to be heard of, where it is in another server that may just connect to this one."""


def server_problem(info: Mapping[str, Any], address: str) -> Refused | None:
    """Why a server cannot be used at all, by the INFO that it sends."""
    version = str(info.get("version", ""))
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if found is not None and tuple(int(part) for part in found.groups()) < OLDEST:
        needed = ".".join(str(part) for part in OLDEST)
        msg = f"the broker at `{address}` is nats-server {version}, and {needed} or newer is needed"
        return Refused(msg, hint="upgrade nats-server on every machine of the broker")
    if not info.get("headers", False):
        msg = f"the broker at `{address}` has headers disabled (`no_header_support: true`), and they are needed"
        return Refused(msg, hint="remove `no_header_support` from the broker's configuration, and restart it")
    return payload_problem(int(info.get("max_payload", USUAL_PAYLOAD)), address)


def payload_problem(most: int, address: str) -> Refused | None:
    """Why messages of at most *most* bytes are not enough."""
    if most >= LEAST_PAYLOAD:
        return None
    limit = f"takes messages of {most} bytes at most (`max_payload`)"
    msg = f"the broker at `{address}` {limit}, and {LEAST_PAYLOAD} are needed"
    return Refused(msg, hint="set `max_payload: 1MB` in the broker's configuration, or in the limits of the account")


def weakness(most: int) -> str:
    """What may not work where messages have at most *most* bytes; "": nothing is known that does not."""
    if most >= USUAL_PAYLOAD:
        return ""
    return f"it takes messages of {most} bytes at most (`max_payload`), so distributions with many modules are refused"


@dataclass(frozen=True, slots=True)
class Account:
    """What the broker's account may have, and has. -1: no limit.

    Attributes:
        streams: how many streams there are, of at most *max_streams*.
        taken: bytes that are stored or reserved, of at most *max_bytes*.
        max_stream_bytes: bytes that one stream may reserve; -1: any number.
        sizes_required: every stream must have a limit.
    """

    streams: int
    taken: int
    max_streams: int
    max_bytes: int
    max_stream_bytes: int
    sizes_required: bool


async def check_jetstream(connection: Connection) -> dict[str, Any]:
    """Make sure that JetStream answers; returns what it says of the account, nothing where the user may not ask.

    Raises:
        Refused: it is not enabled here, not for this account, or not in the domain that is set.
        Denied: the broker does not let this user ask.
        Unreachable: it does not answer in time.
    """
    fleet = connection.user is not None and connection.user.account != ACCOUNT
    method = f"STREAM.INFO.{_FIRST_STREAM}" if fleet else "INFO"
    near = not connection.domain and not connection.clustered
    try:
        return await persist(
            lambda: jetstream.api(connection, method, {}), _HERE_SECONDS if near else _ELSEWHERE_SECONDS
        )
    except NobodyAnswers as error:
        raise _no_jetstream(connection, method) from error
    except NotFound:
        return {}
    except Denied:
        if connection.user is not None and not fleet:
            return {}  # its permissions are those of an earlier release
        raise
    except JetStreamDisabled as error:
        msg = f"the broker at `{connection.address}` has JetStream disabled for the account of this user"
        raise Refused(msg, hint="set `jetstream: enabled` for that account in the broker's configuration") from error


def _no_jetstream(connection: Connection, method: str) -> Refused:
    where, asked = connection.address, f"`{connection.jetstream}.{method}` does not answer here"
    if connection.domain:
        msg = f"the broker at `{where}` has no JetStream with the domain `{connection.domain}`: {asked}"
        return Refused(
            msg, hint="WOMBAT_NATS_DOMAIN must be the `domain` of a `jetstream` block that this broker reaches"
        )
    msg = f"the broker at `{where}` has no JetStream: {asked}"
    hint = "add `jetstream {}` to its configuration; on a leaf node, set WOMBAT_NATS_DOMAIN to the domain of its hub"
    return Refused(msg, hint=hint)


def account(answer: Mapping[str, Any], replicas: int) -> Account | None:
    """The limits for streams with *replicas* copies; None where nothing is known.

    Raises:
        Refused: the account may have no such streams.
    """
    if "limits" not in answer:
        return None
    tiers = answer.get("tiers") or {}
    if tiers and f"R{replicas}" not in tiers:
        msg = f"the account may not have streams with {replicas} copies, only {', '.join(sorted(tiers))}"
        raise Refused(msg, hint="set WOMBAT_REPLICAS, or add that tier to the account")
    found = tiers.get(f"R{replicas}", answer)
    limits = found["limits"]
    return Account(
        int(found.get("streams", 0)),
        max(int(found.get("storage", 0)), int(found.get("reserved_storage", 0))),
        int(limits.get("max_streams", -1)),
        int(limits.get("max_storage", -1)),
        int(limits.get("storage_max_stream_bytes", -1)) or -1,
        bool(limits.get("max_bytes_required", False)),
    )


async def missing(connection: Connection, configs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those streams that are not there. Raises `Unreachable`."""

    async def is_missing(name: str) -> bool:
        try:
            await persist(lambda: jetstream.stream_info(connection, name))
        except NotFound:
            return True
        return False

    found = await asyncio.gather(*(is_missing(config["name"]) for config in configs))
    return [config for config, absent in zip(configs, found, strict=True) if absent]


def account_problem(known: Account, absent: Sequence[Mapping[str, Any]], least: int) -> Refused | None:
    """Why the account has no room for the streams that are missing.

    Args:
        least: bytes that they reserve at least.
    """
    problems, settings = list[str](), list[str]()
    if 0 <= known.max_streams < known.streams + len(absent):
        have = f"it has {known.streams} of {known.max_streams} streams that it may have"
        problems.append(f"{have}, and {len(absent)} more are needed (`max_streams`)")
        settings.append(f"`max_streams: {known.streams + len(absent)}`")
    if 0 <= known.max_bytes < known.taken + least:
        have = f"{known.taken} of its {known.max_bytes} bytes are taken"
        problems.append(f"{have}, and {least} more are needed at least (`max_file`)")
        settings.append(f"`max_file` of {known.taken + least} bytes, and more for artifacts")
    if not problems:
        return None
    msg = f"the broker's account is too small: {'; '.join(problems)}"
    return Refused(msg, hint=f"give the account {' and '.join(settings)} in the `jetstream` block of the account")
