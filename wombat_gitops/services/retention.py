"""Clears away: builds that need not be kept, and stored things that no record names.

A pass marks from the records themselves, never from an index, then sweeps. A thing is swept once it was seen unnamed
for a whole *grace*, which is longer than any build: the seconds between two passes, by the monotonic clock of whoever
made both, are added up in the note that each pass leaves. So no jump of a clock sweeps anything early, a restart
costs the time since the last pass and not the whole grace, and an outage counts for two intervals at most. What is
stored again meanwhile has another revision, and its grace begins anew; its own time of storing has to be older than
the grace as well.

Several instances may run: a pass begins by writing its note by compare-and-set, and one that finds that somebody
else has written since it last looked leaves the work to them. Every removal is a compare-and-set besides.

When something fails halfway: a build whose record is gone leaves objects and inputs that are swept later; an object
that was hidden from readers and not purged is a leftover, which the next pass ends; the rest is done by it anyway.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from wombat_gitops.domain.catalogue import DistributionRecord
from wombat_gitops.domain.errors import CorruptData, WombatError
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.retention import (
    CollectAnswer,
    CollectRequest,
    KeeperNote,
    Plan,
    Rules,
    Sighting,
    Swept,
    Why,
    decide,
    names_of,
    too_many,
)
from wombat_gitops.domain.subjects import keeper_note
from wombat_gitops.ports import HeldObject, ObjectKeeper, Store, Upload, Versioned
from wombat_gitops.services import stored
from wombat_gitops.services.pacing import first_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from wombat_gitops.ports import Holdings

_log = structlog.get_logger(__name__)

GRACE_SECONDS: Final = 24 * 3600.0
"""For how long nothing may have named a stored thing before it goes: longer than the longest build."""

INTERVAL_SECONDS: Final = 3600.0

_NEVER: Final = 1e9
_MOST_RETIRED: Final = 2000
"""Builds that one pass takes away; the next one takes the others."""
_MOST_SEEN: Final = 10_000
_LISTED: Final = 500
_BATCH: Final = 50
_ANSWER_SECONDS: Final = 5.0


class Forgetter(Protocol):
    """The only writer of build records."""

    async def forget(self, entry: Versioned[BuildRecord]) -> bool:
        """See `services.queue.BuildQueue.forget`."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """What is marked from and swept."""

    records: Store[BuildRecord]
    distributions: Store[DistributionRecord]
    inputs: Store[str]
    objects: ObjectKeeper
    notes: Store[KeeperNote]


@dataclass(frozen=True, slots=True)
class _Unnamed:
    """A stored thing that no record names once the plan is done."""

    kind: str
    name: str
    revision: int
    size: int
    released: bool
    thing: HeldObject | Upload | Versioned[str]

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one pass found, and what follows from it."""

    plan: Plan
    retiring: tuple[Versioned[BuildRecord], ...]
    leftovers: tuple[HeldObject, ...]
    seen: dict[str, Sighting]
    due: tuple[_Unnamed, ...]
    answer: CollectAnswer


