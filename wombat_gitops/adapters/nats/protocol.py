"""The library's client, held to what the broker says of itself: its encryption, and the size of its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import nats.aio.client
import nats.errors

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_OFFERED: Final = "no TLS offered"
_TOO_LARGE: Final = "maximum payload"
_HEADER_LINES: Final = len("NATS/1.0\r\n\r\n")


class BrokerClient(nats.aio.client.Client):
    """The library's client with three faults of it corrected.

    - It sends nothing to a broker, or to whoever pretends to be it, that offers no TLS; the library goes on without.
    - It counts headers, and follows the limit of the user's account: a message above it makes the broker end the
      connection, and the library closes then for good. Should that happen all the same, it connects again.

    Attributes:
        encrypted: TLS is wanted; set before connecting.
    """

    encrypted = False

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a message. Raises `MaxPayloadError` where it does not fit together with its headers."""
        if len(payload) + header_bytes(headers) > self.max_payload:
            raise nats.errors.MaxPayloadError
        await super().publish(subject, payload, reply, dict(headers) if headers else None)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's form
        if self.encrypted and initial_connection and not info.get("tls_required"):
            raise nats.errors.Error(NOT_OFFERED)
        await super()._process_info(info, initial_connection)
        if not initial_connection and "max_payload" in info:
            self._max_payload = int(info["max_payload"])  # of the account, or changed by a reload

    async def _process_err(self, err_msg: str) -> None:
        if _TOO_LARGE in err_msg.lower():
            await self._process_op_err(nats.errors.MaxPayloadError())
            return
        await super()._process_err(err_msg)


def header_bytes(headers: Mapping[str, str] | None) -> int:
    """How many bytes the headers of a message take, which count for the broker's limit."""
    if not headers:
        return 0
    lines = (f"{name.strip()}: {value.strip()}\r\n" for name, value in headers.items())
    return _HEADER_LINES + sum(len(line.encode()) for line in lines)
