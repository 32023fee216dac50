"""A builder over memory with a compiler that does what the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.factories import SPEC, make_request
from tests.support.fakes import ScriptedCompiler
from tests.unit.services.test_queue import Bench
from wombat_gitops.adapters.memory import MemoryLogs, MemoryStore
from wombat_gitops.adapters.workspaces import Workspaces
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.capability import EVERYTHING, Capabilities
from wombat_gitops.domain.catalogue import BuilderOrder, BuilderPresence
from wombat_gitops.domain.errors import Unreachable
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildRecord, BuildState, Failure, FailureKind, Step
from wombat_gitops.ports import Versioned
from wombat_gitops.services.builder import Backend, Builder, Chance, Identity
from wombat_gitops.services.engine import Engine
from wombat_gitops.services.quarantine import SelfTest
from wombat_gitops.services.room import RoomCheck

ID = build_id(SPEC)


class Shop:
    """A queue and builders over the same memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench = Bench(folder / "objects")
        self.presence = MemoryStore[BuilderPresence]()
        self.orders = MemoryStore[BuilderOrder]()
        self.logs = MemoryLogs()
        self.compiler = ScriptedCompiler()
        self.marks = iter(range(10_000))
        self.spaces: list[Workspaces] = []

    def builder(
        self,
        name: str = "one",
        workers: int = 1,
        compiler: ScriptedCompiler | None = None,
        *,
        start: int = 1,
        engine: Engine | None = None,
        can: Capabilities = EVERYTHING,
        stop_seconds: float = 0.0,
        self_test: SelfTest | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        room: RoomCheck | None = None,
    ) -> Builder:
        bench = self.bench
        self.spaces.append(Workspaces(self.folder / "work", f"{name}.{start}"))
        return Builder(
            Identity(f"{name}.{start}", "host", "0", workers, can),
            Backend(
                bench.records,
                bench.desk,
                bench.leases,
                self.presence,
                self.orders,
                bench.inputs,
                bench.objects,
                self.logs,
            ),
            engine or Engine(compiler or self.compiler, bench.objects),
            self.spaces[-1].workspace,
            Chance(bench.clock, lambda: f"mark-{next(self.marks)}", bench.clock.monotonic, pause, room),
            lease_seconds=0.3,
            stop_seconds=stop_seconds,
            self_test=self_test,
        )

    @asynccontextmanager
    async def at_work(self, builder: Builder) -> AsyncIterator[asyncio.Event]:
        stop = asyncio.Event()
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(builder.run(stop))
            try:
                yield stop
            finally:
                stop.set()

    async def until(self, key: str, state: BuildState) -> BuildRecord:
        """Wait until a build is in *state*."""
        async with asyncio.timeout(60):
            while True:
                entry = await self.bench.records.get(key)
                if entry is not None and entry.value.state is state:
                    return entry.value
                await asyncio.sleep(0.005)

    async def log(self, record: BuildRecord) -> str:
        return "".join([chunk.text async for chunk in self.logs.read(record.id, record.attempt.number)])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    if made.spaces:
        assert [path.name for path in (tmp_path / "work").glob("*/*")] == [".lock"] * len(made.spaces)
    for spaces in made.spaces:
        spaces.close()


async def test_build_that_was_queued_before_the_builder_came(shop: Shop) -> None:
    """What waited while no builder ran is built, with every step, artifact and log."""
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        record = await shop.until(ID, BuildState.SUCCEEDED)
    assert [run.step for run in record.attempt.steps] == list(Step)
    assert all(run.seconds is not None for run in record.attempt.steps)
    assert record.artifact is not None
    target = shop.folder / "read"
    await shop.bench.objects.fetch(record.artifact.sha256, record.artifact.size, target)
    assert target.read_bytes() == b"binary of tiny"
    assert record.attempt.log is not None
    await shop.bench.objects.fetch(record.attempt.log.sha256, record.attempt.log.size, target)
    assert target.read_text() == await shop.log(record)
    assert target.read_text().endswith("==> succeeded\n")


