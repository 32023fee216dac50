"""What a git host, a killed git and a full disk do to a watched source: real git, real hosts.

Expected in every case: a condition of the source says what is wrong, everything that was declared stays as it is, and
the next pass after the trouble brings all of it up to date without anybody's help.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_killed import fetching, throttled
from tests.integration.git.test_watching import Watch, manifest
from tests.support.faultlog import note
from tests.support.githttp import GitHttp, git_http
from tests.support.gitrepo import GitRepo
from tests.support.hostile import programs_in
from tests.support.smalldisk import small_disk
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.domain.records import BuildState
from wombat_gitops.services.manifests import ManifestReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.services.reconciler import Outcome

LONG = os.environ.get("WOMBAT_FAULTS") == "long"
ROUNDS = 500 if LONG else 15
MANIFESTS = 10_000 if LONG else 200


class Hosted:
    """A watch of a repository on a host that can be in trouble."""

    def __init__(self, folder: Path, host: GitHttp) -> None:
        self.host = host
        self.repo = GitRepo(folder / "repos" / "team")
        self.repo.commit(manifest("a"))
        source = RemoteSource(
            host.url("team/.git"), "main", "manifests", folder / "m.git", protocols={"http"}, seconds=1.0
        )
        self.watch = Watch(self.repo, folder / "m.git", source)

    async def once(self) -> Outcome:
        return await self.watch.reconciler.once()

    async def reasons(self) -> dict[str, str]:
        return {condition.type: condition.reason for condition in (await self.watch.record()).conditions}

    async def declared(self, name: str) -> bool:
        """Whether a distribution is recorded, and not retired."""
        entry = await self.watch.distributions.get(name)
        return entry is not None and not entry.value.retired


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    with git_http(tmp_path / "repos") as host:
        yield Hosted(tmp_path, host)


@pytest.mark.parametrize(
    ("trouble", "reason", "stalled"),
    [
        ("500", "Unreachable", False),
        ("503", "Unreachable", False),
        ("429", "Unreachable", False),
        ("401", "AccessDenied", True),
        ("403", "AccessDenied", True),
        ("404", "AccessDenied", True),
        ("hang", "TimedOut", False),
        ("slow", "TimedOut", False),
        ("half", "Unreachable", False),
        ("garbage", "Unreachable", False),
    ],
)
async def test_a_host_in_trouble(hosted: Hosted, trouble: str, reason: str, *, stalled: bool) -> None:
    """Each kind of trouble has its reason; only what needs a person is Stalled; one pass later all is well."""
    assert (await hosted.once()).error is None
    hosted.repo.commit(manifest("b"))
    with hosted.host.troubled(trouble):
        outcome = await hosted.once()
        reasons = await hosted.reasons()

        assert outcome.error is not None
        assert reasons["Ready"] == reasons["FetchFailed"] == reason
        assert ("Stalled" in reasons) is stalled
        assert await hosted.declared("a")
        assert (await hosted.once()).written == 0, "trouble that goes on is written once"
    begun = time.monotonic()
    assert (await hosted.once()).error is None

    note(f"git host: {trouble}", time.monotonic() - begun)
    assert await hosted.declared("b")
    assert await hosted.reasons() == {"Ready": "Reconciled"}


@pytest.mark.parametrize("trouble", ["hang", "half", "500"])
async def test_trouble_between_asking_and_fetching(hosted: Hosted, trouble: str) -> None:
    """The host told of a commit and fails while it is fetched: nothing half is used."""
    await hosted.once()
    commit = hosted.repo.commit({**manifest("b"), "noise": random.Random(1).randbytes(50_000).hex()})
    assert await hosted.watch.source.revision() == commit
    with hosted.host.troubled(trouble):
        hosted.watch.source.revision = _always(commit)  # type: ignore[method-assign]
        outcome = await hosted.once()
        assert outcome.error is not None
        assert await hosted.declared("a")
        assert not await hosted.declared("b")
    assert (await hosted.once()).error is None
    assert await hosted.declared("b")


def _always(commit: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    async def revision() -> str:
        return commit

    return revision


async def test_a_host_that_hangs_for_hundreds_of_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptor, child or file is left of any round, also where there is no `ps`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git") or "git")
    monkeypatch.setenv("PATH", str(programs))
    assert shutil.which("ps") is None
    place = tmp_path / "hung.git"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/team.git"
        source = RemoteSource(url, "main", "manifests", place, protocols={"http"}, seconds=0.05)
        hung = Watch(GitRepo(tmp_path / "unused"), place, source)
        assert (await hung.reconciler.once()).error is not None
        opened = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(ROUNDS):
            await hung.reconciler.once()
        assert len(list(Path("/proc/self/fd").iterdir())) <= opened + 2
    assert not programs_in(tmp_path)
    assert not list(tmp_path.glob("hung.git*"))


async def test_a_branch_that_is_deleted_and_comes_back(hosted: Hosted) -> None:
    """RefNotFound, and Stalled since only a person can mend it; nothing is retired; it is looked for again."""
    await hosted.once()
    hosted.repo.git("branch", "-m", "main", "other")
    for _ in range(3):
        await hosted.once()
        assert (await hosted.reasons())["FetchFailed"] == "RefNotFound"
        assert (await hosted.reasons())["Stalled"] == "RefNotFound"
        assert await hosted.declared("a")
    hosted.repo.git("branch", "-m", "other", "main")
    await hosted.once()
    assert await hosted.reasons() == {"Ready": "Reconciled"}


async def test_a_forced_push_to_an_older_commit_builds_nothing(hosted: Hosted) -> None:
    """What was built before is there: the older commit retires what came later, and asks for no build."""
    older = hosted.repo.git("rev-parse", "HEAD")
    await hosted.once()
    hosted.repo.commit(manifest("b"))
    await hosted.once()
    _succeed(hosted.watch)
    asked = len(hosted.watch.builds.requests)
    hosted.repo.git("reset", "--quiet", "--hard", older)
    outcome = await hosted.once()

    assert (outcome.error, outcome.requested) == (None, 0)
    assert len(hosted.watch.builds.requests) == asked
    assert await hosted.declared("a")
    assert not await hosted.declared("b")


async def test_a_forced_push_of_unrelated_history_with_equal_files_builds_nothing(hosted: Hosted) -> None:
    """The same files with another history, dates and all: programs that are published keep their date."""
    await hosted.once()
    _succeed(hosted.watch)
    asked = len(hosted.watch.builds.requests)
    hosted.repo.git("checkout", "-q", "--orphan", "new")
    hosted.repo.commit({"README": "history was written anew\n"})
    hosted.repo.git("branch", "-M", "new", "main")
    outcome = await hosted.once()

    assert (outcome.error, outcome.requested) == (None, 0)
    assert len(hosted.watch.builds.requests) == asked
    assert await hosted.declared("a")


def _succeed(watch: Watch) -> None:
    """Let everything that was asked for be published."""
    done = {key: replace(record, state=BuildState.SUCCEEDED) for key, record in watch.builds.records.items()}
    watch.builds.records.update(done)


async def test_a_renamed_folder_of_many_manifests_builds_nothing(tmp_path: Path) -> None:
    """All paths change and no content: no request, and each record tells its new path."""
    repo = GitRepo(tmp_path / "repo")
    wanted = [f"d{number}" for number in range(MANIFESTS)]
    repo.commit({path: text for name in wanted for path, text in manifest(name, f"manifests/old/{name}").items()})
    watch = Watch(repo, tmp_path / "m.git")
    await watch.reconciler.once()
    _succeed(watch)
    asked = len(watch.builds.requests)
    repo.git("mv", "manifests/old", "manifests/new")
    repo.commit()
    outcome = await watch.reconciler.once()

    assert (outcome.error, outcome.requested, len(watch.builds.requests)) == (None, 0, asked)
    for name in wanted[:: MANIFESTS // 20]:
        entry = await watch.distributions.get(name)
        assert entry is not None
        assert (entry.value.path, entry.value.retired) == (f"manifests/new/{name}.yaml", False)


async def test_two_manifests_of_one_name_never_take_turns(tmp_path: Path) -> None:
    """Neither is used, what was declared before stays as it is, and a hundred passes write nothing more."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a"))
    watch = Watch(repo, tmp_path / "m.git")
    await watch.reconciler.once()
    before = await watch.distributions.get("a")
    repo.commit({path.replace("/a.", "/twin/a."): text for path, text in manifest("a").items()})
    await watch.reconciler.once()
    assert before is not None
    conditions = (await watch.record()).conditions
    assert {condition.type: condition.reason for condition in conditions}["InvalidManifest"] == "ManifestInvalid"
    written = 0
    for _ in range(100):
        watch.clock.forward(61)
        written += (await watch.reconciler.once()).written
    after = await watch.distributions.get("a")

    assert written == 0
    assert after is not None
    assert (after.value.path, after.value.targets) == (before.value.path, before.value.targets)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the child through /proc")
