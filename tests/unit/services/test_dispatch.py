"""What a builder knows of the queue, held against the plain order of all that waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.factories import NOW, make_spec
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.capability import EVERYTHING, Capabilities, Needs
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.records import BuildRecord, BuildState, Failure, FailureKind, Origin
from wombat_gitops.domain.scheduling import Share, fits, order_of
from wombat_gitops.ports import Versioned
from wombat_gitops.services.dispatch import Waiting

BUILDER = "one.1"
CAN = Capabilities(memory=8 << 30)
TROUBLE = Failure(FailureKind.TRANSIENT, "NetworkError", "no")


def record(number: int, source: str = "a", priority: int = 0, memory: int = 0, seconds: int = 0) -> BuildRecord:
    spec = make_spec(version=f"1.0.{number}")
    made = lifecycle.queued(build_id(spec), spec, Origin(source), priority, NOW + timedelta(seconds=seconds))
    return replace(made, needs=Needs(memory))


class Model:
    """The records as they are, and the order by the rule itself."""

    def __init__(self) -> None:
        self.records: dict[str, Versioned[BuildRecord]] = {}
        self.turns: dict[str, float] = {}
        self.revision = 0
        self.now = NOW
        self.waiting = Waiting(BUILDER, CAN)

    def put(self, value: BuildRecord) -> Versioned[BuildRecord]:
        self.revision += 1
        entry = self.records[value.id] = Versioned(value.id, value, self.revision)
        if value.state is BuildState.RUNNING:
            started = value.attempts[-1].started_at.timestamp()
            self.turns[value.origin.source] = max(self.turns.get(value.origin.source, 0.0), started)
        self.waiting.note(entry)
        return entry

    def shares(self) -> dict[str, Share]:
        running = Counter(
            entry.value.origin.source for entry in self.records.values() if entry.value.state is BuildState.RUNNING
        )
        return {source: Share(running[source], turn) for source, turn in self.turns.items()}

    def ready(self) -> list[BuildRecord]:
        found = [entry.value for entry in self.records.values() if entry.value.state is BuildState.QUEUED]
        return [each for each in found if fits(CAN, each) and (each.not_before is None or each.not_before <= self.now)]


MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.just("ask"),
            st.integers(0, 30),
            st.sampled_from(["", "a", "b"]),
            st.integers(-1, 1),
            st.sampled_from([0, 4 << 30, 16 << 30]),
        ),
        st.tuples(st.sampled_from(["claim", "end", "fail", "cancel", "forget", "wait", "check"]), st.integers(0, 30)),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(MOVES)
def test_the_choice_is_always_that_of_the_rule(moves: list[tuple[object, ...]]) -> None:
    """Whatever happens to the queue, what is next is the first by the plain order of everything that may start."""
    model = Model()
    for move in moves:
        play(model, move)
        ready = sorted(model.ready(), key=lambda each: order_of(each, model.shares(), BUILDER))
        found = model.waiting.next(model.now)
        assert (found.value if found else None) == (ready[0] if ready else None)
        second = model.waiting.next(model.now, {ready[0].id} if ready else ())
        assert second is None or second.value.id != ready[0].id
        later = [
            each.value.not_before
            for each in model.records.values()
            if each.value.state is BuildState.QUEUED and fits(CAN, each.value) and each.value.not_before
        ]
        assert model.waiting.next_at() == min((each for each in later if each > model.now), default=None)


def play(model: Model, move: tuple[object, ...]) -> None:
    """One thing that happens to the queue; nothing where it cannot happen."""
    name = move[0]
    if name == "ask":
        _, number, source, priority, memory = move
        made = record(int(str(number)), str(source), int(str(priority)), int(str(memory)), int(str(number)) % 3)
        model.put(model.records[made.id].value if made.id in model.records else made)
        return
    if name == "wait":
        model.now += timedelta(seconds=int(str(move[1])))
        return
    states = {
        "claim": (BuildState.QUEUED,),
        "end": (BuildState.RUNNING,),
        "fail": (BuildState.RUNNING,),
        "cancel": (BuildState.QUEUED,),
        "forget": tuple(BuildState),
        "check": (),
    }[str(name)]
    found = [entry.value for _, entry in sorted(model.records.items()) if entry.value.state in states]
    if not found:
        return
    chosen = found[int(str(move[1])) % len(found)]
    match name:
        case "claim":
            model.put(lifecycle.claimed(chosen, "other.1", "mark-1234", model.now))
        case "end":
            model.put(lifecycle.cancelled(chosen, model.now))
        case "fail":
            model.put(lifecycle.failed(chosen, TROUBLE, None, model.now))
        case "cancel":
            model.put(lifecycle.cancelled(chosen, model.now))
        case _:
            del model.records[chosen.id]
            model.waiting.forget(chosen.id)


def test_what_was_given_up_comes_back_with_news() -> None:
    """A build that somebody else was faster for is forgotten until its record changes."""
    model = Model()
    entry = model.put(record(1))
    model.waiting.give_up(entry)
    assert model.waiting.next(NOW) is None
    model.put(record(1))
    assert model.waiting.next(NOW) is not None


def test_what_was_postponed_comes_back_in_time() -> None:
    """A build that is left to others for a while is looked at again; news of it end the wait."""
    model = Model()
    entry = model.put(record(1))
    model.waiting.postpone(entry, NOW + timedelta(seconds=5))
    assert model.waiting.next(NOW) is None
    assert model.waiting.next_at() == NOW + timedelta(seconds=5)
    assert model.waiting.next(NOW + timedelta(seconds=5)) == entry
    model.waiting.postpone(entry, NOW + timedelta(seconds=9))
    newer = model.put(record(1))
    assert model.waiting.next(NOW) == newer
    model.waiting.postpone(entry, NOW + timedelta(seconds=99))
    assert model.waiting.next(NOW) == newer


def test_nothing_is_left_after_a_reset() -> None:
    waiting = Waiting(BUILDER, EVERYTHING)
    for number in range(5):
        waiting.note(Versioned(record(number).id, record(number), number))
    waiting.note(Versioned("x", lifecycle.claimed(record(9), "o.1", "mark-1234", NOW), 9))
    waiting.clear()
    assert (len(waiting), waiting.next(NOW), waiting.next_at(), waiting.shares()) == (0, None, None, {})
