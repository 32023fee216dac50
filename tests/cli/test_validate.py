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


def _change_sum(folder: Path, name: str, before: str, after: str) -> None:
    file = folder / f"{name}.lock" / "go.sum"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_wrong_digest_was_not_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its place in go.sum, the line and what to do; a repeated line alone is no error."""
    file = folder / "good.lock" / "go.sum"
    first = file.read_text().splitlines(keepends=True)[0]
    file.write_text(file.read_text() + first)
    assert run(["validate"]) == 0
    assert "manifests/good.lock/go.sum:3:1: WOM-059 warning: this line is already line 1" in capsys.readouterr().out
    file.write_text(file.read_text() + first.replace("AAA", "ABA"))
    assert run(["validate", "manifests/good.yaml"]) == 3
    told = capsys.readouterr().out
    assert "manifests/good.lock/go.sum:4:45: WOM-058 `github.com/redpanda-data/benthos/v4@v4.76.0` has another" in told
    assert "4 | github.com/redpanda-data/benthos/v4 v4.76.0 h1:ABA" in told
    assert "= help: run `wombat lock manifests/good.yaml`" in told


@pytest.mark.parametrize("paths", [[], ["manifests/good.yaml"], ["manifests/other.yaml"]])
def test_two_locks_could_have_two_digests_of_one_module(
    folder: Path, paths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where only one of the manifests is validated; each error names both places."""
    for path, text in manifest("other").items():
        (folder.parent / path).parent.mkdir(exist_ok=True)
        (folder.parent / path).write_text(text or "")
    assert run(["validate", *paths]) == 0
    _change_sum(folder, "other", "h1:AAA", "h1:ABA")
    capsys.readouterr()

    assert run(["validate", *paths]) == 3

    told = capsys.readouterr().out
    wrong = "1:45: WOM-058 `github.com/redpanda-data/benthos/v4@v4.76.0` has another digest in"
    for name, other in (("good", "other"), ("other", "good")):
        line = f"manifests/{name}.lock/go.sum:{wrong} `manifests/{other}.lock/go.sum:1`"
        assert (line in told) is (not paths or f"manifests/{name}.yaml" in paths)
    assert "= help: run `wombat lock` for both" in told


def test_a_lock_that_cannot_be_read_is_no_witness(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What another manifest's lock says is only compared where it says something."""
    (folder / "other.yaml").write_text(SMALL.replace("name: example", "name: other"))
    (folder / "other.lock").mkdir()
    (folder / "other.lock" / "go.sum").write_bytes(b"\xff\x00 <<<<<<< HEAD\n" * 100)
    assert run(["validate", "manifests/good.yaml"]) == 0
    assert capsys.readouterr().out == ""


def test_a_manifest_with_another_extension_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was passed over: exit code 0, and not a word."""
    for path in (folder / "good.lock" / "go.mod", folder / "good.lock" / "go.sum", folder / "good.yaml"):
        path.unlink()
    (folder / "tiny.YAML").write_text(SMALL.replace("example", "tiny"))

    assert run(["validate"]) == 0
    told = capsys.readouterr()
    assert "WOM-045 warning: `manifests/tiny.YAML` is not read" in told.out
    assert "rename it to `tiny.yaml`" in told.out
    assert told.err == "\n1 warning; there are no manifests to check\n"

    assert run(["lock", "--check"]) == 0
    assert "WOM-045" in capsys.readouterr().err


def test_paths_are_judged_without_a_repository(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the watcher refused them, after the pull request was merged."""
    (folder / "Good.yaml").write_text(SMALL)
    (folder / "a\\b.yaml").write_text(SMALL)

    assert run(["validate"]) == 3

    told = capsys.readouterr().out
    assert "WOM-044" in told
    assert "has a backslash" in told


@pytest.mark.parametrize("word", ["good", "manifests/good.yaml", "manifests"])
@pytest.mark.parametrize("command", [["validate"], ["fmt", "--check"], ["lock", "--check"], ["plan", "--local"]])
def test_commands_take_names_and_paths_alike(folder: Path, command: list[str], word: str) -> None:
    """`lock m` worked and `apply m` did not, `apply manifests/good.yaml` neither."""
    subprocess.run(["git", "init", "-q", str(folder.parent)], check=True, timeout=60)

    assert run([*command, word]) == 0


@pytest.mark.parametrize("command", [["validate"], ["fmt"], ["lock"], ["plan", "--local"], ["apply", "--local"]])
def test_a_path_that_is_not_there_is_named(
    folder: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No command takes it for "all"."""
    assert run([*command, "manifests/goof.yaml"]) == 4
    assert "manifests/goof.yaml" in capsys.readouterr().err
