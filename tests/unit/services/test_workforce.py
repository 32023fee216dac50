"""Builds that nobody can take: told after a grace, and only while it is so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import ManualClock
from tests.support.stage import declared, presence, queued_build
from wombat_gitops.domain.capability import Capabilities, Needs
from wombat_gitops.domain.catalogue import BuilderPresence, BuilderState
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.subjects import builder_lease
from wombat_gitops.ports import Put, Versioned
from wombat_gitops.services.workforce import GRACE_SECONDS, LEASE_SECONDS, Workforce


class Floor:
    """A workforce whose builders come, go and say something when told."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.force = Workforce(self.clock, self.clock.monotonic)
        self._revision = 0

    def show(self, builder: BuilderPresence) -> None:
        self._revision += 1
        self.force.mirror.apply(Put(Versioned(builder_lease(builder.id), builder, self._revision)))

    def told(self, record: BuildRecord) -> list[tuple[str, str]]:
        self.force.look([record])
        return [(each.reason, each.message) for each in self.force.conditions(declared(record))]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_it_is_told_after_a_grace_and_ends_with_a_builder(floor: Floor) -> None:
    """A builder may be starting; one that comes ends the condition at once."""
    record = queued_build()
    assert floor.told(record) == []
    floor.clock.forward(GRACE_SECONDS - 1)
    assert floor.told(record) == []
    floor.clock.forward(1)
    assert floor.told(record) == [("NoneAtWork", "no builder is at work")]
    floor.show(presence("one.1"))
    assert floor.told(record) == []


def test_a_builder_that_falls_silent_is_none(floor: Floor) -> None:
    """Who shows no sign of life for a lease is gone, and the grace counts from then."""
    record = queued_build()
    floor.show(presence("one.1"))
    assert floor.told(record) == []
    floor.clock.forward(LEASE_SECONDS + 1)
    assert floor.told(record) == []
    floor.clock.forward(GRACE_SECONDS)
    assert floor.told(record) == [("NoneAtWork", "no builder is at work")]


def test_what_is_missing_may_change_without_a_new_grace(floor: Floor) -> None:
    """The time since nobody can take it counts, whatever the reason is by now."""
    record = replace(queued_build(), needs=Needs(memory=16 << 30))
    floor.told(record)
    floor.clock.forward(GRACE_SECONDS)
    floor.show(replace(presence("one.1"), can=Capabilities(memory=8 << 30)))
    ((reason, message),) = floor.told(record)
    assert reason == "Memory"
    assert "16 GiB" in message
    assert "8 GiB" in message
    floor.show(replace(presence("one.1"), state=BuilderState.DRAINING))
    assert [reason for reason, _ in floor.told(record)] == ["NoneInService"]


def test_a_change_is_told_once(floor: Floor) -> None:
    """Followers of the catalogue are woken when there is something else to tell, and not each second."""
    record = queued_build()
    assert not floor.force.look([record])
    floor.clock.forward(GRACE_SECONDS)
    assert floor.force.look([record])
    assert not floor.force.look([record])
    assert floor.force.look([])
