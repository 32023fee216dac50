"""Whether a role can do its work now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Readiness:
    """What a role lacks to do its work."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], str]] = {}

    def need(self, what: str, check: Callable[[], str]) -> None:
        """Ask *check* each time: "" where all is well, else what is missing, in words for people."""
        self._checks[what] = check

    def missing(self) -> tuple[str, ...]:
        """What is missing now, each as `what: why`."""
        return tuple(f"{what}: {why}" for what, check in self._checks.items() if (why := check()))
