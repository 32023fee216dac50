"""Repositories that are more than fits anywhere: bounded, told, and nothing that was there is given up for them."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_killed import throttled
from tests.integration.git.test_watching import Watch
from tests.support.hostile import GOOD, Entry, Hostile, delta_bomb, names, programs_in
from wombat_gitops.adapters.git.objects import MOST_ENTRIES
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.domain.errors import Refused, TooLarge
from wombat_gitops.domain.manifest.rules import ODD_PATH
from wombat_gitops.services.manifests import MOST_MANIFESTS, ManifestReader

if TYPE_CHECKING:
    from collections.abc import Iterator


PATH_MAX = 4096


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path / "hostile")


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n",
        "[" * 100_000,
        "x: !!python/object/apply:os.system ['touch canary']\n",
        "tags: [" + "*a, {}, " * 1_000 + "]\n",
        "name: x\n" * 20_000,
        "\x00" * 1000,
    ],
    ids=["aliases", "depth", "object", "broken", "keys", "nulls"],
)
async def test_a_yaml_bomb_harms_nobody(hostile: Hostile, tmp_path: Path, text: str) -> None:
    """It ends soon and is told; the neighbour is built."""
    hostile.commit(*(Entry(b"bomb-%02d.yaml" % number, data=text.encode()) for number in range(20)))
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert len({problem.path for problem in declaration.diagnostics}) >= 20


async def test_100_000_entries(hostile: Hostile, tmp_path: Path) -> None:
    """Very many files that are no manifests cost seconds at most, and no descriptors."""
    blob = hostile.object("blob", b"x\n")
    hostile.commit(*(Entry(b"file-%06d.txt" % number, oid=blob) for number in range(100_000)))
    opened = len(list(Path("/proc/self/fd").iterdir()))
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert len(list(Path("/proc/self/fd").iterdir())) <= opened + 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 * 1024 * 1024


async def test_more_manifests_than_are_read(hostile: Hostile, tmp_path: Path) -> None:
    """Too many manifests are none at all: nothing is retired, and a condition says so."""
    watch = Watch(hostile.repo, tmp_path / "m.git")
    await watch.reconciler.once()
    blob = hostile.object("blob", b"x\n")
    many = range(MOST_MANIFESTS + 1)
    hostile.commit(*(Entry(b"x%06d.yaml" % number, oid=blob) for number in many))
    outcome = await watch.reconciler.once()

    assert isinstance(outcome.error, TooLarge)
    reasons = {condition.type: condition.reason for condition in (await watch.record()).conditions}
    assert reasons["FetchFailed"] == "TooLarge"
    good = await watch.distributions.get("good")
    assert good is not None
    assert not good.value.retired


async def test_a_tree_that_lists_more_than_fits_anywhere(hostile: Hostile, tmp_path: Path) -> None:
    """Trees that hold each other many times: nothing is retired, a condition says so, and no git goes on."""
    watch = Watch(hostile.repo, tmp_path / "m.git")
    await watch.reconciler.once()
    hostile.commit(Entry(b"wide", "40000", hostile.wide()))
    outcome = await watch.reconciler.once()

    assert isinstance(outcome.error, TooLarge)
    reasons = {condition.type: condition.reason for condition in (await watch.record()).conditions}
    assert reasons["FetchFailed"] == "TooLarge"
    good = await watch.distributions.get("good")
    assert good is not None
    assert not good.value.retired
    assert not programs_in(tmp_path)


async def test_a_history_that_lists_more_than_fits_anywhere(hostile: Hostile, tmp_path: Path) -> None:
    """Such a tree in an older commit: git may not take all memory for it."""
    clean = hostile.repo.git("rev-parse", "HEAD^{tree}")
    hostile.commit(Entry(b"wide", "40000", hostile.wide()))
    hostile.commit_as(clean)
    with pytest.raises(TooLarge, match="more memory"):
        await hostile.read(tmp_path / "m.git")
    assert not programs_in(tmp_path)


async def test_a_few_bytes_that_stand_for_a_file_of_gigabytes(hostile: Hostile, tmp_path: Path) -> None:
    """A delta that copies the same part again and again; nobody makes the file of it."""
    hostile.commit(Entry(b"vast.yaml", oid=delta_bomb(hostile.repo)))
    with pytest.raises(TooLarge, match="more memory"):
        await hostile.read(tmp_path / "m.git")


async def test_very_deep_folders(hostile: Hostile, tmp_path: Path) -> None:
    """No nesting exhausts a stack."""
    tree = hostile.tree(Entry(b"x.yaml"))
    for _ in range(3_000):
        tree = hostile.tree(Entry(b"d", "40000", tree))
    hostile.commit(Entry(b"d", "40000", tree))
    declaration = await hostile.read(tmp_path / "m.git")

    assert names(declaration) == ["good"]
    assert [problem.rule for problem in declaration.diagnostics] == [ODD_PATH.id]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of manifests in no repository, which is the current one."""
    folder = tmp_path / "checkout" / "manifests"
    folder.mkdir(parents=True)
    (folder / "good.yaml").write_text(GOOD["manifests/good.yaml"] or "")
    monkeypatch.chdir(folder)
    yield folder.parent
    subprocess.run(["rm", "-rf", str(folder)], check=True, timeout=60)  # deeper than Python removes


