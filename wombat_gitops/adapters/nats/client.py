"""The micro service `build` as its callers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wombat_gitops.adapters.nats import problems, wire
from wombat_gitops.adapters.nats.retrying import PATIENCE, persist, tries
from wombat_gitops.domain import messages, subjects
from wombat_gitops.domain.errors import InternalError, Refused, Unreachable, WombatError
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
)
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.tracing import HEADER
from wombat_gitops.ports import tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from wombat_gitops.adapters.nats.connection import Connection

T = TypeVar("T")

_COMMIT_SECONDS = 60.0


class NatsBuildClient:
    """`ports.BuildClient` by requests, tried again for a time: every request may be sent twice.

    Raises `InternalError` where the service fails; its log says why.
    """

    def __init__(self, connection: Connection, *, seconds: float = PATIENCE) -> None:
        self._connection = connection
        self._seconds = seconds

    async def request(self, request: BuildRequest) -> BuildAnswer:
        """Ask for a build; the same request twice is one build. Raises `Refused`."""
        return await self._ask(subjects.SERVICE_REQUEST, request, BuildAnswer)

    async def get(self, build: str) -> BuildRecord:
        """One build. Raises `NotFound`."""
        return await self._ask(subjects.SERVICE_GET, BuildRef(build), BuildRecord)

    async def list(self, query: BuildQuery) -> BuildPage:
        """Builds that match, newest first; a page may be shorter than asked for where builds are large."""
        return await self._ask(subjects.SERVICE_LIST, query, BuildPage)

    async def cancel(self, build: str, *, superseded: bool = False, source: str = "") -> BuildRecord:
        """Stop a build; with *superseded* where nobody but *source* asks for it. Raises `NotFound`, `Refused`."""
        stopped = {BuildState.CANCELLED, BuildState.SUPERSEDED}
        return await self._once(
            subjects.SERVICE_CANCEL,
            CancelRequest(build, superseded, source),
            build,
            lambda found: found.state in stopped,
        )

    async def retry(self, build: str) -> BuildRecord:
        """Queue an ended build again. Raises `NotFound`, or `Refused` where it has not ended."""
        return await self._once(subjects.SERVICE_RETRY, BuildRef(build), build, lambda found: not found.state.final)

    async def _ask(self, subject: str, message: object, kind: type[T]) -> T:
        return await ask_patiently(self._connection, subject, message, kind, self._seconds)

    async def _once(
        self, subject: str, message: object, build: str, done: Callable[[BuildRecord], bool]
    ) -> BuildRecord:
        """Ask for a change that is refused the second time: a try whose answer was lost counts if it is *done*."""
        unsure = False
        lengths = tries(self._seconds)

        async def attempt() -> BuildRecord:
            nonlocal unsure
            try:
                return await ask(self._connection, subject, message, BuildRecord, seconds=next(lengths))
            except Unreachable:
                unsure = True
                raise

        try:
            return await persist(attempt, self._seconds)
        except Refused:
            if not unsure:
                raise
            found = await self.get(build)
            if not done(found):
                raise
            return found


class NatsAttempts:
    """`ports.Attempts` by requests to the service; the subject says which builder asks."""

    def __init__(self, connection: Connection, *, seconds: float = PATIENCE) -> None:
        self._connection = connection
        self._seconds = seconds

    async def claim(self, asked: AttemptClaim) -> AttemptAnswer:
        """Start a new attempt of a queued build; of many builders that ask, one gets it."""
        return await self._ask("claim", asked)

    async def step(self, asked: AttemptStep) -> AttemptAnswer:
        """The attempt begins a step."""
        return await self._ask("step", asked)

    async def end(self, asked: AttemptEnd) -> AttemptAnswer:
        """The attempt ends; at most one attempt of a build ever publishes a result."""
        return await self._ask("end", asked)

    async def _ask(self, verb: str, asked: AttemptClaim | AttemptStep | AttemptEnd) -> AttemptAnswer:
        subject = subjects.attempt_subject(asked.builder, verb)
        return await ask_patiently(self._connection, subject, asked, AttemptAnswer, self._seconds)


class ServiceCommitter:
    """Publishes an object by asking the service to."""

    def __init__(self, connection: Connection, *, seconds: float = _COMMIT_SECONDS) -> None:
        self._connection = connection
        self._seconds = seconds

    async def commit(self, request: CommitRequest) -> CommitAnswer:
        """Have the chunks verified and the object published. Raises `CorruptData`, `Unreachable`."""
        return await persist(
            lambda: ask(self._connection, subjects.OBJECT_COMMIT, request, CommitAnswer, seconds=self._seconds),
            self._seconds,
        )


async def ask_patiently(
    connection: Connection, subject: str, message: object, kind: type[T], seconds: float = PATIENCE
) -> T:
    """Ask the service until it answers, for *seconds* at most: what is asked may happen twice. Raises as `ask`."""
    lengths = tries(seconds)
    return await persist(lambda: ask(connection, subject, message, kind, seconds=next(lengths)), seconds)


async def ask(connection: Connection, subject: str, message: object, kind: type[T], *, seconds: float) -> T:
    """Ask the service once.

    Raises:
        Unreachable: no instance answers, or it says that it cannot now.
        DoesNotFit: the request is larger than the broker takes, also when it is compressed.
        WombatError: what the service says.
    """
    place = tracing.current.get()
    headers = {**wire.ACCEPTS, HEADER: place} if place else wire.ACCEPTS
    payload = messages.encode(message)
    wire.check_request(len(payload))
    payload, headers = wire.fitted(connection, subject, payload, headers)
    answer = await connection.request(subject, payload, headers=headers, seconds=seconds)
    problem: WombatError | None = problems.from_wire(answer.headers or {}, answer.data)
    if problem is not None:
        raise problem
    try:
        return messages.decode(kind, wire.answer_of(answer.data, answer.headers))
    except (InternalError, Refused) as error:
        msg = f"the answer of `{subject}` is not a {kind.__name__}"
        raise InternalError(msg, hint="is the service of another version?") from error
