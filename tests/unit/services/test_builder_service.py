"""A builder in and out of service: what it can do, drain and stop, and a machine that breaks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.factories import SPEC, make_request
from tests.support.fakes import ScriptedCompiler
from tests.unit.services.test_builder import Shop, shop
from wombat_gitops.domain.capability import Capabilities, Needs, SandboxLevel
from wombat_gitops.domain.catalogue import BuilderPresence, BuilderState
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.model import PipelineTest
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import (
    MAX_ATTEMPTS,
    NO_SANDBOX,
    BuildRecord,
    BuildState,
    Failure,
    FailureKind,
    Origin,
    StepFailed,
)
from wombat_gitops.services.fleet import Fleet

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wombat_gitops.domain.messages import BuildRequest
    from wombat_gitops.domain.model import BuildSpec, Lock
    from wombat_gitops.ports import Output, Workspace

ID = build_id(SPEC)

__all__ = ["shop"]


class Pause:
    """Waits that end when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._ends: list[asyncio.Future[None]] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        end = asyncio.get_running_loop().create_future()
        self._ends.append(end)
        await end

    async def over(self) -> None:
        """Let the newest wait end, once there is one."""
        async with asyncio.timeout(60):
            while not self._ends or self._ends[-1].done():
                await asyncio.sleep(0.005)
        self._ends[-1].set_result(None)


