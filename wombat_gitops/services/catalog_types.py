"""Questions to the catalogue, and its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from wombat_gitops.domain.catalogue import BuilderPresence, DistributionRecord, Health, SourceRecord, Sync
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.services.rollcall import RoleState


class Sort(StrEnum):
    """What a list of distributions is ordered by."""

    NAME = "name"
    UPDATED = "updated"  # the newest first
    RELEVANCE = "relevance"  # what fits the words best first


@dataclass(frozen=True, slots=True)
class DistributionQuery:
    """Which distributions to list; every filter that is set must hold.

    Attributes:
        q: words that must all occur in name, version, description, licence, packages, components or labels.
        label: `key` or `key=value`.
        platform: one it is declared for, `linux/arm64`.
        license: SPDX identifier of something that is compiled in, or what the manifest says.
        state: a word of `Sync` or `Health`, or `Withdrawn` or `Retired`.
        package: a full import path or the last part of one.
        retired: also those whose manifest is gone.
        sort: by relevance where words are searched for and by name else, unless it is set.
        cursor: the `next` of the page before.
    """

    q: str = ""
    label: str = ""
    platform: str = ""
    license: str = ""
    state: str = ""
    package: str = ""
    sync: Sync | None = None
    health: Health | None = None
    retired: bool = False
    sort: Sort | None = None
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class DistributionPage:
    """One page of distributions; `next` is "" on the last one.

    Attributes:
        total: how many match, on all pages.
        facets: values of each field with how many have them of those that match every other filter, most first.
        retired: how many of those whose manifest is gone match, shown or not.
    """

    items: tuple[DistributionRecord, ...]
    next: str
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]]
    retired: int


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
        stranded: of each queued build that no builder can take, since when that is so.
        roles: what the heartbeats of services and watchers tell, by role; none where nobody follows them.
        listens: silence proves that who was not heard is gone; not while and soon after the broker was away.
        silent: builders were there before, and none was heard lately.
        store_full: of each queued build whose last attempt met a full artifact store, since when.
    """

    connected: bool
    synced_at: datetime | None
    stale: bool
    queued: int
    running: int
    builders: tuple[BuilderPresence, ...]
    sources: tuple[SourceRecord, ...]
    unreadable: Mapping[str, tuple[str, ...]]
    stranded: tuple[datetime, ...] = ()
    roles: Mapping[str, RoleState] = field(default_factory=dict)
    listens: bool = True
    silent: bool = False
    store_full: tuple[datetime, ...] = ()
