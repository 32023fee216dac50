"""The table of a build's life: what may follow what, and what each move does to attempts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unit.domain.test_identity import GOLDEN, SPEC
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.errors import IllegalTransition
from wombat_gitops.domain.model import Artifact
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildRecord, BuildState, Failure, FailureKind, Origin, Step

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=90)
ARTIFACT = Artifact("0" * 64, 5, "tiny_1.0.0_linux_amd64")
FLAKY = Failure(FailureKind.TRANSIENT, "ProxyUnreachable", "no answer")
WRONG = Failure(FailureKind.USER, "CompileError", "undefined: x")

QUEUED = lifecycle.queued(GOLDEN, SPEC, Origin(), 0, NOW)
RUNNING = lifecycle.claimed(QUEUED, "builder-1", "claim", NOW)
RECORDS = {
    BuildState.QUEUED: QUEUED,
    BuildState.RUNNING: RUNNING,
    BuildState.SUCCEEDED: lifecycle.succeeded(RUNNING, ARTIFACT, None, NOW),
    BuildState.FAILED: lifecycle.failed(RUNNING, WRONG, None, NOW),
    BuildState.CANCELLED: lifecycle.cancelled(QUEUED, NOW),
    BuildState.SUPERSEDED: lifecycle.superseded(QUEUED, NOW),
}
MOVES: dict[str, tuple[Callable[[BuildRecord], BuildRecord], set[BuildState]]] = {
    "claimed": (lambda record: lifecycle.claimed(record, "b", "c", LATER), {BuildState.QUEUED}),
    "stepped": (lambda record: lifecycle.stepped(record, Step.FETCH, LATER), {BuildState.RUNNING}),
    "succeeded": (lambda record: lifecycle.succeeded(record, ARTIFACT, None, LATER), {BuildState.RUNNING}),
    "failed": (lambda record: lifecycle.failed(record, WRONG, None, LATER), {BuildState.RUNNING}),
    "failed for now": (lambda record: lifecycle.failed(record, FLAKY, None, LATER), {BuildState.RUNNING}),
    "lost": (lambda record: lifecycle.lost(record, LATER), {BuildState.RUNNING}),
    "released": (lambda record: lifecycle.released(record, None, LATER), {BuildState.RUNNING}),
    "superseded": (lambda record: lifecycle.superseded(record, LATER), {BuildState.QUEUED}),
    "cancel_asked": (lambda record: lifecycle.cancel_asked(record, LATER), {BuildState.QUEUED, BuildState.RUNNING}),
    "retried": (lambda record: lifecycle.retried(record, LATER), {state for state in BuildState if state.final}),
}


@pytest.mark.parametrize("state", BuildState)
@pytest.mark.parametrize("move", MOVES)
def test_move_is_allowed_from_its_states_alone(move: str, state: BuildState) -> None:
    """Every other move is a defect of the caller and raises."""
    make, allowed = MOVES[move]
    if state in allowed:
        assert make(RECORDS[state]).changed_at == LATER
    else:
        with pytest.raises(IllegalTransition):
            make(RECORDS[state])


def test_claim_spends_a_try() -> None:
    """A build that kills its builder does not live for ever."""
    record = QUEUED
    for spent in range(1, MAX_ATTEMPTS + 1):
        record = lifecycle.claimed(record, "b", f"c{spent}", NOW)
        assert record.tries_left == MAX_ATTEMPTS - spent
        record = lifecycle.lost(record, NOW)
    assert record.state is BuildState.FAILED
    assert [attempt.number for attempt in record.attempts] == [1, 2, 3]
    assert {attempt.ended_as for attempt in record.attempts} == {"lost"}


def test_transient_failure_waits_longer_each_time() -> None:
    """Back-off doubles, and jitter only lengthens it."""
    first = lifecycle.failed(RUNNING, FLAKY, None, NOW)
    assert (first.state, first.not_before) == (BuildState.QUEUED, NOW + timedelta(seconds=5))
    again = lifecycle.failed(lifecycle.claimed(first, "b", "c", NOW), FLAKY, None, NOW)
    assert again.not_before == NOW + timedelta(seconds=10)
    assert lifecycle.failed(RUNNING, FLAKY, None, NOW, jitter=1.0).not_before == NOW + timedelta(seconds=7.5)


def test_user_failure_is_final() -> None:
    """What a person has to mend is not tried again."""
    record = lifecycle.failed(RUNNING, WRONG, None, NOW)
    assert (record.state, record.failure, record.not_before) == (BuildState.FAILED, WRONG, None)


def test_release_gives_the_try_back() -> None:
    """A builder that stops costs the build nothing."""
    record = lifecycle.released(RUNNING, None, NOW)
    assert (record.state, record.tries_left) == (BuildState.QUEUED, MAX_ATTEMPTS)


def test_a_build_that_no_disk_has_room_for_was_tried_for_ever() -> None:
    """Ten attempts in a row cost nothing, waiting longer and longer; the next one counts, and a retry begins anew."""
    full = Failure(FailureKind.INTERNAL, "DiskFull", "no space left on device")
    record, ends, waits = RUNNING, list[str](), list[float]()
    while True:
        record = lifecycle.released(record, None, NOW, full)
        ends.append(str(record.attempt.ended_as))
        if record.state is BuildState.FAILED:
            break
        assert record.not_before is not None
        waits.append((record.not_before - NOW).total_seconds())
        record = lifecycle.claimed(record, "b.1", "claim", NOW)
    assert ends == [*["released"] * 10, "failed"] * MAX_ATTEMPTS
    assert waits[:10] == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert len(record.attempts) <= lifecycle.KEPT_ATTEMPTS
    again = lifecycle.released(lifecycle.claimed(lifecycle.retried(record, NOW), "b.1", "c", NOW), None, NOW, full)
    assert (again.state, again.tries_left, again.failure) == (BuildState.QUEUED, MAX_ATTEMPTS, full)


def test_cancel_of_a_running_build_waits_for_its_builder() -> None:
    """It is marked first, and ends as cancelled however the attempt ends."""
    asked = lifecycle.cancel_asked(RUNNING, NOW)
    assert (asked.state, asked.cancel_requested) == (BuildState.RUNNING, True)
    for ended in (lifecycle.lost(asked, NOW), lifecycle.released(asked, None, NOW), lifecycle.cancelled(asked, NOW)):
        assert (ended.state, ended.cancel_requested) == (BuildState.CANCELLED, False)


def test_retry_begins_a_round_and_keeps_the_attempts() -> None:
    """Attempts of earlier rounds stay to be read; tries count anew."""
    record = lifecycle.retried(RECORDS[BuildState.FAILED], NOW)
    assert (record.state, record.round, record.tries_left) == (BuildState.QUEUED, 2, MAX_ATTEMPTS)
    assert record.failure is None
    assert len(record.attempts) == 1
    assert lifecycle.claimed(record, "b", "c", NOW).attempt.number == 2


def test_steps_are_timed() -> None:
    """A step ends when the next begins, or with its attempt."""
    record = lifecycle.stepped(RUNNING, Step.FETCH, NOW)
    assert record.step is not None
    assert record.step.seconds is None
    record = lifecycle.stepped(record, Step.COMPILE, NOW + timedelta(seconds=2))
    record = lifecycle.succeeded(record, ARTIFACT, None, NOW + timedelta(seconds=5))
    assert [(run.step, run.seconds) for run in record.attempt.steps] == [(Step.FETCH, 2.0), (Step.COMPILE, 3.0)]
    assert record.step is None


def test_record_without_attempt_has_none() -> None:
    """Asking for the attempt of a build that nobody took is a defect."""
    with pytest.raises(IllegalTransition):
        _ = replace(QUEUED, attempts=()).attempt
