"""Ports for servers that have to know theirs before they start."""

from __future__ import annotations

import secrets
import socket
from typing import Final

_LOWEST: Final = 20_000
_COUNT: Final = 12_000
"""Below the ports that systems choose by themselves, for connections and for servers that take any."""

_given: set[int] = set()


def free_port() -> int:
    """A port of this machine that nothing listens on, and that this process has given to nobody else."""
    while True:
        port = _LOWEST + secrets.randbelow(_COUNT)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
