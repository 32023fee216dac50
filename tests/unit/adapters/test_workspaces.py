"""Folders of attempts come empty, go away, and outlive nobody."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.support.smalldisk import small_disk
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.workspaces import Workspaces


def test_fresh_and_removed(tmp_path: Path) -> None:
    """A workspace starts empty and is gone afterwards, read-only files included."""
    spaces = Workspaces(tmp_path, "one")
    with spaces.workspace("a") as space:
        (space.source / "deep").mkdir()
        (space.source / "deep/file").write_text("x")
        (space.source / "deep/file").chmod(0o400)
        (space.source / "deep").chmod(0o500)
        root = space.root
    assert not root.exists()
    with spaces.workspace("a") as space:
        assert list(space.source.iterdir()) == []
    spaces.close()
    assert list(tmp_path.iterdir()) == []


def test_removed_after_an_error(tmp_path: Path) -> None:
    """An attempt that breaks leaves nothing."""
    spaces = Workspaces(tmp_path, "one")
    with pytest.raises(RuntimeError), spaces.workspace("a"):
        raise RuntimeError
    assert [path.name for path in (tmp_path / "one").iterdir()] == [".lock"]
    spaces.close()


def test_of_a_killed_builder(tmp_path: Path) -> None:
    """The next builder removes what a killed one left, and leaves a living one alone."""
    code = (
        "import os,sys; from pathlib import Path; from wombat_gitops.adapters.workspaces import Workspaces\n"
        f"s=Workspaces(Path({str(tmp_path)!r}),'dead'); c=s.workspace('x'); c.__enter__(); os.kill(os.getpid(),9)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -9
    assert (tmp_path / "dead/x/source").exists()
    alive = Workspaces(tmp_path, "alive")
    assert not (tmp_path / "dead").exists()
    other = Workspaces(tmp_path, "other")
    assert (tmp_path / "alive").exists()
    other.close()
    alive.close()


def test_builders_that_start_at_once(tmp_path: Path) -> None:
    """None takes the folder of one that has just made it for one that was left behind."""
    count = 6
    together = Barrier(count)

    def start(name: str) -> Workspaces:
        together.wait(10)
        return Workspaces(tmp_path, name)

    with ThreadPoolExecutor(count) as threads:
        for turn in range(100):
            names = [f"{turn}-{number}" for number in range(count)]
            started = list(threads.map(start, names))
            assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == sorted(names)
            for spaces in started:
                spaces.close()


def test_remove_nothing(tmp_path: Path) -> None:
    """Removing what is not there is no error."""
    remove_tree(tmp_path / "none")


def test_what_a_killed_builder_was_running(tmp_path: Path) -> None:
    """The next builder ends programs of attempts whose builder is gone, and no others."""
    (tmp_path / "work/dead/a/tmp").mkdir(parents=True)
    (tmp_path / "work/dead/.lock").touch()
    argv = [sys.executable, "-c", "print(flush=True); input()"]
    running = {
        folder: subprocess.Popen(
            argv,
            env={"TMPDIR": str(tmp_path / "work" / folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        for folder in ("dead/a/tmp", "deadly/a/tmp")
    }
    for process in running.values():
        assert process.stdout is not None
        process.stdout.readline()
    spaces = Workspaces(tmp_path / "work", "next")
    try:
        assert running["dead/a/tmp"].wait(10) == -9
        assert running["deadly/a/tmp"].poll() is None
        assert not (tmp_path / "work/dead").exists()
    finally:
        spaces.close()
        for process in running.values():
            process.kill()
            process.communicate()


def _files_on(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_files - found.f_ffree


def test_a_builder_could_not_start_on_a_full_disk(tmp_path: Path) -> None:
    """What a killed one left is removed all the same, and its own folder is made with the first workspace."""
    with small_disk(tmp_path / "disk", "1m") as disk:
        left = Workspaces(disk.folder / "work", "dead")
        with left.workspace("x") as space:
            (space.source / "main.go").write_text("package main\n")
            left._lock.close()  # type: ignore[union-attr]
            disk.resize(f"1m,nr_inodes={_files_on(disk.folder)}")
            spaces = Workspaces(disk.folder / "work", "next")
            assert [path.name for path in (disk.folder / "work").iterdir()] == []
        disk.resize(f"1m,nr_inodes={_files_on(disk.folder)}")
        with pytest.raises(OSError, match="No space left"), spaces.workspace("1"):
            pass
        disk.resize("1m,nr_inodes=100")
        with spaces.workspace("1") as space:
            assert space.out.is_dir()
        spaces.close()
        assert list((disk.folder / "work").iterdir()) == []