async def test_build_that_is_queued_while_the_builder_works(shop: Shop) -> None:
    """A queue longer than the number of workers is worked off to its end."""
    requests = [make_request(version=f"1.0.{n}") for n in range(20)]
    async with shop.at_work(shop.builder(workers=3)):
        for request in requests:
            await shop.bench.queue.request(request)
        for request in requests:
            await shop.until(build_id(request.spec), BuildState.SUCCEEDED)
    assert len(shop.compiler.compiled) == 20


async def test_two_builders_build_nothing_twice(shop: Shop) -> None:
    """Every build is compiled once, whoever gets it."""
    requests = [make_request(version=f"1.0.{n}") for n in range(30)]
    for request in requests:
        await shop.bench.queue.request(request)
    async with shop.at_work(shop.builder("one", 2)), shop.at_work(shop.builder("two", 2)):
        records = [await shop.until(build_id(request.spec), BuildState.SUCCEEDED) for request in requests]
    assert len(shop.compiler.compiled) == 30
    assert all(len(record.attempts) == 1 for record in records)


async def test_higher_priority_goes_first(shop: Shop) -> None:
    """Priority counts before age."""
    shop.compiler.go_on.clear()
    async with shop.at_work(shop.builder()):
        await shop.bench.queue.request(make_request(name="first"))
        await shop.compiler.compiling.wait()
        await shop.bench.queue.request(make_request(name="low"))
        urgent = make_request(name="urgent")
        await shop.bench.queue.request(type(urgent)(urgent.spec, urgent.go_mod, urgent.go_sum, priority=10))
        shop.compiler.go_on.set()
        await shop.until(build_id(make_request(name="low").spec), BuildState.SUCCEEDED)
    assert shop.compiler.compiled == ["first", "urgent", "low"]


async def test_user_error_is_not_retried(shop: Shop) -> None:
    """A compile error fails at once and keeps the reason."""
    shop.compiler.failures = [Failure(FailureKind.USER, "CompileError", "undefined: x", culprit="example.com/pg")]
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        record = await shop.until(ID, BuildState.FAILED)
    assert len(record.attempts) == 1
    assert record.failure is not None
    assert (record.failure.reason, record.failure.culprit) == ("CompileError", "example.com/pg")
    assert "==> failed: undefined: x" in await shop.log(record)


async def test_transient_failure_is_retried_later(shop: Shop) -> None:
    """A failure that can pass is tried again after its back-off, with both attempts on record."""
    shop.compiler.failures = [Failure(FailureKind.TRANSIENT, "NetworkError", "connection reset")]
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        async with asyncio.timeout(60):
            while not (await shop.bench.entry()).value.not_before:
                await asyncio.sleep(0.005)
        waiting = (await shop.bench.entry()).value
        assert waiting.state is BuildState.QUEUED
        assert waiting.not_before is not None
        assert waiting.not_before > shop.bench.clock()
        shop.bench.clock.now = waiting.not_before + timedelta(seconds=1)
        await shop.bench.queue.request(make_request(name="wakes-the-builder"))
        record = await shop.until(ID, BuildState.SUCCEEDED)
    assert [attempt.ended_as for attempt in record.attempts] == ["failed", "succeeded"]
    assert record.failure is None


async def test_cancel_stops_the_compiler(shop: Shop) -> None:
    """A cancelled build ends its compiler and is cancelled."""
    shop.compiler.go_on.clear()
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        await shop.compiler.compiling.wait()
        await shop.bench.queue.cancel(ID)
        record = await shop.until(ID, BuildState.CANCELLED)
    assert shop.compiler.cancelled == 1
    assert record.attempt.log is not None


