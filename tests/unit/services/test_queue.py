"""The queue: equal requests are one build, and of two writers one always loses."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.factories import GO_MOD, GO_SUM, SPEC, ManualClock, make_request
from tests.support.fakes import NoIndex
from wombat_gitops.adapters.memory import MemoryObjects, MemoryStore
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.errors import CorruptData, CorruptEntry, NotFound, RecordRemoved, Refused
from wombat_gitops.domain.identity import build_id, digest
from wombat_gitops.domain.messages import AttemptClaim, AttemptEnd, AttemptOutcome, AttemptStep, Lease
from wombat_gitops.domain.model import Artifact, Lock
from wombat_gitops.domain.records import BuildRecord, BuildState, Failure, FailureKind, Step
from wombat_gitops.ports import Versioned
from wombat_gitops.services.claims import AttemptDesk, Claim, LeaseLost, claim
from wombat_gitops.services.queue import BuildQueue, Inputs

ID = build_id(SPEC)
BROKEN = Failure(FailureKind.USER, "CompileError", "undefined: x")


class Bench:
    """A queue over memory."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.records = MemoryStore[BuildRecord]()
        self.leases = MemoryStore[Lease]()
        self.texts = MemoryStore[str]()
        self.inputs = Inputs(self.texts)
        self.objects = MemoryObjects(folder)
        self.desk = AttemptDesk(self.records, self.clock, lambda: 0.5)
        self.queue = BuildQueue(self.records, self.inputs, self.objects, NoIndex(), self.clock)

    async def entry(self) -> Versioned[BuildRecord]:
        entry = await self.records.get(ID)
        assert entry is not None
        return entry

    async def claim(self, mark: str = "mark") -> Claim:
        taken = await claim(self.desk, self.leases, ID, "builder.1", mark)
        assert taken is not None
        return taken

    async def built(self, folder: Path) -> Artifact:
        await self.queue.request(make_request())
        taken = await self.claim()
        path = folder / "binary"
        path.write_bytes(b"bytes")
        artifact = Artifact(digest(b"bytes"), 5, "tiny")
        await self.objects.put(path, artifact.sha256, artifact.size)
        await taken.succeed(artifact, None)
        return artifact


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "objects")


async def test_a_thousand_equal_requests_are_one_build(bench: Bench) -> None:
    """However many ask at once, one request makes the build and all get it."""
    answers = await asyncio.gather(*(bench.queue.request(make_request()) for _ in range(1000)))
    assert sum(answer.created for answer in answers) == 1
    assert {answer.build.id for answer in answers} == {ID}


async def test_inputs_are_there_before_the_record(bench: Bench) -> None:
    """A builder that sees a record can read its module files."""
    await bench.queue.request(make_request())
    lock = await bench.inputs.load(SPEC)
    assert (lock.go_mod, lock.go_sum) == (GO_MOD, GO_SUM)


async def test_corrupt_inputs_are_noticed(bench: Bench) -> None:
    """Module files that are not the ones the spec names are refused."""
    await bench.texts.put(SPEC.go_mod, "module other\n")
    with pytest.raises(CorruptData, match="corrupt"):
        await bench.inputs.load(SPEC)


async def test_corrupt_inputs_heal_with_the_next_request(bench: Bench) -> None:
    """A request carries its module files, so what went bad in the store is written anew."""
    await bench.queue.request(make_request())
    await bench.texts.put(SPEC.go_mod, "module other\n")
    await bench.inputs.save(Lock(GO_MOD, GO_SUM))
    assert (await bench.inputs.load(SPEC)).go_mod == GO_MOD


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "tiny; rm -rf /"),
        ("name", '"}{"'),
        ("version", "1.0.0\n"),
        ("toolchain", "1.26.6 -toolexec=sh"),
        ("packages", ('a"; func init(){}',)),
        ("packages", ()),
        ("tags", ("x -ldflags=-extld=/bin/sh",)),
        ("binary", "../../bin/sh"),
        ("binary", "con"),
        ("name", "nul"),
    ],
)
async def test_hostile_fields_are_refused(bench: Bench, field: str, value: object) -> None:
    """What no manifest can contain never becomes a record."""
    with pytest.raises(Refused, match=field):
        await bench.queue.request(make_request(**{field: value}))
    assert await bench.records.get(ID) is None


async def test_files_of_another_lock_are_refused(bench: Bench) -> None:
    """The module files must be those whose digests are in the identity."""
    with pytest.raises(Refused, match=r"go\.mod has digest"):
        await bench.queue.request(replace(make_request(), go_mod=GO_MOD + "\n"))