class Machine:
    """A test of the machine that says what the test says."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        return self.problem


async def shown(shop: Shop, name: str, state: BuilderState, start: int = 1) -> BuilderPresence:
    """Wait until a builder shows itself in *state*."""
    async with asyncio.timeout(60):
        while True:
            entry = await shop.presence.get(f"builder.{name}.{start}")
            if entry is not None and entry.value.state is state:
                return entry.value
            await asyncio.sleep(0.005)


def version_of(number: int) -> BuildRequest:
    return make_request(version=f"1.0.{number}")


async def test_builder_takes_only_what_it_can_build(shop: Shop) -> None:
    """What one builder cannot do waits for one that can, and nothing is tried in vain."""
    windows = make_request(platform=Platform.parse("windows/amd64"))
    picky = replace(make_request(name="picky"), needs=Needs(labels=(("disk", "ssd"),)))
    await shop.bench.queue.request(windows)
    await shop.bench.queue.request(picky)
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder("linux", can=Capabilities(("linux",)))):
        await shop.until(ID, BuildState.SUCCEEDED)
        for waiting in (windows, picky):
            assert (await shop.until(build_id(waiting.spec), BuildState.QUEUED)).attempts == ()
        async with shop.at_work(shop.builder("more", can=Capabilities(labels=(("disk", "ssd"),)))):
            for waiting in (windows, picky):
                done = await shop.until(build_id(waiting.spec), BuildState.SUCCEEDED)
                assert done.attempt.builder == "more.1"


async def test_sources_take_turns(shop: Shop) -> None:
    """A source with many builds does not keep another one waiting."""
    shop.compiler.go_on.clear()
    async with shop.at_work(shop.builder()):
        await shop.bench.queue.request(make_request(name="first"))
        await shop.compiler.compiling.wait()
        for number in range(4):
            many = make_request(name=f"many-{number}")
            await shop.bench.queue.request(replace(many, origin=Origin("many", "c" * 40)))
        shop.bench.clock.forward(10)
        single = make_request(name="single")
        await shop.bench.queue.request(replace(single, origin=Origin("single", "c" * 40)))
        shop.compiler.go_on.set()
        for number in range(4):
            await shop.until(build_id(make_request(name=f"many-{number}").spec), BuildState.SUCCEEDED)
    assert shop.compiler.compiled.index("single") <= 2


async def test_drained_builder_ends_what_it_has_and_takes_nothing(shop: Shop) -> None:
    """An order is followed at once, outlives a restart, and ends with `resume`."""
    fleet = Fleet(shop.orders, lambda: (), shop.bench.clock)
    shop.compiler.go_on.clear()
    await shop.bench.queue.request(version_of(1))
    async with shop.at_work(shop.builder()):
        await shop.compiler.compiling.wait()
        assert (await fleet.drain("one")).changed
        assert not (await fleet.drain("one")).changed
        await shown(shop, "one", BuilderState.DRAINING)
        await shop.bench.queue.request(version_of(2))
        shop.compiler.go_on.set()
        await shop.until(build_id(version_of(1).spec), BuildState.SUCCEEDED)
    async with shop.at_work(shop.builder(start=2)):
        assert (await shown(shop, "one", BuilderState.DRAINING, 2)).reason == "an operator drains it"
        assert (await shop.until(build_id(version_of(2).spec), BuildState.QUEUED)).attempts == ()
        await fleet.resume("one")
        await shop.until(build_id(version_of(2).spec), BuildState.SUCCEEDED)
        await shown(shop, "one", BuilderState.WORKING, 2)


async def test_order_of_another_builder_is_none(shop: Shop) -> None:
    await Fleet(shop.orders, lambda: (), shop.bench.clock).drain("two")
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder("one")):
        await shop.until(ID, BuildState.SUCCEEDED)


async def test_stopping_builder_lets_its_build_end(shop: Shop) -> None:
    """With time to stop, what runs is ended and nothing more is taken."""
    shop.compiler.go_on.clear()
    pause = Pause()
    await shop.bench.queue.request(version_of(1))
    async with shop.at_work(shop.builder(stop_seconds=60, pause=pause)) as stop:
        await shop.compiler.compiling.wait()
        stop.set()
        assert (await shown(shop, "one", BuilderState.DRAINING)).reason == "it stops"
        await shop.bench.queue.request(version_of(2))
        shop.compiler.go_on.set()
    assert (await shop.until(build_id(version_of(1).spec), BuildState.SUCCEEDED)).attempt.ended_as == "succeeded"
    assert (await shop.until(build_id(version_of(2).spec), BuildState.QUEUED)).attempts == ()
    assert pause.asked == [60]


@pytest.mark.parametrize("how", ["deadline", "hurry"])
async def test_stopping_builder_gives_back_what_takes_too_long(shop: Shop, how: str) -> None:
    """When its time is over, or at the second signal, a builder gives its build back."""
    shop.compiler.go_on.clear()
    pause, stop, hurry = Pause(), asyncio.Event(), asyncio.Event()
    await shop.bench.queue.request(make_request())
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(shop.builder(stop_seconds=60, pause=pause).run(stop, hurry))
        await shop.compiler.compiling.wait()
        stop.set()
        await shown(shop, "one", BuilderState.DRAINING)
        assert (await shop.until(ID, BuildState.RUNNING)).attempt.ended_as is None
        if how == "hurry":
            hurry.set()
        else:
            await pause.over()
    record = await shop.until(ID, BuildState.QUEUED)
    assert (record.attempt.ended_as, record.tries_left) == ("released", MAX_ATTEMPTS)


BROKEN = Failure(FailureKind.INTERNAL, "ToolchainBroken", "the compiler crashes")


async def test_builder_with_a_broken_machine_claims_nothing(shop: Shop) -> None:
    """The test at the start has to be passed first; it is made again every minute."""
    machine, pause = Machine("there is no Go toolchain"), Pause()
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder(self_test=machine, pause=pause)):
        presence = await shown(shop, "one", BuilderState.QUARANTINED)
        async with asyncio.timeout(60):
            while "no Go toolchain" not in presence.reason:
                presence = await shown(shop, "one", BuilderState.QUARANTINED)
        await pause.over()
        async with asyncio.timeout(60):
            while machine.asked < 2:
                await asyncio.sleep(0.005)
        assert (await shop.until(ID, BuildState.QUEUED)).attempts == ()
        machine.problem = ""
        await pause.over()
        await shop.until(ID, BuildState.SUCCEEDED)
        await shown(shop, "one", BuilderState.WORKING)
    assert pause.asked == [60, 60]


async def test_builds_of_a_broken_builder_succeed_elsewhere(shop: Shop) -> None:
    """Five failures of the machine take the builder out; each build is done by the other one, at its second attempt."""
    broken, machine, pause = ScriptedCompiler(), Machine(), Pause()
    broken.failures = [BROKEN] * 5
    requests = [version_of(number) for number in range(5)]
    for request in requests:
        await shop.bench.queue.request(request)
    shop.compiler.go_on.clear()
    async with shop.at_work(shop.builder("bad", compiler=broken, self_test=machine, pause=pause)):
        presence = await shown(shop, "bad", BuilderState.QUARANTINED)
        while "5 attempts in a row" not in presence.reason:
            presence = await shown(shop, "bad", BuilderState.QUARANTINED)
        assert "`ToolchainBroken`: the compiler crashes" in presence.reason
        assert broken.failures == []
        async with shop.at_work(shop.builder("good", 5)):
            await shown(shop, "good", BuilderState.WORKING)
            shop.compiler.go_on.set()
            shop.bench.clock.forward(600)
            await shop.bench.queue.request(make_request(name="wakes-the-builders"))
            for request in requests:
                done = await shop.until(build_id(request.spec), BuildState.SUCCEEDED)
                assert [attempt.builder for attempt in done.attempts] == ["bad.1", "good.1"]
        await pause.over()
        await shown(shop, "bad", BuilderState.WORKING)
    assert "tiny" not in broken.compiled


async def test_builder_leaves_what_it_failed_to_others(shop: Shop) -> None:
    """Who failed a build for a reason of its machine does not get it again while another one can take it."""
    broken = ScriptedCompiler()
    broken.failures = [BROKEN]
    await shop.bench.queue.request(make_request())
    async with shop.at_work(shop.builder("bad", compiler=broken)):
        async with asyncio.timeout(60):
            while (await shop.bench.entry()).value.not_before is None:
                await asyncio.sleep(0.005)
        busy = BuilderPresence("good.1", "host", "0", 1, 1, shop.bench.clock())
        await shop.presence.put("builder.good.1", busy)
        shop.bench.clock.forward(600)
        other = make_request(name="something-else")
        await shop.bench.queue.request(other)
        await shop.until(build_id(other.spec), BuildState.SUCCEEDED)
        assert (await shop.until(ID, BuildState.QUEUED)).attempt.builder == "bad.1"
        await shop.presence.remove("builder.good.1")
        shop.bench.clock.forward(600)
        another = make_request(name="another")
        await shop.bench.queue.request(another)
        assert [each.builder for each in (await shop.until(ID, BuildState.SUCCEEDED)).attempts] == ["bad.1", "bad.1"]


TESTED = make_request(name="tested", tests=(PipelineTest("says-hello", "input: {}\n"),))
TESTED_ID = build_id(TESTED.spec)
BARE, CONTAINED = Capabilities(sandbox=SandboxLevel.NONE), Capabilities(sandbox=SandboxLevel.LANDLOCK)


class BareCompiler(ScriptedCompiler):
    """As the compiler of a machine without a sandbox: it refuses builds with tests, and no others."""

    async def fetch(self, spec: BuildSpec, lock: Lock, workspace: Workspace, output: Output) -> None:
        if spec.tests:
            raise StepFailed(Failure(FailureKind.INTERNAL, NO_SANDBOX, "no sandbox for `tests`", hint="elsewhere"))
        await super().fetch(spec, lock, workspace, output)


async def given_back(shop: Shop) -> BuildRecord:
    """The build with tests, once it waits for its next try."""
    async with asyncio.timeout(60):
        while True:
            entry = await shop.bench.records.get(TESTED_ID)
            if entry is not None and entry.value.state is BuildState.QUEUED and entry.value.not_before is not None:
                return entry.value
            await asyncio.sleep(0.005)


async def test_tests_are_left_to_a_builder_with_a_sandbox(shop: Shop) -> None:
    """A builder without one does not even try while another one is there, also while that one is busy."""
    bare = BareCompiler()
    shop.compiler.go_on.clear()
    async with shop.at_work(shop.builder("contained", can=CONTAINED)):
        await shop.bench.queue.request(make_request(name="keeps-it-busy"))
        await shop.compiler.compiling.wait()
        await shop.bench.queue.request(TESTED)
        async with shop.at_work(shop.builder("bare", compiler=bare, can=BARE)):
            await shop.bench.queue.request(make_request(name="without-tests"))
            await shop.until(build_id(make_request(name="without-tests").spec), BuildState.SUCCEEDED)
            assert (await shop.until(TESTED_ID, BuildState.QUEUED)).attempts == ()
            shop.compiler.go_on.set()
            done = await shop.until(TESTED_ID, BuildState.SUCCEEDED)
    assert [(each.builder, each.sandbox) for each in done.attempts] == [("contained.1", "landlock")]
    assert bare.compiled == ["without-tests"]


async def test_a_builder_without_a_sandbox_is_not_blamed_for_tests(shop: Shop) -> None:
    """It was alone and tried; the build goes to the next builder, and the first one stays in service."""
    bare = BareCompiler()
    machine = Machine()
    await shop.bench.queue.request(TESTED)
    async with shop.at_work(shop.builder("bare", compiler=bare, can=BARE, self_test=machine, pause=Pause())):
        failed = await given_back(shop)
        assert [(each.builder, each.sandbox, each.ended_as) for each in failed.attempts] == [
            ("bare.1", "none", "failed")
        ]
        async with shop.at_work(shop.builder("contained", can=CONTAINED)):
            await shown(shop, "contained", BuilderState.WORKING)
            shop.bench.clock.forward(600)
            await shop.bench.queue.request(make_request(name="wakes-the-builders"))
            done = await shop.until(TESTED_ID, BuildState.SUCCEEDED)
        assert (await shown(shop, "bare", BuilderState.WORKING)).reason == ""
    assert [each.builder for each in done.attempts] == ["bare.1", "contained.1"]
    assert machine.asked == 1, "only at its start"


async def test_tests_fail_where_no_builder_has_a_sandbox(shop: Shop) -> None:
    """After all tries, with the reason and what to do; however many such builds fail, the builder stays in service."""
    bare = BareCompiler()
    other = make_request(name="tested", version="1.0.1", tests=TESTED.spec.tests)
    async with shop.at_work(shop.builder("bare", compiler=bare, can=BARE, self_test=Machine(), pause=Pause())):
        for request in (TESTED, other):
            await shop.bench.queue.request(request)
            for number in range(1, MAX_ATTEMPTS):
                async with asyncio.timeout(60):
                    while True:
                        entry = await shop.bench.records.get(build_id(request.spec))
                        assert entry is not None
                        if len(entry.value.attempts) == number and entry.value.state is BuildState.QUEUED:
                            break
                        await asyncio.sleep(0.005)
                shop.bench.clock.forward(600)
                await shop.bench.queue.request(make_request(name=f"wakes-{number}", version=request.spec.version))
            done = await shop.until(build_id(request.spec), BuildState.FAILED)
            assert done.failure is not None
            assert (done.failure.reason, done.failure.hint) == (NO_SANDBOX, "elsewhere")
            assert [each.builder for each in done.attempts] == ["bare.1"] * MAX_ATTEMPTS
        assert (await shown(shop, "bare", BuilderState.WORKING)).reason == ""


@pytest.mark.parametrize(
    "failure",
    [
        Failure(FailureKind.USER, "CompileError", "undefined: x"),
        Failure(FailureKind.TRANSIENT, "NetworkError", "connection reset"),
    ],
)
async def test_what_meets_every_builder_quarantines_none(shop: Shop, failure: Failure) -> None:
    """Errors of manifests and trouble of the network say nothing about the machine."""
    shop.compiler.failures = [failure] * 8
    requests = [version_of(number) for number in range(9)]
    for request in requests:
        await shop.bench.queue.request(request)
    async with shop.at_work(shop.builder(self_test=Machine(), pause=Pause())):
        async with asyncio.timeout(60):
            while len(shop.compiler.compiled) < 1:
                await asyncio.sleep(0.005)
        await shown(shop, "one", BuilderState.WORKING)


async def test_one_more_failure_is_enough_after_the_test(shop: Shop) -> None:
    """A machine whose fault the test does not see is not given five more builds each minute."""
    broken, pause = ScriptedCompiler(), Pause()
    broken.failures = [BROKEN] * 6
    for number in range(6):
        await shop.bench.queue.request(version_of(number))
    async with shop.at_work(shop.builder(compiler=broken, self_test=Machine(), pause=pause)):
        await shown(shop, "one", BuilderState.QUARANTINED)
        async with asyncio.timeout(60):
            while len(broken.failures) > 1:
                await asyncio.sleep(0.005)
        await pause.over()
        async with asyncio.timeout(60):
            reason = ""
            while broken.failures or "after the test" not in reason:
                reason = (await shown(shop, "one", BuilderState.QUARANTINED)).reason
                await asyncio.sleep(0.005)


async def test_machine_without_room_fails_the_attempt_and_not_the_builder(shop: Shop) -> None:
    """A workspace that cannot be made is a failure of this machine: the build is tried again, the builder lives on."""
    builder = shop.builder()
    make, full = builder._execution._workspace, [OSError(28, "No space left on device")]

    def workspace(name: str) -> AbstractContextManager[Workspace]:
        if full:
            raise full.pop()
        return make(name)

    builder._execution._workspace = workspace
    await shop.bench.queue.request(make_request())
    async with shop.at_work(builder):
        async with asyncio.timeout(60):
            while (await shop.bench.entry()).value.not_before is None:
                await asyncio.sleep(0.005)
        first = (await shop.bench.entry()).value
        assert first.failure is not None
        assert (first.state, first.failure.kind) == (BuildState.QUEUED, FailureKind.INTERNAL)
        shop.bench.clock.forward(600)
        await shop.bench.queue.request(make_request(name="wakes-the-builder"))
        await shop.until(ID, BuildState.SUCCEEDED)
