"""The queue of builds: the only writer of build records.

`BuildQueue` serves those who ask for builds, `claims.AttemptDesk` the builders that work on them. Every write is
a compare-and-set against the record that was read, so of two writers one always sees that it lost.

When something fails halfway: inputs are stored before the record that names them, so a record never
lacks its inputs; inputs without a record are harmless and are found by their digest next time.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from wombat_gitops.domain import asking, lifecycle, policy
from wombat_gitops.domain.contents import Contents
from wombat_gitops.domain.errors import (
    CorruptData,
    CorruptEntry,
    IllegalTransition,
    NotFound,
    RecordRemoved,
    Refused,
)
from wombat_gitops.domain.grammar import check_spec
from wombat_gitops.domain.identity import build_id, check_inputs, digest
from wombat_gitops.domain.lock import check_lock_files, parse_go_mod
from wombat_gitops.domain.messages import BuildAnswer, BuildPage, BuildQuery, BuildRequest, decode
from wombat_gitops.domain.model import Lock
from wombat_gitops.domain.records import POLICY_VIOLATION, BuildRecord, BuildState
from wombat_gitops.ports import tracing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from wombat_gitops.domain.model import BuildSpec, Policy
    from wombat_gitops.ports import ObjectStore, Store, Versioned

MAX_INPUT: Final = 1_000_000
"""Bytes of go.mod and of go.sum that a request may carry; the largest known distribution needs 100 kB."""

_log = structlog.get_logger(__name__)

_KEPT_INPUTS: Final = 32
_FRESH_SECONDS: Final = 900.0
_REMEMBERED: Final = 1024
_REQUEUED_BY_REQUEST: Final = frozenset({BuildState.SUPERSEDED})


class Index(Protocol):
    """Answers lists of builds; it may be a little behind the records."""

    def builds(self, query: BuildQuery) -> BuildPage:
        """Builds that match, newest first."""
        ...


class Inputs:
    """The module files of builds, each stored once under its digest."""

    def __init__(self, store: Store[str], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._read: OrderedDict[str, str] = OrderedDict()
        self._saved: OrderedDict[str, float] = OrderedDict()

    async def save(self, lock: Lock) -> None:
        """Store both files.

        One that is there is written once more unless that was done lately: what clears away inputs that no
        record names removes exactly what it has looked at, and a record that names these comes next.
        """
        for text in (lock.go_mod, lock.go_sum):
            await self._save(digest(text), text)

    async def _save(self, name: str, text: str) -> None:
        now = self._monotonic()
        while True:
            try:
                entry = await self._store.get(name)
            except CorruptData:
                await self._store.put(name, text)
                break
            if entry is None:
                if await self._store.create(name, text) is not None:
                    break
            elif entry.value != text:
                await self._store.put(name, text)
                break
            elif now - self._saved.get(name, float("-inf")) < _FRESH_SECONDS:
                return
            elif await self._store.replace(entry, text) is not None:
                break
        self._saved[name] = now
        self._saved.move_to_end(name)
        if len(self._saved) > _REMEMBERED:
            self._saved.popitem(last=False)

    async def load(self, spec: BuildSpec) -> Lock:
        """The module files of *spec*.

        Raises:
            CorruptData: they are gone, or are not the ones that the spec names.
        """
        return Lock(go_mod=await self._load(spec.go_mod), go_sum=await self._load(spec.go_sum))

    async def _load(self, name: str) -> str:
        """One file; what was read lately is kept, as the builds of a distribution share their files."""
        if name in self._read:
            self._read.move_to_end(name)
            return self._read[name]
        text = await self._find(name)
        if text is None or digest(text) != name:
            msg = f"the module file `{name[:12]}…` of a build is {'missing' if text is None else 'corrupt'}"
            raise CorruptData(msg, hint="request the build again: a request carries its module files")
        self._read[name] = text
        if len(self._read) > _KEPT_INPUTS:
            self._read.popitem(last=False)
        return text

    async def _find(self, name: str) -> str | None:
        """The stored text, "" where it cannot be read."""
        try:
            entry = await self._store.get(name)
        except CorruptData:
            return ""
        return entry.value if entry is not None else None


class BuildQueue:
    """Accepts, lists, cancels and retries builds (`ports.BuildClient`)."""

    def __init__(
        self,
        records: Store[BuildRecord],
        inputs: Inputs,
        objects: ObjectStore,
        index: Index,
        clock: Callable[[], datetime],
        policies: tuple[Policy, ...] = (),
    ) -> None:
        """Make a queue.

        Args:
            policies: the operator's own; they hold for every request, whoever sends it.
        """
        self._policies = policies
        self._records = records
        self._inputs = inputs
        self._objects = objects
        self._index = index
        self._clock = clock

    async def request(self, request: BuildRequest) -> BuildAnswer:
        """Queue a build, or return the one that is there.

        A build whose artifact has vanished from the object store is queued again: a record without
        its object is a miss. So is one that failed for a policy that is another one now. The policies of the
        newest request are those that hold.

        Raises:
            Refused: a field that no manifest could have produced, files that are not the spec's, or something
                that a policy does not allow; of a build that is there already, also its contents and its size.
        """
        lock = Lock(request.go_mod, request.go_sum)
        self._check(request.spec, lock)
        rules = (*self._policies, *request.policies)
        policy.refuse(policy.judge_spec(rules, request.spec, parse_go_mod(lock.go_mod)))
        identity = build_id(request.spec)
        entry = await self._read(identity)
        if entry is None:
            await self._inputs.save(lock)
            record = lifecycle.queued(identity, request.spec, request.origin, request.priority, self._clock())
            record = replace(record, policies=request.policies, needs=request.needs, asked_by=(request.origin.source,))
            created = await self._records.create(identity, replace(record, trace=tracing.current.get()))
            if created is not None:
                return BuildAnswer(created.value, created=True)
            entry = await self._entry(identity)
        contents = await self._contents(entry.value)
        if contents is not None:
            policy.refuse(policy.judge_contents(rules, contents))
        if entry.value.artifact is not None:
            policy.refuse(policy.judge_size(rules, entry.value.artifact.size))
        unknown = policy.about_licenses(rules) and contents is None
        if await self._is_miss(entry.value, request.policies, unknown=unknown):
            await self._inputs.save(lock)
            return BuildAnswer(await self._change(entry, lambda record: self._again(record, request)))
        if entry.value.state is BuildState.SUCCEEDED or _as_asked(entry.value, request) == entry.value:
            return BuildAnswer(entry.value)
        return BuildAnswer(await self._change(entry, lambda record: self._noted(record, request)))

    async def get(self, build: str) -> BuildRecord:
        """One build. Raises `NotFound`."""
        return (await self._entry(build)).value

    async def list(self, query: BuildQuery) -> BuildPage:
        """Builds that match, newest first."""
        return self._index.builds(query)

    async def cancel(self, build: str, *, superseded: bool = False, source: str = "") -> BuildRecord:
        """Stop a build; with *superseded* only while it is queued, and only once nobody but *source* asks for it.

        Raises:
            NotFound: there is no such build.
            Refused: it has ended, or is no longer queued.
        """
        entry = await self._entry(build)
        if superseded:
            return await self._change(entry, lambda record: asking.no_longer_asked(record, source, self._clock()))
        return await self._change(entry, lambda record: lifecycle.cancel_asked(record, self._clock()))

    async def retry(self, build: str) -> BuildRecord:
        """Queue an ended build again.

        A record that cannot be read is removed instead: nothing tells what it was made of, so whoever wants the build
        has to request it again, as a watcher does.

        Raises:
            RecordRemoved: it could not be read.
            NotFound: there is no such build.
            Refused: it has not ended.
        """
        while True:
            try:
                entry = await self._entry(build)
            except CorruptEntry as broken:
                if not await self._records.discard(broken):
                    continue
                _log.warning("record_removed", build=build, error=broken.message)
                msg = f"the record of build `{build}` could not be read, and is removed"
                raise RecordRemoved(
                    msg, hint="request the build again; a watcher does so with its next look"
                ) from broken
            return await self._change(entry, lambda record: lifecycle.retried(record, self._clock()))

    async def forget(self, entry: Versioned[BuildRecord]) -> bool:
        """Remove the record of a build that has ended; False where it has not, or was changed meanwhile."""
        return entry.value.state.final and await self._records.discard(entry)

    async def judge(self, build: str, sha256: str, lost: str, *, again: bool = False) -> BuildRecord | None:
        """Note how the artifact of a build was found.

        Args:
            lost: as `BuildRecord.lost`; "" where the artifact is good.
            again: queue the build again where it is lost.

        Returns:
            The record as it was written; None where there was nothing to write, or the build has no such artifact.
        """
        while True:
            entry = await self._records.get(build)
            if entry is None or entry.value.artifact is None or entry.value.artifact.sha256 != sha256:
                return None
            wanted = lifecycle.artifact_judged(entry.value, lost)
            if lost and again:
                wanted = lifecycle.retried(wanted, self._clock())
            written = await self._records.replace(entry, wanted) if wanted != entry.value else None
            if written is not None or wanted == entry.value:
                return written.value if written is not None else None

    def _check(self, spec: BuildSpec, lock: Lock) -> None:
        check_spec(spec)
        for name, text in (("go_mod", lock.go_mod), ("go_sum", lock.go_sum)):
            if len(text.encode()) > MAX_INPUT:
                msg = f"`{name}` is larger than {MAX_INPUT} bytes"
                raise Refused(msg)
        check_inputs(spec, lock)
        check_lock_files(lock)

    async def _is_miss(self, record: BuildRecord, policies: tuple[Policy, ...], *, unknown: bool) -> bool:
        """Whether a build has to be made again. *unknown*: what is inside would have to be known, and is not."""
        if record.state in _REQUEUED_BY_REQUEST:
            return True
        if record.failure is not None and record.failure.reason == POLICY_VIOLATION:
            return record.state is BuildState.FAILED and record.policies != policies
        if record.state is not BuildState.SUCCEEDED or record.artifact is None:
            return False
        return unknown or await self._objects.size(record.artifact.sha256) != record.artifact.size

    def _again(self, record: BuildRecord, request: BuildRequest) -> BuildRecord:
        """The record queued once more; where an equal request was faster, only as *request* wants it."""
        wanted = _as_asked(record, request)
        if not record.state.final:
            return wanted
        return replace(lifecycle.retried(wanted, self._clock()), trace=tracing.current.get())

    def _noted(self, record: BuildRecord, request: BuildRequest) -> BuildRecord:
        """The record as *request* wants it; queued again where its last asker went away in this very moment."""
        if record.state is BuildState.SUCCEEDED:
            return record
        return self._again(record, request) if record.state in _REQUEUED_BY_REQUEST else _as_asked(record, request)

    async def _contents(self, record: BuildRecord) -> Contents | None:
        """What is inside a finished build; None where that is not known."""
        stored = record.contents
        if record.state is not BuildState.SUCCEEDED or stored is None:
            return None
        with tempfile.TemporaryDirectory(prefix="wombat-contents-") as folder:
            path = Path(folder) / "contents.json"
            try:
                await self._objects.fetch(stored.sha256, stored.size, path)
                return decode(Contents, await asyncio.to_thread(path.read_bytes))
            except (NotFound, CorruptData):
                return None

    async def _read(self, build: str) -> Versioned[BuildRecord] | None:
        try:
            return await self._records.get(build)
        except CorruptEntry as error:
            msg = f"the record of build `{build}` cannot be read"
            hint = f"`wombat retry {build}` removes it, so that the build can be requested again"
            raise CorruptEntry(msg, key=build, revision=error.revision, hint=hint) from error

    async def _entry(self, build: str) -> Versioned[BuildRecord]:
        entry = await self._read(build)
        if entry is None:
            msg = f"there is no build `{build}`"
            raise NotFound(msg, hint="`wombat list` shows the builds there are")
        return entry

    async def _change(self, entry: Versioned[BuildRecord], change: Callable[[BuildRecord], BuildRecord]) -> BuildRecord:
        while True:
            try:
                wanted = change(entry.value)
            except IllegalTransition as error:
                msg = f"build `{entry.key[:12]}` is `{entry.value.state}`"
                raise Refused(msg) from error
            written = await self._records.replace(entry, wanted)
            if written is not None:
                return written.value
            entry = await self._entry(entry.key)


def _as_asked(record: BuildRecord, request: BuildRequest) -> BuildRecord:
    """The record with what the newest request says about it."""
    wanted = replace(record, policies=request.policies, needs=request.needs)
    return asking.asked(wanted, request.origin.source)
