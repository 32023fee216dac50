"""Lists and searches over 10,000 builds and 500 distributions with 50 requests in flight: p50, p99, rate.

Run: `python -m tests.bench.web.lists [ROUNDS]`

Each kind is asked twice: the same address again and again, as the pages of many visitors ask after a change, and
addresses of which no two are equal, so that each answer is made anew. The peer of the same run is `/healthz`, the
smallest answer that FastAPI gives.
"""

from __future__ import annotations

import sys
from itertools import count, product, repeat
from typing import TYPE_CHECKING

import uvloop

from tests.bench.web.load import machine, press, spread
from tests.bench.web.stage import DISTRIBUTIONS, site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AIM = 20.0
"""Milliseconds within which 99 of 100 answers are to be there."""


def each_another(template: str) -> Iterator[str]:
    """Addresses of which no two are equal, and that all find something: some name, and some limit above 50."""
    return (template.format(number % DISTRIBUTIONS, 50 + number // DISTRIBUTIONS) for number in range(50_000))


KINDS: dict[str, Callable[[], Iterator[str]]] = {
    "/healthz": lambda: repeat("/healthz"),
    "builds": lambda: repeat("/api/v1/builds"),
    "builds, search": lambda: repeat("/api/v1/builds?q=name12+succeeded"),
    "builds, each another search": lambda: each_another("/api/v1/builds?name=name{0}&limit={1}"),
    "distributions": lambda: repeat("/api/v1/distributions"),
    "distributions, search": lambda: repeat("/api/v1/distributions?q=name12"),
    "distributions, each another search": lambda: each_another("/api/v1/distributions?q=name{0}&limit={1}"),
    "distribution": lambda: repeat("/api/v1/distributions/name7"),
    "distribution, each another": lambda: (f"/api/v1/distributions/name{number % 500}" for number in count()),
}


HOW = {"as is": "", "brotli": "Accept-Encoding: gzip, br\r\n"}
"""How clients ask: programs for the text itself, browsers for a packed one."""


async def main(rounds: int) -> None:
    """Print the table."""
    async with site() as api:
        for (kind, targets), (how, headers) in product(KINDS.items(), HOW.items()):
            await press(api.host, api.port, targets(), seconds=0.5, headers=headers)  # warm
            p50, p99, rate, cost, size = [], [], [], [], 0
            for _ in range(rounds):
                before = api.processor
                found = await press(api.host, api.port, targets(), seconds=2, headers=headers)
                cost.append((api.processor - before) / len(found.times) * 1e3)
                assert found.statuses == {200}, found.statuses
                p50.append(found.percentile(0.5))
                p99.append(found.percentile(0.99))
                rate.append(found.rate)
                size = sorted(found.sizes)[len(found.sizes) // 2]
            print(
                f"{kind:35} {how:7} {size / 1000:6.1f} kB  p50 {spread(p50):>20} ms  p99 {spread(p99):>22} ms"
                f"  {spread(rate, '{:.0f}'.format):>18}/s  server {spread(cost, '{:.2f}'.format):>18} ms each"
            )
        print(f"aim: p99 {AIM:.0f} ms with 50 in flight; {machine()}")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
