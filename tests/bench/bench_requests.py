"""1,000 concurrent equal `build.request` against a real service: how many builds they make, throughput, p99.

The peer of the same run is the bare broker: as many requests, as many at once, to a core NATS responder
that answers nothing but `ok`, over the same connection library. The ratio says what deduplication costs.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.factories import make_request
from wombat_gitops.adapters.broker import embedded
from wombat_gitops.settings import Settings
from wombat_gitops.wiring import roles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

COUNT = 1_000
AT_ONCE = 64
ROUNDS = 5


async def timed(work: Callable[[], Awaitable[object]], count: int, at_once: int) -> tuple[float, list[float]]:
    """Run *work* that often, *at_once* at a time; returns the wall time and the time of each, seconds."""
    gate = asyncio.Semaphore(at_once)
    took: list[float] = []

    async def one() -> None:
        async with gate:
            begun = time.perf_counter()
            await work()
            took.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return time.perf_counter() - begun, took


def line(name: str, wall: float, took: list[float]) -> str:
    """One row of the table."""
    p50, p99 = statistics.median(took), sorted(took)[int(len(took) * 0.99) - 1]
    return f"{name:34} {COUNT / wall:8.0f}/s   p50 {p50 * 1e3:7.2f} ms   p99 {p99 * 1e3:7.2f} ms"


async def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        stop = asyncio.Event()
        async with (
            embedded(Path(folder) / "broker") as broker,
            roles.backbone(settings, broker.url, "service") as spine,
            roles.backbone(settings, broker.url, "client") as caller,
            asyncio.TaskGroup() as group,
        ):
            catalog = spine.catalog()
            group.create_task(catalog.run(stop))
            await catalog.ready.wait()
            group.create_task(roles.service(spine, settings, catalog, stop))

            async def echo(message: object) -> None:
                await message.respond(b"ok")  # type: ignore[attr-defined]

            await spine.connection.client.subscribe("bench.echo", cb=echo)
            await caller.client.request(make_request(name="warm-up"))
            print(f"{COUNT} requests, {AT_ONCE} at a time; service, broker and caller share the machine")
            for number in range(ROUNDS):
                request = make_request(version=f"1.0.{number}")
                answers: list[bool] = []

                async def ask(request: object = request, answers: list[bool] = answers) -> None:
                    answers.append((await caller.client.request(request)).created)  # type: ignore[arg-type]

                wall, took = await timed(ask, COUNT, AT_ONCE)
                bare_wall, bare_took = await timed(
                    lambda: caller.connection.client.request("bench.echo", b"x" * 400, timeout=10), COUNT, AT_ONCE
                )
                print(line(f"build.request, {sum(answers)} build made", wall, took))
                print(line("bare request and answer", bare_wall, bare_took) + f"   ratio {wall / bare_wall:5.1f}")
            request = make_request(version="2.0.0")
            made = await asyncio.gather(*(caller.client.request(request) for _ in range(COUNT)))
            print(f"all {COUNT} at once: {sum(answer.created for answer in made)} build made")
            stop.set()


asyncio.run(main())
