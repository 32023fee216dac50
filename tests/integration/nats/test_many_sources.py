"""Many sources in one watcher, over a real broker and real repositories."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_watching import manifest
from tests.support.broker import TestBroker, prepared
from tests.support.githost import TOKEN
from tests.support.gitrepo import GitRepo
from tests.support.hooks import SECRET
from tests.support.signing import allow, commit_with_ssh, ssh_key
from wombat_gitops.adapters.nats.refreshing import NatsRefresher
from wombat_gitops.domain.catalogue import SourceLook
from wombat_gitops.domain.errors import InvalidSources, NotFound
from wombat_gitops.domain.subjects import SOURCE_REFRESH, source_look
from wombat_gitops.ports import Put
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.settings import Settings
from wombat_gitops.wiring import roles, watching
from wombat_gitops.wiring.watched import Watched, is_alone, watched_sources, webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from wombat_gitops.services.catalog import Catalog

HEAD = "apiVersion: wombat/v1\nkind: Sources\nsources:\n"


class Running:
    """A service and a watcher of everything in a list of sources."""

    def __init__(self, spine: roles.Backbone, catalog: Catalog, sources: list[Watched]) -> None:
        self.spine = spine
        self.catalog = catalog
        self.sources = sources

    async def until(self, found: Callable[[], object]) -> None:
        """Wait until the catalogue fulfils *found*."""
        async with asyncio.timeout(60):
            while not _holds(found):
                await self.catalog.wait_change(self.catalog.version)

    async def declared(self, *names: str) -> None:
        """Wait until there are distributions of these names."""
        await self.until(lambda: [self.catalog.distribution(name) for name in names])

    def reasons(self, index: int) -> dict[str, str]:
        """The conditions of a source."""
        identity = self.sources[index].source.id
        found = [record for record in self.catalog.sources() if record.id == identity]
        return {each.type: each.reason for record in found for each in record.conditions}

    def look(self, index: int) -> SourceLook:
        identity = self.sources[index].source.id
        return self.catalog.looks().get(identity, SourceLook(identity))


def _holds(found: Callable[[], object]) -> object:
    try:
        return found()
    except NotFound:
        return False


@asynccontextmanager
async def running(broker: TestBroker, folder: Path, text: str, *, alone: bool = True) -> AsyncIterator[Running]:
    file = folder / "sources.yaml"
    file.write_text(f"alone: {str(alone).lower()}\n{HEAD}{text}")
    settings = Settings(data=folder / "data", sources=file)
    sources = watched_sources(settings)
    stop = asyncio.Event()
    async with roles.backbone(settings, broker.url, "up") as spine:
        catalog = spine.catalog()
        how = watching.Watching("https://wombat.example.invalid", catalog, is_alone(settings))
        async with asyncio.TaskGroup() as group:
            group.create_task(catalog.run(stop))
            await catalog.ready.wait()
            group.create_task(roles.service(spine, settings, catalog, stop))
            async for change in spine.roles.follow():
                if isinstance(change, Put):  # a service that starts later is news for the watcher
                    break
            group.create_task(watching.watcher(spine, sources, stop, how))
            try:
                yield Running(spine, catalog, sources)
            finally:
                stop.set()


def repository(folder: Path, *names: str) -> GitRepo:
    repo = GitRepo(folder)
    repo.commit({path: text for name in names for path, text in manifest(name).items()})
    return repo


async def test_each_source_is_on_its_own(broker: TestBroker, tmp_path: Path) -> None:
    """One that hangs, one without its branch, one full of nonsense: the good ones are read all the same."""
    one, two = repository(tmp_path / "one", "a"), repository(tmp_path / "two", "b")
    bad = GitRepo(tmp_path / "bad")
    bad.commit({**{f"manifests/{number}.yaml": "&a [*a]\n" for number in range(50)}, **manifest("c")})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silence = f"https://127.0.0.1:{silent.getsockname()[1]}/team/repo.git"
        text = (
            f"- url: {silence}\n- {{url: {one.url}, branch: main}}\n- {{url: {two.url}, branch: gone}}\n"
            f"- {{url: {bad.url}, branch: main}}\n- {{url: two}}\n"
        )
        async with running(broker, tmp_path, text) as run:
            await run.declared("a", "b", "c")
            await run.until(lambda: run.reasons(2).get("FetchFailed") == "RefNotFound")
            await run.until(lambda: run.reasons(3).get("InvalidManifest") == "ManifestInvalid")
            await run.until(lambda: run.look(2).error)

            await run.until(lambda: run.reasons(1) == {"Ready": "Reconciled"})
            assert run.catalog.distribution("c").source == run.sources[3].source.id
            await run.until(lambda: run.look(1).revision == one.git("rev-parse", "HEAD"))
    mirrors = sorted(path.name for path in (tmp_path / "data" / "mirrors").glob("*.git"))
    assert mirrors == sorted(f"{run.sources[index].source.id}.git" for index in (1, 3))


async def test_a_defect_stays_with_its_source(
    broker: TestBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source whose reading breaks by an error of ours is tried again; the others never notice."""
    one, two = repository(tmp_path / "one", "a"), repository(tmp_path / "two", "b")
    read = ManifestReader.read
    broken: list[str | None] = []

    async def sometimes(self: ManifestReader, revision: str | None = None) -> object:
        if self._source.url == one.url and len(broken) < 2:
            broken.append(revision)
            raise RuntimeError("a defect")
        return await read(self, revision)

    monkeypatch.setattr(ManifestReader, "read", sometimes)
    text = f"- {{url: {one.url}, branch: main}}\n- {{url: {two.url}, branch: main}}\n"
    async with running(broker, tmp_path, text) as run:
        await run.declared("b")
        await run.declared("a")
    assert len(broken) == 2


