"""Who asks for a build: a queued one is taken off the queue when the last who asked no longer does.

Equal builds of several sources are one record, so that a source which moves on must not take the build away from
another. Everybody who asks is noted in the record itself: asking and no longer asking are writes of one value,
each a compare-and-set, and there is no moment at which one of them does not see the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.records import BuildState

if TYPE_CHECKING:
    from datetime import datetime

    from wombat_gitops.domain.records import BuildRecord


def askers(record: BuildRecord) -> tuple[str, ...]:
    """The sources that ask for a build; a record of an older version knows only the first one."""
    return record.asked_by or (record.origin.source,)


def asked(record: BuildRecord, source: str) -> BuildRecord:
    """The record once *source* asks for the build too; of one that was superseded, *source* alone."""
    if record.state is BuildState.SUPERSEDED:
        return replace(record, asked_by=(source,))
    return replace(record, asked_by=tuple(sorted({*askers(record), source})))


def no_longer_asked(record: BuildRecord, source: str, now: datetime) -> BuildRecord:
    """The record once *source* asks for the build no more: superseded where nobody else does.

    Raises:
        IllegalTransition: the build is not queued.
    """
    left = tuple(other for other in askers(record) if other != source)
    if record.state is BuildState.QUEUED and left:
        return replace(record, asked_by=left)
    return lifecycle.superseded(record, now)
