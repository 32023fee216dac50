"""What a whole build of `tiny` costs over the bare `go build` of the same sources, cold and warm.

Run from the root of the repository: `python -m tests.bench.bench_build [--cold]`. Downloads the real Benthos
once. Cold: both sides start with an empty build cache and the modules already there.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.support.realbuild import RealBuild, Silence, build_real, real_compiler
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.environment import Folders, offline, outside
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.process import run
from wombat_gitops.domain.identity import LINK_FLAGS
from wombat_gitops.settings import search_path

WARM_ROUNDS = 5
COLD_AIM = 1.05
WARM_AIM = 1.5


async def bare(data: Path, built: RealBuild, target: Path) -> float:
    """Seconds of `go build` on the sources that a build left behind."""
    toolchain = await Toolchains(data, search_path()).locate(built.spec.toolchain, {})
    source = built.binary.parent.parent / "source"
    scratch = built.binary.parent.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    paths = replace(outside(Folders(data), toolchain, scratch), compiled=str(data / "bare"))
    env = offline(paths, built.spec.platform)
    argv = [toolchain.go, "build", "-trimpath", "-buildvcs=false", "-ldflags", LINK_FLAGS, "-o", str(target), "."]
    before = perf_counter()
    status = await run(argv, cwd=source, env=env, seconds=3600, output=Silence())
    if status:
        message = f"go build ended with {status}"
        raise SystemExit(message)
    return perf_counter() - before


async def measure(root: Path, *, cold: bool) -> None:
    """Print the figures."""
    data = root / "data"
    compiler = await real_compiler(data)
    built = await build_real(compiler, root / "0")
    print("first build, modules downloaded:", _steps(built))
    if cold:
        shutil.rmtree(data / "compiled")
        shutil.rmtree(data / "fetched")
        whole = await build_real(compiler, root / "cold")
        print("cold whole:", _steps(whole))
        shutil.rmtree(data / "bare", ignore_errors=True)
        alone = await bare(data, whole, root / "bare-cold")
        ratio = sum(whole.seconds.values()) / alone
        print(
            f"cold: whole {sum(whole.seconds.values()):.1f} s, bare {alone:.1f} s, ratio {ratio:.3f} (aim {COLD_AIM})"
        )
    await bare(data, built, root / "bare-first")
    wholes, bares = list[float](), list[float]()
    for number in range(1, WARM_ROUNDS + 1):
        whole = await build_real(compiler, root / str(number))
        print("warm whole:", _steps(whole))
        wholes.append(sum(whole.seconds.values()))
        bares.append(await bare(data, whole, root / f"bare-{number}"))
    more = median(wholes) - median(bares)
    print(f"warm: whole {median(wholes):.2f} s, bare {median(bares):.2f} s, more {more:.2f} s (aim {WARM_AIM})")


def _steps(built: RealBuild) -> str:
    parts = ", ".join(f"{step} {seconds:.2f}" for step, seconds in built.seconds.items())
    return f"{sum(built.seconds.values()):.2f} s ({parts})"


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cold", action="store_true", help="also measure with empty build caches (minutes)")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="wombat-bench-"))
    try:
        asyncio.run(measure(root, cold=options.cold))
    finally:
        remove_tree(root)


if __name__ == "__main__":
    main()
