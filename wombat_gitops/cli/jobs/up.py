"""`wombat up`: everything on this machine, with its progress."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.api.server import listening
from wombat_gitops.cli import running, text
from wombat_gitops.cli.jobs.progress import Board, board, failure_text
from wombat_gitops.cli.jobs.roles import set_up_logging
from wombat_gitops.domain.records import BuildState
from wombat_gitops.services.catalog_types import DistributionQuery
from wombat_gitops.wiring.up import Up
from wombat_gitops.wiring.up import up as run_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.cli.options import Globals
    from wombat_gitops.domain.catalogue import DistributionRecord
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.settings import Settings

_PAGE: Final = 200


def up(settings: Settings, flags: Globals, *, live: bool) -> None:
    """Run until SIGINT or SIGTERM; stopping is not an error."""
    drawn = live and text.live()
    # A moving table and log lines do not share a terminal; warnings still pass.
    set_up_logging(settings, replace(flags, quiet=flags.quiet or not flags.verbose), "up")
    hurry = asyncio.Event() if settings.stop_seconds else None

    async def work(stop: asyncio.Event) -> None:
        with _progress(live=drawn) as shown:
            async with listening(settings) as http, asyncio.TaskGroup() as group:
                watchers: list[asyncio.Task[None]] = []

                def started(told: Up) -> None:
                    with shown.aside():
                        text.out(f"website and API  {told.api}")
                        sys.stdout.flush()
                        text.note(f"broker           {told.nats}")
                        if told.metrics:
                            text.note(f"metrics          {told.metrics}/metrics")
                        text.note(f"kept in          {settings.data}")
                        if told.weakness:
                            text.warning(told.weakness)
                        text.note("Ctrl-C stops everything\n")
                    watchers.append(group.create_task(_watch(told, shown), name="progress"))

                try:
                    await run_up(settings, stop, started, http, hurry)
                finally:
                    for watcher in watchers:
                        watcher.cancel()

    told = "\nstopping when its builds have ended, once more stops them" if hurry else "\nstopping, once more forces it"
    running.run_until_signal(work, lambda: text.note(told), hurry)
    text.note("stopped")


@contextmanager
def _progress(*, live: bool) -> Iterator[Board]:
    with board(live=live) as shown:
        yield shown


async def _watch(told: Up, shown: Board) -> None:
    """Tell what happens to the builds that the manifests ask for, until cancelled."""
    news = _News(told, shown)
    catalog = told.catalog
    seen = -1
    with contextlib.suppress(asyncio.CancelledError):
        while not catalog.stopped.is_set():
            seen = await catalog.wait_change(seen)
            news.tell()
            await asyncio.sleep(0.1)


class _News:
    """What was told already."""

    def __init__(self, told: Up, shown: Board) -> None:
        self._api = told.api
        self._catalog = told.catalog
        self._shown = shown
        self._first = True
        self._conditions: dict[str, set[str]] = {}
        self._failed: set[tuple[str, int]] = set()
        self._complete = False

    def tell(self) -> None:
        distributions = _distributions(self._catalog)
        records = [
            record
            for each in distributions
            for target in each.targets
            if (record := self._catalog.known_builds().get(target.build)) is not None
        ]
        for record in records:
            self._shown.show(record)
            self._tell_failure(record)
        self._tell_conditions()
        self._tell_first(distributions)
        done = bool(distributions) and all(
            (record := self._catalog.known_builds().get(target.build)) is not None and record.state.final
            for each in distributions
            for target in each.targets
        )
        if done and not self._complete and records:
            good = sum(record.state is BuildState.SUCCEEDED for record in records)
            text.note(f"{good} of {text.plural(len(records), 'build')} up to date, watching for changes")
        self._complete = done

    def _tell_failure(self, record: BuildRecord) -> None:
        mark = (record.id, len(record.attempts))
        if record.state is BuildState.FAILED and mark not in self._failed:
            self._failed.add(mark)
            text.note(f"\n{failure_text(record)}\n\n  whole log: {self._api}/builds/{record.id}\n", always=True)

    def _tell_conditions(self) -> None:
        sources = self._catalog.sources()
        for source in sources:
            place = f"{source.url} {source.ref} {source.folder}: " if len(sources) > 1 else ""
            before = self._conditions.get(source.id, set())
            current = {
                f"{condition.reason}: {condition.message}"
                for condition in source.conditions
                if condition.status and condition.type not in {"Ready", "Reconciling"}
            }
            for words in sorted(current - before):
                text.warning(f"{place}{words}")
            if before and not current:
                text.note(f"{place}in order again")
            self._conditions[source.id] = current

    def _tell_first(self, distributions: list[DistributionRecord]) -> None:
        if not self._first:
            return
        builds = self._catalog.known_builds()
        for each in distributions:
            for target in each.targets:
                record = builds.get(target.build)
                if record is not None and record.artifact is not None:
                    self._first = False
                    path = f"/dl/{each.name}/{record.spec.version}/{record.artifact.file_name}"
                    with self._shown.aside():
                        text.out(f"first artifact   {self._api}{path}")
                        sys.stdout.flush()
                    return


def _distributions(catalog: Catalog) -> list[DistributionRecord]:
    found: list[DistributionRecord] = []
    cursor = ""
    while True:
        page = catalog.distributions(DistributionQuery(cursor=cursor, limit=_PAGE))
        found += page.items
        cursor = page.next
        if not cursor:
            return [each for each in found if not each.suspended]
