"""What clients, pull requests and foreign messages do to the parts that face them.

Expected: memory and descriptors stay bounded, whoever is served gets the right bytes, and what is refused says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cli.test_github import Job, api, files, job
from tests.integration.api.test_hooks import Site, site_of
from tests.integration.nats.test_many_sources import repository, running
from tests.support.api import served
from tests.support.downloadserver import block
from tests.support.factories import ManualClock
from tests.support.hooks import SECRET, URL, push_body, signed
from tests.support.manifests import SMALL
from tests.support.stage import Stage
from wombat_gitops.adapters.nats.refreshing import NatsRefresher
from wombat_gitops.cli import exits
from wombat_gitops.domain.report import MARKER
from wombat_gitops.domain.sources import Host
from wombat_gitops.domain.webhooks import Hook
from wombat_gitops.services.webhooks import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.broker import TestBroker
    from tests.support.githubapi import Api

__all__ = ["api", "job"]

LONG = os.environ.get("WOMBAT_FAULTS") == "long"
CHECKOUT = Path(__file__).parents[2]
MIB = 1 << 20
READERS, MEBIBYTES, PIECE = (200, 100, 100) if LONG else (60, 24, 6)
MOST_MEMORY = 256 * MIB


@dataclass(frozen=True, slots=True)
class Served:
    """A server in a process of its own."""

    pid: int
    address: str
    sha256: str

    @property
    def peak(self) -> int:
        """The most memory that it had so far, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

    @property
    def opened(self) -> int:
        """Its descriptors."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.downloadserver", str(folder), str(MEBIBYTES)),
        cwd=CHECKOUT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        address, sha256 = (await process.stdout.readline()).decode().split()
        yield Served(process.pid, address, sha256)
    finally:
        process.stdin.close()
        await process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process had at most")
async def test_many_readers_of_parts_at_once(tmp_path: Path) -> None:
    """Every part is right, a tenth of the readers leave in the middle, and neither memory nor descriptors grow."""
    chance = random.Random(40)
    async with serving(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.address, timeout=60, limits=_UNBOUNDED) as client:
            assert (await client.get(f"/dl/sha256/{server.sha256}", headers={"Range": "bytes=0-0"})).status_code == 206
        idle = server.opened
        before = server.peak

        async def read(leaves: bool) -> None:
            start = chance.randrange((MEBIBYTES - PIECE) * MIB + 1)
            end = start + PIECE * MIB
            async with (
                httpx.AsyncClient(base_url=server.address, timeout=60) as client,
                client.stream(
                    "GET", f"/dl/sha256/{server.sha256}", headers={"Range": f"bytes={start}-{end - 1}"}
                ) as answer,
            ):
                assert answer.status_code == 206
                at = start
                async for data in answer.aiter_bytes(MIB):
                    assert data == _bytes_of(at, len(data))
                    at += len(data)
                    if leaves:
                        return
                assert at == end

        async with asyncio.TaskGroup() as group:
            for number in range(READERS):
                group.create_task(read(number % 10 == 9))
        async with asyncio.timeout(60):
            while server.opened > idle + 2:
                await asyncio.sleep(0.02)

        print(
            f"{READERS} readers of {PIECE} MiB: memory {before / MIB:.0f} MiB before, {server.peak / MIB:.0f} at most"
        )
        assert server.peak < MOST_MEMORY


_UNBOUNDED = httpx.Limits(max_connections=None)


def _bytes_of(start: int, size: int) -> bytes:
    first, last = start // MIB, (start + size) // MIB
    whole = b"".join(block(index) for index in range(first, last + 1))
    return whole[start - first * MIB :][:size]


def test_a_pull_request_of_hundreds_of_wrong_manifests(job: Job, api: Api) -> None:
    """Ten annotations, a summary and a comment that GitHub takes, exit 3; the second push edits the same comment."""
    base = job.repo.commit(files(SMALL))
    wrong = {
        f"manifests/wrong{number}.yaml": SMALL.replace("name: example", f"name: wrong{number}\nodd: ${{{{ x }}}}")
        for number in range(500)
    }
    for push in range(2):
        mended = {"manifests/wrong0.yaml": None} if push else {}
        job.repo.commit({**wrong, **mended})
        job.pull_request(base)
        status, out = job.run("validate")
        commands = [line for line in out.splitlines() if line.startswith("::error")]
        summary = job.summary.encode()

        assert status == 3
        assert len(commands) == 10
        assert commands[-1].endswith(f"and {491 - push} more, see the summary of this job")
        assert len(summary) < 1024 * 1024
        assert (b"${{" in summary) is False

        (job.root / "GITHUB_STEP_SUMMARY").write_text("")
        assert job.run("comment", job.outputs["plan-json"])[0] == exits.OK
    (comment,) = api.comments
    assert comment["body"].startswith(MARKER)
    assert len(comment["body"]) < 65_536
    assert [line.split()[0] for line in api.asked if not line.startswith("GET")] == ["POST", "PATCH"]


HOOKS = [Hook("on-github", Host.GITHUB, URL, "main", lambda: SECRET)]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(tmp_path, HOOKS) as made:
        yield made


async def test_a_thousand_forged_and_repeated_messages(site: Site) -> None:
    """Wrong signatures are 401, repetitions do nothing, and the one true message among them is passed on once."""
    body = push_body("github")
    chance = random.Random(43)
    kinds = chance.sample(["forged", "unsigned", "changed"] * 333 + ["true"], 1000)
    answers: dict[str, set[int]] = {}
    for kind in kinds:
        headers = signed("github", body, secret="a guess" if kind == "forged" else SECRET)
        if kind == "unsigned":
            del headers["X-Hub-Signature-256"]
        sent = body + b" " if kind == "changed" else body
        answers.setdefault(kind, set()).add(await site.send("on-github", sent, headers))
    repeated = {await site.send("on-github", body, signed("github", body)) for _ in range(50)}

    assert answers == {"forged": {401}, "unsigned": {401}, "changed": {401}, "true": {202}}
    assert repeated == {204}
    assert site.watchers.asked == ["on-github"]


async def test_a_gigabyte_is_refused_unread(site: Site) -> None:
    """A body without end is answered with 413 or cut off after a fraction of it; the next message is read."""
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(16_000):
            sent += 65_536
            yield bytes(65_536)

    with contextlib.suppress(httpx.TransportError):
        answer = await site.client.post("/api/v1/hooks/on-github", content=chunks())
        assert answer.status_code == 413
    assert sent < 48 * MIB, "so much is skipped at most, for the sender to hear the answer"
    body = push_body("github")
    assert await site.send("on-github", body, signed("github", body)) == 202


async def test_a_thousand_true_messages_are_few_looks(broker: TestBroker, tmp_path: Path) -> None:
    """Over the real API, broker and watcher: each message is another one, and the host is asked a few times only."""
    repo = repository(tmp_path / "one", "a")
    text = f"- {{url: {repo.url}, branch: main, interval: 1h}}\n"
    async with running(broker, tmp_path, text) as run:
        await run.declared("a")
        source = run.sources[0].source
        hook = Hook(source.id, Host.GITEA, repo.url, "main", lambda: SECRET)
        looks = 0
        revision = source.revision

        async def counted() -> str:
            nonlocal looks
            looks += 1
            return await revision()

        source.revision = counted  # type: ignore[method-assign]
        clock = ManualClock()
        refresher = NatsRefresher(run.spine.connection)
        receiver = WebhookReceiver([hook], refresher, lambda: clock().timestamp(), clock.monotonic)
        async with served(Stage(tmp_path / "site"), hooks=receiver) as client:
            codes = set()
            for number in range(1_001):
                commit = repo.commit({"README": "the last push\n"}) if number == 1_000 else ""
                body = push_body("gitea", url=repo.url, number=number)
                headers = signed("gitea", body, delivery=f"d-{number}")
                codes.add((await client.post(f"/api/v1/hooks/{source.id}", content=body, headers=headers)).status_code)
            await run.until(lambda: run.look(0).revision == commit)

    assert codes <= {202, 204}
    print(f"1,001 messages: {looks} looks")
    assert looks < 50