@pytest.mark.parametrize("seed", range(20 if LONG else 2))
async def test_a_fetch_that_is_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    """SIGKILL after any number of bytes leaves nothing behind that the next pass does not mend."""
    chance = random.Random(seed)
    repo = GitRepo(tmp_path / "base" / "repo")
    repo.commit(manifest("a"))
    (repo.path / "noise").write_bytes(chance.randbytes(4 << 20))
    repo.commit()
    place = tmp_path / "m.git"
    async with asyncio.timeout(60), throttled(tmp_path / "base") as server:
        source = RemoteSource(
            f"git://127.0.0.1:{server.port}/repo", "main", "manifests", place, protocols={"git"}, seconds=30
        )
        task = asyncio.create_task(ManifestReader(source).read())
        await server.reached.wait()
        server.held = False
        for group in fetching(server.port):
            os.killpg(group, chance.choice([signal.SIGKILL, signal.SIGTERM]))
        begun = time.monotonic()
        with contextlib.suppress(Exception):
            await task
        again = RemoteSource(source.url, "main", "manifests", place, protocols={"git"}, seconds=30)
        declaration = await ManifestReader(again).read()

    note("git killed while it fetches", time.monotonic() - begun)
    assert [item.distribution.name for item in declaration.declared] == ["a"]
    assert not [path for pattern in ("tmp_*", "*.lock") for path in place.rglob(pattern)]


