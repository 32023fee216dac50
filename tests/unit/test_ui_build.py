"""The hook that builds the website with the package: what it looks at, and what it asks for."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

UI = Path(__file__).parents[2] / "wombat_gitops" / "ui"


def load_hook() -> ModuleType:
    """The hook as hatchling loads it: from its file, for `ui/` is not a Python package."""
    spec = importlib.util.spec_from_file_location("wombat_ui_hatch_build", UI / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


hook = load_hook()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with sources of a page and a page that was built from them."""
    ui = tmp_path / "wombat_gitops" / "ui"
    (ui / "src").mkdir(parents=True)
    (ui / "src" / "main.ts").write_text("export {}\n")
    (ui / "package.json").write_text("{}\n")
    (ui / "dist").mkdir()
    (ui / "dist" / "index.html").write_text("<!doctype html>\n")
    (ui / "dist" / ".sources").write_text(hook.page_digest(ui) + "\n")
    return tmp_path


def make(root: Path) -> Any:
    """The hook of the project at *root*."""
    return hook.PageBuildHook(str(root), {}, None, None, str(root), "wheel")


def test_an_unchanged_page_is_not_built_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With current files nothing is run and nothing required, even where there is no Node."""
    monkeypatch.setenv("PATH", str(project))

    assert make(project).dependencies() == []
    make(project).initialize("standard", {})

    assert (project / "wombat_gitops/ui/dist/index.html").read_text() == "<!doctype html>\n"


def test_checks_of_pull_requests_leave_the_page_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is said so, an old page stays and nothing is run, even where there is no Node."""
    (project / "wombat_gitops/ui/src/main.ts").write_text("export const a = 1\n")
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.setenv(hook.WITHOUT_PAGE, "1")

    assert make(project).dependencies() == []
    make(project).initialize("standard", {})

    assert not hook.is_current(project / "wombat_gitops/ui")


@pytest.mark.parametrize("change", ["edited", "added", "removed"])
def test_a_changed_source_makes_the_page_old(project: Path, change: str) -> None:
    """Every file of the page counts, by its name and its bytes."""
    ui = project / "wombat_gitops" / "ui"
    source = ui / "src" / "main.ts"
    if change == "edited":
        source.write_text("export const a = 1\n")
    elif change == "added":
        (ui / "src" / "more.ts").write_text("")
    else:
        source.unlink()

    assert not hook.is_current(ui)


def test_what_is_not_in_the_page_does_not_make_it_old(project: Path) -> None:
    """Installed packages and tests of the page are no sources of it."""
    ui = project / "wombat_gitops" / "ui"
    for folder in ("node_modules", "tests"):
        (ui / folder).mkdir()
        (ui / folder / "x.ts").write_text("x")

    assert hook.is_current(ui)


def test_a_page_without_its_stamp_is_old(project: Path) -> None:
    """A build that was stopped half way is done again."""
    ui = project / "wombat_gitops" / "ui"
    (ui / "dist" / ".sources").unlink()

    assert not hook.is_current(ui)


def test_a_machine_without_node_gets_it_as_a_wheel(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node becomes a build requirement only where the page must be built and none is on PATH."""
    (project / "wombat_gitops/ui/package.json").write_text("{ }\n")
    monkeypatch.setenv("PATH", str(project))

    assert make(project).dependencies() == [hook.NODE_WHEEL]


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins for Node are shell scripts")
@pytest.mark.parametrize(("version", "taken"), [("v20.18.3", False), ("v20.19.0", True), ("v24.1.0", True)])
def test_only_a_recent_node_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, *, taken: bool
) -> None:
    """Vite 8 needs Node 20.19."""
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text(f"#!{shutil.which('sh')}\necho {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert (hook.path_node() is not None) is taken


def test_a_failing_build_is_an_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No package is made without its page."""
    (project / "wombat_gitops/ui/package.json").write_text("{ }\n")
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(hook.PageBuildError, match="no Node"):
        make(project).initialize("standard", {})


def test_the_lock_names_no_registry() -> None:
    """Packages are pinned by digest and come from whatever registry the machine is set up for."""
    lock = json.loads((UI / "package-lock.json").read_text())
    packages = [entry for path, entry in lock["packages"].items() if path]

    assert packages
    assert [entry for entry in packages if "resolved" in entry] == []
    assert [entry for entry in packages if "integrity" not in entry] == []
