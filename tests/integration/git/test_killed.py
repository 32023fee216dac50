"""A git that is killed in the middle of a fetch."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.gitrepo import GitRepo
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.domain.errors import WombatError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HELD = 600_000


class Throttle:
    """A git server that stops in the middle of a large answer for as long as `held` is set."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.held = True
        self.reached = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        daemon = await asyncio.create_subprocess_exec(
            *("git", "daemon", "--inetd", "--export-all", f"--base-path={self.base}", str(self.base)),
            start_new_session=True,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        )
        assert daemon.stdin
        assert daemon.stdout
        upload = asyncio.create_task(self._forward(reader, daemon.stdin))
        try:
            sent = 0
            while data := await daemon.stdout.read(16384):
                sent += len(data)
                writer.write(data)
                await writer.drain()
                if self.held and sent > _HELD:
                    self.reached.set()
                    break
            if self.held and sent > _HELD:
                await upload  # ends when the client is gone
        except ConnectionError:
            pass
        finally:
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            await daemon.stdout.read()  # what is left, since a pipe nobody reads never ends
            await daemon.wait()
            writer.close()

    @staticmethod
    async def _forward(reader: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await reader.read(16384):
            target.write(data)
            await target.drain()


@asynccontextmanager
async def throttled(base: Path) -> AsyncIterator[Throttle]:
    throttle = Throttle(base)
    server = await asyncio.start_server(throttle.serve, "127.0.0.1", 0)
    throttle.port = server.sockets[0].getsockname()[1]
    async with server:
        yield throttle


def fetching(port: int) -> set[int]:
    """Process groups of the git programs that talk to *port*."""
    groups = set[int]()
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            if entry.name.isdigit() and b"fetch" in command and str(port).encode() in command:
                groups.add(os.getpgid(int(entry.name)))
        except OSError:
            continue
    return groups


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the child through /proc")
async def test_a_killed_fetch_leaves_a_mirror_that_works(tmp_path: Path) -> None:
    """SIGKILL in the middle of a pack fails that fetch; the next one succeeds, and no leftover stays."""
    repo = GitRepo(tmp_path / "base" / "repo")
    repo.write({"manifests/a.yaml": "a\n"})
    (repo.path / "noise").write_bytes(random.Random(1).randbytes(4 << 20))
    commit = repo.commit()
    mirror = tmp_path / "m.git"
    async with asyncio.timeout(60), throttled(tmp_path / "base") as server:
        url = f"git://127.0.0.1:{server.port}/repo"
        source = RemoteSource(url, "main", "manifests", mirror, protocols={"git"}, seconds=30)
        revision = await source.revision()
        task = asyncio.create_task(source.tree(revision))
        await server.reached.wait()
        server.held = False
        groups = fetching(server.port)
        assert groups
        for group in groups:
            os.killpg(group, signal.SIGKILL)
        with contextlib.suppress(WombatError):
            await task
        tree = await RemoteSource(url, "main", "manifests", mirror, protocols={"git"}, seconds=30).tree(revision)

    assert revision == commit
    assert [entry.path for entry in tree.entries] == ["manifests/a.yaml"]
    assert not list(mirror.rglob("tmp_*"))
    assert not list(mirror.rglob("*.lock"))
