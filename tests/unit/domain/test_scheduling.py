"""Who may take what, and in which order: laws that hold for every queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, make_spec
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.capability import Capabilities, Needs
from wombat_gitops.domain.catalogue import BuilderPresence, BuilderState
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.model import PipelineTest
from wombat_gitops.domain.nobuilder import NoBuilder, why_nobody
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import NO_SANDBOX, BuildRecord, Failure, FailureKind, Origin
from wombat_gitops.domain.scheduling import Share, blames_builder, fits, has_failed_here, is_left_to_others, order_of

WORKING, DRAINING, QUARANTINED = BuilderState.WORKING, BuilderState.DRAINING, BuilderState.QUARANTINED
GIB = 1 << 30


def queued(
    number: int = 0,
    source: str = "",
    priority: int = 0,
    age: float = 0.0,
    *,
    needs: Needs | None = None,
    **spec: object,
) -> BuildRecord:
    made = make_spec(version=f"1.0.{number}", **spec)
    asked = NOW - timedelta(seconds=age)
    record = lifecycle.queued(build_id(made), made, Origin(source), priority, asked)
    return replace(record, needs=needs) if needs else record


def failed(record: BuildRecord, builder: str, failure: Failure) -> BuildRecord:
    return lifecycle.failed(lifecycle.claimed(record, builder, "mark-1234", NOW), failure, None, NOW)


def presence(name: str, can: Capabilities, state: BuilderState = WORKING, reason: str = "") -> BuilderPresence:
    return BuilderPresence(f"{name}.1", "host", "0", 1, 0, NOW, 1, state, reason, can)


QUEUES = st.lists(
    st.tuples(st.sampled_from(["", "a", "b", "c"]), st.integers(-2, 2), st.integers(0, 3)), min_size=1, max_size=25
).map(lambda items: [queued(number, *each) for number, each in enumerate(items)])
SHARES = st.dictionaries(
    st.sampled_from(["", "a", "b", "c"]), st.builds(Share, st.integers(0, 3), st.floats(0, 1e9)), max_size=4
)


@given(QUEUES, SHARES)
def test_the_order_is_total_and_priority_is_strict(queue: list[BuildRecord], shares: dict[str, Share]) -> None:
    """No two builds are equal, and no build comes before one of a higher priority."""
    order = sorted(queue, key=lambda record: order_of(record, shares, "one.1"))
    keys = [order_of(record, shares, "one.1") for record in order]
    assert len(set(keys)) == len(keys)
    assert [record.priority for record in order] == sorted((record.priority for record in queue), reverse=True)


@given(QUEUES, SHARES)
def test_within_a_source_the_oldest_goes_first(queue: list[BuildRecord], shares: dict[str, Share]) -> None:
    order = sorted(queue, key=lambda record: order_of(record, shares, "one.1"))
    for source in ("", "a", "b", "c"):
        for priority in range(-2, 3):
            mine = [each for each in order if (each.origin.source, each.priority) == (source, priority)]
            assert [each.requested_at for each in mine] == sorted(each.requested_at for each in mine)


@given(
    sizes=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30), min_size=2),
    workers=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
)
def test_no_source_starves(sizes: dict[str, int], workers: int, order: object) -> None:
    """Before any source gets a build, every one that waited longer has had its turn, whoever's builds are older."""
    names = sorted(sizes)
    queue = [queued(number, name, age=1000.0 - number) for name in names for number in range(sizes[name])]
    queue = [
        replace(record, id=f"{record.origin.source}{number:063}", requested_at=NOW + timedelta(seconds=number))
        for number, record in enumerate(queue)
    ]
    running: list[BuildRecord] = []
    turns: dict[str, float] = {}
    passed_over = Counter[str]()
    clock = 0.0
    while queue:
        clock += 1
        if len(running) == workers:
            running.pop(order.randrange(workers))  # type: ignore[attr-defined]
        count = Counter(record.origin.source for record in running)
        shares = {name: Share(count[name], turns.get(name, 0.0)) for name in names}
        chosen = min(queue, key=lambda record: order_of(record, shares, "one.1"))
        queue.remove(chosen)
        running.append(chosen)
        turns[chosen.origin.source] = clock
        for waiting in {record.origin.source for record in queue} - {chosen.origin.source}:
            if not count[waiting]:
                passed_over[waiting] += 1
                assert passed_over[waiting] < len(names), (
                    "a source with nothing running was passed over for a whole round"
                )
        passed_over[chosen.origin.source] = 0


