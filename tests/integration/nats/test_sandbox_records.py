"""Sandbox levels across an upgrade: records and requests of the previous release, and claims that store the level.

The texts below were written by the previous release, which knew no level.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tests.unit.services.test_queue import Bench
from wombat_gitops.adapters.nats.client import NatsAttempts
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.service import serving
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import messages
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.catalogue import BuilderPresence
from wombat_gitops.domain.messages import AttemptAnswer, AttemptClaim, AttemptEnd, AttemptOutcome, Lease
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.subjects import BUILDS, LEASES, attempt_subject, builder_lease
from wombat_gitops.services.claims import AttemptDesk, claim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.adapters.nats.connection import Connection

NOW: Final = datetime(2026, 2, 1, 8, tzinfo=UTC)
BUILD: Final = "089b874dc61cdbad24061b444449567c34d7eb85292dc0123c749aaec6e25108"
OLD_RECORD: Final = (
    b'{"id":"089b874dc61cdbad24061b444449567c34d7eb85292dc0123c749aaec6e25108","spec":{"name":"tiny","version":"1.0.0",'
    b'"date":"2026-01-31T08:00:00Z","platform":"linux/amd64","toolchain":"1.26.6","packages":["github.com/redpanda-data/'
    b'benthos/v4/public/components/pure"],"go_mod":"'
    + b"0" * 64
    + b'","go_sum":"'
    + b"1" * 64
    + b'"},"state":"queued",'
    b'"requested_at":"2026-01-31T08:00:00Z","changed_at":"2026-01-31T08:00:03Z","origin":{"source":"main","revision":'
    b'"cccccccccccccccccccccccccccccccccccccccc","path":"manifests/tiny.yaml"},"tries_left":2,"not_before":'
    b'"2026-01-31T08:00:08Z","attempts":[{"number":1,"builder":"old.1","claim":"mark-old","started_at":'
    b'"2026-01-31T08:00:01Z","steps":[{"step":"fetch","started_at":"2026-01-31T08:00:02Z","seconds":1.0}],"ended_at":'
    b'"2026-01-31T08:00:03Z","ended_as":"failed","failure":{"kind":"transient","reason":"NetworkError","message":'
    b'"connection reset","step":"fetch"}}],"failure":{"kind":"transient","reason":"NetworkError","message":'
    b'"connection reset","step":"fetch"}}'
)
OLD_PRESENCE: Final = (
    b'{"id":"old.1","host":"host","version":"0.1.0","workers":1,"busy":0,"started_at":"2026-01-31T08:00:00Z","beat":3,'
    b'"can":{"platforms":["linux"],"memory":1073741824}}'
)
OLD_CLAIM: Final = b'{"build":"' + BUILD.encode() + b'","builder":"old.1","claim":"mark-again"}'


@asynccontextmanager
async def service(connection: Connection, folder: Path) -> AsyncIterator[NatsStore[BuildRecord]]:
    """The service over the real store of builds, which holds the record of the previous release."""
    records = NatsStore(connection, BUILDS, BuildRecord)
    await connection.request(f"$KV.{BUILDS}.{BUILD}", OLD_RECORD)
    desk = AttemptDesk(records, lambda: NOW, lambda: 0.5)
    async with asyncio.timeout(60), serving(connection, Bench(folder).queue, desk, ObjectCommitter(connection)):
        yield records


async def stored(records: NatsStore[BuildRecord]) -> BuildRecord:
    found = await records.get(BUILD)
    assert found is not None
    return found.value


async def test_a_record_of_the_previous_release_reads_as_not_recorded(connection: Connection, tmp_path: Path) -> None:
    async with service(connection, tmp_path) as records:
        record = await stored(records)

    assert (record.state, [attempt.sandbox for attempt in record.attempts]) == (BuildState.QUEUED, [""])
    assert messages.encode(record) == OLD_RECORD, "it is written as that release can read it"


async def test_a_builder_of_the_previous_release_shows_no_level(connection: Connection) -> None:
    presences = NatsStore(connection, LEASES, BuilderPresence, prefix="builder.")
    await connection.request(f"$KV.{LEASES}.{builder_lease('old.1')}", OLD_PRESENCE)
    found = await presences.get(builder_lease("old.1"))

    assert found is not None
    assert found.value.can.sandbox == ""


async def test_a_claim_stores_the_level_of_its_builder(connection: Connection, tmp_path: Path) -> None:
    """Beside attempts that were made before levels were known, and of other builders; each keeps its own."""
    attempts, leases = NatsAttempts(connection), NatsStore(connection, LEASES, Lease, prefix="build.")
    async with service(connection, tmp_path) as records:
        for number, level in enumerate((SandboxLevel.LANDLOCK, SandboxLevel.BUBBLEWRAP)):
            builder, mark = f"new.{number}", f"mark-new-{number}"
            taken = await claim(attempts, leases, BUILD, builder, mark, level)
            assert taken is not None
            assert taken.record.attempt.sandbox == level
            assert (await attempts.end(AttemptEnd(BUILD, builder, mark, AttemptOutcome.RELEASED))).holds
        record = await stored(records)

    assert [attempt.sandbox for attempt in record.attempts] == ["", "landlock", "bubblewrap"]


async def test_a_claim_of_the_previous_release_is_taken_without_a_level(connection: Connection, tmp_path: Path) -> None:
    """Services are upgraded first, and builders that know no level go on."""
    async with service(connection, tmp_path) as records:
        answer = await connection.request(attempt_subject("old.1", "claim"), OLD_CLAIM)
        assert messages.decode(AttemptAnswer, answer.data).holds
        record = await stored(records)

    assert (record.state, record.attempt.builder, record.attempt.sandbox) == (BuildState.RUNNING, "old.1", "")


async def test_a_level_that_is_too_long_is_refused(connection: Connection, tmp_path: Path) -> None:
    """A builder cannot fill records with it."""
    async with service(connection, tmp_path) as records:
        asked = messages.encode(AttemptClaim(BUILD, "new.1", "mark-new", "x" * 21))
        answer = await connection.request(attempt_subject("new.1", "claim"), asked)
        assert (answer.headers or {})["Nats-Service-Error-Code"] == "400"
        assert (await stored(records)).state is BuildState.QUEUED
