"""Who counts as one client, and how much it may ask."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import ManualClock
from wombat_gitops.api.clients import UNKNOWN, client_name, client_of
from wombat_gitops.api.limits import BURST_SECONDS, Buckets, Slots
from wombat_gitops.api.problems import Busy, TooMany


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not an address", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_client_is_an_address_or_a_network(address: str, client: str) -> None:
    """Who has one IPv6 address has a network of them; IPv4 within IPv6 is the same client."""
    assert client_name(address) == client
    assert client_of({"type": "http", "client": (address, 1)}) == client


def test_a_request_from_nowhere_has_a_client() -> None:
    """A server on a local socket knows no addresses."""
    assert client_of({"type": "http", "client": None}) == UNKNOWN


def test_a_bucket_is_emptied_and_filled_by_time_alone() -> None:
    """Ten seconds' worth at once, then one by one; the wait that is told is enough, and less is not."""
    clock = ManualClock()
    buckets = Buckets(2, clock.monotonic)
    assert [buckets.take("a") for _ in range(int(2 * BURST_SECONDS))] == [0] * 20
    wait = buckets.take("a")
    assert wait == pytest.approx(0.5)
    clock.forward(wait / 2)
    assert buckets.take("a") == pytest.approx(wait / 2)
    clock.forward(wait / 2)
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0
    assert buckets.take("b") == 0


def test_a_slow_rate_still_lets_one_through() -> None:
    """A rate below one for ten seconds is not a refusal of everything."""
    clock = ManualClock()
    buckets = Buckets(0.01, clock.monotonic)
    assert buckets.take("a") == 0
    assert buckets.take("a") == pytest.approx(100)


def test_no_rate_counts_nothing() -> None:
    """Zero is any number, and remembers nobody."""
    buckets = Buckets(0, ManualClock().monotonic)
    assert [buckets.take("a") for _ in range(1000)] == [0] * 1000
    assert len(buckets) == 0


def test_clients_are_forgotten_before_memory_is_full() -> None:
    """However many come, so many are remembered: those that asked last."""
    buckets = Buckets(0.1, ManualClock().monotonic, remembered=100)
    for number in range(10_000):
        buckets.take(f"c{number}")
    assert len(buckets) == 100
    assert buckets.take("c9999") > 0
    assert buckets.take("c1") == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=200), st.floats(0.1, 20))
def test_nobody_gets_more_than_its_share(asked: list[tuple[str, float]], rate: float) -> None:
    """In whatever order and at whatever times: never more than the burst and what time has brought back."""
    clock = ManualClock()
    buckets = Buckets(rate, clock.monotonic)
    began, given_out = clock.monotonic(), Counter[str]()
    for client, pause in asked:
        clock.forward(pause)
        given_out[client] += not buckets.take(client)
        share = max(1.0, rate * BURST_SECONDS) + (clock.monotonic() - began) * rate
        assert given_out[client] <= share + 1e-6


def test_places_are_bounded_for_each_and_for_all_and_given_back() -> None:
    """One client's greed is its own trouble; a full house is everybody's."""
    slots = Slots(3, "streams", each=2)
    with slots.take("a"), slots.take("a"):
        with pytest.raises(TooMany, match="2 streams of yours"), slots.take("a"):
            pass
        with slots.take("b"), pytest.raises(Busy, match="3 streams"), slots.take("c"):
            pass
        assert slots.taken == 2
    with slots.take("a"), slots.take("a"):
        assert slots.taken == 2
    assert slots.taken == 0
