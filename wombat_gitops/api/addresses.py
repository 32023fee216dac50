"""Hosts that this server answers for, and absolute addresses for what is read far from it."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.types import Scope

    from wombat_gitops.api.context import Edge

_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")
_LOCAL: Final = "localhost"


class Hosts:
    """The values of `Host` that are answered.

    A browser keeps websites apart by their names. A website that points its own name at this machine (DNS rebinding)
    could therefore read everything here, unless its name is refused. With a public address there is nothing to
    protect: everybody may read, and no link is made from `Host`.

    A loopback address to listen on allows the names and addresses of loopback. Any other one also allows every IP
    address, which cannot be rebound, and the name of this machine. `Edge.allowed_hosts` adds names.
    """

    def __init__(self, edge: Edge) -> None:
        self._all = bool(edge.public_url)
        self._addresses = not is_loopback(edge.listen)
        machine = {socket.gethostname()} if self._addresses else set()
        self._names = {name.lower() for name in (_LOCAL, edge.listen, *edge.allowed_hosts, *machine)}

    def allows(self, scope: Scope) -> bool:
        """Whether a request names one of these hosts, on any port, or none, as only HTTP/1.0 can."""
        given = Headers(scope=scope).get("host")
        if self._all or given is None:
            return True
        match = _HOST.fullmatch(given)
        if match is None:
            return False
        name = match[1].strip("[]").lower()
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._addresses or address.is_loopback


def is_loopback(host: str) -> bool:
    """Whether a server that listens on *host* is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == _LOCAL


def base_of(request: Request, public_url: str) -> str:
    """Where people reach this server, without a slash at the end.

    Args:
        public_url: the address that was set; without it the request's host counts, which `Hosts` has allowed.
    """
    if public_url:
        return public_url.rstrip("/")
    host = request.headers.get("host", _LOCAL)
    scheme = "https" if request.scope.get("scheme") == "https" else "http"
    return f"{scheme}://{host}"
