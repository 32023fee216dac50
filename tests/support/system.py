"""The whole system as its users run it: real processes, a real broker, a real repository, the real Go compiler.

Only the modules are fake: a proxy folder that the test wrote (tests/support/goproxy.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.support.goproxy import BENTHOS, GoProxy, distribution
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.model import Module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

CHECKOUT = Path(__file__).parents[2]
SECONDS = 90.0
"""Longest wait for anything; the machine may be busy with other tests."""
SHORT_LEASE = {"WOMBAT_LEASE_SECONDS": "3"}
"""For tests that end builders; elsewhere a machine that stands still for so long must not cost an attempt."""
COMMITS = {"WOMBAT_REF": "main"}
"""For tests that commit under a watcher: between a write and its commit the work tree is a build of its own."""


class Role:
    """One process of the system; its standard error is kept in a file."""

    def __init__(self, name: str, argv: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._file = log.open("ab")
        self.process = subprocess.Popen(
            argv, env=dict(env), stdin=subprocess.DEVNULL, stdout=self._file, stderr=self._file, start_new_session=True
        )

    def signal(self, number: signal.Signals) -> None:
        """Signal the process itself, not what it started."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()
        self._file.close()

    def stop(self) -> int:
        """End it as an operator does; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._file.close()
        return status

    @property
    def said(self) -> str:
        """Everything it printed."""
        return self.log.read_text()


class System:
    """A repository with manifests, and roles that work on it."""

    def __init__(self, folder: Path, proxy: GoProxy, go_data: Path) -> None:
        self.folder = folder
        self.proxy = proxy
        self.repo = folder / "repo"
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        # The compiler's caches are shared between tests, so that the standard library is compiled once.
        (self.data / "go").symlink_to(go_data)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "WOMBAT_DATA": str(self.data),
            "WOMBAT_REPO": str(self.repo),
            "WOMBAT_PORT": "0",
            "WOMBAT_INTERVAL": "1",
            "NO_COLOR": "1",
            "PYTHONPATH": str(CHECKOUT),
            **proxy.environment,
        }
        self.roles: list[Role] = []
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str) -> str:
        """Run git in the repository."""
        self.repo.mkdir(exist_ok=True)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_AUTHOR_DATE": "2026-10-01T10:00:00Z",
            "GIT_COMMITTER_DATE": "2026-10-01T10:00:00Z",
        }
        who = ["-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *who, *args], cwd=self.repo, env=env, check=True, capture_output=True, text=True
        ).stdout

    def write(
        self,
        name: str = "tiny",
        *,
        version: str = "1.0.0",
        packages: Iterable[str] = ("pure", "io"),
        platforms: Iterable[str] = ("linux/amd64",),
        core: str = "v4.76.0",
    ) -> None:
        """Write a manifest and its lock into the work tree."""
        folder = self.repo / "manifests"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(
            f"apiVersion: wombat/v1\nkind: Distribution\nname: {name}\nversion: {version}\nbenthos: {core}\n"
            f"packages: [{', '.join(packages)}]\nplatforms: [{', '.join(platforms)}]\n"
        )
        declared = distribution(name, packages, core=core, platforms=platforms)
        files = render_lock(declared, self.proxy.lock([Module(BENTHOS, core)]))
        lock = folder / f"{name}.lock"
        lock.mkdir(exist_ok=True)
        (lock / "go.mod").write_text(files.go_mod)
        (lock / "go.sum").write_text(files.go_sum)

    def commit(self, message: str = "change manifests") -> None:
        """Commit the whole work tree."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def start(self, *args: str, **env: str) -> Role:
        """Start `wombat *args*` as a process of its own."""
        name = f"{args[0]}-{len(self.roles)}"
        role = Role(
            name, [sys.executable, "-m", "wombat_gitops", *args], {**self.env, **env}, self.folder / f"{name}.log"
        )
        self.roles.append(role)
        return role

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `wombat *args*` to its end, in the repository."""
        return subprocess.run(
            [sys.executable, "-m", "wombat_gitops", *args],
            env={**self.env, **env},
            cwd=self.repo,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def close(self) -> None:
        """End every process that still runs."""
        for role in reversed(self.roles):
            if role.process.poll() is None:
                role.process.kill()
                role.process.wait()
            role._file.close()
        self._end_broker()

    def _end_broker(self) -> None:
        """End the broker that a killed `wombat up` has left: its next start would, and there is none."""
        folder = self.data / "broker"
        with contextlib.suppress(OSError, ValueError):
            pid = int((folder / "nats-server.pid").read_text())
            if str(folder / "nats-server.conf").encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

    @property
    def api(self) -> str:
        """Address of the API of the `wombat up` that runs."""
        return str(json.loads((self.data / "up.json").read_text())["api"])

    def get(self, path: str, base: str = "") -> Any:
        """JSON of the API."""
        with urllib.request.urlopen((base or self.api) + path, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    async def until(self, found: Callable[[], Any], what: str) -> Any:
        """Wait until *found* gives something true; failures to look count as nothing."""
        last: object = None
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    try:
                        last = await asyncio.to_thread(found)
                        if last:
                            return last
                    except (OSError, ValueError, KeyError, IndexError) as error:
                        last = error
                    await asyncio.sleep(0.02)
        except TimeoutError:
            said = "\n".join(f"--- {role.name}\n{role.said[-3000:]}" for role in self.roles)
            pytest.fail(f"{what} did not happen; last seen: {last!r}\n{said}")

    async def until_state(self, name: str, state: str, *, version: str = "", base: str = "") -> list[dict[str, Any]]:
        """Wait until every build of a distribution is in *state*; returns them.

        Where there are builds of commits, those of a work tree before them do not count.
        """

        def look() -> list[dict[str, Any]] | None:
            found = self.get(f"/api/v1/builds?name={name}&version={version}&limit=200", base)["items"]
            builds = [build for build in found if not build["date"].startswith("1970-")] or found
            return builds if builds and all(build["state"] == state for build in builds) else None

        found: list[dict[str, Any]] = await self.until(look, f"`{name}` {version} {state}")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def system(tmp_path: Path, go_proxy: GoProxy, go_data: Path) -> Iterator[System]:
    """A system with an empty repository and nothing running."""
    with ExitStack() as stack:
        yield stack.enter_context(System(tmp_path / "system", go_proxy, go_data))