def test_one_build_beside_ten_thousand_is_next() -> None:
    """A source of which nothing runs comes before one of which something does, however old the other's builds are."""
    many = [queued(number, "many", age=9_999.0 - number) for number in range(100)]
    single = queued(0, "single", name="other")
    order = sorted([*many, single], key=lambda record: order_of(record, {"many": Share(1, 5.0)}, "one.1"))
    assert order[0] == single


def test_people_share_one_place() -> None:
    """Builds that no source asked for are as one source."""
    shares = {"": Share(2, 9.0), "a": Share(1, 9.0)}
    order = sorted([queued(1), queued(2, "a")], key=lambda record: order_of(record, shares, "one.1"))
    assert [record.origin.source for record in order] == ["a", ""]


def test_equal_builds_are_in_another_order_for_each_builder() -> None:
    """A fleet does not race for one key: what is first for one builder is first for few others."""
    queue = [queued(number, "a") for number in range(100)]
    firsts = Counter(
        min(queue, key=lambda record: order_of(record, {}, f"builder-{number}.1")).id for number in range(200)
    )
    assert len(firsts) > 60
    assert max(firsts.values()) < 12
    assert min(queue, key=lambda record: order_of(record, {}, "one.1")) == min(
        reversed(queue), key=lambda record: order_of(record, {}, "one.1")
    )


@pytest.mark.parametrize(
    ("can", "expected"),
    [
        (Capabilities(), True),
        (Capabilities(("linux",)), True),
        (Capabilities(("linux/arm",)), True),
        (Capabilities(("linux/arm/6",)), False),
        (Capabilities(("windows", "linux/arm64")), False),
    ],
)
def test_platforms_of_a_builder_are_patterns(can: Capabilities, expected: bool) -> None:
    assert fits(can, queued(platform=Platform.parse("linux/arm/7"))) is expected


def test_each_need_counts() -> None:
    """A builder takes a build only where it has all that the build needs."""
    plain, c = queued(), queued(cgo=True)
    assert fits(Capabilities(), plain)
    assert not fits(Capabilities(), c)
    assert fits(Capabilities(cgo=("linux/amd64",)), c)
    assert not fits(Capabilities(cgo=("darwin/arm64",)), c)
    large = queued(needs=Needs(16 * GIB))
    assert fits(Capabilities(), large)
    assert fits(Capabilities(memory=16 * GIB), large)
    assert not fits(Capabilities(memory=16 * GIB - 1), large)
    choosy = queued(needs=Needs(labels=(("disk", "ssd"), ("zone", "a"))))
    assert not fits(Capabilities(), choosy)
    assert not fits(Capabilities(labels=(("disk", "ssd"), ("zone", "b"))), choosy)
    assert fits(Capabilities(labels=(("disk", "ssd"), ("extra", "x"), ("zone", "a"))), choosy)


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        (FailureKind.INTERNAL, "ToolchainBroken", True),
        (FailureKind.INTERNAL, "DiskFull", True),
        (FailureKind.INTERNAL, "OSError", True),
        (FailureKind.INTERNAL, "CorruptData", False),
        (FailureKind.INTERNAL, NO_SANDBOX, False),
        (FailureKind.TRANSIENT, "Unknown", True),
        (FailureKind.TRANSIENT, "NetworkError", False),
        (FailureKind.TRANSIENT, "ModuleProxyUnavailable", False),
        (FailureKind.USER, "CompileError", False),
    ],
)
def test_only_the_machine_speaks_against_a_builder(kind: FailureKind, reason: str, expected: bool) -> None:
    """What meets every builder, or is the manifest's fault, blames none."""
    assert blames_builder(Failure(kind, reason, "no")) is expected


