"""Names on the broker: buckets, streams, subjects and keys. Nothing else spells them."""

from __future__ import annotations

from typing import Final

BUILDS: Final = "builds"
"""KV of build records, key = build id. The one truth."""
INPUTS: Final = "inputs"
"""KV of go.mod and go.sum texts (zlib), key = SHA-256 of the text."""
LEASES: Final = "leases"
"""KV of heartbeats and notes: `build.<builder>.<build>`, `builder.<builder>`, `role.<role>.<id>`, `order.<name>`,
`source.<id>`, `status.<id>`."""
LEASE_SECONDS: Final = 15.0
"""How long a builder may be silent: longer than a broker restart and a cluster election (4-8 s)."""
SOURCES: Final = "sources"
DISTRIBUTIONS: Final = "distributions"
ARTIFACTS: Final = "artifacts"
"""Object store; names are SHA-256 digests, never overwritten."""
LOGS: Final = "LOGS"
LOG_SUBJECTS: Final = "logs.>"

SERVICE: Final = "build"
SERVICE_REQUEST: Final = "build.request"
SERVICE_LIST: Final = "build.list"
SERVICE_GET: Final = "build.get"
SERVICE_CANCEL: Final = "build.cancel"
SERVICE_RETRY: Final = "build.retry"
SERVICE_COLLECT: Final = "build.collect"
OBJECT_COMMIT: Final = "artifact.commit"
ARTIFACT_SUSPECT: Final = "artifact.suspect"
"""Tells the service that an artifact could not be read; a hint, since every one is read in time anyway."""
BUILDER_DRAIN: Final = "builder.drain"
BUILDER_RESUME: Final = "builder.resume"
SOURCE_REFRESH: Final = "source.refresh"
"""Tells watchers to look at a source now; a hint, since every source is looked at in time anyway."""


def log_subject(build: str, attempt: int) -> str:
    """Where the log of one attempt is published."""
    return f"logs.{build}.{attempt}"


def attempt_subject(builder: str, verb: str) -> str:
    """Where a builder asks the service about attempts: `claim`, `step` or `end`.

    The name is a part of it, so that the broker's permissions prove who asks; `*` is every name.
    """
    return f"attempt.{builder_name(builder)}.{verb}"


def builder_name(builder: str) -> str:
    """The name in a builder's id `<name>.<start>`."""
    return builder.partition(".")[0]


def build_lease(builder: str, build: str) -> str:
    """Key of the lease of a running build; below the builder's name, so that no other can renew it."""
    return f"build.{builder}.{build}"


def builder_lease(builder: str) -> str:
    """Key of the presence of a builder, given its id."""
    return f"builder.{builder}"


def role_lease(role: str, process: str) -> str:
    """Key of the heartbeat of a service or a watcher; below its role, so that no other role can renew it."""
    return f"role.{role}.{process}"


def builder_order(name: str) -> str:
    """Key of what an operator wants of a builder, given its name; below no builder's own keys."""
    return f"order.{name}"


def keeper_note() -> str:
    """Key of what the service noted about things that nothing names any more."""
    return "keeper.note"


def source_look(source: str) -> str:
    """Key of how a source was last looked at."""
    return f"source.{source}"


def source_status(source: str) -> str:
    """Key of the commit status that was written last for a source."""
    return f"status.{source}"


JETSTREAM: Final = "$JS.API"
"""Where the broker is asked about streams."""
FLEET_JETSTREAM: Final = "wombat.js"
"""Where a user with an account of its own asks the same; the plain name means its account's own streams there."""
OBJECT_STREAM: Final = f"OBJ_{ARTIFACTS}"
META_SUBJECTS: Final = f"$O.{ARTIFACTS}.M.>"


def jetstream(domain: str = "") -> str:
    """Where the broker is asked about the streams of a domain; "": its own."""
    return f"$JS.{domain}.API" if domain else JETSTREAM


def kv_stream(bucket: str) -> str:
    """The stream behind a KV bucket."""
    return f"KV_{bucket}"


def kv_subject(bucket: str, key: str) -> str:
    """Where the values of a key are stored; *key* may hold wildcards."""
    return f"$KV.{bucket}.{key}"


def event_subject(bucket: str, key: str) -> str:
    """Where changes of a key are told; *key* may hold wildcards."""
    return f"ev.{bucket}.{key}"


def chunk_subject(upload: str) -> str:
    """Where the chunks of an upload are stored."""
    return f"$O.{ARTIFACTS}.C.{upload}"
