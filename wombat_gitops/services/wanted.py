"""The builds that one source wants: asked for while they are missing, and given up once they are wanted no more.

Who asks for a build is noted in its record (`domain.asking`), so giving one up never takes it from another source,
or from a person, whenever they come to ask for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.asking import askers
from wombat_gitops.domain.errors import InternalError, NotFound, Refused, UserError
from wombat_gitops.domain.messages import BuildRequest
from wombat_gitops.domain.records import BuildState, Origin
from wombat_gitops.services.pacing import all_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.capability import Needs
    from wombat_gitops.domain.declaration import Declared, DesiredBuild
    from wombat_gitops.domain.model import Distribution, Policy
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import BuildClient

_CONCURRENCY: Final = 8
_FIRST_PRIORITY: Final = 10
_ENDED: Final = frozenset({BuildState.SUCCEEDED, BuildState.FAILED, BuildState.CANCELLED})


@dataclass(slots=True)
class Asked:
    """What came of asking for builds.

    Attributes:
        requested: how many were missing.
        refused: by build id, why the service does not take it.
        failed: by build id, why the service could not answer: a record that cannot be read, most often.
    """

    requested: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class WantedBuilds:
    """What a source asks the service for.

    Args:
        source: id of the source.
        first: builds for this platform are asked for first and with a higher priority.
    """

    def __init__(self, builds: BuildClient, source: str, first: Platform | None) -> None:
        self._builds = builds
        self._source = source
        self._first = first
        self._known: dict[str, tuple[tuple[Policy, ...], Needs]] = {}

    def doubt(self) -> None:
        """Take nothing for granted: ask for everything again."""
        self._known.clear()

    async def request(self, items: Iterable[Declared], revision: str) -> Asked:
        """Ask for every build that is missing; one that cannot be had keeps no other from being asked for."""
        asked = Asked()
        limit = asyncio.Semaphore(_CONCURRENCY)

        async def ask(item: Declared, build: DesiredBuild) -> None:
            async with limit:
                try:
                    asked.requested += await self._ensure(item, build, revision)
                    self._known[build.id] = _terms(item.distribution)
                except (Refused, NotFound) as error:
                    asked.refused[build.id] = error.message
                except InternalError as error:
                    asked.failed[build.id] = f"{error.message}: {error.hint}" if error.hint else error.message

        wanted = [
            (item, build)
            for item in items
            if not item.distribution.builds_nothing
            for build in item.builds
            if self._known.get(build.id) != _terms(item.distribution)
        ]
        wanted.sort(key=lambda pair: pair[1].spec.platform != self._first)
        await all_of(ask(item, build) for item, build in wanted)
        return asked

    async def give_up(self, builds: Iterable[str]) -> int:
        """Ask for some builds no more; returns how many left the queue because nobody else does."""
        given_up = 0

        async def cancel(build: str) -> None:
            nonlocal given_up
            try:
                record = await self._builds.get(build)
                if record.state is BuildState.QUEUED and self._source in askers(record):
                    after = await self._builds.cancel(build, superseded=True, source=self._source)
                    given_up += after.state is BuildState.SUPERSEDED
            except (UserError, InternalError):
                return  # it ended, was taken, or is gone: all of that is fine

        unneeded = sorted(set(builds))
        for build in unneeded:
            self._known.pop(build, None)
        await all_of(cancel(build) for build in unneeded)
        return given_up

    async def _ensure(self, item: Declared, build: DesiredBuild, revision: str) -> bool:
        """Make sure that a build is there as its manifest wants it; True where it has to be built, or built again."""
        try:
            if self._is_asked(await self._builds.get(build.id), item.distribution):
                return False
        except NotFound:
            pass
        if item.lock is None:
            msg = f"`{item.distribution.path}` has builds and no lock"
            raise InternalError(msg)
        answer = await self._builds.request(
            BuildRequest(
                build.spec,
                item.lock.go_mod,
                item.lock.go_sum,
                Origin(self._source, revision, item.distribution.path),
                _FIRST_PRIORITY if build.spec.platform == self._first else 0,
                item.distribution.policies,
                item.distribution.needs,
            )
        )
        if answer.build.state is BuildState.SUPERSEDED:
            await self._builds.retry(build.id)
        return answer.build.state not in _ENDED

    def _is_asked(self, record: BuildRecord, distribution: Distribution) -> bool:
        """Whether a request would change nothing; only the service knows whether an artifact is still there."""
        if record.state in {BuildState.SUPERSEDED, BuildState.SUCCEEDED}:
            return False
        return (record.policies, record.needs) == _terms(distribution) and self._source in askers(record)


def _terms(distribution: Distribution) -> tuple[tuple[Policy, ...], Needs]:
    """What a request says of a build besides what its id says."""
    return distribution.policies, distribution.needs
