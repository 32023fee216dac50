"""The place in a trace at which the present task works; adapters carry it along, and know nothing else of traces."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

current: Final[ContextVar[str]] = ContextVar("traceparent", default="")
"""A `traceparent`, or "" where nothing is traced."""


@contextmanager
def continued(parent: str) -> Iterator[None]:
    """Work below *parent* for as long as the context lasts."""
    token = current.set(parent)
    try:
        yield
    finally:
        current.reset(token)