async def test_a_refresh_is_looked_at_at_once(broker: TestBroker, tmp_path: Path) -> None:
    """What an API elsewhere passes on reaches the watcher; nonsense and unknown sources do nothing."""
    repo = repository(tmp_path / "one", "a")
    text = f"- {{url: {repo.url}, branch: main, interval: 1h}}\n"
    async with running(broker, tmp_path, text) as run, prepared(broker, "api") as other:
        await run.declared("a")
        commit = repo.commit(manifest("b"))
        await other.publish(SOURCE_REFRESH, b"{nonsense")
        await other.publish(SOURCE_REFRESH, b'{"source": "nobody"}')
        await NatsRefresher(other).refresh(run.sources[0].source.id)
        await run.declared("b")
        await run.until(lambda: run.look(0).revision == commit)

        assert run.look(0).via == "webhook"
        assert run.look(0).pushed_at is not None


async def test_a_thousand_refreshes_are_few_looks(broker: TestBroker, tmp_path: Path) -> None:
    """A burst is one look at once and one after it."""
    repo = repository(tmp_path / "one", "a")
    text = f"- {{url: {repo.url}, branch: main, interval: 1h}}\n"
    async with running(broker, tmp_path, text) as run:
        await run.declared("a")
        looks = 0
        source = run.sources[0].source
        revision = source.revision

        async def counted() -> str:
            nonlocal looks
            looks += 1
            return await revision()

        source.revision = counted  # type: ignore[method-assign]
        refresher = NatsRefresher(run.spine.connection)
        for _ in range(500):
            await refresher.refresh(source.id)
        commit = repo.commit(manifest("b"))
        for _ in range(500):
            await refresher.refresh(source.id)
        await run.until(lambda: run.look(0).revision == commit)
    assert 1 <= looks <= 3


async def test_a_name_belongs_to_one_source(broker: TestBroker, tmp_path: Path) -> None:
    """The second source that declares a name does not get it until the first has given it up."""
    one, two = repository(tmp_path / "one", "a", "b"), repository(tmp_path / "two", "c")
    text = f"- {{url: {one.url}, branch: main, interval: 1}}\n- {{url: {two.url}, branch: main, interval: 1}}\n"
    async with running(broker, tmp_path, text) as run:
        await run.declared("a", "b", "c")
        two.commit(manifest("a"))
        await run.until(lambda: run.reasons(1).get("NameConflict") == "NameTaken")
        assert run.catalog.distribution("a").source == run.sources[0].source.id
        one.git("rm", "-rq", "manifests/a.yaml", "manifests/a.lock")
        one.commit()
        await run.until(lambda: run.catalog.distribution("a").retired)
        two.commit({"README": "look again"})
        await run.until(lambda: run.catalog.distribution("a").source == run.sources[1].source.id)


