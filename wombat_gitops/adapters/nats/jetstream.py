"""What we use of the JetStream API, by plain requests: no consumer is ever created.

Streams are read with `DIRECT.GET` in batches, which needs no state in the broker, so a broker that was
killed and is back can be asked on at once.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.domain.errors import InternalError, NotFound, Refused, Unreachable

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from wombat_gitops.adapters.nats.connection import Connection

_WRONG_SEQUENCE: Final = frozenset({10071, 10164})
_TOO_LARGE: Final = frozenset({10054})
_NO_STREAM: Final = 10059
_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_SECONDS: Final = 3.0
"""Time-out of one try; the broker answers in milliseconds or has lost the request."""


class WrongSequence(Exception):
    """Somebody wrote in between; *sequence* is what the broker says is the newest, 0 if it does not."""

    def __init__(self, sequence: int) -> None:
        super().__init__(sequence)
        self.sequence = sequence


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
        Refused: too large.
        Unreachable: it may or may not be stored.
    """
    sent = dict(headers or {})
    if expected is not None:
        sent[_EXPECTED] = str(expected)
    answer = await connection.request(subject, payload, headers=sent, seconds=seconds)
    return int(_parse(answer.data, subject)["seq"])


async def newest(connection: Connection, stream: str, subject: str, *, seconds: float = _SECONDS) -> Message | None:
    """The newest message on a subject.

    Raises:
        Unreachable: nobody answers for the stream.
    """
    answer = await connection.request(
        f"$JS.API.DIRECT.GET.{stream}", json.dumps({"last_by_subj": subject}).encode(), seconds=seconds
    )
    status = _status(answer)
    if status == "404":
        return None
    if status:
        raise _unexpected(stream, answer)
    return _message(answer)


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
    """Messages on *subject* (with wildcards) behind sequence *after*.

    Raises:
        Unreachable: the stream does not answer, or the answer was cut off.
    """
    query = {"seq": after + 1, "next_by_subj": subject, "batch": batch, "max_bytes": max_bytes}
    found: list[Message] = []
    async with connection.mailbox() as (reply, box):
        await connection.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(query).encode(), reply=reply)
        while True:
            try:
                async with asyncio.timeout(seconds):
                    answer = await box.get()
            except TimeoutError as error:
                msg = f"stream `{stream}` did not answer within {seconds:g} s"
                raise Unreachable(msg) from error
            if answer is None:
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


async def purge(connection: Connection, stream: str, subject: str) -> None:
    """Delete all messages on a subject."""
    await api(connection, f"STREAM.PURGE.{stream}", {"filter": subject})


async def api(connection: Connection, method: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the JetStream API. Raises as `publish` does, and `NotFound`."""
    subject = f"$JS.API.{method}"
    answer = await connection.request(subject, json.dumps(query).encode() if query else b"", seconds=10.0)
    return _parse(answer.data, subject)


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
    if code == 503:  # noqa: PLR2004 - no leader, no quorum, no space
        raise Unreachable(msg)
    raise InternalError(msg)


def _status(message: Msg) -> str:
    return (message.headers or {}).get("Status", "")


def _message(answer: Msg) -> Message:
    headers = answer.headers or {}
    return Message(headers["Nats-Subject"], int(headers["Nats-Sequence"]), headers, answer.data)


def _unexpected(stream: str, answer: Msg) -> Unreachable:
    headers = answer.headers or {}
    return Unreachable(f"stream `{stream}`: {headers.get('Status')} {headers.get('Description', '').lower()}")
