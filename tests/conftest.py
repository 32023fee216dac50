"""Fixtures that every test may use; each comes from a topic in tests/support."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

from tests.support.broker import broker, connection
from tests.support.goproxy import go_data, go_proxy
from tests.support.system import system

__all__ = ["broker", "connection", "go_data", "go_proxy", "system"]

# What a shell starts in the background ignores Ctrl-C, and hands that on. The programs under test shall not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Whether a law holds depends on the code alone: not on how busy the machine is, nor on a die.
settings.register_profile(
    "laws",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
    print_blob=True,
)
# `pytest --hypothesis-profile=explore` looks at other examples each time.
settings.register_profile("explore", settings.get_profile("laws"), derandomize=False, max_examples=2_000)
settings.load_profile("laws")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers know tests by their ids, and would run those with the same id once."""
    several = [each for each, count in Counter(item.nodeid for item in items).items() if count > 1]
    assert not several, f"tests share their names: {several}"