class Collector:
    """Makes passes: by itself in *interval*, and when it is asked to.

    Args:
        rules: the operator's; manifests may say more.
        clock: for what is `days` old, and for the times at which objects say that they were stored.
        monotonic: seconds that only grow.
        grace: seconds; see the module.
        interval: seconds between two passes that it makes by itself; 0: it makes none.
    """

    def __init__(
        self,
        queue: Forgetter,
        stores: Stores,
        rules: Rules,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        *,
        grace: float = GRACE_SECONDS,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._queue = queue
        self._stores = stores
        self._rules = rules
        self._clock = clock
        self._monotonic = monotonic
        self._grace = grace
        self._interval = interval
        self._one_pass = asyncio.Lock()
        self._working = set[asyncio.Task[CollectAnswer]]()
        self._written = 0
        self._looked_at_note = -1
        self._passed_at = monotonic()
        self._told = CollectAnswer(dry_run=False)

    async def run(self, stop: asyncio.Event) -> None:
        """A pass in every interval until *stop*; what was asked for is broken off then, and done by the next pass."""
        try:
            while not stop.is_set():
                await first_of(asyncio.sleep(self._interval or _NEVER), stop)
                if not stop.is_set():
                    await self.turn()
        finally:
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)

    async def turn(self) -> CollectAnswer | None:
        """The pass that is due, or None where another instance does the work, or the broker is away."""
        try:
            async with self._one_pass:
                note = await self._read_note()
                revision = note.revision if note is not None else 0
                others = revision not in {self._written, self._looked_at_note, 0}
                self._looked_at_note = revision
                return None if others else await self._pass(CollectRequest(), note)
        except WombatError as error:
            _log.warning("collection_failed", error=error.message)
            return None

    async def collect(self, asked: CollectRequest) -> CollectAnswer:
        """A pass now. What takes longer than some seconds goes on behind the answer, which says so.

        Raises:
            Unreachable: the broker does not answer.
        """
        if asked.dry_run:
            return (await self._survey(asked, await self._read_note())).answer
        task = asyncio.create_task(self._asked_pass(asked), name="collect")
        self._working.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=_ANSWER_SECONDS)
        return task.result() if done else self._told

    def _ended(self, task: asyncio.Task[CollectAnswer]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("collection_failed", error=str(error))

    async def _asked_pass(self, asked: CollectRequest) -> CollectAnswer:
        async with self._one_pass:
            self._told = CollectAnswer(dry_run=False)
            while True:
                answer = await self._pass(asked, await self._read_note())
                if answer is not None:
                    return answer

    async def _pass(self, asked: CollectRequest, note: Versioned[KeeperNote] | None) -> CollectAnswer | None:
        """Survey, note, retire, sweep. None, and nothing is done, where another instance wrote its note meanwhile."""
        survey = await self._survey(asked, note)
        self._told = replace(survey.answer, done=False)
        value = KeeperNote(survey.seen, note.value.passes + 1 if note is not None else 1)
        store = self._stores.notes
        written = await (store.replace(note, value) if note is not None else store.create(keeper_note(), value))
        if written is None:
            return None
        self._written = self._looked_at_note = written.revision
        self._passed_at = self._monotonic()
        retired = await self._retire(survey)
        gone = [held for held in survey.leftovers if await self._stores.objects.delete(held)]
        swept = await self._sweep(survey.due)
        answer = replace(survey.answer, done=True, retired_total=retired)
        _tell(answer, len(swept), len(gone))
        return answer

    async def _survey(self, asked: CollectRequest, note: Versioned[KeeperNote] | None) -> _Survey:
        holdings = await self._stores.objects.holdings()
        inputs = await self._stores.inputs.keys()
        entries = await stored.load(self._stores.records)
        known = await stored.load(self._stores.distributions)
        records = {key: entry for key, entry in entries.items() if entry is not None}
        distributions = {name: entry.value if entry is not None else None for name, entry in known.items()}
        plan = decide((entry.value for entry in records.values()), distributions, self._rules, self._clock())
        going = plan.retired[:_MOST_RETIRED] if asked.confirm or not plan.refused else ()
        retiring = tuple(records[each.build] for each in going)
        leaving = {entry.key for entry in retiring}
        named = await _names(entry.value for key, entry in records.items() if key not in leaving)
        released = await _names(entry.value for entry in retiring)
        unnamed = await self._unnamed(holdings, inputs, named, released)
        seen = self._sightings(unnamed, note)
        due = [each for each in unnamed if self._is_due(each, seen)]
        unreadable = sum(entry is None for entry in entries.values())
        held, refused = self._objections(due, holdings, seen, unreadable, confirmed=asked.confirm)
        if held or refused:
            due = []
        elif holdings.unreadable:
            held = f"{len(holdings.unreadable)} objects cannot be read: what belongs to them is not known"
            due = [each for each in due if each.kind != "upload"]
        answer = _answer(asked, plan, retiring, due, unnamed)
        reasons = "; ".join(filter(None, ("" if asked.confirm else plan.refused, refused)))
        leftovers = tuple(each for each in holdings.objects if each.leftover)
        return _Survey(plan, retiring, leftovers, seen, tuple(due), replace(answer, refused=reasons, held=held))

    async def _unnamed(
        self, holdings: Holdings, inputs: Iterable[str], named: frozenset[str], released: frozenset[str]
    ) -> list[_Unnamed]:
        found = [
            _Unnamed("object", each.sha256, each.revision, each.size, each.sha256 in released, each)
            for each in holdings.objects
            if not each.leftover and each.sha256 not in named
        ]
        for name in inputs:
            if name in named or len(found) >= _MOST_SEEN:
                continue
            try:
                entry = await self._stores.inputs.get(name)
            except CorruptData:
                continue  # nobody can use it; a request that needs it writes it anew
            if entry is not None:
                found.append(_Unnamed("input", name, entry.revision, len(entry.value), name in released, entry))
        found.extend(
            _Unnamed("upload", each.id, each.parts, 0, released=False, thing=each) for each in holdings.uploads
        )
        return found

    def _sightings(self, unnamed: list[_Unnamed], note: Versioned[KeeperNote] | None) -> dict[str, Sighting]:
        """How long each thing was seen unnamed by now; those that wait longest, where there are too many for a note."""
        before = note.value.seen if note is not None else {}
        mine = note is not None and note.revision == self._written
        # Not more than two intervals: after an outage, builders that sat it out must have their time.
        passed = min(self._monotonic() - self._passed_at, 2 * (self._interval or INTERVAL_SECONDS)) if mine else 0.0
        seen: dict[str, Sighting] = {}
        for each in unnamed:
            old = before.get(each.key)
            if old is None or old.revision != each.revision:
                seen[each.key] = Sighting(each.revision, released=each.released)
            else:
                seen[each.key] = replace(old, seconds=old.seconds + passed, released=old.released or each.released)
        longest = sorted(seen.items(), key=lambda item: (-item[1].seconds, item[0]))
        return dict(longest[:_MOST_SEEN])

    def _is_due(self, each: _Unnamed, seen: dict[str, Sighting]) -> bool:
        sighting = seen.get(each.key)
        if sighting is None or sighting.seconds < self._grace:
            return False
        stored_at = each.thing.stored_at if isinstance(each.thing, HeldObject) else None
        return stored_at is None or (self._clock() - stored_at).total_seconds() >= self._grace

    def _objections(
        self, due: list[_Unnamed], holdings: Holdings, seen: dict[str, Sighting], unreadable: int, *, confirmed: bool
    ) -> tuple[str, str]:
        """Why nothing must be swept: for certain, and until a person confirms it."""
        if unreadable:
            return f"{unreadable} build records cannot be read: what they name is not known", ""
        strange = sum(each.kind == "object" and not seen[each.key].released for each in due)
        objects = sum(not each.leftover for each in holdings.objects)
        return "", "" if confirmed else too_many(strange, objects, self._rules.share, "objects that no record names")

    async def _retire(self, survey: _Survey) -> int:
        reasons = {each.build: each for each in survey.plan.retired}
        count = 0
        for entry in survey.retiring:
            if await self._queue.forget(entry):
                count += 1
                spec, why = entry.value.spec, reasons[entry.key].why
                _log.info(
                    "build_retired",
                    build=entry.key,
                    name=spec.name,
                    version=spec.version,
                    platform=str(spec.platform),
                    why=str(why),
                )
        return count

    async def _sweep(self, due: Iterable[_Unnamed]) -> list[_Unnamed]:
        swept, uploads = list[_Unnamed](), list[_Unnamed]()
        for each in due:
            match each.thing:
                case HeldObject() as held:
                    gone = await self._stores.objects.delete(held)
                case Versioned() as entry:
                    gone = await self._stores.inputs.discard(entry)
                case _:
                    uploads.append(each)
                    continue
            if gone:
                swept.append(each)
                _log.info("thing_swept", kind=each.kind, thing=each.name, bytes=each.size)
        broken = [each.thing for each in uploads if isinstance(each.thing, Upload)]
        if broken and await self._stores.objects.discard(broken):
            swept.extend(uploads)
            _log.info("uploads_swept", count=len(broken))
        return swept

    async def _read_note(self) -> Versioned[KeeperNote] | None:
        try:
            return await self._stores.notes.get(keeper_note())
        except CorruptData:
            await self._stores.notes.remove(keeper_note())
            return None


async def _names(records: Iterable[BuildRecord]) -> frozenset[str]:
    """Everything that *records* name; others on the event loop get their turn meanwhile."""
    found = set[str]()
    for count, record in enumerate(records):
        found |= names_of(record)
        if count % _BATCH == 0:
            await asyncio.sleep(0)
    return frozenset(found)


def _answer(
    asked: CollectRequest,
    plan: Plan,
    retiring: tuple[Versioned[BuildRecord], ...],
    due: list[_Unnamed],
    unnamed: list[_Unnamed],
) -> CollectAnswer:
    going = {each.key for each in due}
    waiting = [each for each in unnamed if each.key not in going]
    swept = [
        Swept(each.kind, each.name, Why.BROKEN_OFF if each.kind == "upload" else Why.UNNAMED, each.size) for each in due
    ]
    return CollectAnswer(
        asked.dry_run,
        retired=plan.retired[:_LISTED],
        retired_total=len(plan.retired) if asked.dry_run else len(retiring),
        swept=tuple(swept[:_LISTED]),
        swept_total=len(swept),
        stored=plan.stored,
        freed=plan.freed,
        reclaimed=sum(each.size for each in due),
        waiting=len(waiting),
        waiting_bytes=sum(each.size for each in waiting),
        excess=plan.excess,
    )


def _tell(answer: CollectAnswer, swept: int, leftovers: int) -> None:
    if answer.refused:
        _log.warning("retention_refused", error=f"{answer.refused}; `wombat gc --confirm` allows it")
    if answer.held:
        _log.warning("sweep_held", error=answer.held)
    if answer.excess:
        _log.warning("quota_exceeded", bytes=answer.excess)
    if answer.retired_total or swept or leftovers:
        _log.info("collected", retired=answer.retired_total, swept=swept + leftovers, bytes=answer.reclaimed)
