"""From a real commit to requested builds, through the real reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.buildclient import MemoryBuilds
from tests.support.factories import ManualClock
from tests.support.gitrepo import GitRepo
from tests.support.manifests import LOCK, SMALL
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.adapters.memory import MemoryStore
from wombat_gitops.domain.catalogue import DistributionRecord, SourceRecord
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.services.reconciler import Reconciler

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.ports import ManifestSource


def manifest(name: str, path: str = "") -> dict[str, str | None]:
    """A manifest of that name and its lock."""
    stem = path or f"manifests/{name}"
    text = SMALL.replace("name: example", f"name: {name}")
    distribution = read_manifest(f"{stem}.yaml", text.encode()).distribution
    assert distribution is not None
    files = render_lock(distribution, LOCK)
    return {f"{stem}.yaml": text, f"{stem}.lock/go.mod": files.go_mod, f"{stem}.lock/go.sum": files.go_sum}


class Watch:
    """A reconciler of a remote branch over stores in memory."""

    def __init__(self, repo: GitRepo, mirror: Path, source: ManifestSource | None = None) -> None:
        self.source = source or RemoteSource(repo.url, "main", "manifests", mirror)
        self.sources = MemoryStore[SourceRecord]()
        self.builds = MemoryBuilds()
        self.distributions = MemoryStore[DistributionRecord]()
        self.clock = ManualClock()
        self.reconciler = Reconciler(
            self.source,
            ManifestReader(self.source),
            self.builds,
            self.sources,
            self.distributions,
            self.clock,
            random=lambda: 0.5,
            monotonic=self.clock.monotonic,
        )

    async def record(self) -> SourceRecord:
        """What is recorded of the source."""
        entry = await self.sources.get(self.source.id)
        assert entry is not None
        return entry.value


async def ids(source: ManifestSource) -> set[str]:
    declaration = await ManifestReader(source).read()
    return {build.id for item in declaration.declared for build in item.builds}


async def test_one_commit_has_one_set_of_builds(tmp_path: Path) -> None:
    """Work tree, revision and remote branch ask for the same builds."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a"))
    repo.commit(manifest("b"))
    remote = RemoteSource(repo.url, "main", "manifests", tmp_path / "m.git")

    wanted = await ids(remote)

    assert wanted
    assert await ids(RevisionSource(repo.path, "main", "manifests")) == wanted
    assert await ids(WorkTreeSource(repo.path, "manifests")) == wanted


async def test_a_push_that_touches_no_manifest_builds_nothing(tmp_path: Path) -> None:
    """A commit to the README leads to no request; only the source says that it was read there."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a"))
    watch = Watch(repo, tmp_path / "m.git")
    first = await watch.reconciler.once()
    repo.commit({"README": "more\n"})
    second = await watch.reconciler.once()

    assert (first.error, second.error) == (None, None)
    assert first.requested > 0
    assert second.read
    assert (second.requested, second.written) == (0, 1)


async def test_a_deleted_branch_prunes_nothing(tmp_path: Path) -> None:
    """The branch is gone, its distributions are not."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a") | manifest("b"))
    watch = Watch(repo, tmp_path / "m.git")
    await watch.reconciler.once()
    repo.git("branch", "-m", "main", "other")
    await watch.reconciler.once()
    entry = await watch.distributions.get("a")

    assert entry is not None
    assert not entry.value.retired


async def test_a_forced_push_ends_with_its_own_distributions(tmp_path: Path) -> None:
    """Unrelated history: what it declares is recorded, what it lacks is retired."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a") | manifest("b"))
    watch = Watch(repo, tmp_path / "m.git")
    await watch.reconciler.once()
    repo.git("checkout", "-q", "--orphan", "new")
    repo.git("rm", "-rfq", ".")
    repo.commit(manifest("b") | manifest("c"))
    repo.git("branch", "-M", "new", "main")
    await watch.reconciler.once()
    entries = {name: await watch.distributions.get(name) for name in "abc"}

    assert {name: entry.value.retired for name, entry in entries.items() if entry} == {
        "a": True,
        "b": False,
        "c": False,
    }


async def test_a_confirmation_beside_the_manifests_lets_many_go(tmp_path: Path) -> None:
    """Nothing of a mass removal is retired until their names are committed to `RETIRED`; it is no manifest itself."""
    repo = GitRepo(tmp_path / "repo")
    repo.commit(manifest("a") | manifest("b") | manifest("c"))
    watch = Watch(repo, tmp_path / "m.git")
    await watch.reconciler.once()
    repo.git("rm", "-rq", "manifests/b.yaml", "manifests/b.lock", "manifests/c.yaml", "manifests/c.lock")
    repo.commit()
    await watch.reconciler.once()
    assert "PruneBlocked" in {each.type for each in (await watch.record()).conditions}

    repo.commit({"manifests/RETIRED": "# moved to another team\nb\nc  # both\n"})
    await watch.reconciler.once()
    entries = {name: await watch.distributions.get(name) for name in "abc"}

    assert {name: entry.value.retired for name, entry in entries.items() if entry} == {"a": False, "b": True, "c": True}
    record = await watch.record()
    assert ([each.reason for each in record.conditions], record.manifests, record.invalid) == (["Reconciled"], 1, 0)
