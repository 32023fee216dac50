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

MAX_MESSAGE: Final = 4 << 20
"""Bytes of a request or an answer before it is compressed: both module files of a request have 2 MB at most."""

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
    if size <= connection.max_payload and len(payload) <= MAX_MESSAGE:
        return payload, dict(headers)
    if not compress or len(payload) > MAX_MESSAGE:
        raise connection.too_large(subject, size)
    packed, marked = zlib.compress(payload), {**headers, _ENCODING: _ZLIB}
    size = len(packed) + header_bytes(marked)
    if size > connection.max_payload:
        raise connection.too_large(subject, size)
    return packed, marked


def plain(payload: bytes, headers: Mapping[str, str] | None) -> bytes:
    """What was sent. Raises `Refused` where it is not what its headers say, or too large."""
    if len(payload) > MAX_MESSAGE:
        raise _too_much()
    if (headers or {}).get(_ENCODING) != _ZLIB:
        return payload
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(payload, MAX_MESSAGE + 1)
    except zlib.error as error:
        msg = "the message is not compressed as its header says"
        raise Refused(msg) from error
    if len(found) > MAX_MESSAGE:
        raise _too_much()
    if not reader.eof:
        msg = "the compressed message is cut off"
        raise Refused(msg)
    return found


def _too_much() -> Refused:
    return Refused(f"more than the {MAX_MESSAGE} bytes that a message may have")
