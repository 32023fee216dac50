"""What records say is there: objects that a build names, and what is wrong where one of them is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.domain.records import BuildRecord


@dataclass(frozen=True, slots=True)
class Named:
    """An object that a record names; *role* is what it is there: `artifact`, `contents`, `reference` or `log`."""

    role: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it should be.

    Attributes:
        kind: where it is: a bucket (`builds`), `artifacts` or `LOGS`.
        key: the record or object there.
        problem: what is wrong, for people.
    """

    kind: str
    key: str
    problem: str


def named_objects(record: BuildRecord) -> Iterator[Named]:
    """Every object that a build's record names."""
    if record.artifact is not None:
        yield Named("artifact", record.artifact.sha256, record.artifact.size)
    if record.contents is not None:
        yield Named("contents", record.contents.sha256, record.contents.size)
    if record.reference is not None:
        yield Named("reference", record.reference.sha256, record.reference.size)
    for attempt in record.attempts:
        if attempt.log is not None:
            yield Named("log", attempt.log.sha256, attempt.log.size)
