"""Whether a builder has room for builds on its disks.

A builder without room claims nothing: an attempt that cannot succeed would only be lost time. It looks before each
claim and on a timer, shows what is missing, and goes on by itself once there is room. Where an attempt ran out of
space although there seemed to be enough, it pauses too, for longer each time until a build succeeds: nobody can tell
from outside how much the next one needs, or what a quota leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from wombat_gitops.domain.capability import size_text
from wombat_gitops.domain.gofailure import NO_SPACE
from wombat_gitops.services.attempt import GivenBack
from wombat_gitops.services.disk import Space
from wombat_gitops.services.engine import Built

if TYPE_CHECKING:
    from wombat_gitops.services.attempt import Outcome

RoomCheck: TypeAlias = Callable[[], Sequence[Space]]
"""Measures the folders that a builder writes to; called in a thread. Raises `OSError` where a disk does not tell."""

CHECK_SECONDS: Final = 15.0
_MOST_RESTS: Final = 20
"""Checks that may pass before the next claim, after attempts that ran out of space: five minutes."""

_log = structlog.get_logger(__name__)


class Room:
    """The room of one builder.

    Args:
        builder: id of the builder.
        check: None where nothing is looked at and the builder never pauses for want of room.
        pause: waits for some seconds.
        changed: called when the builder pauses, goes on, or the reason changes.
    """

    def __init__(
        self,
        builder: str,
        check: RoomCheck | None,
        pause: Callable[[float], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self._builder = builder
        self._check = check
        self._pause = pause
        self._changed = changed
        self._failures = 0
        self._rests = 0
        self.reason = ""

    async def run(self) -> None:
        """Look at the disks, now and again, until cancelled."""
        while self._check is not None:
            if self._rests:
                self._rests -= 1
            await self.look()
            await self._pause(CHECK_SECONDS)

    async def look(self) -> bool:
        """Measure now; returns whether a build may be claimed."""
        if self._check is None:
            return True
        try:
            spaces = await asyncio.to_thread(self._check)
        except OSError as error:
            self._stop(f"its disk cannot be looked at: {error.strerror or error}")
            return False
        short = next((space for space in spaces if space.is_short), None)
        if short is not None:
            need = f"{size_text(short.needed)} needed in the {short.folder}"
            self._stop(f"no space: {size_text(short.free)} free, {need}")
        elif self._rests and spaces:
            left = f"{size_text(spaces[0].free)} free in the {spaces[0].folder} now"
            self._stop(f"no space: a build needed more than there was, {left}")
        elif self.reason:
            self.reason = ""
            _log.info("builder_has_space", builder=self._builder)
            self._changed()
        return not self.reason

    async def note(self, outcome: Outcome) -> None:
        """An attempt has ended."""
        if isinstance(outcome, GivenBack) and outcome.failure.reason == NO_SPACE:
            self._failures += 1
            self._rests = min(2**self._failures, _MOST_RESTS)
            await self.look()
        elif isinstance(outcome, Built):
            self._failures = 0

    def _stop(self, reason: str) -> None:
        if not self.reason:
            _log.warning("builder_out_of_space", builder=self._builder, error=reason)
        if reason != self.reason:
            self.reason = reason
            self._changed()
