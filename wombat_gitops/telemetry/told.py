"""The ports of the service, told: what was asked and what became of it is logged, and so counted and timed.

A request that is repeated because its answer was lost is told twice; the records, not the counters, are the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops.domain.errors import UserError
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildState

if TYPE_CHECKING:
    from wombat_gitops.domain.messages import (
        AttemptAnswer,
        AttemptClaim,
        AttemptEnd,
        AttemptStep,
        BuildAnswer,
        BuildPage,
        BuildQuery,
        BuildRequest,
    )
    from wombat_gitops.domain.records import Attempt, BuildRecord, StepRun
    from wombat_gitops.ports import Attempts, BuildClient

_log = structlog.get_logger(__name__)

_RESULTS: Final = {
    BuildState.QUEUED: "joined",
    BuildState.RUNNING: "joined",
    BuildState.SUCCEEDED: "cached",
}


class ToldBuilds:
    """`ports.BuildClient` whose every change is logged."""

    def __init__(self, builds: BuildClient) -> None:
        self._builds = builds

    async def request(self, request: BuildRequest) -> BuildAnswer:
        """As `BuildClient.request`."""
        spec, platform = request.spec, str(request.spec.platform)
        try:
            answer = await self._builds.request(request)
        except UserError as error:
            _log.info(
                "build_requested",
                name=spec.name,
                version=spec.version,
                platform=platform,
                result="refused",
                reason=type(error).__name__,
            )
            raise
        result = "created" if answer.created else _RESULTS.get(answer.build.state, "ended")
        _log.info(
            "build_requested",
            build=answer.build.id,
            name=spec.name,
            version=spec.version,
            platform=platform,
            result=result,
        )
        return answer

    async def get(self, build: str) -> BuildRecord:
        """As `BuildClient.get`."""
        return await self._builds.get(build)

    async def list(self, query: BuildQuery) -> BuildPage:
        """As `BuildClient.list`."""
        return await self._builds.list(query)

    async def cancel(self, build: str, *, superseded: bool = False, source: str = "") -> BuildRecord:
        """As `BuildClient.cancel`."""
        record = await self._builds.cancel(build, superseded=superseded, source=source)
        _log.info("build_cancelled", build=build, state=str(record.state))
        return record

    async def retry(self, build: str) -> BuildRecord:
        """As `BuildClient.retry`."""
        record = await self._builds.retry(build)
        _log.info("build_retried", build=build)
        return record


class ToldAttempts:
    """`ports.Attempts` whose every change is logged."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def claim(self, asked: AttemptClaim) -> AttemptAnswer:
        """As `Attempts.claim`."""
        answer = await self._attempts.claim(asked)
        if not answer.holds or answer.build is None:
            _log.debug("claim_lost", build=asked.build, builder=asked.builder)
            return answer
        number, waited = answer.build.attempt.number, _waited(answer.build)
        _log.info("attempt_started", build=asked.build, builder=asked.builder, attempt=number, waited=waited)
        return answer

    async def step(self, asked: AttemptStep) -> AttemptAnswer:
        """As `Attempts.step`."""
        answer = await self._attempts.step(asked)
        if not answer.holds or answer.build is None:
            _log.warning("attempt_refused", build=asked.build, builder=asked.builder)
            return answer
        _tell_step(answer.build.id, answer.build.attempt, answer.build.attempt.steps[-2:-1])
        return answer

    async def end(self, asked: AttemptEnd) -> AttemptAnswer:
        """As `Attempts.end`."""
        answer = await self._attempts.end(asked)
        if not answer.holds or answer.build is None:
            _log.warning("attempt_refused", build=asked.build, builder=asked.builder)
            return answer
        mine = next((each for each in reversed(answer.build.attempts) if each.claim == asked.claim), None)
        if mine is None or mine.ended_at is None:
            return answer
        _tell_step(answer.build.id, mine, mine.steps[-1:])
        _log.info(
            "attempt_ended",
            build=asked.build,
            builder=asked.builder,
            attempt=mine.number,
            outcome=str(mine.ended_as),
            state=str(answer.build.state),
            reason=mine.failure.reason if mine.failure else "",
            seconds=round((mine.ended_at - mine.started_at).total_seconds(), 3),
        )
        return answer


def _tell_step(build: str, attempt: Attempt, ended: tuple[StepRun, ...]) -> None:
    for run in ended:
        if run.seconds is not None:
            _log.debug(
                "step_ended",
                build=build,
                builder=attempt.builder,
                attempt=attempt.number,
                step=str(run.step),
                seconds=run.seconds,
            )


def _waited(record: BuildRecord) -> float | None:
    """Seconds that the newest attempt's build was queued; None where nobody wrote down since when.

    The record keeps when it was first asked for and when attempts ended, but not when a person queued it again.
    """
    if record.tries_left == MAX_ATTEMPTS - 1:
        since = record.requested_at if record.round == 1 and len(record.attempts) == 1 else None
    else:
        since = record.attempts[-2].ended_at if len(record.attempts) > 1 else None
    return None if since is None else round((record.attempt.started_at - since).total_seconds(), 3)
