"""How builds went, written back to a git host over real HTTP."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.factories import make_spec
from tests.support.githost import TOKEN, GitHost, git_host
from tests.support.stage import Stage, broken, built, declared, queued_build
from wombat_gitops.adapters.githost import HttpStatusWriter
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.domain.catalogue import Condition
from wombat_gitops.domain.commitstatus import CommitState, CommitStatus, StatusTarget
from wombat_gitops.domain.declaration import Declaration, Declared, DesiredBuild
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.errors import Refused, Unreachable, Unverified
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.model import Distribution, Lock, Module
from wombat_gitops.domain.sources import Host
from wombat_gitops.services.pacing import Timing
from wombat_gitops.services.reconciler import Outcome
from wombat_gitops.services.statuses import ATTEMPTS, StatusReporter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

WRONG = "wrong-token-9876"
COMMIT, NEXT = "a" * 40, "b" * 40
BUILD = queued_build()
STATUS = CommitStatus(COMMIT, CommitState.PENDING, "2 builds under way", "https://wombat.example.invalid/builds")


@pytest.fixture
def host() -> Iterator[GitHost]:
    with git_host() as made:
        yield made


def target(host: GitHost, kind: Host = Host.GITEA, token: str = TOKEN) -> StatusTarget:
    api = {Host.GITHUB: "", Host.GITLAB: "/api/v4", Host.GITEA: "/api/v1"}[kind]
    return StatusTarget("main", kind, f"{host.address}{api}", "team/sub group/cat", "wombat", lambda: token)


@pytest.mark.parametrize("kind", list(Host))
async def test_each_host_gets_its_own_form(host: GitHost, kind: Host) -> None:
    """State, description, context and link arrive at the commit of the repository."""
    writer = HttpStatusWriter()
    for state in CommitState:
        await writer.write(target(host, kind), CommitStatus(COMMIT, state, f"is {state}", STATUS.url))
        wanted = "failed" if (kind, state) == (Host.GITLAB, CommitState.FAILURE) else state.value
        assert host.standing(COMMIT) == (wanted, f"is {state}")

    assert host.repository() == "team/sub group/cat"
    assert host.posts[-1][2]["target_url"] == STATUS.url


async def test_the_same_status_again_is_no_failure(host: GitHost) -> None:
    """GitLab refuses to set what is set; that is what was wanted."""
    writer = HttpStatusWriter()
    await writer.write(target(host, Host.GITLAB), STATUS)
    await writer.write(target(host, Host.GITLAB), STATUS)

    assert len(host.posts) == 2


@pytest.mark.parametrize(
    ("code", "kind"),
    [(401, Refused), (403, Refused), (404, Refused), (422, Refused), (429, Unreachable), (502, Unreachable)],
)
async def test_refusals_are_told_apart(host: GitHost, code: int, kind: type[Exception]) -> None:
    """What will never be taken is not tried again; the token is in no message."""
    host.answers = [code]
    with pytest.raises(kind) as caught:
        await HttpStatusWriter().write(target(host), STATUS)

    assert str(code) in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_redirect_is_not_followed(host: GitHost) -> None:
    """The token goes to the API that was set and nowhere else."""
    with git_host() as other:
        for code in (301, 302, 307, 308):
            host.answers, host.location = [code], f"{other.address}/steal"
            with pytest.raises(Refused):
                await HttpStatusWriter().write(target(host), STATUS)
        assert other.posts == []


async def test_a_host_that_is_away(host: GitHost) -> None:
    """No connection is worth another try."""
    gone = target(host)
    with git_host() as other:
        gone = target(other)
    with pytest.raises(Unreachable):
        await HttpStatusWriter(seconds=2).write(gone, STATUS)


def outcome(revision: str = COMMIT, *, problems: tuple[Diagnostic, ...] = (), name: str = "tiny") -> Outcome:
    spec = make_spec(name=name)
    item = Declared(
        Distribution(
            name=name,
            version=spec.version,
            modules=(Module("github.com/redpanda-data/benthos/v4", "v4.76.0"),),
            packages=spec.packages,
            platforms=(spec.platform,),
            toolchain=spec.toolchain,
            path=f"manifests/{name}.yaml",
        ),
        Lock("", ""),
        spec.date,
        "",
        (DesiredBuild(build_id(spec), spec),),
        problems,
    )
    return Outcome(revision, read=True, declaration=Declaration(revision, (item,), problems, 1))


class Run:
    """A reporter over a catalogue that changes."""

    def __init__(self, host: GitHost, stage: Stage, memory: MemoryStore[CommitStatus], token: str = TOKEN) -> None:
        self.host = host
        self.stage = stage
        self.reporter = StatusReporter(
            target(host, token=token),
            HttpStatusWriter(seconds=5),
            stage.catalog,
            memory,
            public_url="https://wombat.example.invalid/",
            random=lambda: 0.5,
            gap=0.001,
            timing=Timing(retry=0.001, retry_cap=0.01),
        )

    async def until(self, found: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not found():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def reporting(
    host: GitHost, folder: Path, memory: MemoryStore[CommitStatus] | None = None, token: str = TOKEN
) -> AsyncIterator[Run]:
    stage = Stage(folder)
    stop = asyncio.Event()
    async with stage.running():
        run = Run(host, stage, memory if memory is not None else MemoryStore[CommitStatus](), token)
        task = asyncio.create_task(run.reporter.run(stop))
        try:
            yield run
        finally:
            stop.set()
            await task


async def test_a_commit_from_pending_to_success(host: GitHost, tmp_path: Path) -> None:
    """Each state is written once, with a link; what does not change is not written again."""
    async with reporting(host, tmp_path) as run:
        run.reporter.observe(outcome())
        await run.until(lambda: host.standing(COMMIT) == ("pending", "builds under way, 1 in all"))
        await run.stage.put(BUILD, declared(BUILD))
        await run.stage.put(built(BUILD, b"bytes"))
        await run.until(lambda: host.standing(COMMIT)[0] == "success")
        run.reporter.observe(outcome())
        run.reporter.observe(outcome(NEXT))
        await run.until(lambda: host.standing(NEXT)[0] == "success")

    assert [body["state"] for _, _, body in host.posts] == ["pending", "success", "success"]
    assert [body["target_url"] for _, _, body in host.posts[::2]] == [
        f"https://wombat.example.invalid/builds?q={COMMIT[:12]}",
        "https://wombat.example.invalid/sources#main",
    ]
    assert host.posts[-1][2]["description"] == "1 distribution, 1 build up to date"


async def test_what_is_wrong_is_a_failure(host: GitHost, tmp_path: Path) -> None:
    """A failed build, an invalid manifest, a foreign name, a refused build, a missing signature: each says so."""
    async with reporting(host, tmp_path) as run:

        async def standing(revision: str, seen: Outcome) -> tuple[str, str]:
            run.reporter.observe(seen)
            await run.until(lambda: host.standing(revision)[0] not in {"", "pending"})
            return host.standing(revision)

        await run.stage.put(broken(BUILD), declared(BUILD))
        assert await standing(COMMIT, outcome()) == ("failure", "1 of 1 build failed: tiny linux/amd64")
        assert host.posts[-1][2]["target_url"] == f"https://wombat.example.invalid/builds/{BUILD.id}"
        problem = Diagnostic("manifests/tiny.yaml", 3, 1, "WOM-012", "no")
        wrong = await standing(NEXT, outcome(NEXT, problems=(problem,)))
        assert wrong == ("failure", "1 file cannot be used: manifests/tiny.yaml")
        await run.stage.put(declared(BUILD, source="another"))
        await run.stage.until(lambda: run.stage.catalog.distribution("tiny").source == "another")
        assert await standing("c" * 40, outcome("c" * 40)) == ("failure", "another source declares tiny")
        stalled = Condition("Stalled", True, "BuildRefused", "no", COMMIT, run.stage.clock())
        await run.stage.put(declared(BUILD, conditions=(stalled,)))
        await run.stage.until(lambda: run.stage.catalog.distribution("tiny").source == "main")
        assert await standing("d" * 40, outcome("d" * 40)) == ("failure", "builds are refused: tiny")
        unreadable = replace(stalled, reason="BuildUnreadable")
        await run.stage.put(declared(BUILD, conditions=(unreadable,)))
        await run.stage.until(lambda: run.stage.catalog.distribution("tiny").conditions == (unreadable,))
        told = ("failure", "records of builds cannot be read: tiny")
        assert await standing("f" * 40, outcome("f" * 40)) == told
        unsigned = Outcome(
            error=Unverified("commit is not used: it is not signed", reason="NotSigned", revision="e" * 40)
        )
        assert await standing("e" * 40, unsigned) == ("failure", "commit is not used: it is not signed")


async def test_a_long_description_is_cut(host: GitHost, tmp_path: Path) -> None:
    """No host takes more than 140 characters."""
    async with reporting(host, tmp_path) as run:
        run.reporter.observe(Outcome(error=Unverified("x" * 500, reason="NotSigned", revision=COMMIT)))
        await run.until(lambda: host.standing(COMMIT) == ("failure", "x" * 139 + "…"))


async def test_a_restart_writes_nothing_twice(host: GitHost, tmp_path: Path) -> None:
    """What was written last is remembered by the broker, not by the process."""
    memory = MemoryStore[CommitStatus]()
    for number in range(2):
        async with reporting(host, tmp_path / str(number), memory) as run:
            await run.stage.put(built(BUILD, b"bytes"), declared(BUILD))
            await run.stage.until(lambda run=run: BUILD.id in run.stage.catalog.known_builds())  # type: ignore[misc]
            run.reporter.observe(outcome())
            await run.until(lambda: host.standing(COMMIT)[0] == "success")
            run.reporter.observe(outcome(NEXT if number else COMMIT))
            if number:
                await run.until(lambda: host.standing(NEXT)[0] == "success")

    assert [path.rpartition("/")[2] for path, _, _ in host.posts] == [COMMIT, NEXT]


async def test_tries_are_bounded_and_nothing_waits(host: GitHost, tmp_path: Path) -> None:
    """A host in trouble is asked a few times; the trouble is told, and the next change starts anew."""
    host.answers = [503] * ATTEMPTS
    with capture_logs() as said:
        async with reporting(host, tmp_path) as run:
            run.reporter.observe(outcome())
            await run.until(lambda: len(host.posts) == ATTEMPTS and "status_not_written" in str(said))
            assert "answered 503" in run.reporter.failure
            run.reporter.observe(outcome())
            await run.stage.put(BUILD)
            await run.stage.put(built(BUILD, b"bytes"), declared(BUILD))
            await run.until(lambda: host.standing(COMMIT)[0] == "success" and not run.reporter.failure)

    assert len(host.posts) == ATTEMPTS + 1
    assert TOKEN not in str(said)


async def test_a_bad_token_is_tried_once(host: GitHost, tmp_path: Path) -> None:
    """What the host refuses for good is asked once for each state."""
    with capture_logs() as said:
        async with reporting(host, tmp_path, token=WRONG) as run:
            run.reporter.observe(outcome())
            await run.until(lambda: "status_not_written" in str(said))
            run.reporter.observe(outcome())
            await run.stage.put(queued_build(5, name="unrelated"))

    assert len(host.posts) == 1
    assert WRONG not in str(said)
