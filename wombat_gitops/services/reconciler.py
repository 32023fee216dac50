"""Makes what is recorded and built agree with what a source declares, over and over.

A pass looks at the whole state and not at events, so whatever a lost message, a restart or a broker
that was away left undone is done by the next one. Nothing is written unless its content changed, and
nothing is ever removed because a source could not be read.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from wombat_gitops.domain.catalogue import Condition, DistributionRecord, SourceRecord
from wombat_gitops.domain.declaration import Declaration
from wombat_gitops.domain.errors import (
    InternalError,
    Refused,
    TransientError,
    UnusableSource,
    Unverified,
    UserError,
    WombatError,
)
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Places
from wombat_gitops.services import observed, pruning, publishing, stored
from wombat_gitops.services.observed import Moment
from wombat_gitops.services.pacing import Timing, all_of, first_of
from wombat_gitops.services.wanted import WantedBuilds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from wombat_gitops.domain.declaration import Declared
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.domain.sources import Host
    from wombat_gitops.ports import BuildClient, ManifestSource, Store, Versioned

_CONCURRENCY: Final = 8
_OF_THE_COMMIT: Final = (Unverified, UnusableSource)
"""Errors of what was committed, and not of the host."""
_LASTING: Final = frozenset({observed.INVALID_MANIFEST, observed.NAME_CONFLICT, observed.PRUNE_BLOCKED})


class Reader(Protocol):
    """Reads everything that a revision of a source declares."""

    async def read(self, revision: str | None = None) -> Declaration:
        """See `services.manifests.ManifestReader.read`."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass did.

    Attributes:
        revision: the one that was looked at; "" where the source could not be asked.
        read: the manifests were read; otherwise nothing had changed.
        requested: builds that were asked for because they were missing.
        written: records that were written.
        error: why the pass did not come to its end.
        declaration: what the manifests declare, where they were read; its builds are those that were asked for.
    """

    revision: str = ""
    read: bool = False
    requested: int = 0
    written: int = 0
    cancelled: int = 0
    error: WombatError | None = None
    declaration: Declaration | None = None


@dataclass(slots=True)
class _Tally:
    requested: int = 0
    written: int = 0
    cancelled: int = 0
    failed: int = 0

    def outcome(self, revision: str, declaration: Declaration, error: WombatError | None = None) -> Outcome:
        """What a pass that read the manifests did."""
        return Outcome(
            revision,
            read=True,
            requested=self.requested,
            written=self.written,
            cancelled=self.cancelled,
            error=error,
            declaration=declaration,
        )


class Reconciler:
    """Watches one source.

    Args:
        clock: the wall clock, for what is shown to people.
        random: 0 to 1, for jitter.
        first: builds for this platform are asked for first and with a higher priority.
        rivals: ids of all sources that are watched anywhere, where that is known: a distribution that
            belongs to none of them may be taken over.
        host: software of its git host, where that was said.
        prune_share: percent of its distributions that one revision may retire without confirmation.
        monotonic: seconds that only grow, for intervals.
        observe: told the outcome of every pass.
    """

    def __init__(  # noqa: PLR0913 - the ports it joins, and how often
        self,
        source: ManifestSource,
        reader: Reader,
        builds: BuildClient,
        sources: Store[SourceRecord],
        distributions: Store[DistributionRecord],
        clock: Callable[[], datetime],
        *,
        random: Callable[[], float],
        interval: float = 30.0,
        timing: Timing | None = None,
        first: Platform | None = None,
        rivals: frozenset[str] | None = None,
        host: Host | None = None,
        prune_share: float = pruning.SHARE,
        monotonic: Callable[[], float] = time.monotonic,
        observe: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._source = source
        self._reader = reader
        self._builds = builds
        self._wanted = WantedBuilds(builds, source.id, first)
        self._sources = sources
        self._distributions = distributions
        self._clock = clock
        self._random = random
        self._timing = timing or Timing(interval)
        self._rivals = rivals
        self._host = host
        self._prune_share = prune_share
        self._monotonic = monotonic
        self._observe = observe
        self._declaration: Declaration | None = None
        self._done = ""
        self._confirmed_at = float("-inf")
        self._settled: dict[str, tuple[Declared, Declared]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Pass after pass until *stop*; a change of the source wakes it early."""
        failures = 0
        async with self._source.changes() as wait:
            while not stop.is_set():
                outcome = await self.once()
                if self._observe is not None:
                    self._observe(outcome)
                # a commit that cannot be used is no trouble of the host: the next one may be good
                failed = outcome.error is not None and not isinstance(outcome.error, _OF_THE_COMMIT)
                failures = failures + 1 if failed else 0
                chance = self._random()
                delay = self._timing.delay(failures, chance)
                # the host has answered, so it may be asked as often as ever while only the service is away
                await first_of(wait(min(delay, self._timing.delay(0, chance)) if outcome.read else delay), stop)

    async def once(self) -> Outcome:
        """One pass. Never raises for what the world does; see `Outcome.error`."""
        tally = _Tally()
        try:
            revision = await self._source.revision()
            now = self._monotonic()
            confirm = now - self._confirmed_at >= self._timing.confirm
            if revision == self._done and not confirm:
                return Outcome(revision)
            declaration = await self._reader.read(revision)
        except WombatError as error:
            return await self._failed(error, tally)
        try:
            if confirm:
                self._wanted.doubt()
                self._settled.clear()
            declaration = await self._apply(declaration, tally)
        except WombatError as error:
            self._done = ""
            await self._not_requested(revision, error, tally)
            return tally.outcome(revision, declaration, error)
        # Asked again at every pass while builds are missing that the service could not answer for.
        self._done = "" if tally.failed else revision
        if confirm:
            self._confirmed_at = now
        return tally.outcome(revision, declaration)

    async def _not_requested(self, revision: str, error: WombatError, tally: _Tally) -> None:
        """Note that a revision was read and not all of its builds were requested; the one before stays applied."""
        why = f"{error.message}; {error.hint}" if error.hint else error.message
        message = f"the builds of `{revision[:12]}` could not be requested: {why}"
        try:
            entry = await stored.get(self._sources, self._source.id)
            before = entry.value if entry else self._new_source()
            moment = Moment(revision, self._clock())
            conditions = [moment.condition(observed.READY, observed.NOT_REQUESTED, message, status=False)]
            if not isinstance(error, TransientError):
                conditions.append(moment.condition(observed.STALLED, observed.NOT_REQUESTED, message))
            kept = [old for old in before.conditions if old.type in _LASTING]
            await self._write_source(entry, replace(before, conditions=(*kept, *conditions)), tally)
        except WombatError:
            return  # the broker is away, which whoever asks for this record sees as well

    async def _failed(self, error: WombatError, tally: _Tally) -> Outcome:
        """Note that the source could not be read, and leave everything else as it is."""
        self._done = ""
        reason = observed.failure_reason(error)
        message = f"{error.message}; {error.hint}" if error.hint else error.message
        try:
            entry = await stored.get(self._sources, self._source.id)
            before = entry.value if entry else self._new_source()
            seen = (error.revision if isinstance(error, _OF_THE_COMMIT) else "") or before.revision
            moment = Moment(seen, self._clock())
            conditions = [
                moment.condition(observed.READY, reason, message, status=False),
                moment.condition(observed.failure_condition(error), reason, message),
            ]
            if isinstance(error, UserError | InternalError):
                conditions.append(moment.condition(observed.STALLED, reason, message))
            kept = [old for old in before.conditions if old.type in _LASTING]
            await self._write_source(entry, replace(before, conditions=(*kept, *conditions)), tally)
        except WombatError as second:
            return Outcome(error=second)
        return Outcome(written=tally.written, error=error)

    def _new_source(self) -> SourceRecord:
        return SourceRecord(self._source.id, self._source.url, self._source.ref, self._source.folder)

    async def _apply(self, declaration: Declaration, tally: _Tally) -> Declaration:
        """Do what the manifests ask for; returns what they declare, held against what is published already."""
        moment = Moment(declaration.revision, self._clock())
        entries = await stored.load(self._distributions)
        records = {name: entry.value for name, entry in entries.items() if entry is not None}
        broken = observed.unusable(declaration)
        declared = observed.choose(declaration.declared, records)
        foreign = {name: record.source for name in declared if (record := self._foreign(records.get(name)))}
        usable = {
            name: item
            for name, item in declared.items()
            if name not in foreign and item.distribution.path not in broken and item.lock is not None
        }
        usable, published, unsettled = await self._settle(usable)
        broken = {**broken, **published}
        settled = observed.settled(declaration, usable, published)
        asked = await self._wanted.request(usable.values(), declaration.revision)
        failed = {**asked.failed, **unsettled}
        tally.requested += asked.requested
        tally.failed += len(failed)
        wanted = {
            name: observed.make_record(
                item,
                self._source.id,
                moment,
                observed.not_taken(item, asked.refused, asked.failed, moment),
                records.get(name),
            )
            for name, item in usable.items()
        }
        conditions = observed.source_conditions(broken, foreign, failed, moment)
        mine = {name: record for name, record in records.items() if record.source == self._source.id}
        for name, record in mine.items():
            if name in usable:
                continue
            if name in unsettled:
                wanted[name] = observed.stalled(record, unsettled[name], moment)
                continue
            problems = broken.get(record.path)
            if name in declared or problems is not None:
                problems = problems if problems is not None else broken.get(declared[name].distribution.path, [])
                wanted[name] = observed.marked(record, problems, moment)
            elif not record.retired:
                wanted[name] = replace(record, retired=True, conditions=())
        leaving = [name for name, record in wanted.items() if record.retired and not mine[name].retired]
        had = sum(not record.retired for record in mine.values())
        held = pruning.held_back(leaving, had, declaration.retired, self._prune_share)
        if held:
            message = pruning.explain(held, had, self._source.folder, self._prune_share)
            reason = "TooMany" if declaration.declared or broken else "Empty"
            conditions = [each for each in conditions if each.type != observed.READY]
            conditions.append(moment.condition(observed.READY, reason, message, status=False))
            conditions.append(moment.condition(observed.PRUNE_BLOCKED, reason, message))
            wanted = {name: record for name, record in wanted.items() if name not in held}
        tally.cancelled += await self._wanted.give_up(self._unneeded(records, wanted))
        changed = await self._write_distributions(entries, wanted, tally)
        await self._finish(declaration, broken, conditions, tally, changed=changed)
        return settled

    async def _settle(
        self, usable: Mapping[str, Declared]
    ) -> tuple[dict[str, Declared], dict[str, list[Diagnostic]], dict[str, str]]:
        """Compare with what is published; a version that would be another program is told at its manifest.

        The last part says by name why the service could not tell what is published.
        """
        limit = asyncio.Semaphore(_CONCURRENCY)
        refused: dict[str, list[Diagnostic]] = {}
        failed: dict[str, str] = {}
        settled: dict[str, Declared] = {}

        async def settle(name: str, item: Declared) -> None:
            known = self._settled.get(name)
            if known is not None and known[0] is item:
                settled[name] = known[1]
                return
            async with limit:
                try:
                    settled[name] = await publishing.settle(item, self._builds, strict=bool(self._source.ref))
                except Refused as error:
                    message = f"{error.message} ({error.hint})"
                    places = Places(item.distribution.path)
                    refused[item.distribution.path] = [places.problem(rules.VERSION_PUBLISHED, message)]
                except InternalError as error:
                    failed[name] = f"what is published of `{name}` cannot be read: {error.message}"

        await all_of(settle(name, item) for name, item in usable.items())
        self._settled = {name: (usable[name], item) for name, item in settled.items()}
        return {name: settled[name] for name in usable if name in settled}, refused, failed

    def _foreign(self, record: DistributionRecord | None) -> DistributionRecord | None:
        """The record of a name that another source has; one that is gone, or retired it, has it no longer."""
        if record is None or record.source == self._source.id or record.retired:
            return None
        return record if self._rivals is None or record.source in self._rivals else None

    def _unneeded(
        self, records: Mapping[str, DistributionRecord], wanted: Mapping[str, DistributionRecord]
    ) -> set[str]:
        """Builds that a distribution asked for before, and none of this source does now."""
        mine = {name: record for name, record in records.items() if record.source == self._source.id}
        needed = {
            target.build for record in {**mine, **wanted}.values() if not record.retired for target in record.targets
        }
        held = (records[name] for name in wanted if name in records and not records[name].retired)
        return {target.build for record in held for target in record.targets} - needed

    async def _write_distributions(
        self,
        entries: Mapping[str, Versioned[DistributionRecord] | None],
        wanted: Mapping[str, DistributionRecord],
        tally: _Tally,
    ) -> bool:
        changed = False
        for name, record in sorted(wanted.items()):
            entry = entries.get(name)
            if entry is not None and observed.same_distribution(entry.value, record):
                continue
            changed = True
            if await stored.write(self._distributions, name, entry, record, broken=name in entries) is None:
                msg = f"the record of `{name}` was changed by another watcher"
                raise TransientError(msg)
            tally.written += 1
        return changed

    async def _finish(
        self,
        declaration: Declaration,
        broken: Mapping[str, Sequence[Diagnostic]],
        conditions: Iterable[Condition],
        tally: _Tally,
        *,
        changed: bool,
    ) -> None:
        entry = await stored.get(self._sources, self._source.id)
        problems, more = observed.fitting([problem for path in sorted(broken) for problem in broken[path]])
        record = replace(
            entry.value if entry else self._new_source(),
            url=self._source.url,
            revision=declaration.revision,
            manifests=declaration.manifests,
            invalid=min(len(broken), declaration.manifests),
            conditions=tuple(conditions),
            problems=problems,
            more_problems=more,
            host=self._host,
        )
        await self._write_source(entry, record, tally, force=changed)

    async def _write_source(
        self, entry: Versioned[SourceRecord] | None, record: SourceRecord, tally: _Tally, *, force: bool = False
    ) -> None:
        before = entry.value.conditions if entry else ()
        settled = replace(record, conditions=observed.settle(record.conditions, before))
        if entry is not None and observed.same_source(entry.value, settled) and not force:
            return
        await self._sources.put(record.id, replace(settled, checked_at=self._clock()))
        tally.written += 1
