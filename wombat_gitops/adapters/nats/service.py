"""The micro service `build`: what callers ask, handed to a `ports.BuildClient` and a committer.

Visible to the standard tooling (`$SRV.PING`, `INFO`, `STATS`), with the JSON Schema of every request and
answer in the metadata of its endpoint. Many instances share the load through the queue group.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import warnings
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import nats.errors
import structlog
from nats.micro.request import Request
from nats.micro.service import Endpoint, EndpointConfig, Service, ServiceConfig

from wombat_gitops import __version__
from wombat_gitops.adapters.nats import problems, wire
from wombat_gitops.domain import messages, subjects
from wombat_gitops.domain.errors import Refused, WombatError
from wombat_gitops.domain.messages import (
    AttemptAnswer,
    AttemptClaim,
    AttemptEnd,
    AttemptStep,
    BuildAnswer,
    BuildPage,
    BuildQuery,
    BuildRef,
    BuildRequest,
    CancelRequest,
    CommitAnswer,
    CommitRequest,
    ErrorBody,
)
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.tracing import HEADER, traceparent
from wombat_gitops.ports import tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from nats.aio.msg import Msg

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.objects import Committer
    from wombat_gitops.ports import Attempts, BuildClient

_log = structlog.get_logger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")
_Asked = TypeVar("_Asked", AttemptClaim, AttemptStep, AttemptEnd)

_AT_ONCE: Final = 64
_SECONDS: Final = 25.0
_COMMIT_SECONDS: Final = 120.0
_DRAIN_SECONDS: Final = 10.0
_HEADROOM: Final = 16_384
_DESCRIPTION: Final = "Builds distributions of Redpanda Benthos: ask for builds, list, get, cancel and retry them"


@dataclass(frozen=True, slots=True)
class Route(Generic[Q, A]):
    """One endpoint: where it listens, what it takes and gives, and who answers."""

    name: str
    subject: str
    description: str
    request: type[Q]
    answer: type[A]
    handle: Callable[[Q], Awaitable[A]]
    seconds: float = _SECONDS
    refused: int = 422
    allowed: Callable[[str, Q], bool] = lambda _subject, _asked: True

    async def __call__(self, data: bytes, subject: str) -> bytes:
        """Answer one request that came on *subject*. Raises `WombatError`, and `BadRequest` where it is none."""
        try:
            asked = messages.decode_request(self.request, data)
        except Refused as error:
            raise BadRequest(error.message, hint=error.hint) from error
        if not self.allowed(subject, asked):
            msg = f"`{subject}` does not belong to whom the request speaks for"
            raise BadRequest(msg)
        async with asyncio.timeout(self.seconds):
            return messages.encode(await self.handle(asked))

    @property
    def metadata(self) -> dict[str, str]:
        """Description and schemas, for `$SRV.INFO`."""
        return {
            "description": self.description,
            "request_schema": json.dumps(messages.json_schema(self.request)),
            "response_schema": json.dumps(messages.json_schema(self.answer)),
            "error_schema": json.dumps(messages.json_schema(ErrorBody)),
        }


class BadRequest(Refused):
    """The bytes are not a request of this endpoint."""


def routes(
    builds: BuildClient, attempts: Attempts, committer: Committer, most: Callable[[], int]
) -> list[Route[Any, Any]]:
    """All endpoints of the service; *most* says how many bytes an answer may have."""

    async def get(asked: BuildRef) -> BuildRecord:
        return await builds.get(asked.id)

    async def cancel(asked: CancelRequest) -> BuildRecord:
        return await builds.cancel(asked.id, superseded=asked.superseded, source=asked.source)

    async def retry(asked: BuildRef) -> BuildRecord:
        return await builds.retry(asked.id)

    async def page(asked: BuildQuery) -> BuildPage:
        found = await builds.list(asked)
        while len(messages.encode(found)) > most() - _HEADROOM and asked.limit > 1:
            asked = replace(asked, limit=asked.limit // 2)
            found = await builds.list(asked)
        return found

    return [
        Route(
            "request",
            subjects.SERVICE_REQUEST,
            "ask for a build; equal requests are one build",
            BuildRequest,
            BuildAnswer,
            builds.request,
        ),
        Route("list", subjects.SERVICE_LIST, "builds that match, newest first", BuildQuery, BuildPage, page),
        Route("get", subjects.SERVICE_GET, "one build", BuildRef, BuildRecord, get),
        Route("cancel", subjects.SERVICE_CANCEL, "stop a build", CancelRequest, BuildRecord, cancel, refused=409),
        Route("retry", subjects.SERVICE_RETRY, "queue an ended build again", BuildRef, BuildRecord, retry, refused=409),
        _attempt_route("claim", "a builder starts an attempt", AttemptClaim, attempts.claim),
        _attempt_route("step", "a builder begins a step of its attempt", AttemptStep, attempts.step),
        _attempt_route("end", "a builder ends its attempt", AttemptEnd, attempts.end),
        Route(
            "artifact-commit",
            subjects.OBJECT_COMMIT,
            "verify stored chunks and publish them as an object",
            CommitRequest,
            CommitAnswer,
            committer.commit,
            seconds=_COMMIT_SECONDS,
        ),
    ]


def _attempt_route(
    verb: str, description: str, request: type[_Asked], handle: Callable[[_Asked], Awaitable[AttemptAnswer]]
) -> Route[_Asked, AttemptAnswer]:
    """An endpoint for builders; the broker lets each of them use only the subject with its own name."""

    def own(subject: str, asked: _Asked) -> bool:
        return subject == subjects.attempt_subject(asked.builder, verb)

    return Route(
        f"attempt-{verb}",
        subjects.attempt_subject("*", verb),
        description,
        request,
        AttemptAnswer,
        handle,
        allowed=own,
    )


@asynccontextmanager
async def serving(
    connection: Connection,
    builds: BuildClient,
    attempts: Attempts,
    committer: Committer,
    *,
    further: Sequence[Route[Any, Any]] = (),
    at_once: int = _AT_ONCE,
) -> AsyncIterator[Service]:
    """Answer requests for as long as the context lasts; those that came in are answered before it ends.

    Args:
        further: endpoints besides.
        at_once: requests that one endpoint works on at the same time.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library asks for the time in an old way
        service = Service(connection.client, ServiceConfig("build", _semver(__version__), _DESCRIPTION))
        await service.start()
    offered = [*routes(builds, attempts, committer, lambda: connection.max_payload), *further]
    described = sum(len(json.dumps(route.metadata)) for route in offered) < connection.max_payload - _HEADROOM
    endpoints = [_Endpoint(connection, service, route, at_once, schemas=described) for route in offered]
    try:
        for endpoint in endpoints:
            await endpoint._start()  # noqa: SLF001 - our subclass
            service._endpoints.append(endpoint)  # noqa: SLF001 - the library takes no endpoints of other classes
        await connection.client.flush()
        yield service
    finally:
        with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await asyncio.gather(*(endpoint.drain() for endpoint in endpoints))
                await service.stop()


