"""Who asks: the address that limits are counted by."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import Scope

_REMEMBERED: Final = 10_000
"""Names that are kept at hand: the same clients ask again."""

UNKNOWN: Final = "unknown"
"""Everybody whose address cannot be told shares one count."""

_SITE_PREFIX: Final = 64
"""Whoever has one IPv6 address has 2^64 of them, so the network counts."""


def client_of(scope: Scope) -> str:
    """The client of a request, after trusted proxies were taken into account."""
    client = scope.get("client")
    return client_name(client[0]) if client else UNKNOWN


@lru_cache(_REMEMBERED)
def client_name(address: str) -> str:
    """The name that *address* is counted by: IPv4 as it is, IPv6 by its /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _SITE_PREFIX), strict=False))
