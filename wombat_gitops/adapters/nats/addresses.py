"""Addresses of brokers as people write them: several with commas between, some with a user and a password."""

from __future__ import annotations

import re
from typing import Final

_USER: Final = re.compile(r"(?<=://)([^/@:\s,]+)(:[^/@\s,]*)?@")


def servers(text: str) -> list[str]:
    """The addresses in a list that is separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def user(text: str) -> str:
    """The user that the first address names; "" for none. A token is no user."""
    found = _USER.search(text)
    return found[1] if found and found[2] else ""


def shown(text: str) -> str:
    """Addresses for messages and logs: without users and passwords."""
    return ",".join(_USER.sub("", each) for each in servers(text))
