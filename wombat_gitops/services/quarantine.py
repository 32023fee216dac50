"""A builder's doubt of its own machine.

Attempts that fail again and again for a reason of the machine, and not of what is built, take the builder out of
service; a test of the machine, made once at the start and then every minute, puts it back. Trouble of the network
is left out of the count: it most likely meets every builder at once, and none would be left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from wombat_gitops.domain.records import Failure, FailureKind
from wombat_gitops.domain.scheduling import blames_builder
from wombat_gitops.services.attempt import GivenBack, Signal

if TYPE_CHECKING:
    from wombat_gitops.services.attempt import Outcome

SelfTest: TypeAlias = Callable[[], Awaitable[str]]
"""Says what is wrong with this machine, in one line, or ""."""

LIMIT: Final = 5
"""Failures in a row that speak against the machine."""

RETEST_SECONDS: Final = 60.0

_log = structlog.get_logger(__name__)


class Quarantine:
    """Whether a builder's machine is fit to build.

    Args:
        builder: id of the builder.
        self_test: says what is wrong with the machine, or ""; None where there is nothing to test.
        at_start: nothing is claimed before the test was passed.
        pause: waits for some seconds.
        changed: told when the builder goes out of service, or back.
    """

    def __init__(
        self,
        builder: str,
        self_test: SelfTest | None,
        pause: Callable[[float], Awaitable[None]],
        changed: Callable[[], None],
        *,
        at_start: bool,
    ) -> None:
        self._builder = builder
        self._self_test = self_test
        self._pause = pause
        self._changed = changed
        self._limit = LIMIT
        self._failures = 0
        self._doubted = asyncio.Event()
        self.reason = "its machine is being tested" if self_test is not None and at_start else ""

    def note(self, outcome: Outcome) -> None:
        """An attempt has ended."""
        if isinstance(outcome, Signal | GivenBack):
            return
        if isinstance(outcome, Failure) and blames_builder(outcome):
            self._failures += 1
            if self._failures >= self._limit and not self.reason:
                # After a passed test one more failure is enough: the test does not see everything.
                self._limit = 1
                count = f"{self._failures} attempts in a row" if self._failures > 1 else "an attempt after the test"
                self._leave(f"{count} failed with `{outcome.reason}`: {outcome.message}")
                self._doubted.set()
        elif not isinstance(outcome, Failure) or outcome.kind is FailureKind.USER:
            self._failures, self._limit = 0, LIMIT

    async def run(self) -> None:
        """Test the machine at the start, and again for as long as it is in doubt; never returns."""
        if self.reason and not await self._passes():
            await self._retest()
        while True:
            await self._doubted.wait()
            await self._retest()
            self._doubted.clear()

    async def _retest(self) -> None:
        while True:
            await self._pause(RETEST_SECONDS)
            if await self._passes():
                return

    async def _passes(self) -> bool:
        problem = await self._self_test() if self._self_test is not None else ""
        if problem:
            self._leave(f"its machine does not pass the test: {problem}")
            return False
        self._failures, self.reason = 0, ""
        _log.info("builder_fit", builder=self._builder)
        self._changed()
        return True

    def _leave(self, reason: str) -> None:
        if reason != self.reason:
            _log.error("builder_quarantined", builder=self._builder, error=reason)
        self.reason = reason
        self._changed()
