"""What we use of the JetStream API, by plain requests: no consumer is ever created.

Streams are read with `DIRECT.GET` in batches, which needs no state in the broker, so a broker that was
killed and is back can be asked on at once. In a cluster any replica answers them, also one that lags a
little: `newest` and `is_behind` ask the stream's leader, for whoever must not read what is old.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.domain.errors import InternalError, NotFound, Refused, StoreFull, Unreachable

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from wombat_gitops.adapters.nats.connection import Connection

_WRONG_SEQUENCE: Final = frozenset({10071, 10164})
_TOO_LARGE: Final = frozenset({10054})
_NO_STREAM: Final = 10059
_NO_MESSAGE: Final = 10037
_LATER: Final = frozenset({10005, 10007, 10009, 10041, 10158})
"""A cluster that is not all there, is electing a leader, or is still storing the same message."""
_FULL: Final = frozenset({10002, 10023, 10047})
"""The account or the server has no room for another message. (A stream that has none answers 503.)"""
_DISABLED: Final = frozenset({10039, 10076})
MESSAGE_ID: Final = "Nats-Msg-Id"
"""Header with the id by which a stream stores a message once, also when it is sent again.

A stream keeps the ids of all its subjects and writers together for its duplicate window, and drops a message whose id
it has seen. So an id must be unguessable: whoever sends it first decides what is stored under it.
"""
_NOT_STORED: Final = 10077
_LIMIT_REACHED: Final = "maximum bytes exceeded"
_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_SECONDS: Final = 3.0
"""Time-out of one try; the broker answers in milliseconds or has lost the request."""
_API_SECONDS: Final = 5.0


class JetStreamDisabled(Unreachable):
    """The broker says that it has no JetStream, for this account or at all; one that ends says so, too."""


class WrongSequence(Exception):
    """Somebody wrote in between; *sequence* is what the broker says is the newest, 0 if it does not."""

    def __init__(self, sequence: int) -> None:
        super().__init__(sequence)
        self.sequence = sequence


class ApiError(InternalError):
    """The broker refuses what was asked; *number* is its own number for the reason."""

    def __init__(self, message: str, *, number: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.number = number


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message."""

    subject: str
    sequence: int
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in order of their sequence; *more*: there were further ones behind the last."""

    messages: tuple[Message, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """When a stream was created (its identity), its newest sequence, and messages by subject if asked for."""

    created: str
    last_sequence: int
    subjects: Mapping[str, int]


async def publish(
    connection: Connection,
    subject: str,
    payload: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    expected: int | None = None,
    seconds: float = _SECONDS,
) -> int:
    """Store a message once and return its sequence.

    Args:
        expected: sequence of the newest message on *subject*, 0: there must be none; None: whatever is there.

    Raises:
        WrongSequence: *expected* is not the newest.
        Refused: larger than the stream takes.
        DoesNotFit: larger than a message may be.
        StoreFull: the stream has reached its limit; it is not stored.
        Unreachable: it may or may not be stored, or there is no room for it now.
    """
    sent = dict(headers or {})
    if expected is not None:
        sent[_EXPECTED] = str(expected)
    answer = await connection.request(connection.stored_at(subject), payload, headers=sent, seconds=seconds)
    try:
        return int(_parse(answer.data, subject)["seq"])
    except ApiError as error:
        if error.number in _FULL:
            raise Unreachable(error.message, hint="make room for the broker's store") from error
        raise


async def newest(connection: Connection, stream: str, subject: str, *, seconds: float = _SECONDS) -> Message | None:
    """The newest message on a subject, by the word of the stream's leader.

    Raises:
        Unreachable: the stream has no leader that answers.
    """
    return await _from_leader(connection, stream, {"last_by_subj": subject}, seconds)


async def is_behind(
    connection: Connection, stream: str, subject: str, after: int, *, seconds: float = _SECONDS
) -> bool:
    """Whether there is a message on *subject* behind sequence *after*, by the word of the stream's leader.

    Raises:
        Unreachable: the stream has no leader that answers.
    """
    return await next_behind(connection, stream, subject, after, seconds=seconds) is not None


async def next_behind(
    connection: Connection, stream: str, subject: str, after: int, *, seconds: float = _SECONDS
) -> Message | None:
    """The first message on *subject* behind sequence *after*, by the word of the stream's leader.

    Raises:
        Unreachable: the stream has no leader that answers.
    """
    return await _from_leader(connection, stream, {"seq": after + 1, "next_by_subj": subject}, seconds)


async def known(connection: Connection, stream: str, subject: str, *, seconds: float = _SECONDS) -> Message | None:
    """The newest message on a subject that some replica knows; it can be an old one, or not be there yet.

    Answers also while a cluster has no leader.

    Raises:
        Unreachable: nobody answers for the stream.
    """
    return await _direct(connection, stream, {"last_by_subj": subject}, seconds)


async def page(
    connection: Connection,
    stream: str,
    subject: str,
    after: int,
    *,
    batch: int = 1000,
    max_bytes: int = 4 << 20,
    seconds: float = _SECONDS,
) -> Page:
    """Messages on *subject* (with wildcards) behind sequence *after*, as far as some replica knows.

    Raises:
        Unreachable: the stream does not answer, or the answer was cut off.
    """
    query = {"seq": after + 1, "next_by_subj": subject, "batch": batch, "max_bytes": max_bytes}
    found: list[Message] = []
    async with connection.mailbox() as (reply, box):
        asked = f"{connection.jetstream}.DIRECT.GET.{stream}"
        await connection.publish(asked, json.dumps(query).encode(), reply=reply)
        while True:
            try:
                async with asyncio.timeout(seconds):
                    answer = await box.get()
            except TimeoutError as error:
                msg = f"stream `{stream}` did not answer within {seconds:g} s"
                raise Unreachable(msg) from error
            if answer is None:
                connection.check(asked)
                msg = f"the connection was lost while stream `{stream}` was read"
                raise Unreachable(msg)
            status = _status(answer)
            headers = answer.headers or {}
            if status == "404":
                return Page(tuple(found), more=False)
            if status not in {"", "204"}:
                raise _unexpected(stream, answer)
            if int(headers.get("Nats-Last-Sequence", "0")) != (found[-1].sequence if found else 0):
                msg = f"a part of stream `{stream}` was lost on its way"
                raise Unreachable(msg)
            if status:
                return Page(tuple(found), more=int(headers.get("Nats-Num-Pending", "0")) > 0)
            found.append(_message(answer))


async def stream_info(connection: Connection, stream: str, *, subjects: str = "") -> StreamInfo:
    """Facts about a stream.

    Raises:
        NotFound: there is no such stream.
        Unreachable: nobody answers.
    """
    query = {"subjects_filter": subjects} if subjects else {}
    answer = await api(connection, f"STREAM.INFO.{stream}", query)
    state = answer["state"]
    return StreamInfo(str(answer["created"]), int(state["last_seq"]), dict(state.get("subjects") or {}))


async def subjects(connection: Connection, stream: str, wanted: str) -> dict[str, int]:
    """How many messages there are on each subject that *wanted* (with wildcards) means, as the leader knows it.

    Raises:
        NotFound: there is no such stream.
        Unreachable: nobody answers.
    """
    found: dict[str, int] = {}
    while True:
        query = {"subjects_filter": wanted, "offset": len(found)}
        answer = await api(connection, f"STREAM.INFO.{stream}", query)
        batch = answer["state"].get("subjects") or {}
        found.update(batch)
        if not batch or len(found) >= int(answer.get("total", 0)):
            return found


async def purge(connection: Connection, stream: str, subject: str, *, keep: int = 0) -> None:
    """Delete all messages on a subject but the newest *keep*."""
    await api(connection, f"STREAM.PURGE.{stream}", {"filter": subject} | ({"keep": keep} if keep else {}))


async def api(
    connection: Connection, method: str, query: Mapping[str, Any], *, seconds: float = _API_SECONDS
) -> dict[str, Any]:
    """Ask the JetStream API. Raises as `publish` does, `NotFound`, and `ApiError`."""
    subject = f"{connection.jetstream}.{method}"
    answer = await connection.request(subject, json.dumps(query).encode() if query else b"", seconds=seconds)
    return _parse(answer.data, subject)


async def _direct(connection: Connection, stream: str, query: Mapping[str, Any], seconds: float) -> Message | None:
    subject = f"{connection.jetstream}.DIRECT.GET.{stream}"
    answer = await connection.request(subject, json.dumps(query).encode(), seconds=seconds)
    status = _status(answer)
    if status == "404":
        return None
    if status:
        raise _unexpected(stream, answer)
    return _message(answer)


async def _from_leader(connection: Connection, stream: str, query: Mapping[str, Any], seconds: float) -> Message | None:
    if not connection.clustered:
        return await _direct(connection, stream, query, seconds)  # a broker alone has the only copy, and is quicker so
    try:
        answer = await api(connection, f"STREAM.MSG.GET.{stream}", query, seconds=seconds)
        found = answer["message"]
        headers = base64.b64decode(found.get("hdrs", ""))
        data = base64.b64decode(found.get("data", ""))
        return Message(str(found["subject"]), int(found["seq"]), _headers(headers), data)
    except NotFound as error:
        msg = f"there is no stream `{stream}` now"
        raise Unreachable(msg) from error
    except ApiError as error:
        if error.number == _NO_MESSAGE:
            return None
        raise
    except (LookupError, TypeError, AttributeError, binascii.Error) as error:
        msg = f"an answer of stream `{stream}` is not a message"
        raise InternalError(msg) from error


def _headers(block: bytes) -> dict[str, str]:
    """The headers of a stored message: lines `Name: value` behind a line with the version."""
    lines = block.decode(errors="replace").split("\r\n")[1:]
    return {name: value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}


def _parse(data: bytes, subject: str) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError as error:
        msg = f"the answer of `{subject}` is not JSON"
        raise InternalError(msg) from error
    problem = answer.get("error")
    if problem is None:
        return dict(answer)
    code, number = int(problem.get("code", 0)), int(problem.get("err_code", 0))
    description = str(problem.get("description", ""))
    if number in _WRONG_SEQUENCE:
        match = re.search(r"(\d+)$", description)
        raise WrongSequence(int(match[1]) if match else 0)
    msg = f"`{subject}`: {description.lower()}"
    if number == _NO_STREAM:
        raise NotFound(msg)
    if number in _TOO_LARGE:
        raise Refused(msg)
    if number == _NOT_STORED and description == _LIMIT_REACHED:
        raise full(str(answer.get("stream", "")))
    if number in _DISABLED:
        raise JetStreamDisabled(msg)
    if code == 503 or number in _LATER:  # noqa: PLR2004 - no leader, no quorum, no space
        raise Unreachable(msg)
    raise ApiError(msg, number=number)


def full(stream: str) -> StoreFull:
    """The error for a stream that takes no more."""
    msg = f"stream `{stream}` of the broker has reached its size limit"
    return StoreFull(msg, hint="remove what is not needed with `wombat gc`, or raise WOMBAT_ARTIFACTS_LIMIT")


def _status(message: Msg) -> str:
    return (message.headers or {}).get("Status", "")


def _message(answer: Msg) -> Message:
    headers = answer.headers or {}
    return Message(headers["Nats-Subject"], int(headers["Nats-Sequence"]), headers, answer.data)


def _unexpected(stream: str, answer: Msg) -> Unreachable:
    headers = answer.headers or {}
    return Unreachable(f"stream `{stream}`: {headers.get('Status')} {headers.get('Description', '').lower()}")
