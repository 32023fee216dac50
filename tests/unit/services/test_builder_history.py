"""What each builder ended lately."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support.factories import NOW
from tests.support.stage import broken, built, queued_build, running_build
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.services.builder_history import KEPT, BuilderHistory


def by(builder: str, record: BuildRecord, minutes: int = 0) -> BuildRecord:
    ended = replace(record.attempt, builder=builder, ended_at=NOW + timedelta(minutes=minutes))
    return replace(record, attempts=(ended,))


def test_the_newest_come_first_over_all_starts_of_a_builder() -> None:
    """A name is one builder, however often it was started; what runs has not ended."""
    good = by("one.1", built(queued_build(), b"x"), 1)
    bad = by("one.2", broken(queued_build(name="bad")), 2)
    other = by("two.1", built(queued_build(name="other"), b"x"))
    running = running_build(queued_build(name="busy"))
    records = {record.id: record for record in (good, bad, other, running)}
    history = BuilderHistory(records)
    for record in (bad, good, other, running, good):
        history.note(record)

    assert [(each.build.id, each.attempt.ended_as) for each in history.of("one")] == [
        (bad.id, "failed"),
        (good.id, "succeeded"),
    ]
    assert sorted(history.names) == ["one", "two"]
    del records[bad.id]
    assert [each.build.id for each in history.of("one")] == [good.id]


def test_as_many_are_kept_as_there_is_room_for() -> None:
    """The oldest go, in whatever order the builds were heard of."""
    known = [by("one.1", built(queued_build(name=f"d{number}"), b"x"), number) for number in range(KEPT + 20)]
    history = BuilderHistory({record.id: record for record in known})
    for record in (*known[50:], *known[:50]):
        history.note(record)

    assert [each.build.id for each in history.of("one")] == [record.id for record in reversed(known[20:])]
