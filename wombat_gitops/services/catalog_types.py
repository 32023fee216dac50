"""Questions to the catalogue, and its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from wombat_gitops.domain.catalogue import BuilderPresence, DistributionRecord, Health, SourceRecord, Sync
from wombat_gitops.domain.lifecycle import BuildRecord


@dataclass(frozen=True, slots=True)
class DistributionQuery:
    """Which distributions to list; every filter that is set must hold. By name.

    Attributes:
        q: words that must all occur in name, version, description, licence, packages or labels.
        label: `key` or `key=value`.
        platform: one it is declared for, `linux/arm64`.
        cursor: the `next` of the page before.
    """

    q: str = ""
    label: str = ""
    platform: str = ""
    sync: Sync | None = None
    health: Health | None = None
    retired: bool | None = None
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class DistributionPage:
    """One page of distributions; `next` is "" on the last one."""

    items: tuple[DistributionRecord, ...]
    next: str
    total: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a distribution that has artifacts: the build of each platform."""

    version: str
    builds: Mapping[str, BuildRecord]


@dataclass(frozen=True, slots=True)
class CatalogStatus:
    """How the catalogue and those who feed it are.

    Attributes:
        synced_at: when everything in the stores was last known to be here.
        stale: something may have changed since.
        unreadable: keys of entries that cannot be read, by store.
    """

    connected: bool
    synced_at: datetime | None
    stale: bool
    queued: int
    running: int
    builders: tuple[BuilderPresence, ...]
    sources: tuple[SourceRecord, ...]
    unreadable: Mapping[str, tuple[str, ...]]
