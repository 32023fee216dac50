"""What the sandbox costs: whole builds of `tiny` in it and without it, in turn, over the same modules; equal bytes.

Run from the root of the repository: `python -m tests.bench.bench_sandbox [--cold ROUNDS] [--warm ROUNDS]`. Downloads
the real Benthos once. Cold: both start with an empty compile cache.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.support.realbuild import RealBuild, build_real, real_compiler
from wombat_gitops.adapters import process
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.process import OUTPUT_LIMIT, Captured
from wombat_gitops.adapters.sandbox.enclosure import Enclosure, Strength
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.capability import SandboxLevel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.ports import Output

COLD_AIM = 1.03
WARM_AIM = 0.15


@dataclass(slots=True)
class Nothing(Enclosure):
    """No enclosure at all: programs are started as they are, over a compile cache that they write to themselves."""

    def layer(self, lower: Path, folder: Path, target: str) -> str:
        return str(lower.with_name("plain"))

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        seconds: float,
        output: Output,
        limits: Limits = UNLIMITED,
    ) -> int:
        return await process.run(argv, cwd=Path(cwd), env=env, seconds=seconds, output=output, limits=limits)

    async def capture(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        seconds: float,
        stdin: bytes | None = None,
        limit: int = OUTPUT_LIMIT,
        limits: Limits = UNLIMITED,
    ) -> Captured:
        return await process.capture(
            argv, cwd=Path(cwd), env=env, seconds=seconds, stdin=stdin, limit=limit, limits=limits
        )


class Plain(Sandbox):
    """A sandbox that contains nothing."""

    async def enclosure(self, scratch: Path, *, system: bool = False) -> Enclosure:
        scratch.mkdir(parents=True, exist_ok=True)
        return Nothing(Strength(SandboxLevel.NONE), scratch, system)


class Side:
    """One of the two ways to build, with a data folder of its own over shared modules."""

    def __init__(self, root: Path, sandbox: Sandbox) -> None:
        self.root = root
        self.data = root / "data"
        self._sandbox = sandbox
        self._builds = 0
        self.wholes = list[float]()
        self.compiles = list[float]()
        self.digest = ""

    async def build(self, *, cold: bool = False) -> RealBuild:
        if cold:
            for name in ("compiled", "plain"):
                await asyncio.to_thread(remove_tree, self.data / name)
        self._builds += 1
        built = await build_real(await real_compiler(self.data, self._sandbox), self.root / str(self._builds))
        digest = hashlib.sha256(built.binary.read_bytes()).hexdigest()
        if self.digest and digest != self.digest:
            message = "two builds of one side differ"
            raise SystemExit(message)
        self.digest = digest
        return built

    async def measure(self, *, cold: bool = False) -> None:
        built = await self.build(cold=cold)
        self.wholes.append(sum(built.seconds.values()))
        self.compiles.append(built.seconds["compile"])


async def measure(root: Path, *, cold: int, warm: int) -> None:
    """Print the figures."""
    plain, boxed = Side(root / "plain", Plain()), Side(root / "boxed", Sandbox())
    await boxed.build()
    plain.data.mkdir(parents=True)
    (plain.data / "mod").symlink_to(boxed.data / "mod")
    await plain.build()
    print(f"equal SHA-256: {plain.digest == boxed.digest} {boxed.digest[:16]}")
    for rounds, is_cold in ((warm, False), (cold, True)):
        for side in (plain, boxed):
            side.wholes.clear()
            side.compiles.clear()
        for _ in range(rounds):
            await plain.measure(cold=is_cold)
            await boxed.measure(cold=is_cold)
        if rounds:
            _tell(plain, boxed, cold=is_cold)


def _tell(plain: Side, boxed: Side, *, cold: bool) -> None:
    word = "cold" if cold else "warm"
    for name, ours, theirs in (
        ("whole", boxed.wholes, plain.wholes),
        ("compile", boxed.compiles, plain.compiles),
    ):
        mine, bare = median(ours), median(theirs)
        aim = f"ratio {mine / bare:.3f} (aim {COLD_AIM})" if cold else f"more {mine - bare:+.3f} s (aim {WARM_AIM})"
        print(f"{word} {name}: sandboxed {mine:.2f} s, plain {bare:.2f} s, {aim}; {len(ours)} rounds")


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cold", type=int, default=0, help="rounds with empty compile caches (minutes each)")
    parser.add_argument("--warm", type=int, default=7, help="rounds with warm ones")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="wombat-bench-"))
    try:
        asyncio.run(measure(root, cold=options.cold, warm=options.warm))
    finally:
        remove_tree(root)


if __name__ == "__main__":
    main()
