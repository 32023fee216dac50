"""What scripts of other websites may do on a public server: read, without credentials (Fetch, CORS).

A server without a public address (a laptop, an intranet) is reached by browsers that also visit other websites, so
none of this holds there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

_OPEN: Final = re.compile(
    r"/(?!api/v1/hooks/)(?:api/v1|dl|by-digest|badge)(?:/.*)?|/feed\.atom|/d/[^/]+/feed\.atom", re.DOTALL
)
SHARED: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, Content-Disposition, Content-Range, Repr-Digest, "
        "Wombat-Stale, X-Request-Id"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PREFLIGHT: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, If-Modified-Since, If-Range, Last-Event-ID, Range, X-Request-Id",
    "Access-Control-Max-Age": "86400",
    "Cache-Control": "no-store",
}
"""The answer to a browser that asks first; it need not for requests without such headers."""


def is_open(path: str) -> bool:
    """Whether other websites may read the answer at *path*: data, files, badges and feeds; not pages and webhooks."""
    return _OPEN.fullmatch(path) is not None


def is_preflight(scope: Scope) -> bool:
    """A browser asks whether a script may read what is open."""
    if scope["method"] != "OPTIONS" or not is_open(scope["path"]):
        return False
    headers = Headers(scope=scope)
    return "origin" in headers and headers.get("access-control-request-method") in {"GET", "HEAD"}
