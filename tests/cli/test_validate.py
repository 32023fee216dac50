"""`wombat validate` on folders that hold links, pipes, and depths that no stack has; and what it needs for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.git.test_watching import manifest
from tests.support.manifests import SMALL
from wombat_gitops.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The manifests folder of the current folder, with a good manifest and its lock."""
    found = tmp_path / "manifests"
    found.mkdir()
    for path, text in manifest("good").items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text or "")
    monkeypatch.chdir(tmp_path)
    yield found
    subprocess.run(["rm", "-rf", str(found)], check=True, timeout=60)  # deeper than Python removes


def test_a_link_is_told_and_not_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it leads to would be shown to whoever reads the log of a pull request."""
    secret = folder.parent / "secret"
    secret.write_text("token: hunter2\n")
    (folder / "linked.yaml").symlink_to(secret)

    assert run(["validate"]) == 3

    told = capsys.readouterr().out
    assert "manifests/linked.yaml: WOM-042 this is a symbolic link" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("part", ["", "/go.mod", "/go.sum"])
def test_a_lock_behind_a_link_is_no_lock(folder: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither its folder nor its files may be elsewhere; the watcher takes none of them either."""
    there, away = folder / f"good.lock{part}", folder.parent / "away"
    there.rename(away)
    there.symlink_to(away)

    assert run(["validate"]) == 3
    assert f"manifests/good.yaml:3:7: WOM-042 the lock's `manifests/good.lock{part}`" in capsys.readouterr().out


def test_nothing_is_loaded_that_a_good_manifest_does_not_need(folder: Path) -> None:
    """Loading takes longer than validating some hundred manifests."""
    script = "from wombat_gitops.cli.main import run; import sys; print(run(['validate']), *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    code, *loaded = done.stdout.split()
    assert code == "0"
    assert "wombat_gitops.domain.manifest.reading" in loaded
    assert not {"jsonschema", "structlog", "fastapi", "nats", "git", "urllib.request"} & set(loaded)


def test_a_pipe_is_passed_over(folder: Path) -> None:
    """Reading it would wait for ever."""
    os.mkfifo(folder / "pipe.yaml")
    assert run(["validate"]) == 0


def test_a_deep_folder_is_walked_to_its_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No depth exhausts a stack."""
    os.chdir(folder)
    for _ in range(1_200):
        Path("d").mkdir()
        os.chdir("d")
    Path("deep.yaml").write_text(SMALL)
    os.chdir(folder.parent)

    assert run(["validate"]) == 3
    assert "distribution `example` is in a file named `deep.yaml`" in capsys.readouterr().out
