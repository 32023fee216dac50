"""The module store: which of its modules are what go.sum says, and what of a change is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.goproxy import BENTHOS, GoProxy, escaped, make_proxy
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.modules import ModuleStore, StoredModule, stored_module
from wombat_gitops.domain.model import Module

CORE = Module(BENTHOS, "v4.76.0")
FOLDER = "github.com/redpanda-data/benthos/v4@v4.76.0"


@pytest.fixture
def proxy(tmp_path: Path) -> GoProxy:
    return make_proxy(tmp_path / "proxy")


@pytest.fixture
def root(tmp_path: Path, proxy: GoProxy) -> Path:
    """A store with one module, extracted as Go does it."""
    for name, text in proxy.modules[CORE].items():
        path = tmp_path / "mod" / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "mod"


def judge(root: Path, proxy: GoProxy) -> bool:
    store = ModuleStore(root, root.parent / "notes")
    return not store.differing([stored_module(FOLDER)], proxy.lock([CORE]).go_sum)


def test_a_module_as_locked_is_good_and_is_read_once(root: Path, proxy: GoProxy) -> None:
    """The second time its files are only looked at."""
    assert judge(root, proxy)
    before = [path.stat().st_atime_ns for path in root.rglob("*.go")]
    assert judge(root, proxy)
    assert [path.stat().st_atime_ns for path in root.rglob("*.go")] == before


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("harm", ["append", "same size and times", "add", "remove", "link", "folder link", "mode"])
def test_a_change_is_noticed(root: Path, proxy: GoProxy, harm: str, *, seen: bool) -> None:
    """Also where the module was good before, and where all is as before that a program can set."""
    if seen:
        assert judge(root, proxy)
    file = root / FOLDER / "public" / "components" / "io" / "io.go"
    before, text = file.stat(), file.read_text()
    match harm:
        case "append":
            file.write_text(f"{text}\nvar Backdoor = 1\n")
        case "same size and times":
            file.write_text(text.replace("inputs", "outpts"))
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        case "add":
            file.with_name("added.go").write_text("package io\n")
        case "remove":
            file.unlink()
        case "link":
            file.rename(root / "copy.go")
            file.symlink_to(root / "copy.go")
        case "folder link":
            file.parent.rename(root / "copy")
            file.parent.symlink_to(root / "copy")
        case _:
            file.chmod(0o777)
    assert judge(root, proxy) is (harm == "mode")


def test_a_module_that_the_lock_does_not_name_is_not_good(root: Path, proxy: GoProxy) -> None:
    """Neither with no digest at all, nor with that of its go.mod alone."""
    store = ModuleStore(root, root.parent / "notes")
    only_mod = "".join(f"{line}\n" for line in proxy.lock([CORE]).go_sum.splitlines() if "/go.mod" in line)

    assert store.differing([stored_module(FOLDER)], "") == (StoredModule(CORE, FOLDER),)
    assert store.differing([stored_module(FOLDER)], only_mod)


def test_a_discarded_module_is_gone_with_its_download(root: Path, proxy: GoProxy) -> None:
    """So Go gets it again, and the modules beside it stay."""
    downloads = root / "cache" / "download" / "github.com" / "redpanda-data" / "benthos" / "v4" / "@v"
    downloads.mkdir(parents=True)
    for name in ("v4.76.0.zip", "v4.76.0.ziphash", "v4.76.0.mod", "v4.77.0.zip"):
        (downloads / name).write_text("x")

    ModuleStore(root, root.parent / "notes").discard(stored_module(FOLDER))

    assert [path.name for path in downloads.iterdir()] == ["v4.77.0.zip"]
    assert not (root / FOLDER).exists()


@given(st.text("abzABZ019-._~/", min_size=1, max_size=30), st.text("v019.-ABZab", min_size=1, max_size=12))
def test_a_folder_names_its_module(path: str, version: str) -> None:
    """Go's spelling of capitals is undone."""
    assert stored_module(f"{escaped(path)}@{escaped(version)}").module == Module(path, version)


def test_a_tree_too_deep_for_any_path_is_removed(tmp_path: Path) -> None:
    """A program had left folders in folders: no path to the last ones is short enough for the system."""
    root = tmp_path / "deep"
    root.mkdir()
    here = os.open(root, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("folder", dir_fd=here)
        below = os.open("folder", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (root / "closed").mkdir()
    (root / "closed" / "file").write_text("x")
    (root / "closed").chmod(0)
    (tmp_path / "mine").write_text("mine")
    (root / "link").symlink_to(tmp_path / "mine")
    (root / "linked").symlink_to(tmp_path)

    remove_tree(root)

    assert not root.exists()
    assert (tmp_path / "mine").read_text() == "mine"
