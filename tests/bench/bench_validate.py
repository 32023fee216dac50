"""1,000 manifests validated on one core, against check-jsonschema on the same files and schema in the same run.

The manifests are mixed as in life: some of ten lines, some with labels, modules, exclusions and tests, each with its
lock beside it, of which there are 50 different ones. `wombat validate` reads the locks too (a peer has nothing like it)
and tells line and column; the peer checks the schema only. Whole processes are measured, start of Python included, and
reading alone inside of one process, where the peer is PyYAML's C loader with the `jsonschema` library. Wall time and
processor time are medians of rounds in turn; on a busy machine the processor time is the one to look at.

    python tests/bench/bench_validate.py [manifests]
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from jsonschema import Draft7Validator

from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_all, read_manifest
from wombat_gitops.domain.model import Lock

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schemas" / "distribution.schema.json"
TARGET = 1.0
ROUNDS = 5
HEAD = """\
# yaml-language-server: $schema=../schemas/distribution.schema.json
apiVersion: wombat/v1
kind: Distribution
name: dist-{number:05d}
version: 1.{number}.0
"""
SMALL = f"""{HEAD}benthos: v4.76.0
packages: [pure, io]
platforms: [linux/amd64]
description: Number {{number}}, with just the basic building blocks
"""
MIDDLE = f"""{HEAD}benthos: v4.77.0
description: Number {{number}} of very many distributions, for measuring how long it takes to read all of them
homepage: https://wombat.example.invalid/distributions/dist-{{number:05d}}
license: Apache-2.0
labels:
  team: data-{{team}}
  tier: "{{team}}"
  contact: somebody-in-the-team-that-owns-it
packages:
  - pure
  - io
platforms: [linux/amd64, linux/arm64, darwin/arm64]
modules:
  - module: github.com/redpanda-data/connect/v4
    version: v4.105.0
    packages: [kafka, aws, gcp, redis, nats, mqtt, sql, elasticsearch, prometheus, mongodb]
"""
RICH = f"""{MIDDLE}maintainers:
  - {{{{name: Team {{team}}, email: team-{{team}}@example.org, github: example/team-{{team}}}}}}
tags: [x_benthos_extra]
exclusions:
  - platforms: [darwin]
    packages: [mongodb]
    reason: needs a C compiler
tests:
  - name: upper case
    config: |
      input: {{{{stdin: {{{{}}}}}}}}
      pipeline:
        processors:
          # as the first team wants it
          - mapping: root = content().uppercase()
      output: {{{{stdout: {{{{}}}}}}}}
    input: |
      hello
    expect: |
      HELLO
retention: {{{{days: 90, versions: 5}}}}
"""
KINDS = (SMALL, MIDDLE, SMALL, MIDDLE, RICH)


def shipped_locks(name: str) -> list[Lock]:
    """A lock of this repository without its header, and others with another version of one module."""
    folder = ROOT / "manifests" / f"{name}.lock"
    go_mod, go_sum = (folder / "go.mod").read_text().partition("\n\n")[2], (folder / "go.sum").read_text()
    module = next(line.split()[:2] for line in go_mod.split("\n") if line.endswith("// indirect"))
    changes = [(" ".join(module), f"{module[0]} v1.{number}.0") for number in range(25)]
    return [Lock(go_mod.replace(*change), go_sum.replace(*change)) for change in changes]


def make(folder: Path, count: int) -> dict[str, bytes]:
    """Write manifests and locks; returns the manifests by path."""
    tiny, streaming = shipped_locks("tiny"), shipped_locks("streaming")
    locks = {SMALL: tiny, MIDDLE: streaming, RICH: streaming}
    manifests = {}
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        path = folder / f"dist-{number:05d}.yaml"
        data = kind.format(number=number, team=number % 7).encode()
        manifests[path.as_posix()] = data
        path.write_bytes(data)
        reading = read_manifest(path.as_posix(), data)
        assert reading.distribution is not None, reading.diagnostics
        files = render_lock(reading.distribution, locks[kind][number // len(KINDS) % 25])
        beside = path.with_suffix(".lock")
        beside.mkdir()
        (beside / "go.mod").write_text(files.go_mod)
        (beside / "go.sum").write_text(files.go_sum)
    return manifests


def whole(argv: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a program that finds nothing wrong."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def inside(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and processor seconds of a function."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used


def read_ours(manifests: dict[str, bytes]) -> None:
    found = read_all(manifests)
    assert len(found.distributions) == len(manifests), found.diagnostics[:3]


def read_theirs(manifests: dict[str, bytes]) -> None:
    validator = Draft7Validator(json.loads(SCHEMA.read_text()))
    for data in manifests.values():
        assert not list(validator.iter_errors(yaml.load(data, Loader=yaml.CSafeLoader)))


def compare(name: str, ours: Callable[[], tuple[float, float]], theirs: Callable[[], tuple[float, float]]) -> None:
    """Measure both in turn, and print one row for each."""
    rounds = [(ours(), theirs()) for _ in range(ROUNDS)]
    mine, other = ([statistics.median(each[side][clock] for each in rounds) for clock in (0, 1)] for side in (0, 1))
    ratios = ", ".join(f"{b / a:.1f} times in {what}" for a, b, what in zip(mine, other, ("wall", "cpu"), strict=True))
    print(f"{name:44} {mine[0]:6.2f} s wall {mine[1]:6.2f} s cpu")
    print(f"{'  the peer':44} {other[0]:6.2f} s wall {other[1]:6.2f} s cpu   {ratios}")


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        manifests = make(folder, count)
        size = sum(path.stat().st_size for path in folder.glob("*.lock/*"))
        total = sum(map(len, manifests.values()))
        print(f"{count:,} manifests of {total:,} bytes, locks of {size:,} bytes; one core; target {TARGET} s for 1,000")
        ours = [sys.executable, "-m", "wombat_gitops", "validate", place]
        if find_spec("check_jsonschema") is not None:
            theirs = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA), *manifests]
            compare("wombat validate / check-jsonschema", lambda: whole(ours), lambda: whole(theirs))
        else:
            print("check-jsonschema is not installed (dependency group `bench`)")
        compare(
            "reading in a process / PyYAML and jsonschema",
            lambda: inside(lambda: read_ours(manifests)),
            lambda: inside(lambda: read_theirs(manifests)),
        )


if __name__ == "__main__":
    main()
