"""The watcher: every source in a task of its own, each to be stopped by one event."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.githost import HttpStatusWriter
from wombat_gitops.adapters.nats.refreshing import NatsRefresher, refreshes
from wombat_gitops.domain.catalogue import SERVICE_ROLE, WATCHER_ROLE
from wombat_gitops.domain.errors import TransientError
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.subjects import LEASE_SECONDS
from wombat_gitops.ports import Put, Synced
from wombat_gitops.services.catalog import Catalog
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.services.pacing import first_of
from wombat_gitops.services.presence import present
from wombat_gitops.services.pruning import SHARE
from wombat_gitops.services.reconciler import Reconciler
from wombat_gitops.services.refreshing import Looks, RefreshedSource, keep_running
from wombat_gitops.services.statuses import StatusReporter
from wombat_gitops.services.webhooks import WebhookReceiver
from wombat_gitops.wiring import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from wombat_gitops.domain.catalogue import RolePresence
    from wombat_gitops.domain.webhooks import Hook
    from wombat_gitops.ports import ManifestSource, Store
    from wombat_gitops.services.reconciler import Outcome
    from wombat_gitops.wiring.roles import Backbone
    from wombat_gitops.wiring.watched import Watched

    _Work = Callable[[asyncio.Event], Awaitable[None]]


_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Watching:
    """How sources are watched.

    Attributes:
        public_url: address of the website, or "".
        catalog: what the builds do; needed where statuses are written to git hosts.
        alone: no other source is watched by anybody, so every name that none of these has is free to take.
        first: builds for this platform come first.
        beat: seconds between two heartbeats.
        prune_share: percent of a source's distributions that one revision may retire without confirmation.
    """

    public_url: str = ""
    catalog: Catalog | None = None
    alone: bool = False
    first: Platform | None = None
    prune_share: float = SHARE
    beat: float = LEASE_SECONDS / 3


async def watcher(spine: Backbone, sources: Sequence[Watched], stop: asyncio.Event, how: Watching) -> None:
    """Turn changes of the manifests into requests until *stop*."""
    rivals = frozenset(item.source.id for item in sources) if how.alone else None
    refreshed = {item.source.id: RefreshedSource(item.source, machine.monotonic) for item in sources}

    def hear(source: str) -> None:
        if source in refreshed:
            refreshed[source].refresh()

    async with (
        refreshes(spine.connection, hear),
        present(machine.presence(WATCHER_ROLE), spine.roles, how.beat),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(_hurry(spine.roles, refreshed.values(), stop), name="services")
        for item in sources:
            one = _One(spine, item, refreshed[item.source.id], how, rivals)
            for name, work in one.tasks():
                group.create_task(keep_running(name, work, stop, random.random), name=name)


async def _hurry(roles: Store[RolePresence], sources: Collection[RefreshedSource], stop: asyncio.Event) -> None:
    """Look at every source once a service starts: what could not be requested while there was none is requested now."""
    known: set[str] | None = None

    async def follow() -> None:
        nonlocal known
        seen = set[str]()
        async for change in roles.follow():
            if isinstance(change, Synced):
                known = seen
            elif isinstance(change, Put) and change.entry.value.role == SERVICE_ROLE:
                if known is not None and change.entry.key not in seen:
                    for source in sources:
                        source.refresh()
                seen.add(change.entry.key)

    while not stop.is_set():
        with contextlib.suppress(TransientError):
            await first_of(follow(), stop)
        await first_of(asyncio.sleep(_RETRY_SECONDS), stop)


def receiver(spine: Backbone, hooks: Sequence[Hook]) -> WebhookReceiver:
    """What takes the messages of git hosts and tells the watchers, wherever these are."""
    refresher = NatsRefresher(spine.connection)
    return WebhookReceiver(hooks, refresher, lambda: machine.now().timestamp(), machine.monotonic)


class _One:
    """One source with everything that is done about it."""

    def __init__(
        self, spine: Backbone, item: Watched, source: RefreshedSource, how: Watching, rivals: frozenset[str] | None
    ) -> None:
        self._source = source
        self._seen = spine.seen
        self._seen.watches(source.id, item.interval)
        self._reporter: StatusReporter | None = None
        if item.status is not None and how.catalog is not None:
            self._reporter = StatusReporter(
                item.status,
                HttpStatusWriter(),
                how.catalog,
                spine.statuses,
                public_url=how.public_url,
                random=random.random,
            )
        self._looks = Looks(source, spine.looks, machine.now, item.interval, item.signer, self._status_error)
        watched: ManifestSource = source
        self._reconciler = Reconciler(
            watched,
            ManifestReader(watched),
            spine.client,
            spine.sources,
            spine.distributions,
            machine.now,
            random=random.random,
            interval=item.interval,
            first=how.first,
            rivals=rivals,
            host=item.host,
            prune_share=how.prune_share,
            observe=self._observe,
        )

    def tasks(self) -> list[tuple[str, _Work]]:
        """What runs side by side, by name."""
        found: list[tuple[str, _Work]] = [
            (f"source {self._source.id}", self._reconciler.run),
            (f"looks {self._source.id}", self._looks.run),
        ]
        if self._reporter is not None:
            found.append((f"status {self._source.id}", self._reporter.run))
        return found

    def _observe(self, outcome: Outcome) -> None:
        self._seen.passed(self._source.id, outcome)
        self._looks.observe(outcome)
        if self._reporter is not None:
            self._reporter.observe(outcome)

    def _status_error(self) -> str:
        return self._reporter.failure if self._reporter is not None else ""