async def test_stopping_builder_gives_its_build_back(shop: Shop) -> None:
    """A builder that stops costs the build no attempt, and the next builder finishes it."""
    shop.compiler.go_on.clear()
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder("one")):
        await shop.compiler.compiling.wait()
    record = (await shop.bench.entry()).value
    assert record.state is BuildState.QUEUED
    assert record.tries_left == MAX_ATTEMPTS
    shop.compiler.go_on.set()
    async with shop.at_work(shop.builder("two")):
        done = await shop.until(ID, BuildState.SUCCEEDED)
    assert [attempt.ended_as for attempt in done.attempts] == ["released", "succeeded"]


async def test_lost_build_stops_the_compiler(shop: Shop) -> None:
    """A builder that was taken for dead ends its compiler and writes nothing."""
    shop.compiler.go_on.clear()
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        await shop.compiler.compiling.wait()
        entry = await shop.bench.entry()
        other = lifecycle.lost(entry.value, shop.bench.clock())
        held = lifecycle.claimed(other, "other", "other-mark", shop.bench.clock())
        while await shop.bench.records.replace(entry, held) is None:
            entry = await shop.bench.entry()
        async with asyncio.timeout(60):
            while not shop.compiler.cancelled:
                await asyncio.sleep(0.005)
    assert (await shop.bench.entry()).value == held


async def test_lease_is_renewed_until_the_result_is_written(shop: Shop) -> None:
    """Signs of life go on while the compiler works, and end with the build."""
    shop.compiler.go_on.clear()
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        await shop.compiler.compiling.wait()
        seen: set[int] = set()
        async with asyncio.timeout(60):
            while len(seen) < 3:
                lease = await shop.bench.leases.get(f"build.one.1.{ID}")
                seen.add(lease.revision if lease else 0)
                await asyncio.sleep(0.02)
        shop.compiler.go_on.set()
        await shop.until(ID, BuildState.SUCCEEDED)
    assert await shop.bench.leases.get(f"build.one.1.{ID}") is None


async def test_result_survives_an_outage(shop: Shop) -> None:
    """A finished build is published also when the store is away at that moment."""
    original: Callable[[Versioned[BuildRecord], BuildRecord], Awaitable[Versioned[BuildRecord] | None]]
    original = shop.bench.records.replace
    outage = [Unreachable("away"), Unreachable("away")]

    async def flaky(current: Versioned[BuildRecord], value: BuildRecord) -> Versioned[BuildRecord] | None:
        if value.state is BuildState.SUCCEEDED and outage:
            raise outage.pop()
        return await original(current, value)

    shop.bench.records.replace = flaky  # type: ignore[method-assign]
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder()):
        record = await shop.until(ID, BuildState.SUCCEEDED)
    assert not outage
    assert len(record.attempts) == 1


async def test_missing_inputs_fail_with_a_reason(shop: Shop) -> None:
    """A record whose module files are gone ends, and says so."""
    await shop.bench.queue.request(make_request())
    await shop.bench.texts.remove(SPEC.go_sum)
    async with shop.at_work(shop.builder()):
        record = await shop.until(ID, BuildState.FAILED)
    assert record.failure is not None
    assert record.failure.reason == "CorruptData"
    assert "missing" in record.failure.message


async def test_presence_comes_and_goes(shop: Shop) -> None:
    """A builder shows that it is at work, and takes that back when it stops."""
    async with shop.at_work(shop.builder("one", 4)):
        async with asyncio.timeout(60):
            while (shown := await shop.presence.get("builder.one.1")) is None:
                await asyncio.sleep(0.005)
        assert (shown.value.workers, shown.value.busy) == (4, 0)
    assert await shop.presence.get("builder.one.1") is None


async def test_secrets_in_addresses_are_masked(shop: Shop) -> None:
    """Credentials in URLs never reach a log."""

    class Chatty(ScriptedCompiler):
        async def fetch(self, spec, lock, workspace, output):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            await output.write(b"GET https://user:pass")
            await output.write(b"word@host.example/x\r\nhalf a line")

    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder(compiler=Chatty())):
        record = await shop.until(ID, BuildState.SUCCEEDED)
    text = await shop.log(record)
    assert "GET https://***@host.example/x\nhalf a line\n==> generate\n" in text
    assert "password" not in text