async def test_names_of_a_source_that_is_listed_no_more_are_free_where_nobody_else_watches(
    broker: TestBroker, tmp_path: Path
) -> None:
    """A repository that moved is another source: it gets its names back where the list says that it is the only one."""
    repo = repository(tmp_path / "one", "a")
    async with running(broker, tmp_path, f"- {{url: {repo.url}, branch: main}}\n") as run:
        await run.declared("a")
    repo.path.rename(tmp_path / "moved")
    moved = f"- {{url: {(tmp_path / 'moved').as_uri()}, branch: main}}\n"
    async with running(broker, tmp_path, moved, alone=False) as run:
        await run.until(lambda: run.reasons(0).get("NameConflict") == "NameTaken")
    async with running(broker, tmp_path, moved) as run:
        await run.until(lambda: run.catalog.distribution("a").source == run.sources[0].source.id)
        await run.until(lambda: run.reasons(0) == {"Ready": "Reconciled"})
        looked = run.look(0)
    assert looked.polled_at is not None
    assert looked.due_at == looked.polled_at + timedelta(seconds=2 * 30 + 600)


async def test_who_signed_is_shown(broker: TestBroker, tmp_path: Path) -> None:
    """A source that demands signatures shows who signed, and that the newest commit is not used where nobody did."""
    repo, key = GitRepo(tmp_path / "repo"), ssh_key(tmp_path, "ada")
    good = commit_with_ssh(repo, key, manifest("a"))
    allow(tmp_path / "allowed", key)
    text = f"""
- url: {repo.url}
  branch: main
  interval: 1
  verify: {{ssh: {{allowed_signers: allowed}}}}
"""
    async with running(broker, tmp_path, text) as run:
        await run.declared("a")
        await run.until(lambda: run.look(0).verified)
        assert (run.look(0).revision, run.look(0).signer) == (good, "ada@example.invalid")
        bad = repo.commit(manifest("b"))
        await run.until(lambda: run.look(0).revision == bad)
        assert (run.look(0).verified, run.look(0).signer) == (False, "")
        await run.until(lambda: run.reasons(0).get("VerificationFailed") == "NotSigned")
        assert run.catalog.sources()[0].revision == good


@pytest.mark.parametrize(
    ("entry", "api", "repository"),
    [
        ("url: https://github.com/team/cat.git", "https://api.github.com", "team/cat"),
        ("url: git@gitlab.com:team/sub/cat.git", "https://gitlab.com/api/v4", "team/sub/cat"),
        ("url: ssh://git@codeberg.org/team/cat", "https://codeberg.org/api/v1", "team/cat"),
        ("url: https://git.h.invalid:8443/t/cat, HOST: gitea", "https://git.h.invalid:8443/api/v1", "t/cat"),
        ("url: ssh://git@git.h.invalid:2222/t/cat, HOST: github", "https://git.h.invalid/api/v3", "t/cat"),
    ],
)
def test_where_statuses_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, api: str, repository: str
) -> None:
    """The API is that of the host in the source's own URL, so a token is sent nowhere else."""
    monkeypatch.setenv("STATUS_TOKEN", TOKEN)
    url, _, host = entry.partition(", HOST: ")
    file = tmp_path / "sources.yaml"
    software = f"host: {host}, " if host else ""
    file.write_text(f"{HEAD}- {url}\n  status: {{{software}token: {{env: STATUS_TOKEN}}}}\n")
    (item,) = watched_sources(Settings(data=tmp_path / "data", sources=file))

    assert item.status is not None
    assert (item.status.api, item.status.repository, item.status.token()) == (api, repository, TOKEN)


