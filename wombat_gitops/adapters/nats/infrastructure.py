"""Buckets and streams as we want them; created where they are missing, brought in line where they differ."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from wombat_gitops.adapters.nats import jetstream, requirements
from wombat_gitops.adapters.nats.jetstream import ApiError
from wombat_gitops.adapters.nats.retrying import persist
from wombat_gitops.domain import subjects
from wombat_gitops.domain.access import STREAMS
from wombat_gitops.domain.errors import InternalError, NotFound, Refused, Unreachable

if TYPE_CHECKING:
    from wombat_gitops.adapters.nats.connection import Connection

_log = structlog.get_logger(__name__)

MAX_VALUE: Final = 1_000_000
"""Bytes of one stored value; the largest records are distributions, which hold their manifest's text."""

TOMBSTONE_SECONDS: Final = 24 * 3600
"""How long a removed key leaves a trace; a follower that was deaf for half of it starts anew."""

_OTHER_SETTINGS: Final = 10058
_NO_CLUSTER: Final = 10074
_NO_ROOM: Final = frozenset({10002, 10023, 10047, 10122})
"""The broker's numbers for why it does not create a stream."""

_SECOND: Final = 1_000_000_000
_LOG_AGE: Final = 7 * 24 * 3600 * _SECOND
_LOG_BYTES: Final = 2 << 30
LEAST_LOG_BYTES: Final = 64 << 20
"""A stream with a limit reserves all of it, so on a small disk `LOGS` gets less than 2 GiB, but at least this."""
_LOG_MESSAGES: Final = 20_000
_DUPLICATES: Final = 120 * _SECOND
BUCKET_BYTES: Final = 64 << 20
"""What a bucket reserves where the broker's account demands a size, and no other is set."""
BUCKETS: Final = (
    (subjects.BUILDS, "build records"),
    (subjects.INPUTS, "go.mod and go.sum of builds"),
    (subjects.LEASES, "signs of life"),
    (subjects.SOURCES, "watched repositories"),
    (subjects.DISTRIBUTIONS, "declared distributions"),
)
"""Every KV bucket, and what it holds."""


def kv_stream(bucket: str) -> str:
    """The stream behind a KV bucket."""
    return subjects.kv_stream(bucket)


