"""Roles as processes of their own on a broker that the test rules, and what can be seen of their work from outside."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import secrets
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.broker import TestBroker, prepared
from tests.support.goproxy import BENTHOS, component, distribution
from tests.support.system import SECONDS, SHORT_LEASE, Role, System
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.client import NatsAttempts, NatsBuildClient, ServiceCommitter
from wombat_gitops.adapters.nats.infrastructure import kv_stream
from wombat_gitops.adapters.nats.logs import NatsLogs
from wombat_gitops.adapters.nats.objects import NatsObjects
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.identity import build_id, make_spec
from wombat_gitops.domain.messages import BuildRequest, Lease
from wombat_gitops.domain.model import UNCOMMITTED_DATE, Module
from wombat_gitops.domain.records import BuildRecord, BuildState
from wombat_gitops.domain.references import named_objects
from wombat_gitops.ports import Put, Removed, Reset, Synced
from wombat_gitops.services.claims import Claim, claim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping

    from wombat_gitops.adapters.nats.connection import Connection

LONG: Final = os.environ.get("WOMBAT_FAULTS") == "long"
"""Whether the fault suite runs in its long form."""

SLOW: Final = (
    "\nfunc slow(x int) int {\n"
    + "\n".join(f"\tx = x*{n} + (x >> {n % 7 + 1})" for n in range(4_000))
    + "\n\treturn x\n}\n"
)
"""Keeps the compiler busy for a few seconds."""

_numbers = itertools.count(1)


class Fleet:
    """Roles on one broker, and a look at the records."""

    def __init__(self, system: System, broker: TestBroker, connection: Connection) -> None:
        self.system = system
        self.broker = broker
        self.connection = connection
        self.records = NatsStore(connection, subjects.BUILDS, BuildRecord)
        self.leases = NatsStore(connection, subjects.LEASES, Lease, prefix="build.")
        self.objects = NatsObjects(connection, ServiceCommitter(connection))
        self.logs = NatsLogs(connection)
        self.client = NatsBuildClient(connection)
        self.attempts = NatsAttempts(connection)

    def start(self, *args: str, **env: str) -> Role:
        """Start `wombat *args*` on the broker."""
        return self.system.start(*args, **self._variables(env))

    def _variables(self, env: Mapping[str, str]) -> dict[str, str]:
        """Each builder has a name of its own, as on a machine of its own."""
        name = f"builder-{len(self.system.roles)}"
        return {"WOMBAT_NATS": self.broker.url, "WOMBAT_BUILDER_NAME": name, **SHORT_LEASE, **env}

    def trapped(self, *args: str, **traps: str) -> Role:
        """Start `wombat *args*` with something done to it at a moment; see tests/support/traps.py."""
        name = f"{args[0]}-{len(self.system.roles)}"
        argv = [sys.executable, "-m", "tests.support.traps", *args]
        env = {**self.system.env, **self._variables(traps)}
        role = Role(name, argv, env, self.system.folder / f"{name}.log")
        self.system.roles.append(role)
        return role

    async def api(self, port: int = 0, **env: str) -> tuple[Role, str]:
        """Start the API; returns its process and its address."""
        role = self.start("api", WOMBAT_PORT=str(port), **env)
        found = await self.system.until(lambda: re.search(r"http://127\.0\.0\.1:\d+", role.said), "the API's address")
        return role, str(found.group())

    def slow(self) -> str:
        """Publish a Benthos whose package `slow` no cache has; returns its version."""
        version = f"v4.80.{next(_numbers)}"
        extra = f"\nvar X = slow({version.rpartition('.')[2]})\n{SLOW}\nconst mark = {os.getpid()}\n"
        self.system.proxy.add_benthos(version, extra={"public/components/slow/slow.go": component("slow", extra=extra)})
        return version

    def request_for(
        self,
        name: str,
        version: str = "1.0.0",
        *,
        packages: Iterable[str] = ("io", "pure"),
        core: str = "v4.76.0",
        priority: int = 0,
    ) -> BuildRequest:
        """A request such as the watcher makes, for this machine's usual platform."""
        declared = replace(distribution(name, packages, core=core), version=version)
        lock = self.system.proxy.lock([Module(BENTHOS, core)])
        spec = make_spec(declared, lock, declared.platforms[0], UNCOMMITTED_DATE)
        return BuildRequest(spec, lock.go_mod, lock.go_sum, priority=priority)

    async def request(self, name: str, version: str = "1.0.0", **changes: object) -> str:
        """Ask for a build; returns its id."""
        asked = self.request_for(name, version, **changes)  # type: ignore[arg-type]
        await self.client.request(asked)
        return build_id(asked.spec)

    async def claim(self, build: str, builder: str = "ghost.1") -> Claim:
        """Take a queued build as a builder does that the test plays itself; it has no lease until it renews it."""
        async with asyncio.timeout(SECONDS):
            while (taken := await claim(self.attempts, self.leases, build, builder, secrets.token_hex(8))) is None:
                await asyncio.sleep(0.05)
        return taken

    async def all(self) -> list[BuildRecord]:
        """Every record there is."""
        found = []
        async for change in self.records.follow():
            if isinstance(change, Synced):
                break
            if isinstance(change, Put):
                found.append(change.entry.value)
        return found

    async def keys(self, store: NatsStore[Lease]) -> set[str]:
        """Every key of a store."""
        found = set()
        async for change in store.follow():
            if isinstance(change, Synced):
                break
            if isinstance(change, Put):
                found.add(change.entry.key)
            elif isinstance(change, Removed):
                found.discard(change.key)
        return found

    async def get(self, build: str) -> BuildRecord:
        """One record that is there."""
        found = await self.records.get(build)
        assert found is not None, f"there is no record of {build}"
        return found.value

    async def until(self, state: BuildState, count: int = 1) -> list[BuildRecord]:
        """Wait until *count* builds, and no fewer than all there are, are in *state*."""
        records: list[BuildRecord] = []
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    records = await self.all()
                    if len(records) >= count and all(record.state is state for record in records):
                        return records
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"not {state}: {[(record.state, record.failure) for record in records]}\n{self.said}")

    async def until_record(self, build: str, what: Callable[[BuildRecord], object], why: str) -> BuildRecord:
        """Wait until the record of a build is as wanted."""
        last: BuildRecord | None = None
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    found = await self.records.get(build)
                    last = found.value if found is not None else None
                    if last is not None and what(last):
                        return last
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{why} did not happen; last seen: {last}\n{self.said}")

    async def until_ended(self, build: str) -> BuildRecord:
        """Wait until a build is over."""
        return await self.until_record(build, lambda record: record.state.final, "the end")

    async def running(self, step: str = "compile") -> BuildRecord:
        """Wait until a builder is at a step of something."""
        async with asyncio.timeout(SECONDS):
            while True:
                for record in await self.all():
                    if record.step is not None and record.step.step == step:
                        return record
                await asyncio.sleep(0.02)

    async def verify(self, records: Iterable[BuildRecord], folder: Path) -> None:
        """Read everything beside builds that have succeeded; the reader verifies digests."""
        for record in records:
            assert record.artifact is not None
            log = record.attempts[-1].log
            assert log is not None, f"{record.spec.name} has no log"
            assert record.contents is not None
            for named in named_objects(record):
                await self.objects.fetch(named.sha256, named.size, folder / "read")

    async def refuse_writes(self, *, yes: bool) -> None:
        """Let the streams of records and leases refuse every message, as a store without room does, or no more.

        A limit on bytes alone still takes a message that replaces a larger one.
        """
        for name in map(kv_stream, (subjects.BUILDS, subjects.LEASES)):
            config = (await jetstream.api(self.connection, f"STREAM.INFO.{name}", {}))["config"]
            changed = config | {"max_bytes": 1 if yes else -1, "discard_new_per_subject": yes}
            await jetstream.api(self.connection, f"STREAM.UPDATE.{name}", changed)

    @property
    def said(self) -> str:
        """The last words of every role."""
        return "\n".join(f"--- {role.name}\n{role.said[-3000:]}" for role in self.system.roles)


