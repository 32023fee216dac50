"""Trying again: how long each try waits."""

from __future__ import annotations

from itertools import islice

from wombat_gitops.adapters.nats.retrying import tries


def test_a_first_try_is_short_and_later_ones_leave_time() -> None:
    """Whoever took the request may be dead, or slow: another is asked after 2 s, and none waits above 10 s."""
    assert [*islice(tries(), 5)] == [2, 4, 8, 10, 10]


def test_no_try_outlasts_the_whole() -> None:
    """A caller with less patience is told in its time."""
    assert [*islice(tries(3), 3)] == [2, 3, 3]
    assert next(tries(0.5)) == 0.5
