"""The service `build` as one object in memory: the same rules as to when a build is new."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wombat_gitops.domain import asking, lifecycle
from wombat_gitops.domain.errors import CorruptData, InternalError, NotFound, Refused, Unreachable
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.messages import BuildAnswer, BuildPage, BuildQuery
from wombat_gitops.domain.records import BuildRecord, BuildState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.messages import BuildRequest

_NOW = datetime(2026, 11, 1, tzinfo=UTC)


class MemoryBuilds:
    """`ports.BuildClient` that builds nothing.

    Attributes:
        requests: every request that was taken, in order.
        away: nobody answers.
        refuse: versions whose builds are refused.
        unreadable: builds whose records cannot be read.
        unlisted: distributions whose builds cannot be listed.
    """

    def __init__(self) -> None:
        self.records: dict[str, BuildRecord] = {}
        self.requests: list[BuildRequest] = []
        self.away = False
        self.refuse = set[str]()
        self.unreadable = set[str]()
        self.unlisted = set[str]()

    async def request(self, request: BuildRequest) -> BuildAnswer:
        self._answer()
        if request.spec.version in self.refuse:
            msg = f"version `{request.spec.version}` is not allowed"
            raise Refused(msg)
        self.requests.append(request)
        key = build_id(request.spec)
        created = key not in self.records
        if created:
            self.records[key] = lifecycle.queued(key, request.spec, request.origin, request.priority, _NOW)
        asked = asking.asked(self.records[key], request.origin.source)
        self.records[key] = lifecycle.retried(asked, _NOW) if asked.state is BuildState.SUPERSEDED else asked
        return BuildAnswer(self.records[key], created)

    async def get(self, build: str) -> BuildRecord:
        self._answer()
        if build in self.unreadable:
            msg = f"the record of build `{build}` cannot be read"
            raise CorruptData(msg)
        if build not in self.records:
            msg = f"there is no build `{build}`"
            raise NotFound(msg)
        return self.records[build]

    async def list(self, query: BuildQuery) -> BuildPage:
        self._answer()
        if query.name in self.unlisted:
            msg = "the service failed"
            raise InternalError(msg)
        return BuildPage(tuple(self.records.values()), total=len(self.records))

    async def cancel(self, build: str, *, superseded: bool = False, source: str = "") -> BuildRecord:
        record = await self.get(build)
        if record.state is not BuildState.QUEUED:
            msg = f"build `{build}` has ended"
            raise Refused(msg)
        if superseded:
            self.records[build] = asking.no_longer_asked(record, source, _NOW)
        else:
            self.records[build] = lifecycle.cancel_asked(record, _NOW)
        return self.records[build]

    async def retry(self, build: str) -> BuildRecord:
        self.records[build] = lifecycle.retried(await self.get(build), _NOW)
        return self.records[build]

    def states(self) -> Sequence[tuple[str, str]]:
        """Version and state of every build, sorted."""
        return sorted((record.spec.version, record.state.value) for record in self.records.values())

    def _answer(self) -> None:
        if self.away:
            msg = "no instance of the service answers"
            raise Unreachable(msg)
