"""The library's client, held to encrypt where that was asked for."""

from __future__ import annotations

from typing import Any, Final

import nats.aio.client
import nats.errors

NOT_OFFERED: Final = "no TLS offered"


class EncryptedClient(nats.aio.client.Client):
    """Sends nothing to a broker, or to who pretends to be it, that does not offer TLS; the library goes on without.

    Attributes:
        encrypted: TLS is wanted; set before connecting.
    """

    encrypted = False

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's form
        if self.encrypted and initial_connection and not info.get("tls_required"):
            raise nats.errors.Error(NOT_OFFERED)
        await super()._process_info(info, initial_connection)
