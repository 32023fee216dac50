"""Fixtures that every test may use; each comes from a topic in tests/support."""

from __future__ import annotations

from tests.support.broker import broker, connection
from tests.support.goproxy import go_data, go_proxy
from tests.support.system import system

__all__ = ["broker", "connection", "go_data", "go_proxy", "system"]
