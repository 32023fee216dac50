"""Absolute addresses, for what is read far from this server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fastapi import Request

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_NOWHERE: Final = "localhost"


def base_of(request: Request, public_url: str) -> str:
    """Where people reach this server, without a slash at the end: what was set, else as the request says."""
    if public_url:
        return public_url.rstrip("/")
    host = request.headers.get("host", "")
    scheme = "https" if request.scope.get("scheme") == "https" else "http"
    return f"{scheme}://{host if _HOST.fullmatch(host) else _NOWHERE}"