async def test_looks_are_written_when_there_is_news(broker: TestBroker, tmp_path: Path) -> None:
    """A source that nothing happens to costs no writes, however often it is looked at."""
    repo = repository(tmp_path / "one", "a")
    async with running(broker, tmp_path, f"- {{url: {repo.url}, branch: main, interval: 1}}\n") as run:
        await run.declared("a")
        await run.until(lambda: run.look(0).polled_at)
        entry = await run.spine.looks.get(source_look(run.sources[0].source.id))
        for _ in range(5):
            await NatsRefresher(run.spine.connection).refresh("nobody")
        await asyncio.sleep(2.5)  # two polls
        after = await run.spine.looks.get(source_look(run.sources[0].source.id))
    assert entry is not None
    assert after is not None
    assert entry.revision == after.revision


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- url: ext::sh -c true", 4, "not allowed as the URL"),
        ("- url: http://git.example.invalid/a/b", 4, "transport `http`"),
        ("- url: https://me:hunter2@git.example.invalid/a/b", 4, "may hold no password"),
        ("- url: --upload-pack=touch", 4, "there is no folder"),
        ("- url: ssh://-oProxyCommand=touch/x", 4, "not allowed as the URL"),
        ("- {url: https://git.example.invalid/a/b, branch: --all}", 4, "not the name of a branch"),
        ("- {url: https://git.example.invalid/a/b, folder: ../..}", 4, "not a folder inside"),
        ("- url: nowhere", 4, "there is no folder"),
        (
            "- url: https://git.example.invalid/a/b\n- url: https://git.example.invalid/a/b",
            5,
            "stand in entry 1 already",
        ),
        ("- url: .\n  verify: {gpg: {keys: [a]}}", 5, "a work tree has no signature"),
        ("- url: https://h.invalid/a/b\n  verify: {gpg: {keys: [a]}}", 5, "the file `a` cannot be read"),
        ("- url: https://h.invalid/a/b\n  status: {token: {env: NOBODY}}", 5, "which software"),
        ("- url: https://github.com/a/b\n  status: {token: {env: NOBODY}}", 5, "variable `NOBODY` holds no secret"),
        ("- url: https://github.com/a/b\n  status: {token: {file: gone}}", 5, "cannot be read"),
        ("- url: ssh://h.invalid/a/b\n  credentials: {password: {env: HOME}}", 5, "only an https URL"),
        (
            "- url: https://github.com/a/b\n  status: {token: {env: HOME}, api: http://api.invalid}",
            5,
            "only sent over https",
        ),
    ],
)
def test_a_source_that_cannot_be_is_told_where_it_stands(tmp_path: Path, text: str, line: int, words: str) -> None:
    """Nothing is started, nothing is executed, and each problem has its line."""
    file = tmp_path / "sources.yaml"
    file.write_text(f"{HEAD}{text}\n")
    with pytest.raises(InvalidSources) as caught:
        watched_sources(Settings(data=tmp_path / "data", sources=file))

    (problem,) = caught.value.diagnostics
    assert problem.line == line
    assert words in problem.message
    assert "hunter2" not in problem.message
    assert not (tmp_path / "data").exists()


def test_webhooks_and_sources_have_the_same_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API refreshes is what the watcher watches, also where a password is needed to read it."""
    monkeypatch.setenv("SOME_SECRET", SECRET)
    file = tmp_path / "sources.yaml"
    file.write_text(
        f"""{HEAD}
- url: https://git.example.invalid/a/b.git
  credentials: {{password: {{env: SOME_SECRET}}}}
  webhook: {{host: gitea, secret: {{env: SOME_SECRET}}}}
- url: git@github.com:a/b.git
  branch: refs/heads/release
  folder: ./x/
  webhook: {{secret: {{env: SOME_SECRET}}}}
"""
    )
    settings = Settings(data=tmp_path / "data", sources=file)
    watched, hooks = watched_sources(settings), webhooks(settings)

    assert [hook.source for hook in hooks] == [item.source.id for item in watched]
    assert [hook.secret() for hook in hooks] == [SECRET, SECRET]
    assert all(SECRET not in item.source.url for item in watched)