class _Endpoint(Endpoint):
    """An endpoint that works on several requests at once and still counts each of them truthfully.

    The library's own handles one request after the other, and answers unknown errors with their text.
    """

    def __init__(
        self, connection: Connection, service: Service, route: Route[Any, Any], at_once: int, *, schemas: bool
    ) -> None:
        """Make an endpoint; without *schemas* where those of all do not fit the one message of `$SRV.INFO`."""
        metadata = route.metadata if schemas else {"description": route.description}
        super().__init__(
            service, EndpointConfig(name=route.name, subject=route.subject, handler=_unused, metadata=metadata)
        )
        self._connection = connection
        self._route = route
        self._room = asyncio.Semaphore(at_once)
        self._running: set[asyncio.Task[None]] = set()

    async def drain(self) -> None:
        """Take no more requests and answer those that came in."""
        if self._subscription is not None:
            await self._subscription.drain()  # type: ignore[no-untyped-call]
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
        await self._service._client.flush()  # noqa: SLF001 - the library hands it to endpoints so

    async def _stop(self) -> None:
        self._subscription = None

    async def _handle_request(self, msg: Msg) -> None:
        await self._room.acquire()
        task = asyncio.create_task(self._answer(msg), name=f"answer {self._subject}")
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._room.release()

    async def _answer(self, msg: Msg) -> None:
        started = time.perf_counter_ns()
        self._num_requests += 1
        status = 0
        try:
            with tracing.continued(traceparent((msg.headers or {}).get(HEADER))):
                status = await self._respond(Request(msg))
        finally:
            taken = time.perf_counter_ns() - started
            self._processing_time += taken
            self._average_processing_time = self._processing_time // self._num_requests
            _log.debug("request_answered", endpoint=self._route.name, status=status, seconds=taken / 1e9)

    async def _respond(self, request: Request) -> int:
        """Answer, and return the status: 200, or that of the problem."""
        status = 200
        try:
            answer, headers = await self._answered(request)
        except Exception as error:  # noqa: BLE001 - a border: the caller gets an answer whatever happens
            status, body = self._problem(error)
            self._num_errors += 1
            self._last_error = f"{status}:{body.detail}"  # type: ignore[assignment]
            with contextlib.suppress(nats.errors.Error, ValueError, OSError):
                await request.respond_error(str(status), _header(body.detail), messages.encode(body))
        else:
            with contextlib.suppress(nats.errors.Error, ValueError, OSError):
                await request.respond(answer, headers)
        return status

    async def _answered(self, request: Request) -> tuple[bytes, dict[str, str] | None]:
        """The answer as it is sent, and its headers."""
        try:
            data = wire.request_of(request.data, request.headers)
        except Refused as error:
            raise BadRequest(error.message) from error
        answer = await self._route(data, request.subject)
        compress = wire.takes_compressed(request.headers)
        sent, headers = wire.fitted(self._connection, f"the answer of {request.subject}", answer, {}, compress=compress)
        return sent, headers or None

    def _problem(self, error: Exception) -> tuple[int, ErrorBody]:
        if isinstance(error, BadRequest):
            return 400, ErrorBody("bad-request", error.message, error.hint)
        if isinstance(error, TimeoutError):
            return 503, ErrorBody("unavailable", f"not done within {self._route.seconds:g} s")
        if not isinstance(error, WombatError):
            _log.error("answer_broke", endpoint=self._route.name, exc_info=error)
            return 500, problems.INTERNAL
        status, body = problems.to_wire(error)
        if status == 500:  # noqa: PLR2004
            _log.error("answer_failed", endpoint=self._route.name, error=error.message)
        return (self._route.refused, body) if type(error) is Refused else (status, body)


async def _unused(_request: Request) -> None:
    """Stands where the library wants a handler; `_Endpoint` never calls it."""


def _header(text: str) -> str:
    """One short line of ASCII, which is all a header can hold."""
    return text.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")[:500]


def _semver(version: str) -> str:
    """A Python version as a semantic one: `0.1.0.dev3` becomes `0.1.0-dev3`."""
    match = re.match(r"(\d+\.\d+\.\d+)[.-]?(.*)", version)
    if match is None:
        return "0.0.0"
    rest = re.sub(r"[^0-9A-Za-z.-]", ".", match[2])
    return f"{match[1]}-{rest}" if rest else match[1]
