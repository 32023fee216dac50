"""What each role must not do, tried on a real broker with the configuration that `wombat auth init` makes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import nats.errors
import pytest

from tests.support.access import GuardedBroker, guarded
from wombat_gitops.adapters.nats import infrastructure, jetstream
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.errors import Denied, Unreachable
from wombat_gitops.domain.messages import Lease
from wombat_gitops.wiring import auth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from nats.aio.msg import Msg

BUILD = "b" * 64
FLEET = ("builder.one", "watcher", "api", "cli")
WORDS = b"what nobody else may see"


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[GuardedBroker]:
    yield from guarded(tmp_path)


@asynccontextmanager
async def as_user(guard: GuardedBroker, label: str) -> AsyncIterator[Connection]:
    known = guard.credentials(label)
    async with connect(guard.url, role=label.partition(".")[0], credentials=known) as connection:
        yield connection


@pytest.fixture
async def admin(guard: GuardedBroker) -> AsyncIterator[Connection]:
    """A connection of the admin, who has made the streams and put something in each kind of place."""
    async with as_user(guard, "admin") as connection:
        await infrastructure.ensure(connection)
        yield connection


async def sequences(admin: Connection) -> dict[str, int]:
    """The newest sequence of every stream: nothing was stored as long as none of them moves."""
    names = [*(subjects.kv_stream(bucket) for bucket in BUCKETS), subjects.OBJECT_STREAM, subjects.LOGS]
    return {name: (await jetstream.stream_info(admin, name)).last_sequence for name in names}


BUCKETS = (subjects.BUILDS, subjects.INPUTS, subjects.LEASES, subjects.SOURCES, subjects.DISTRIBUTIONS)

WRITES = {
    "a build record": f"$KV.{subjects.BUILDS}.{BUILD}",
    "module files": f"$KV.{subjects.INPUTS}.{BUILD}",
    "a lease of another builder": subjects.kv_subject(subjects.LEASES, subjects.build_lease("two.1", BUILD)),
    "presence of another builder": subjects.kv_subject(subjects.LEASES, subjects.builder_lease("two.1")),
    "the heartbeat of a service": subjects.kv_subject(subjects.LEASES, subjects.role_lease("service", "one.1")),
    "the heartbeat of a watcher": subjects.kv_subject(subjects.LEASES, subjects.role_lease("watcher", "one.1")),
    "an order to a builder": subjects.kv_subject(subjects.LEASES, subjects.builder_order("one")),
    "a source": f"$KV.{subjects.SOURCES}.one",
    "a distribution": f"$KV.{subjects.DISTRIBUTIONS}.tiny",
    "the meta of an object": f"$O.{subjects.ARTIFACTS}.M.b25l",
    "a chunk of another builder": f"$O.{subjects.ARTIFACTS}.C.two.abcdefghijklmnopqrstuv",
    "a chunk of nobody": f"$O.{subjects.ARTIFACTS}.C.abcdefghijklmnopqrstuv",
    "a log": subjects.log_subject(BUILD, 1),
}
MAY = {
    "builder.one": {"a log"},
    "watcher": {"a source", "a distribution", "the heartbeat of a watcher"},
    "api": set[str](),
    "cli": set[str](),
}


@pytest.mark.parametrize("label", FLEET)
async def test_what_a_role_cannot_write(guard: GuardedBroker, admin: Connection, label: str) -> None:
    """Each place that is not its own is refused at once, and nothing is stored there."""
    before = await sequences(admin)
    async with as_user(guard, label) as connection:
        for place, subject in WRITES.items():
            if place in MAY[label]:
                continue
            with pytest.raises((Denied, Unreachable)):
                await jetstream.publish(connection, subject, b"{}", seconds=0.5)
    assert await sequences(admin) == before


@pytest.mark.parametrize("label", FLEET)
async def test_nobody_manages_streams_or_consumers(guard: GuardedBroker, admin: Connection, label: str) -> None:
    """No role of the fleet creates a consumer, which would publish for it, nor touches a stream."""
    stream = subjects.kv_stream(subjects.BUILDS)
    consumer = {"deliver_subject": subjects.SERVICE_CANCEL, "ack_policy": "none"}
    push: dict[str, object] = {"stream_name": stream, "config": consumer}
    asked: dict[str, dict[str, object]] = {
        f"CONSUMER.CREATE.{stream}": push,
        f"CONSUMER.DURABLE.CREATE.{stream}.evil": push | {"config": consumer | {"durable_name": "evil"}},
        f"STREAM.PURGE.{subjects.OBJECT_STREAM}": {},
        f"STREAM.DELETE.{stream}": {},
        f"STREAM.UPDATE.{stream}": {"name": stream, "subjects": ["x"]},
        "STREAM.CREATE.evil": {
            "name": "evil",
            "subjects": ["evil.>"],
            "republish": {"src": ">", "dest": "build.cancel"},
        },
        f"STREAM.MSG.DELETE.{stream}": {"seq": 1},
    }
    before = await sequences(admin)
    async with as_user(guard, label) as connection:
        for prefix in (subjects.JETSTREAM, subjects.FLEET_JETSTREAM):
            for method, body in asked.items():
                with pytest.raises((Denied, Unreachable)):
                    await connection.request(f"{prefix}.{method}", json.dumps(body).encode(), seconds=0.5)
    assert await sequences(admin) == before
    info = await jetstream.api(admin, f"STREAM.INFO.{stream}", {})
    assert info["state"]["consumer_count"] == 0


@pytest.mark.parametrize("label", FLEET)
async def test_nobody_stands_in_for_the_service(guard: GuardedBroker, admin: Connection, label: str) -> None:
    """Who subscribes to what the service is asked hears nothing, nor what others get as answers."""
    heard: list[bytes] = []

    async def hear(message: Msg) -> None:
        heard.append(message.data)

    for subject in (subjects.SERVICE_REQUEST, "attempt.*.claim", "$SRV.>", "_INBOX.>", ">"):
        async with as_user(guard, label) as connection:
            with contextlib.suppress(nats.errors.ConnectionClosedError):  # who asks for too much is put out
                await connection.client.subscribe(subject, cb=hear)
                await connection.client.flush()
            await admin.publish(subjects.SERVICE_REQUEST, WORDS)
            await jetstream.stream_info(admin, subjects.LOGS)
            with contextlib.suppress(nats.errors.Error):
                await connection.client.flush()
    assert not [data for data in heard if WORDS in data or b"io.nats.jetstream" in data]


async def test_a_builder_has_its_own_name_only(guard: GuardedBroker, admin: Connection) -> None:
    """Its lease and its questions stand below its own name; those of another builder are out of reach."""
    async with as_user(guard, "builder.one") as connection:
        leases = NatsStore(connection, subjects.LEASES, Lease, prefix="build.")
        lease = Lease("one.1", "claim")
        written = await leases.put(subjects.build_lease("one.1", BUILD), lease)
        assert written.value == lease
        for verb in ("claim", "step", "end"):
            with pytest.raises((Denied, Unreachable)):
                await connection.request(subjects.attempt_subject("two.1", verb), b"{}", seconds=0.5)
        with pytest.raises((Denied, Unreachable)):
            await connection.request(subjects.SERVICE_REQUEST, b"{}", seconds=0.5)


async def test_denial_is_told_at_once(guard: GuardedBroker, admin: Connection) -> None:
    """A refusal is not taken for a broker that is away: it names user and subject."""
    async with as_user(guard, "api") as connection:
        with pytest.raises(Denied, match="api"):
            await jetstream.publish(connection, f"$KV.{subjects.BUILDS}.{BUILD}", b"{}", seconds=30)


async def test_a_wrong_key_is_told(guard: GuardedBroker, tmp_path: Path) -> None:
    """A key that the broker does not know ends the role with a reason, and is not tried for ever."""
    other = GuardedBroker(tmp_path / "other")
    known = other.credentials("api")
    with pytest.raises(Denied):
        async with connect(
            guard.url, role="api", credentials=known.__class__(known.user, known.seed, guard.credentials("api").tls)
        ):
            pass


async def test_an_unknown_authority_is_told(guard: GuardedBroker, tmp_path: Path) -> None:
    """A broker whose certificate somebody else has signed gets no key to see."""
    other = GuardedBroker(tmp_path / "other")
    known = guard.credentials("api")
    with pytest.raises((Denied, Unreachable), match="certificate"):
        async with connect(
            guard.url, role="api", credentials=known.__class__(known.user, known.seed, other.credentials("api").tls)
        ):
            pass


async def test_a_revoked_key_ends_its_connection(guard: GuardedBroker, admin: Connection) -> None:
    """A user that is taken out of the configuration is put out when the broker reads it again."""
    async with as_user(guard, "builder.two") as connection:
        (guard.folder / "builder.two.nk").rename(guard.folder / "builder.two.gone")
        auth.init(guard.folder, ("one",), ("localhost",))
        await asyncio.to_thread(guard.reload)
        async with asyncio.timeout(60):
            await connection.closed