async def test_lock_that_would_redirect_a_module_is_refused(bench: Bench) -> None:
    """A `replace` in the module file cannot smuggle other sources in."""
    text = GO_MOD + "\nreplace github.com/redpanda-data/benthos/v4 => ../evil\n"
    request = make_request(go_mod=digest(text))
    with pytest.raises(Refused, match="replace"):
        await bench.queue.request(replace(request, go_mod=text))


@pytest.mark.parametrize("line", [GO_SUM.replace("AAA", "ABA"), "a.b/c v1.0.0 h1:short\n", "a.b/c v1.0.0\n"])
async def test_a_lock_could_contradict_itself(bench: Bench, line: str) -> None:
    """A go.sum that Go would not have written becomes no record, whatever checked it before."""
    request = make_request(go_sum=digest(GO_SUM + line))
    with pytest.raises(Refused, match=r"go\.sum:2:"):
        await bench.queue.request(replace(request, go_sum=GO_SUM + line))
    assert await bench.records.get(ID) is None


async def test_finished_build_is_reused(bench: Bench, tmp_path: Path) -> None:
    """A request for something that is built changes nothing."""
    await bench.built(tmp_path)
    before = await bench.entry()
    answer = await bench.queue.request(make_request())
    assert answer.build.state is BuildState.SUCCEEDED
    assert (await bench.entry()).revision == before.revision


async def test_record_without_its_object_is_a_miss(bench: Bench, tmp_path: Path) -> None:
    """When the artifact has vanished, a request queues the build again."""
    artifact = await bench.built(tmp_path)
    for path in (tmp_path / "objects").rglob(f"*{artifact.sha256[2:]}*"):
        path.unlink()
    answer = await bench.queue.request(make_request())
    assert answer.build.state is BuildState.QUEUED
    assert answer.build.artifact is None


async def test_failed_build_stays_failed(bench: Bench) -> None:
    """Asking again does not repeat a failure; retrying does."""
    await bench.queue.request(make_request())
    await (await bench.claim()).fail(BROKEN, None)
    assert (await bench.queue.request(make_request())).build.state is BuildState.FAILED
    assert (await bench.queue.retry(ID)).state is BuildState.QUEUED


async def test_superseded_build_comes_back(bench: Bench) -> None:
    """A manifest that returns to what it was gets its build."""
    await bench.queue.request(make_request())
    assert (await bench.queue.cancel(ID, superseded=True)).state is BuildState.SUPERSEDED
    assert (await bench.queue.request(make_request())).build.state is BuildState.QUEUED


async def test_only_one_claims(bench: Bench) -> None:
    """Of fifty builders that saw the same record, one gets it."""
    await bench.queue.request(make_request())
    claims = await asyncio.gather(*(claim(bench.desk, bench.leases, ID, f"b{n}.1", f"m{n}") for n in range(50)))
    assert sum(taken is not None for taken in claims) == 1


async def test_zombie_cannot_publish(bench: Bench) -> None:
    """A builder that was taken for dead cannot write over the one that came after it."""
    await bench.queue.request(make_request())
    zombie = await bench.claim("first")
    entry = await bench.entry()
    await bench.records.replace(entry, lifecycle.lost(entry.value, bench.clock()))
    second = await bench.claim("second")
    with pytest.raises(LeaseLost):
        await zombie.succeed(Artifact("0" * 64, 1, "evil"), None)
    with pytest.raises(LeaseLost):
        await zombie.step(Step.COMPILE)
    await second.succeed(Artifact("1" * 64, 1, "good"), None)
    assert (await bench.entry()).value.artifact == Artifact("1" * 64, 1, "good")


async def test_repeated_claim_is_the_same_attempt(bench: Bench) -> None:
    """A builder whose answer was lost asks again and has its attempt, not a second one."""
    await bench.queue.request(make_request())
    asked = AttemptClaim(ID, "builder.1", "the-mark")
    first, second = await bench.desk.claim(asked), await bench.desk.claim(asked)
    assert first == second
    assert first.holds
    assert len((await bench.entry()).value.attempts) == 1


async def test_claim_that_comes_late_makes_no_second_attempt(bench: Bench) -> None:
    """A copy of a claim whose attempt is over finds the build queued again, and nobody waits for its answer."""
    await bench.queue.request(make_request())
    asked = AttemptClaim(ID, "builder.1", "the-mark")
    await bench.desk.claim(asked)
    await bench.desk.end(AttemptEnd(ID, "builder.1", "the-mark", AttemptOutcome.RELEASED))
    assert not (await bench.desk.claim(asked)).holds
    assert (await bench.entry()).value.state is BuildState.QUEUED