def test_a_builder_remembers_what_it_failed() -> None:
    """Its name counts, not its start, and only since a person's last retry."""
    broken = Failure(FailureKind.INTERNAL, "ToolchainBroken", "no")
    record = failed(queued(), "one.1", broken)
    assert record.state.value == "queued"
    assert has_failed_here(record, "one.2")
    assert not has_failed_here(record, "two.1")
    assert not has_failed_here(failed(queued(), "one.1", Failure(FailureKind.TRANSIENT, "NetworkError", "no")), "one.1")
    lost = lifecycle.lost(lifecycle.claimed(queued(), "one.1", "mark-1234", NOW), NOW)
    assert has_failed_here(lost, "one.1")
    spent = failed(failed(record, "two.1", broken), "three.1", broken)
    assert spent.state.value == "failed"
    assert not has_failed_here(lifecycle.retried(spent, NOW), "one.1")


@pytest.mark.parametrize(
    ("level", "expected"), [("bubblewrap", False), ("landlock", False), ("none", True), ("", False)]
)
def test_a_builder_without_a_sandbox_leaves_tests_to_others(level: str, expected: bool) -> None:
    """Only tests are refused there; a builder of an earlier version, whose level is not known, runs them."""
    can = Capabilities(sandbox=level)
    tested = queued(tests=(PipelineTest("hello", "input: {}\n"),))
    assert fits(can, tested)
    assert is_left_to_others(tested, "one.1", can) is expected
    assert not is_left_to_others(queued(), "one.1", can)


def test_a_build_that_failed_for_want_of_a_sandbox_is_left_to_others() -> None:
    """Also after the builder was started again with a sandbox that it did not have before."""
    record = failed(queued(), "one.1", Failure(FailureKind.INTERNAL, NO_SANDBOX, "no"))
    assert is_left_to_others(record, "one.2", Capabilities(sandbox="bubblewrap"))
    assert not is_left_to_others(record, "two.1", Capabilities(sandbox="bubblewrap"))


ALL = Capabilities()
SMALL = Capabilities(("linux",), memory=8 * GIB, labels=(("disk", "ssd"),))
S390X = queued(platform=Platform.parse("linux/s390x"))


@pytest.mark.parametrize(
    ("record", "builders", "reason", "message"),
    [
        (queued(), (), "NoneAtWork", "no builder is at work"),
        (
            queued(),
            (presence("a", ALL, DRAINING, "it stops"),),
            "NoneInService",
            "the only builder is draining: it stops",
        ),
        (
            queued(),
            (presence("a", ALL, DRAINING), presence("b", ALL, QUARANTINED, "broken")),
            "NoneInService",
            "all builders are draining or quarantined: `a`, `b`",
        ),
        (
            S390X,
            (presence("a", Capabilities(("linux/amd64",))), presence("b", Capabilities(("darwin",)))),
            "Platform",
            "no builder for `linux/s390x`: 2 builders are at work, none takes that platform",
        ),
        (
            S390X,
            (presence("a", Capabilities(("linux/amd64",))), presence("b", ALL, DRAINING, "it stops")),
            "NoneInService",
            "`b`, the only builder that can take it, is draining: it stops",
        ),
        (
            queued(needs=Needs(16 * GIB)),
            (presence("a", SMALL), presence("b", Capabilities(memory=4 * GIB))),
            "Memory",
            "needs 16 GiB of memory, the largest builder gives 8 GiB",
        ),
        (
            queued(needs=Needs(labels=(("disk", "ssd"), ("zone", "a")))),
            (presence("a", SMALL),),
            "Labels",
            "needs a builder with label `zone=a`, and there is none",
        ),
        (
            queued(cgo=True),
            (presence("a", SMALL),),
            "CCompiler",
            "needs a builder with a C compiler for `linux/amd64`, and there is none",
        ),
        (
            queued(needs=Needs(16 * GIB, (("disk", "ssd"),))),
            (presence("a", SMALL), presence("b", ALL)),
            "Combination",
            "no builder has all that it needs: `linux/amd64`, 16 GiB of memory, label `disk=ssd`",
        ),
    ],
)
def test_what_is_missing_is_said(
    record: BuildRecord, builders: tuple[BuilderPresence, ...], reason: str, message: str
) -> None:
    assert why_nobody(record, builders) == NoBuilder(reason, message)


def test_busy_builders_are_builders() -> None:
    """Who waits for a free worker is not without a builder."""
    assert why_nobody(queued(), (replace(presence("a", ALL), busy=1),)) is None
