"""Roles by their heartbeats: alive, gone, or not known because nobody could have heard them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.factories import ManualClock
from wombat_gitops.domain.catalogue import RolePresence
from wombat_gitops.ports import Put, Removed, Versioned
from wombat_gitops.services.rollcall import Listening, Pulse, RollCall

KEY = "role.service.one"


class World:
    """A roll call on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.listening = Listening(self.clock.monotonic)
        self.roll = RollCall(self.clock, self.clock.monotonic, self.listening)
        self.number = 0
        self.listening.note(hears=True)

    def beat(self, age: float = 0.0) -> None:
        """A heartbeat arrives that was given so many seconds ago."""
        self.number += 1
        at = self.clock() - timedelta(seconds=age)
        self.roll.mirror.apply(Put(Versioned(KEY, RolePresence("one", "service", "h", "1", at, at), self.number)))

    def pulse(self) -> Pulse:
        return self.roll.state("service").pulse


@pytest.fixture
def world() -> World:
    return World()


def test_a_role_that_was_never_there_is_gone(world: World) -> None:
    """No heartbeat is stored: that is known at once."""
    assert world.pulse() is Pulse.GONE


def test_a_role_is_alive_for_a_lease_after_its_heartbeat(world: World) -> None:
    """And gone then, with the time of the last one."""
    world.beat()
    last = world.clock()
    world.clock.forward(14)
    assert world.pulse() is Pulse.ALIVE
    world.clock.forward(2)
    state = world.roll.state("service")
    assert (state.pulse, state.last) == (Pulse.GONE, last)


def test_a_role_that_ends_in_order_is_gone_at_once(world: World) -> None:
    """It takes its heartbeat back."""
    world.beat()
    world.roll.mirror.apply(Removed(KEY, 9))
    assert world.pulse() is Pulse.GONE


def test_an_old_heartbeat_proves_nothing_to_an_observer_who_just_came(world: World) -> None:
    """Neither life, nor death before a lease has passed in silence; the next beat proves life whatever its clock."""
    world.beat(age=3600)
    assert world.pulse() is Pulse.UNKNOWN
    world.clock.forward(16)
    assert world.pulse() is Pulse.GONE
    world.beat(age=3600)
    assert world.pulse() is Pulse.ALIVE


def test_silence_while_the_observer_was_cut_off_proves_nothing(world: World) -> None:
    """After an outage of the broker a role has a lease to be heard again."""
    world.beat()
    world.clock.forward(100)
    world.listening.note(hears=False)
    world.clock.forward(100)
    world.listening.note(hears=True)
    assert world.pulse() is Pulse.UNKNOWN
    world.clock.forward(16)
    assert world.pulse() is Pulse.GONE