OBJECT_STREAM: Final = subjects.OBJECT_STREAM


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the streams may be, in bytes.

    Attributes:
        artifacts: of the stream of artifacts, 0 for any number; None: as it is there.
        bucket: of each KV bucket; 0: as it is there, or as little as the broker's account demands.
    """

    artifacts: int | None = None
    bucket: int = 0


async def ensure(
    connection: Connection, *, replicas: int = 1, sizes: Sizes | None = None, seconds: float = 30.0
) -> None:
    """Make all buckets and streams exist. Safe to call at any time, by many at once.

    What exists gets more copies where *replicas* asks for more, and keeps those it has where it asks for fewer: a
    role without that setting must not take a cluster's safety away. `LOGS` gets as much of 2 GiB as there is room for,
    halved until it fits.

    Raises:
        Unreachable: the broker has no quorum, or too few servers within *seconds*.
        Refused: the broker has no JetStream, its account no room for the streams, or it cannot keep *replicas* copies.
        InternalError: the broker refuses a setting.
    """
    *others, logs = await checked(connection, replicas, sizes or Sizes())
    try:
        async with asyncio.TaskGroup() as group:
            for config in others:
                group.create_task(_ensure_stream(connection, config, seconds))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    await _ensure_stream(connection, logs, seconds)


async def checked(connection: Connection, replicas: int, sizes: Sizes) -> list[dict[str, Any]]:
    """The streams as they should be, after the broker was found to have room for those that are missing.

    Raises:
        Refused: it has no JetStream, or its account no room for them.
        Unreachable: it does not answer.
    """
    known = requirements.account(await requirements.check_jetstream(connection), replicas)
    configs = _configs(replicas, sizes)
    if known is None:
        return configs
    absent = {config["name"] for config in await requirements.missing(connection, configs)}
    if known.sizes_required:
        configs = [_with_size(config) if config["name"] in absent else _as_it_is(config) for config in configs]
    wanted = [config for config in configs if config["name"] in absent]
    least = sum(
        LEAST_LOG_BYTES if each["name"] == subjects.LOGS else max(each.get("max_bytes", 0), 0) for each in wanted
    )
    if (problem := requirements.account_problem(known, wanted, least)) is not None:
        raise problem
    return configs


def _with_size(config: dict[str, Any]) -> dict[str, Any]:
    """For an account whose streams all have a size. Raises `Refused` where that of the artifacts is not set."""
    if config.get("max_bytes", -1) > 0:
        return config
    if config["name"] != OBJECT_STREAM:
        return config | {"max_bytes": BUCKET_BYTES}
    buckets = f"{len(BUCKETS)} x {mebibytes(BUCKET_BYTES)} of records (WOMBAT_BUCKET_LIMIT)"
    msg = "the broker's account demands a size for each stream (`max_bytes_required`): set WOMBAT_ARTIFACTS_LIMIT"
    hint = f"it is the bytes that artifacts may take; {buckets} and {mebibytes(LEAST_LOG_BYTES)} of logs come on top"
    raise Refused(msg, hint=hint)


def _as_it_is(config: dict[str, Any]) -> dict[str, Any]:
    return (
        config
        if config.get("max_bytes", 0) > 0
        else {name: value for name, value in config.items() if name != "max_bytes"}
    )


async def until_there(connection: Connection, *, seconds: float = 30.0) -> None:
    """Wait until another role has created all buckets and streams, for a user that may not.

    Raises:
        Refused: the broker has no JetStream.
        Unreachable: one of them is missing for *seconds*.
        Denied: the broker does not let this user look.
    """

    async def look() -> None:
        for name in STREAMS:
            try:
                await jetstream.stream_info(connection, name)
            except NotFound as error:
                msg = f"the broker has no stream `{name}` yet"
                raise Unreachable(msg, hint="start `wombat service`, which creates it") from error

    await requirements.check_jetstream(connection)
    await persist(look, seconds)


async def _ensure_stream(connection: Connection, config: dict[str, Any], seconds: float) -> None:
    name = config["name"]
    try:
        await persist(lambda: jetstream.api(connection, f"STREAM.CREATE.{name}", config), seconds)
    except ApiError as error:
        if error.number == _NO_CLUSTER:
            msg = f"the broker is no cluster, and cannot keep {config['num_replicas']} copies"
            raise Refused(msg, hint="set WOMBAT_REPLICAS=1, or connect to a cluster (docs/cluster.md)") from error
        # A broker that is short of space refuses to make room for what is there already.
        if error.number == _OTHER_SETTINGS or await _is_there(connection, name, seconds):
            await _update_stream(connection, config, seconds)
        elif error.number in _NO_ROOM:
            await _ensure_stream(connection, _halved(config), seconds)
        else:
            msg = f"the broker does not create stream `{name}`: {error.message}"
            raise Refused(msg, hint="see the limits of its account, and its log") from error


def _halved(config: dict[str, Any]) -> dict[str, Any]:
    """The stream of logs with half the limit. Raises `Refused` where that is too little, or it is another stream."""
    if config["name"] == OBJECT_STREAM and config.get("max_bytes", 0) > 0:
        msg = f"the broker has no room for the {mebibytes(config['max_bytes'])} that artifacts may take"
        raise Refused(msg, hint="free space on the disk of the broker, or lower WOMBAT_ARTIFACTS_LIMIT")
    half = config["max_bytes"] // 2 if config["name"] == subjects.LOGS else 0
    if half < LEAST_LOG_BYTES:
        needed = LEAST_LOG_BYTES if config["name"] == subjects.LOGS else max(config.get("max_bytes", 0), 0)
        msg = f"the broker has no room for `{config['name']}`: it needs {mebibytes(needed)}, and less is left"
        hint = "free space on the disk of the broker, or raise its `max_file_store`, or `max_file` of the account"
        raise Refused(msg, hint=hint)
    return config | {"max_bytes": half}


def mebibytes(number: int) -> str:
    """A number of bytes for people, such as `64 MiB`."""
    return f"{number / (1 << 20):,.0f} MiB"


async def _is_there(connection: Connection, name: str, seconds: float) -> bool:
    try:
        await persist(lambda: jetstream.stream_info(connection, name), seconds)
    except NotFound:
        return False
    return True


async def _update_stream(connection: Connection, config: dict[str, Any], seconds: float) -> None:
    name, wanted = config["name"], config["num_replicas"]

    async def attempt() -> None:
        info = await jetstream.api(connection, f"STREAM.INFO.{name}", {})
        kept = max(wanted, int(info["config"]["num_replicas"]))
        present = info["config"] | {"num_replicas": config["num_replicas"]}
        if kept == info["config"]["num_replicas"] and present == present | config:
            return
        change = {"max_bytes": present["max_bytes"]} | config | {"num_replicas": kept}
        try:
            await jetstream.api(connection, f"STREAM.UPDATE.{name}", change)
        except ApiError as error:
            if error.number not in _NO_ROOM or name != subjects.LOGS:
                raise
            # It was created on a disk with less room, and cannot grow yet.
            change["max_bytes"] = info["config"]["max_bytes"]
            await jetstream.api(connection, f"STREAM.UPDATE.{name}", change)

    try:
        await persist(attempt, seconds)
    except (InternalError, Unreachable) as error:
        # It was there before, and is used as it is.
        _log.warning("stream_differs", stream=name, error=error.message)


def _configs(replicas: int, sizes: Sizes) -> list[dict[str, Any]]:
    # No rollups: whoever may write one subject of a stream could empty all of it by a header.
    common = {"storage": "file", "num_replicas": replicas, "duplicate_window": _DUPLICATES, "allow_direct": True}
    buckets = [
        common
        | {
            "name": kv_stream(bucket),
            "description": description,
            "subjects": [f"$KV.{bucket}.>"],
            "max_msgs_per_subject": 1,
            "max_msg_size": MAX_VALUE,
            "discard": "new",
            "allow_rollup_hdrs": False,
            "allow_msg_ttl": True,
            "deny_delete": True,
            "republish": {"src": f"$KV.{bucket}.>", "dest": f"ev.{bucket}.>", "headers_only": True},
        }
        | ({"max_bytes": sizes.bucket} if sizes.bucket else {})
        for bucket, description in BUCKETS
    ]
    objects = (
        common
        | {
            "name": OBJECT_STREAM,
            "description": "artifacts and logs by their SHA-256",
            "subjects": [f"$O.{subjects.ARTIFACTS}.C.>", f"$O.{subjects.ARTIFACTS}.M.>"],
            "discard": "new",
            "allow_rollup_hdrs": False,
        }
        | ({} if sizes.artifacts is None else {"max_bytes": sizes.artifacts or -1})
    )
    logs = common | {
        "name": subjects.LOGS,
        "description": "live logs of attempts",
        "subjects": ["logs.>"],
        "max_age": _LOG_AGE,
        "max_bytes": _LOG_BYTES,
        "max_msgs_per_subject": _LOG_MESSAGES,
        "discard": "old",
        "compression": "s2",
        "republish": {"src": "logs.>", "dest": "ev.logs.>", "headers_only": True},
    }
    return [*buckets, objects, logs]