async def test_a_disk_that_is_full_while_fetching(tmp_path: Path) -> None:
    """The source says so and nothing is retired; with room again the next pass is whole."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a"))
    with small_disk(tmp_path / "disk", "3m") as disk:
        watch = Watch(repo, disk.folder / "m.git")
        assert (await watch.reconciler.once()).error is None
        (repo.path / "noise").write_bytes(random.Random(1).randbytes(5 << 20))
        repo.commit(manifest("b"))
        outcome = await watch.reconciler.once()
        reasons = {condition.type: condition.reason for condition in (await watch.record()).conditions}

        assert outcome.error is not None
        assert outcome.error.hint == "make room on the disk"
        assert reasons["FetchFailed"] == "Unreachable"
        entry = await watch.distributions.get("a")
        assert entry is not None
        assert not entry.value.retired

        disk.resize("64m")
        begun = time.monotonic()
        assert (await watch.reconciler.once()).error is None
        note("disk full while git fetches", time.monotonic() - begun)
        assert await watch.distributions.get("b") is not None


async def test_a_mirror_that_cannot_even_be_made(tmp_path: Path) -> None:
    """A disk without a byte left, from the first pass on: told as such, and mended by room."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a"))
    with small_disk(tmp_path / "disk", "1m") as disk:
        disk.fill()
        watch = Watch(repo, disk.folder / "mirrors" / "m.git")
        outcome = await watch.reconciler.once()
        assert outcome.error is not None
        assert outcome.error.hint == "make room on the disk", repr(outcome.error)
        disk.resize("16m")
        assert (await watch.reconciler.once()).error is None