@asynccontextmanager
async def fleet_of(system: System, broker: TestBroker) -> AsyncIterator[Fleet]:
    """A fleet without any role yet; the roles that were started are gone afterwards."""
    async with prepared(broker) as connection:
        try:
            yield Fleet(system, broker, connection)
        finally:
            system.close()


class History:
    """Follows all records for as long as the context lasts, and holds each change against what may happen.

    A look may miss states in between, so it judges only what holds between any two states of one build.
    """

    def __init__(self, records: NatsStore[BuildRecord]) -> None:
        self._records = records
        self.seen: dict[str, BuildRecord] = {}
        self.revisions = 0
        self.resets = 0
        self.problems: list[str] = []

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[History]:
        """Follow until the context is left; then nothing wrong may have been seen."""
        task = asyncio.create_task(self._follow(), name="history")
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert not self.problems, self.problems

    async def _follow(self) -> None:
        async for change in self._records.follow():
            if isinstance(change, Reset):
                self.seen.clear()
                self.resets += 1
            elif isinstance(change, Removed):
                self.problems.append(f"{change.key}: the record is gone")
            elif isinstance(change, Put):
                self.revisions += 1
                before = self.seen.get(change.entry.key)
                self.seen[change.entry.key] = change.entry.value
                self.problems += [f"{change.entry.key[:12]}: {what}" for what in wrong(before, change.entry.value)]


def wrong(before: BuildRecord | None, after: BuildRecord) -> list[str]:
    """What may not have happened between two states of one build."""
    found = []
    results = [attempt for attempt in after.attempts if attempt.ended_as == "succeeded"]
    if len(results) > after.round:
        found.append(f"{len(results)} results in {after.round} rounds")
    if sum(attempt.ended_as is None for attempt in after.attempts) != (after.state is BuildState.RUNNING):
        found.append(f"{after.state}, but its attempts are {[attempt.ended_as for attempt in after.attempts]}")
    if (after.artifact is not None) != (after.state is BuildState.SUCCEEDED):
        found.append(f"{after.state}, and its artifact is {after.artifact}")
    if len({attempt.claim for attempt in after.attempts}) != len(after.attempts):
        found.append("two attempts have one claim")
    if before is None:
        return found
    if after.round < before.round or after.spec != before.spec:
        found.append(f"round {before.round} became {after.round}, or it is another build")
    ended = [attempt for attempt in before.attempts if attempt.ended_as is not None]
    ends = {attempt.claim: attempt.ended_as for attempt in after.attempts}
    if any(ends.get(attempt.claim, attempt.ended_as) != attempt.ended_as for attempt in ended):
        found.append("an attempt that had ended has changed")
    if before.round == after.round and before.state.final and after.state is not before.state:
        found.append(f"{before.state} became {after.state} without a retry")
    if before.round == after.round and before.artifact not in {None, after.artifact}:
        found.append("the artifact has changed")
    return found


def programs_of(folder: Path, but: Collection[int] = ()) -> dict[int, str]:
    """Processes with a folder in their environment or command line, or that work below it; by id."""
    found = {}
    mark = os.fsencode(folder)
    for process in Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            theirs = mark in (process / "environ").read_bytes() or mark in command
            if command and (theirs or (process / "cwd").readlink().is_relative_to(folder)) and pid not in but:
                found[pid] = command.decode(errors="replace").replace("\0", " ")
    return found