@pytest.mark.parametrize("depth", [1_200, 3_000])
async def test_a_very_deep_folder_on_disk(checkout: Path, depth: int) -> None:
    """It is walked to its end without a stack; a path that no system call takes is told as such."""
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("x.yaml").touch()
    reader = ManifestReader(WorkTreeSource(checkout, "manifests"))
    if depth > PATH_MAX // 2:
        with pytest.raises(Refused, match="file name too long"):
            await reader.read()
    else:
        declaration = await reader.read()
        assert names(declaration) == ["good"]
        assert ODD_PATH.id in {problem.rule for problem in declaration.diagnostics}


async def test_more_files_than_are_looked_at(hostile: Hostile, tmp_path: Path) -> None:
    """They are counted before anything is made of them."""
    blob = hostile.object("blob", b"x\n")
    hostile.commit(*(Entry(b"%06d" % number, oid=blob) for number in range(MOST_ENTRIES)))
    with pytest.raises(TooLarge, match=f"at most {MOST_ENTRIES:,}"):
        await hostile.read(tmp_path / "m.git")


async def test_a_repository_that_would_fill_the_disk(hostile: Hostile, tmp_path: Path) -> None:
    """What a mirror may hold is bounded; what was fetched of it is gone, and a smaller one is read again."""
    small = hostile.repo.git("rev-parse", "HEAD")
    hostile.commit(top=(Entry(b"AAA", data=random.Random(1).randbytes(3_000_000)),))
    mirror = tmp_path / "m.git"
    source = RemoteSource(hostile.repo.url, "main", "manifests", mirror, largest=1_000_000)
    with pytest.raises(TooLarge, match="more than 1,000,000 bytes"):
        await ManifestReader(source).read()
    assert not mirror.exists()

    hostile.repo.git("update-ref", "refs/heads/main", small)
    assert names(await ManifestReader(source).read()) == ["good"]


async def test_a_fetch_that_never_ends_is_ended_at_the_limit(hostile: Hostile, tmp_path: Path) -> None:
    """A host that goes on sending is cut off long before its deadline."""
    hostile.commit(top=(Entry(b"AAA", data=random.Random(1).randbytes(3_000_000)),))
    mirror = tmp_path / "m.git"
    async with asyncio.timeout(60), throttled(tmp_path) as server:
        url = f"git://127.0.0.1:{server.port}/hostile"
        source = RemoteSource(url, "main", "manifests", mirror, protocols={"git"}, largest=100_000, seconds=50)
        with pytest.raises(TooLarge):
            await ManifestReader(source).read()
        assert server.reached.is_set()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
    assert not mirror.exists()
