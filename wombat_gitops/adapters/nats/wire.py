"""Requests and answers that do not fit a message of the broker as they are: compressed, or refused.

What fits is sent as plain JSON, which every NATS client reads. Only who says so gets a compressed answer.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.nats.protocol import header_bytes
from wombat_gitops.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.adapters.nats.connection import Connection

MAX_REQUEST: Final = 1_500_000
"""Bytes of a request to the service before it is compressed."""
_MAX_ANSWER: Final = 4 << 20

_ENCODING: Final = "Wombat-Encoding"
_ACCEPTS: Final = "Wombat-Accept-Encoding"
_ZLIB: Final = "zlib"
ACCEPTS: Final[Mapping[str, str]] = {_ACCEPTS: _ZLIB}
"""Header of whoever reads compressed answers."""


def takes_compressed(headers: Mapping[str, str] | None) -> bool:
    """Whether who sent *headers* reads compressed answers."""
    return (headers or {}).get(_ACCEPTS) == _ZLIB


def fitted(
    connection: Connection, subject: str, payload: bytes, headers: Mapping[str, str], *, compress: bool = True
) -> tuple[bytes, dict[str, str]]:
    """What to send, and its headers. Raises `DoesNotFit` where it is larger than a message may be all the same."""
    size = len(payload) + header_bytes(headers)
    if size <= connection.max_payload:
        return payload, dict(headers)
    if not compress:
        raise connection.too_large(subject, size)
    packed, marked = zlib.compress(payload), {**headers, _ENCODING: _ZLIB}
    size = len(packed) + header_bytes(marked)
    if size > connection.max_payload:
        raise connection.too_large(subject, size)
    return packed, marked


def request_of(payload: bytes, headers: Mapping[str, str] | None) -> bytes:
    """The request that was sent. Raises `Refused` where it is not what its headers say, or too large."""
    found = _plain(payload, headers, MAX_REQUEST)
    check_request(len(found))
    return found


def answer_of(payload: bytes, headers: Mapping[str, str] | None) -> bytes:
    """The answer that was sent. Raises `Refused` where it is not what its headers say, or too large."""
    found = _plain(payload, headers, _MAX_ANSWER)
    if len(found) > _MAX_ANSWER:
        msg = f"an answer has more than {_MAX_ANSWER} bytes"
        raise Refused(msg)
    return found


def check_request(size: int) -> None:
    """Raise `Refused` where a request has too many bytes."""
    if size > MAX_REQUEST:
        msg = f"{size} bytes are more than a request may have ({MAX_REQUEST})"
        raise Refused(msg)


def _plain(payload: bytes, headers: Mapping[str, str] | None, most: int) -> bytes:
    """What was sent, cut off behind *most* bytes and one."""
    if (headers or {}).get(_ENCODING) != _ZLIB:
        return payload
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(payload, most + 1)
    except zlib.error as error:
        msg = "the message is not compressed as its header says"
        raise Refused(msg) from error
    if not reader.eof and len(found) <= most:
        msg = "the compressed message is cut off"
        raise Refused(msg)
    return found
