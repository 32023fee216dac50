"""Shares: how much of what is limited a few clients can have, at the limits that are in force."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest

from wombat_gitops.api.connections import Door
from wombat_gitops.api.context import Edge
from wombat_gitops.api.limits import Limits, Slots
from wombat_gitops.api.problems import Busy, TooMany

LIMITS = Limits()
FIVE = tuple(f"192.0.2.{last}" for last in range(1, 6))
SIXTH = "198.51.100.1"


def _take_all(door: Door, addresses: tuple[str, ...]) -> int:
    """How many connections *addresses* get that ask in turn until none of them gets one."""
    taken = 0
    while granted := sum(door.enter(address) is not None for address in addresses):
        taken += granted
    return taken


@pytest.mark.parametrize("count", [1, 5, 20, 100])
def test_a_few_addresses_could_use_up_all_connections(count: int) -> None:
    """However few a new address asks for, it gets them; and one alone is bounded as before."""
    door = Door(LIMITS, Edge())
    taken = _take_all(door, tuple(f"10.0.0.{last}" for last in range(count)))

    assert taken == door.open
    assert taken <= LIMITS.connections - LIMITS.connections // (2 * count + 1)
    assert taken >= min(LIMITS.client_connections * count, LIMITS.connections // 2)
    assert door.enter(SIXTH) is not None


def test_one_network_could_use_up_all_connections() -> None:
    """All addresses of a /64 of IPv6 have one share, as have the two spellings of an IPv4 address."""
    door = Door(LIMITS, Edge())
    assert _take_all(door, tuple(f"2001:db8::{last:x}" for last in range(1, 300))) == LIMITS.client_connections
    door = Door(LIMITS, Edge())
    assert _take_all(door, ("192.0.2.1", "::ffff:192.0.2.1")) == LIMITS.client_connections


def test_what_was_left_can_be_taken_again() -> None:
    """A place is free for everybody once its connection is gone, and no client is remembered."""
    door = Door(LIMITS, Edge())
    for _ in range(3):
        clients = [client for address in FIVE for _ in range(300) if (client := door.enter(address)) is not None]
        assert len(clients) > LIMITS.connections // 2
        for client in clients:
            door.leave(client)
        assert door.open == 0


def test_a_proxy_has_all_connections() -> None:
    """Its clients are not told apart by their connections."""
    door = Door(LIMITS, Edge(proxies=("10.0.0.1",)))
    assert _take_all(door, ("10.0.0.1",)) == LIMITS.connections
    assert door.enter(SIXTH) is None


@pytest.mark.parametrize(("limit", "each"), [(LIMITS.streams, LIMITS.client_streams), (200, LIMITS.client_downloads)])
def test_a_few_clients_could_use_up_all_places(limit: int, each: int) -> None:
    """A sixth client gets a place; it is told apart whether a client or everybody has too many."""
    slots = Slots(limit, "places", each=each)
    with ExitStack() as stack:
        for _ in range(each):
            for client in FIVE:
                with suppress(TooMany):
                    stack.enter_context(slots.take(client))
        assert slots.taken < limit
        with pytest.raises(TooMany, match=r"^\d+ places of yours are open already$"):
            stack.enter_context(slots.take(FIVE[0]))
        for last in range(limit):
            with suppress(Busy):
                stack.enter_context(slots.take(f"203.0.113.{last}"))
        assert slots.taken == limit
        with pytest.raises(Busy):
            stack.enter_context(slots.take(SIXTH))
