"""Reads and writes records, whatever state they are in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, TypeVar

from wombat_gitops.domain.errors import InternalError
from wombat_gitops.ports import Corrupt, Put, Removed, Synced, Versioned

if TYPE_CHECKING:
    from wombat_gitops.domain.catalogue import DistributionRecord, SourceRecord
    from wombat_gitops.ports import Store

T = TypeVar("T")


async def load(store: Store[T]) -> dict[str, Versioned[T] | None]:
    """Everything in a store; None under a key whose bytes cannot be read."""
    entries: dict[str, Versioned[T] | None] = {}
    feed = store.follow()
    try:
        async for change in feed:
            match change:
                case Put(entry):
                    entries[entry.key] = entry
                case Corrupt(key, _, _):
                    entries[key] = None
                case Removed(key, _):
                    entries.pop(key, None)
                case Synced():
                    break
                case _:
                    entries.clear()
    finally:
        if isinstance(feed, AsyncGenerator):
            await feed.aclose()
    return entries


async def get(store: Store[SourceRecord], key: str) -> Versioned[SourceRecord] | None:
    """The record of a source; None where there is none that can be read."""
    try:
        return await store.get(key)
    except InternalError:
        return None  # unreadable: it is written anew


async def write(
    store: Store[DistributionRecord],
    key: str,
    entry: Versioned[DistributionRecord] | None,
    value: DistributionRecord,
    *,
    broken: bool,
) -> Versioned[DistributionRecord] | None:
    """Write over *entry* or over nothing, or return None where somebody else wrote; *broken* bytes are overwritten."""
    if entry is not None:
        return await store.replace(entry, value)
    return await (store.put(key, value) if broken else store.create(key, value))
