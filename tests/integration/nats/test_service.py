"""The micro service over a real broker, with builds kept in a small store."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from wombat_gitops import __version__
from wombat_gitops.adapters.nats.client import NatsAttempts, NatsBuildClient, ServiceCommitter
from wombat_gitops.adapters.nats.committer import ObjectCommitter
from wombat_gitops.adapters.nats.connection import connect
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.service import serving
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import lifecycle, messages
from wombat_gitops.domain.errors import CorruptData, InternalError, NotFound, Refused, Unreachable
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.messages import (
    AttemptClaim,
    AttemptEnd,
    AttemptOutcome,
    AttemptStep,
    BuildAnswer,
    BuildPage,
    BuildQuery,
    BuildRequest,
    CommitRequest,
    ErrorBody,
)
from wombat_gitops.domain.model import BuildSpec
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import BuildRecord, BuildState, Origin, Step
from wombat_gitops.domain.subjects import BUILDS, attempt_subject
from wombat_gitops.services.claims import AttemptDesk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nats.aio.msg import Msg

    from tests.support.broker import TestBroker
    from wombat_gitops.adapters.nats.connection import Connection

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
SPEC = BuildSpec(
    "tiny",
    "1.0.0",
    NOW,
    Platform("linux", "amd64"),
    "1.26.6",
    ("github.com/redpanda-data/benthos/v4/public/components/pure",),
    "0" * 64,
    "1" * 64,
)
REQUEST = BuildRequest(SPEC, "module tiny\n", "")


class SmallQueue:
    """`ports.BuildClient` with just enough of a queue behind it."""

    def __init__(self, connection: Connection) -> None:
        self._store = NatsStore(connection, BUILDS, BuildRecord)
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = 0
        self.padding = ""

    async def request(self, request: BuildRequest) -> BuildAnswer:
        self.entered += 1
        await self.gate.wait()
        name = build_id(request.spec)
        record = lifecycle.queued(name, request.spec, request.origin, request.priority, NOW)
        created = await self._store.create(name, record)
        return BuildAnswer(record, created=created is not None)

    async def get(self, build: str) -> BuildRecord:
        found = await self._store.get(build)
        if found is None:
            msg = f"there is no build `{build[:12]}`"
            raise NotFound(msg, hint="see `wombat list`")
        return found.value

    async def list(self, query: BuildQuery) -> BuildPage:
        if query.q == "crash":
            msg = "secret: /etc/passwd"
            raise RuntimeError(msg)
        record = lifecycle.queued("2" * 64, SPEC, Origin(self.padding), 0, NOW)
        return BuildPage((record,) * query.limit, "more", 1000)

    async def cancel(self, build: str, *, superseded: bool = False, source: str = "") -> BuildRecord:
        record = await self.get(build)
        if record.state.final:
            msg = "the build has ended"
            raise Refused(msg)
        cancelled = lifecycle.cancelled(record, NOW)
        await self._store.put(build, cancelled)
        return cancelled

    async def retry(self, build: str) -> BuildRecord:
        return lifecycle.retried(await self.get(build), NOW)


@asynccontextmanager
async def service(connection: Connection, at_once: int = 64) -> AsyncIterator[SmallQueue]:
    queue = SmallQueue(connection)
    desk = AttemptDesk(NatsStore(connection, BUILDS, BuildRecord), lambda: NOW, lambda: 0.5)
    async with serving(connection, queue, desk, ObjectCommitter(connection), at_once=at_once):
        yield queue


async def ask(connection: Connection, subject: str, body: object) -> Msg:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await connection.request(subject, data)


async def control(connection: Connection, verb: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await ask(connection, f"$SRV.{verb}.build", b"")).data)
    return answer


async def test_a_build_that_was_requested_can_be_got_listed_and_cancelled(connection: Connection) -> None:
    client = NatsBuildClient(connection)
    async with asyncio.timeout(60), service(connection):
        answer = await client.request(REQUEST)
        assert answer.created
        assert answer.build.id == build_id(SPEC)
        assert await client.get(answer.build.id) == answer.build
        assert (await client.list(BuildQuery(limit=3))).total == 1000
        assert (await client.cancel(answer.build.id)).state is BuildState.CANCELLED
        assert (await client.retry(answer.build.id)).round == 2


async def test_of_a_thousand_equal_requests_one_creates(broker: TestBroker, connection: Connection) -> None:
    """Two instances share the requests, and every caller gets the same build."""
    async with (
        asyncio.timeout(60),
        connect(broker.url, role="second") as other,
        connect(broker.url, role="client") as calling,
        service(connection),
        service(other),
    ):
        client = NatsBuildClient(calling)
        times: list[float] = []

        async def one() -> BuildAnswer:
            started = time.perf_counter()
            answer = await client.request(REQUEST)
            times.append(time.perf_counter() - started)
            return answer

        started = time.perf_counter()
        answers = await asyncio.gather(*(one() for _ in range(1000)))
        total = time.perf_counter() - started
        print(f"1,000 equal requests: {1000 / total:.0f}/s, p99 {sorted(times)[989] * 1000:.0f} ms")
    assert [answer.created for answer in answers].count(True) == 1
    assert {answer.build.id for answer in answers} == {build_id(SPEC)}


@pytest.mark.parametrize(
    ("subject", "body", "status", "code", "words"),
    [
        ("build.get", {"id": "3" * 64}, "404", "not-found", "there is no build"),
        ("build.get", {"id": "../../x"}, "400", "bad-request", "`id`"),
        ("build.get", {"id": "3" * 64, "shell": "rm"}, "400", "bad-request", "`shell`"),
        ("build.get", b"{", "400", "bad-request", "json"),
        ("build.list", {"limit": 100_000}, "400", "bad-request", "`limit`"),
        ("build.list", {"platform": "plan9/mips"}, "400", "bad-request", "`platform`"),
        ("build.request", {"spec": {}}, "400", "bad-request", "`spec."),
        ("build.list", {"q": "crash"}, "500", "internal", "the service failed"),
        ("build.list", b"x" * 1_500_001, "400", "bad-request", "more than a request may have"),
        ("artifact.commit", {"sha256": "4" * 64, "size": 1, "nuid": "A" * 22, "chunks": 1}, "500", "corrupt-data",
         "are not its bytes"),
    ],
)  # fmt: skip
async def test_every_error_has_a_code_in_headers_and_body(
    connection: Connection, subject: str, body: object, status: str, code: str, words: str
) -> None:
    async with asyncio.timeout(60), service(connection):
        answer = await ask(connection, subject, body)

    assert answer.headers is not None
    assert answer.headers["Nats-Service-Error-Code"] == status
    problem = messages.decode(ErrorBody, answer.data)
    assert problem.code == code
    assert words in problem.detail
    assert words in answer.headers["Nats-Service-Error"]
    assert b"passwd" not in answer.data


async def test_a_refusal_because_of_the_state_is_a_conflict(connection: Connection) -> None:
    async with asyncio.timeout(60), service(connection):
        client = NatsBuildClient(connection)
        name = (await client.request(REQUEST)).build.id
        await client.cancel(name)
        answer = await ask(connection, "build.cancel", {"id": name})
        with pytest.raises(Refused, match="has ended"):
            await client.cancel(name)
    assert answer.headers is not None
    assert answer.headers["Nats-Service-Error-Code"] == "409"


async def test_the_client_raises_what_the_service_says(connection: Connection) -> None:
    client = NatsBuildClient(connection)
    async with asyncio.timeout(60), service(connection):
        with pytest.raises(NotFound, match="there is no build") as found:
            await client.get("3" * 64)
        assert found.value.hint == "see `wombat list`"
        with pytest.raises(InternalError, match="its log says why"):
            await client.list(BuildQuery(q="crash"))
        with pytest.raises(Refused):
            await client.request(replace(REQUEST, go_sum="x" * 1_600_000))
        with pytest.raises(CorruptData):
            await ServiceCommitter(connection).commit(CommitRequest("4" * 64, 1, "A" * 22, 1))
    async with asyncio.timeout(25):
        with pytest.raises(Unreachable):
            await NatsBuildClient(connection, seconds=0.5).get("3" * 64)


async def test_a_client_waits_for_a_service_that_starts_later(connection: Connection) -> None:
    async with asyncio.timeout(60):
        asked = asyncio.create_task(NatsBuildClient(connection).request(REQUEST))
        async with service(connection):
            assert (await asked).created


async def test_a_page_that_would_be_too_large_for_a_message_is_shorter(connection: Connection) -> None:
    async with asyncio.timeout(60), service(connection) as queue:
        queue.padding = "x" * 30_000
        page = await NatsBuildClient(connection).list(BuildQuery(limit=200))
    assert len(page.items) == 50
    assert page.next == "more"


async def test_standard_tooling_sees_schemas_and_true_counts(connection: Connection) -> None:
    async with asyncio.timeout(60), service(connection):
        client = NatsBuildClient(connection)
        await client.request(REQUEST)
        for _ in range(2):
            with pytest.raises(NotFound):
                await client.get("3" * 64)
        ping, info, stats = [await control(connection, verb) for verb in ("PING", "INFO", "STATS")]

    assert ping["name"] == "build"
    assert info["version"] == __version__
    endpoints = {endpoint["subject"]: endpoint["metadata"] for endpoint in info["endpoints"]}
    assert set(endpoints) == {
        "build.request", "build.list", "build.get", "build.cancel", "build.retry", "artifact.commit",
            "attempt.*.claim", "attempt.*.step", "attempt.*.end",
    }  # fmt: skip
    schema = json.loads(endpoints["build.request"]["request_schema"])
    assert schema["additionalProperties"] is False
    assert "spec" in schema["properties"]
    assert all(metadata["description"] and json.loads(metadata["response_schema"]) for metadata in endpoints.values())
    counts = {endpoint["subject"]: endpoint for endpoint in stats["endpoints"]}
    assert (counts["build.request"]["num_requests"], counts["build.request"]["num_errors"]) == (1, 0)
    assert (counts["build.get"]["num_requests"], counts["build.get"]["num_errors"]) == (2, 2)
    assert counts["build.get"]["last_error"].startswith("404:")
    assert counts["build.request"]["average_processing_time"] > 0


async def test_a_slow_request_does_not_hold_up_the_next(connection: Connection) -> None:
    async with asyncio.timeout(60), service(connection) as queue:
        queue.gate.clear()
        asked = [asyncio.create_task(NatsBuildClient(connection).request(REQUEST)) for _ in range(5)]
        while queue.entered < 5:
            await asyncio.sleep(0.01)
        queue.gate.set()
        answers = await asyncio.gather(*asked)
    assert len(answers) == 5


async def test_requests_in_flight_are_answered_before_the_service_stops(
    broker: TestBroker, connection: Connection
) -> None:
    async with asyncio.timeout(60), connect(broker.url, role="client") as calling:
        async with service(connection) as queue:
            queue.gate.clear()
            asked = asyncio.create_task(calling.request("build.request", messages.encode(REQUEST), seconds=10))
            while not queue.entered:
                assert not asked.done(), asked.exception()
                await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_later(0.1, queue.gate.set)
        answer = messages.decode(BuildAnswer, (await asked).data)
    assert answer.created


async def test_a_builder_stores_an_object_through_the_service(
    broker: TestBroker, connection: Connection, tmp_path: Path
) -> None:
    data = random.Random(3).randbytes(2_500_000)
    (tmp_path / "in").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    async with asyncio.timeout(60), service(connection), connect(broker.url, role="builder") as building:
        objects = NatsObjects(building, ServiceCommitter(building))
        await objects.put(tmp_path / "in", sha256, len(data))
        await objects.fetch(sha256, len(data), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == data


async def test_a_service_answers_again_after_the_broker_was_killed(broker: TestBroker, connection: Connection) -> None:
    async with asyncio.timeout(60), service(connection), connect(broker.url, role="client") as calling:
        client = NatsBuildClient(calling)
        assert (await client.request(REQUEST)).created
        await broker.kill()
        asked = asyncio.create_task(client.request(REQUEST))
        await broker.start()
        assert not (await asked).created


async def test_builder_works_on_an_attempt_through_the_service(connection: Connection) -> None:
    """Claim, step and end over the broker; the second end of a lost answer is the first one."""
    attempts = NatsAttempts(connection)
    async with asyncio.timeout(60), service(connection):
        build = (await NatsBuildClient(connection).request(REQUEST)).build.id
        taken = await attempts.claim(AttemptClaim(build, "one.1", "mark-one"))
        assert taken.holds
        assert taken.build is not None
        assert taken.build.attempt.builder == "one.1"
        assert not (await attempts.claim(AttemptClaim(build, "two.1", "mark-two"))).holds
        assert (await attempts.step(AttemptStep(build, "one.1", "mark-one", Step.FETCH))).holds
        end = AttemptEnd(build, "one.1", "mark-one", AttemptOutcome.RELEASED)
        assert (await attempts.end(end)).holds
        assert (await attempts.end(end)).holds
        assert (await attempts.claim(AttemptClaim(build, "two.1", "mark-two"))).holds


async def test_builder_cannot_speak_for_another(connection: Connection) -> None:
    """The name in the subject, which the broker checks, has to be the one in the request."""
    async with asyncio.timeout(60), service(connection):
        build = (await NatsBuildClient(connection).request(REQUEST)).build.id
        asked = messages.encode(AttemptClaim(build, "two.1", "mark-two"))
        answer = await connection.request(attempt_subject("one.1", "claim"), asked)
        assert (answer.headers or {})["Nats-Service-Error-Code"] == "400"
        assert (await NatsBuildClient(connection).get(build)).state is BuildState.QUEUED
