"""What each builder has done lately: the attempts that it ended, kept while the builds are followed."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.records import Attempt, BuildRecord
from wombat_gitops.domain.subjects import builder_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


KEPT: Final = 100
"""Ended attempts that are kept of a builder, newest ones."""

_Key = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """A build, and the attempt at it that a builder ended."""

    build: BuildRecord
    attempt: Attempt


class BuilderHistory:
    """The newest ended attempts by the builder's name, over all its starts.

    Args:
        records: every build by its id; what is not there any more is not told.
    """

    def __init__(self, records: Mapping[str, BuildRecord]) -> None:
        self._records = records
        self._ended: dict[str, list[_Key]] = {}

    def note(self, record: BuildRecord) -> None:
        """Take the new state of a build."""
        for attempt in record.attempts:
            if attempt.ended_at is None:
                continue
            ended = self._ended.setdefault(builder_name(attempt.builder), [])
            key = (attempt.ended_at, record.id, attempt.number)
            place = bisect_left(ended, key)
            if ended[place : place + 1] == [key] or (place == 0 and len(ended) == KEPT):
                continue
            ended.insert(place, key)
            del ended[:-KEPT]

    @property
    def names(self) -> Iterable[str]:
        """Every builder that ended something."""
        return self._ended

    def of(self, name: str) -> list[EndedAttempt]:
        """What the builder called *name* ended, newest first."""
        found = []
        for ended_at, build, number in reversed(self._ended.get(name, ())):
            record = self._records.get(build)
            attempts = record.attempts if record is not None else ()
            attempt = next((each for each in attempts if (each.number, each.ended_at) == (number, ended_at)), None)
            if record is not None and attempt is not None:
                found.append(EndedAttempt(record, attempt))
        return found
