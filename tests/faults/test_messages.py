"""Messages that come twice, three times and in any order, through the real service on a real broker."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.fleet import Fleet, History
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.messages import AttemptClaim, AttemptEnd, AttemptOutcome, AttemptStep
from wombat_gitops.domain.model import Artifact
from wombat_gitops.domain.records import BuildState, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wombat_gitops.domain.messages import AttemptAnswer

BUILDS = 40
MESSAGES = 1_000
READERS = 50
LINES = 20_000


def artifact(build: str, builder: str) -> Artifact:
    """Another one for each builder, so that two results could be told apart."""
    return Artifact(hashlib.sha256(f"{build} {builder}".encode()).hexdigest(), 1, "tiny")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_thousand_messages_in_any_order(fleet: Fleet, seed: int) -> None:  # noqa: C901, PLR0915
    """Requests, claims, steps, ends, cancels and retries, each up to three times, shuffled → the life cycle holds.

    Every build is created once; an attempt has one end; one result is published in a round, and it stays; who is told
    that an attempt is its own is the one the record names.
    """
    dice = random.Random(seed)
    fleet.start("service")
    fleet.start("service")
    asked = [fleet.request_for("tiny", f"1.0.{number}") for number in range(BUILDS)]
    builds = [(await fleet.client.request(each)).build.id for each in asked]
    created = Counter[str]()
    told: list[AttemptAnswer] = []

    def messages_about(number: int) -> list[Callable[[], Awaitable[None]]]:
        build, builder = builds[number], f"builder-{dice.randrange(3)}.1"
        mark = f"mark-{dice.randrange(1 << 40):012}"
        end = AttemptEnd(build, builder, mark, AttemptOutcome.SUCCEEDED, artifact=artifact(build, builder))
        other = replace(end, outcome=AttemptOutcome.RELEASED, artifact=None)

        async def request() -> None:
            created[build] += (await fleet.client.request(asked[number])).created

        async def claim() -> None:
            told.append(await fleet.attempts.claim(AttemptClaim(build, builder, mark)))

        async def step() -> None:
            told.append(await fleet.attempts.step(AttemptStep(build, builder, mark, dice.choice(list(Step)))))

        async def finish() -> None:
            told.append(await fleet.attempts.end(dice.choice((end, end, other))))

        async def cancel() -> None:
            with suppress(Refused):
                await fleet.client.cancel(build)

        async def retry() -> None:
            with suppress(Refused):
                await fleet.client.retry(build)

        once = [request, claim, claim, step, step, finish, finish, dice.choice((cancel, retry, claim))]
        return [message for message in once for _ in range(dice.randint(1, 3))]

    queue: list[Callable[[], Awaitable[None]]] = []
    while len(queue) < MESSAGES:
        queue += messages_about(dice.randrange(BUILDS))
    # In any order, but near to where they belong, so that some of them meet what they are meant for.
    queue = [each for _, each in sorted(enumerate(queue), key=lambda item: item[0] + dice.uniform(0, 60))]
    room = asyncio.Semaphore(8)

    async def send(message: Callable[[], Awaitable[None]]) -> None:
        async with room:
            await message()

    history = History(fleet.records)
    async with history.kept(), asyncio.timeout(200):
        await asyncio.gather(*(send(message) for message in queue))
        records = {record.id: record for record in await fleet.all()}
    assert set(records) == set(builds)
    assert not sum(created.values()), "they were all there"
    for answer in told:
        if answer.holds:
            assert answer.build is not None
            final = records[answer.build.id]
            known = {(each.builder, each.claim) for each in final.attempts}
            assert {(each.builder, each.claim) for each in answer.build.attempts} <= known
    for record in records.values():
        results = [each for each in record.attempts if each.ended_as == "succeeded"]
        assert len(results) <= record.round
        if record.state is BuildState.SUCCEEDED:
            assert record.artifact == artifact(record.id, results[-1].builder)


@pytest.mark.timeout(300)
async def test_many_followers_of_one_log(fleet: Fleet) -> None:
    """Fifty follow one log of 20,000 lines, some of them never take anything → the writer and the others do not wait.

    Who reads gets each line once and in order.
    """
    fleet.start("service")
    build = await fleet.request("tiny")
    held = await fleet.claim(build)
    lines = [f"{number}\n" for number in range(LINES)]
    size = 400

    async def follow() -> list[str]:
        return [
            line
            async for chunk in fleet.logs.read(build, 1, follow=True)
            for line in chunk.text.splitlines(keepends=True)
        ]

    async def stall() -> None:
        async for _ in fleet.logs.read(build, 1, follow=True):
            await asyncio.Event().wait()

    readers = [asyncio.create_task(follow()) for _ in range(READERS - 10)]
    stalled = [asyncio.create_task(stall()) for _ in range(10)]
    try:
        async with asyncio.timeout(200):
            for index in range(0, LINES, size):
                await held.renew()
                text = "".join(lines[index : index + size])
                await fleet.logs.append(build, 1, index // size, text, end=index + size >= LINES)
            found = await asyncio.gather(*readers)
    finally:
        for task in (*readers, *stalled):
            task.cancel()
        await asyncio.gather(*readers, *stalled, return_exceptions=True)
    assert all(each == lines for each in found)
