"""A source of 10,000 manifests: first read, nothing changed, one changed, memory, and what 1,000 polls leave behind.

Measured over `RemoteSource`, `ManifestReader` and real git; manifests of about 0.7 KB without locks (the reading
and checking of manifests; a missing lock is one more diagnostic each). The peer is `git cat-file --batch` of the same
blobs together with `git ls-tree`, started by hand: nobody reads these files faster through git.

    python tests/bench/bench_source.py [manifests]

The measured part runs in a process of its own, so that the memory is its own. On a busy machine the processor
time is the one to look at.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.services.manifests import ManifestReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TARGETS = {"first read": 4.0, "nothing changed": 0.05, "one changed": 0.15}
MEMORY = 250
POLLS = 1000
TEXT = """\
# yaml-language-server: $schema=../schemas/distribution.schema.json
apiVersion: wombat/v1
kind: Distribution
name: dist-{number:05d}
version: 1.{number}.0
benthos: v4.76.0
description: Number {number} of very many distributions, for measuring how long it takes to read all of them
homepage: https://wombat.example.invalid/distributions/dist-{number:05d}
license: Apache-2.0
labels:
  team: data-{team}
  tier: "{tier}"
  contact: somebody-in-the-team-that-owns-it
packages:
  - pure
  - io
platforms: [linux/amd64, linux/arm64, darwin/arm64]
modules:
  - module: github.com/redpanda-data/connect/v4
    version: v4.60.{patch}
    packages: [kafka, aws, gcp, redis, nats, mqtt, sql, elasticsearch, prometheus, mongodb]
"""
GIT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "a@b.invalid" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(repo: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["git", *arguments], cwd=repo, env=GIT, input=stdin, capture_output=True, check=True)
    return done.stdout


def manifest(number: int, patch: int = 1) -> str:
    return TEXT.format(number=number, team=number % 7, tier=number % 3, patch=patch)


def make(repo: Path, count: int) -> None:
    """A packed repository with *count* manifests in one folder."""
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    commands = [b"commit refs/heads/main\ncommitter a <a@b.invalid> 1760000000 +0000\ndata 1\nx\n"]
    for number in range(count):
        text = manifest(number).encode()
        commands.append(b"M 644 inline manifests/dist-%05d.yaml\ndata %d\n%s\n" % (number, len(text), text))
    git(repo, "fast-import", "--quiet", stdin=b"".join(commands))


def change(repo: Path, number: int, patch: int) -> None:
    """One commit that changes one manifest."""
    text = manifest(number, patch).encode()
    blob = b"M 644 inline manifests/dist-%05d.yaml\ndata %d\n%s\n" % (number, len(text), text)
    head = b"commit refs/heads/main\ncommitter a <a@b.invalid> %d +0000\ndata 1\nx\nfrom refs/heads/main^0\n"
    git(repo, "fast-import", "--quiet", stdin=head % (1_760_000_000 + patch) + blob)


def peer(repo: Path) -> float:
    """Seconds for git alone to list and write out the same blobs."""
    started = time.perf_counter()
    listing = git(repo, "ls-tree", "-r", "-z", "main", "--", "manifests/")
    oids = b"".join(record.split(b"\t")[0].split(b" ")[2] + b"\n" for record in listing.split(b"\0") if record)
    git(repo, "cat-file", "--batch", "--buffer", stdin=oids)
    return time.perf_counter() - started


def peak() -> float:
    """Peak resident memory of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def children() -> int:
    """Processes that this one started and that still are."""
    return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def timed(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds on the wall, and of the processor: those of this process and of every git that it has run."""
    started, used = time.perf_counter(), processor()
    await work()
    return time.perf_counter() - started, processor() - used


def processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + spent.ru_utime + spent.ru_stime


async def measure(repo: Path, mirror: Path, count: int) -> dict[str, Any]:
    source = RemoteSource(repo.as_uri(), "main", "manifests", mirror)
    reader = ManifestReader(source)
    await source.tree(await source.revision())  # the fetch is the network's matter
    bare = peak()
    first = await timed(reader.read)
    declared = len((await reader.read()).declared)
    assert declared == count, declared

    async def poll() -> str:
        return await source.revision()

    nothing = sorted([await timed(poll) for _ in range(15)])[7]
    readme = []
    for number in range(5):
        commit = git(repo, "commit-tree", "-m", f"nothing {number}", "-p", "main", "main^{tree}").decode().strip()
        git(repo, "update-ref", "refs/heads/main", commit)
        readme.append(await timed(reader.read))
    one = []
    for number in range(7):
        change(repo, number * 1000 % count, number + 2)
        one.append(await timed(reader.read))
    assert len((await reader.read()).declared) == count
    figures: dict[str, Any] = {
        "first read": first,
        "nothing changed": nothing,
        "another file changed": sorted(readme)[2],
        "one changed": sorted(one)[3],
        "bare memory": bare,
        "memory": peak(),
    }
    before = children(), handles()
    await asyncio.gather(poll(), poll())
    for _ in range(POLLS):
        await poll()
    figures["left behind"] = [after - known for after, known in zip((children(), handles()), before, strict=True)]
    return figures


def main() -> None:
    """Print the figures."""
    if len(sys.argv) > 2:
        repo, mirror, count = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
        print(json.dumps(asyncio.run(measure(repo, mirror, count))))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        repo = Path(folder) / "repo"
        make(repo, count)
        alone = min(peer(repo) for _ in range(3))
        argv = [sys.executable, __file__, "measure", str(repo), str(Path(folder) / "m.git"), str(count)]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, check=True)
        figures = json.loads(done.stdout)
        started = time.perf_counter()
        git(repo, "rev-parse", "main")
        spawn = time.perf_counter() - started
        print(f"{count:,} manifests of {len(manifest(5000))} bytes; git alone lists and reads them in {alone:.3f} s")
        peers = {"first read": alone, "nothing changed": spawn, "another file changed": spawn, "one changed": spawn}
        names = {"first read": "git alone"}
        for name, limit in peers.items():
            target = f"target {TARGETS[name]:.3f} s" if name in TARGETS else "no target"
            against = names.get(name, "one `git rev-parse`")
            wall, used = figures[name]
            print(f"{name:22} {wall:.3f} s ({used:.3f} s cpu)   {target}   {wall / limit:.1f} times {against}")
        grown = figures["memory"] - figures["bare memory"]
        used = figures["memory"]
        print(f"peak memory            {used:.0f} MiB  target {MEMORY}   {grown:.0f} of them for the manifests")
        processes, files = figures["left behind"]
        print(f"after {POLLS:,} polls       {processes} processes, {files} file handles more   target 0, 0")


main()