async def test_repeated_step_and_end_change_nothing(bench: Bench) -> None:
    """What was carried out before its answer was lost is answered as done, also after the next attempt."""
    await bench.queue.request(make_request())
    await bench.claim("first")
    step = AttemptStep(ID, "builder.1", "first", Step.FETCH)
    assert await bench.desk.step(step) == await bench.desk.step(step)
    failure = Failure(FailureKind.TRANSIENT, "NetworkError", "reset")
    end = AttemptEnd(ID, "builder.1", "first", AttemptOutcome.FAILED, failure=failure)
    assert await bench.desk.end(end) == await bench.desk.end(end)
    await bench.claim("second")
    again = await bench.desk.end(end)
    assert again.holds
    assert (await bench.entry()).value.attempt.claim == "second"
    assert (await bench.entry()).value.state is BuildState.RUNNING


async def test_attempt_of_another_builder_is_out_of_reach(bench: Bench) -> None:
    """Who knows the text of a claim but is not its builder can do nothing with it."""
    await bench.queue.request(make_request())
    await bench.claim("mark")
    stolen = AttemptEnd(ID, "thief.1", "mark", AttemptOutcome.CANCELLED)
    assert not (await bench.desk.end(stolen)).holds
    assert not (await bench.desk.step(AttemptStep(ID, "thief.1", "mark", Step.FETCH))).holds
    assert (await bench.entry()).value.state is BuildState.RUNNING


async def test_cancel_of_a_running_build_is_seen_by_its_claim(bench: Bench) -> None:
    """A cancel between two writes of the builder loses neither."""
    await bench.queue.request(make_request())
    taken = await bench.claim()
    assert (await bench.queue.cancel(ID)).cancel_requested
    await taken.step(Step.FETCH)
    assert taken.record.cancel_requested
    await taken.cancelled(None)
    assert (await bench.entry()).value.state is BuildState.CANCELLED


async def test_result_beats_a_late_cancel(bench: Bench) -> None:
    """A cancel that was only asked for does not undo a result that is there."""
    await bench.queue.request(make_request())
    taken = await bench.claim()
    await bench.queue.cancel(ID)
    await taken.succeed(Artifact("1" * 64, 1, "good"), None)
    record = (await bench.entry()).value
    assert record.state is BuildState.SUCCEEDED
    assert not record.cancel_requested


async def test_running_build_cannot_be_superseded(bench: Bench) -> None:
    """What a builder works on is finished, whatever the manifest says by now."""
    await bench.queue.request(make_request())
    await bench.claim()
    with pytest.raises(Refused, match="running"):
        await bench.queue.cancel(ID, superseded=True)


async def test_retry_of_a_queued_build_is_refused(bench: Bench) -> None:
    """There is nothing to retry before the end."""
    await bench.queue.request(make_request())
    with pytest.raises(Refused, match="queued"):
        await bench.queue.retry(ID)


async def test_unknown_build(bench: Bench) -> None:
    """What is not there is said to be not there."""
    with pytest.raises(NotFound):
        await bench.queue.get(ID)


async def test_a_record_that_cannot_be_read_could_not_be_retried(bench: Bench) -> None:
    """Exactly what cannot be read is removed; what somebody has repaired meanwhile is retried as every other."""
    await bench.queue.request(make_request())
    entry = await bench.entry()
    read = bench.records.get
    revisions = [entry.revision - 1, entry.revision]  # somebody wrote in between, the first time

    async def broken(key: str) -> Versioned[BuildRecord] | None:
        if revisions:
            msg = "not a BuildRecord"
            raise CorruptEntry(msg, key=key, revision=revisions.pop(0))
        return await read(key)

    bench.records.get = broken  # type: ignore[method-assign]
    with pytest.raises(RecordRemoved, match="is removed"):
        await bench.queue.retry(ID)
    assert await bench.records.get(ID) is None
    assert (await bench.queue.request(make_request())).created


async def test_a_request_for_a_record_that_cannot_be_read_says_what_to_do(bench: Bench) -> None:
    async def broken(key: str) -> Versioned[BuildRecord] | None:
        msg = "not a BuildRecord"
        raise CorruptEntry(msg, key=key, revision=1)

    bench.records.get = broken  # type: ignore[method-assign]
    for ask in (bench.queue.request(make_request()), bench.queue.get(ID), bench.queue.cancel(ID)):
        with pytest.raises(CorruptEntry) as caught:
            await ask
        assert caught.value.message == f"the record of build `{ID}` cannot be read"
        assert f"`wombat retry {ID}`" in caught.value.hint
