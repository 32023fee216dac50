"""`wombat fmt` as a person, an editor and a hook meet it."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from wombat_gitops.cli.main import run

_ROOT = Path(__file__).parents[2]

ROUGH = """\
# Streams of the house.
kind: Distribution
apiVersion: wombat/v1
name: 'rough'   # ours

version: 1.0.0
packages: [ pure,io ]
benthos: v4.76.0
"""
FINE = """\
# Streams of the house.
apiVersion: wombat/v1
kind: Distribution
name: "rough"  # ours

version: 1.0.0
benthos: v4.76.0
packages: [pure, io]
"""
BROKEN = "apiVersion: wombat/v1\nname: [x\n"
PICTURE = """\
manifests/broken.yaml:2:9: WOM-007 not well-formed YAML: did not find expected ',' or ']'
  |
2 | name: [x
  |         ^
  = help: close the list with `]`
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifests folder of the current folder: a file to format, and one that is done."""
    found = tmp_path / "manifests"
    (found / "team").mkdir(parents=True)
    (found / "team" / "rough.yaml").write_text(ROUGH)
    (found / "done.yml").write_text(FINE)
    monkeypatch.chdir(tmp_path)
    return found


def wombat(*arguments: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process of its own."""
    argv = [sys.executable, "-m", "wombat_gitops", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    return subprocess.run(argv, env=environment, input=given, capture_output=True, timeout=60, check=False)


def written(path: Path) -> tuple[int, int]:
    """Which file it is, and when it was written; reading one changes neither."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def test_files_are_formatted_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time there is nothing to do, and nothing is touched."""
    path = folder / "team" / "rough.yaml"
    path.chmod(0o640)
    untouched = written(folder / "done.yml")

    assert run(["fmt"]) == 0
    assert capsys.readouterr() == ("", "formatted 1 file, 1 unchanged\n")
    assert path.read_text() == FINE
    assert path.stat().st_mode & 0o777 == 0o640
    assert written(folder / "done.yml") == untouched
    assert sorted(each.name for each in path.parent.iterdir()) == ["rough.yaml"]

    before = written(path)
    assert run(["fmt"]) == 0
    assert capsys.readouterr().err == "formatted 0 files, 2 unchanged\n"
    assert written(path) == before


def test_check_lists_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 where a file would change, 0 where none would."""
    assert run(["fmt", "--check"]) == 1
    assert capsys.readouterr() == ("manifests/team/rough.yaml\n", "1 file would be formatted, 1 unchanged\n")
    assert (folder / "team" / "rough.yaml").read_text() == ROUGH

    assert run(["fmt", "--check", "manifests/done.yml"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""], ids=["lf", "crlf", "none"])
def test_the_difference_is_a_patch(folder: Path, capfd: pytest.CaptureFixture[str], ending: str) -> None:
    """What `--diff` prints makes the file what `fmt` would make of it, and by itself changes nothing."""
    path = folder / "team" / "rough.yaml"
    before = ROUGH.replace("\n", ending).encode() if ending else ROUGH.rstrip("\n").encode()
    path.write_bytes(before)

    assert run(["fmt", "--diff"]) == 0
    patch = capfd.readouterr().out
    assert path.read_bytes() == before
    assert run(["fmt", "--diff", "--check"]) == 1
    assert capfd.readouterr().out == patch

    subprocess.run(["git", "init", "-q", "."], check=True)
    subprocess.run(["git", "apply", "--whitespace=nowarn"], input=patch.encode(), check=True, timeout=60)
    assert path.read_bytes() == FINE.encode()


def test_a_broken_file_keeps_no_other_from_being_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told with its place and stays as it is; exit code 3, as from `validate`."""
    (folder / "broken.yaml").write_text(BROKEN)

    assert run(["fmt"]) == 3
    assert capsys.readouterr() == ("", f"{PICTURE}\nformatted 1 file, 1 unchanged, 1 not formatted\n")
    assert (folder / "broken.yaml").read_text() == BROKEN
    assert (folder / "team" / "rough.yaml").read_text() == FINE
    assert run(["fmt", "--check"]) == 3


def test_a_file_is_replaced_whole_or_not_at_all(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full for one file: that one is what it was, the others are done, and nothing is left over."""
    for name in ("a", "b", "c"):
        (folder / f"{name}.yaml").write_text(ROUGH)
    sync, calls = os.fsync, list[int]()

    def full_at_second(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:  # a file and its folder are one write
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_second)

    assert run(["fmt"]) == 1
    told = capsys.readouterr().err
    assert "error: cannot write `manifests/b.yaml`: no space left on device\n" in told
    assert told.endswith("formatted 3 files, 1 unchanged, 1 not formatted\n")
    assert [(folder / f"{name}.yaml").read_text() for name in ("a", "b", "c")] == [FINE, ROUGH, FINE]
    assert sorted(each.name for each in folder.iterdir()) == ["a.yaml", "b.yaml", "c.yaml", "done.yml", "team"]


def test_a_link_is_not_replaced(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the link nor the file it points to, which may be anywhere."""
    outside = tmp_path / "outside.yaml"
    outside.write_text(ROUGH)
    link = folder / "linked.yaml"
    link.symlink_to(outside)

    assert run(["fmt"]) == 6
    assert capsys.readouterr().err == (
        "error: `manifests/linked.yaml` is a symbolic link, and is left as it is\n\n"
        "hint: format the file that it points to\n"
        "formatted 1 file, 1 unchanged, 1 not formatted\n"
    )
    assert link.is_symlink()
    assert outside.read_text() == ROUGH


def test_another_format_stays_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file whose fields mean nothing here."""
    other = "kind:   Service\napiVersion: v1\n"
    (folder / "service.yaml").write_text(other)

    assert run(["fmt", "manifests/service.yaml"]) == 0
    assert (folder / "service.yaml").read_text() == other
    assert capsys.readouterr().err == "formatted 0 files, 1 unchanged\n"


def test_what_is_not_there_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4, and no file is touched."""
    assert run(["fmt", "manifests", "nowhere.yaml"]) == 4
    assert "there is no file or folder `nowhere.yaml`" in capsys.readouterr().err
    assert (folder / "team" / "rough.yaml").read_text() == ROUGH


def test_standard_input_comes_out_formatted() -> None:
    """Bytes in, bytes out, for editors; also what is not ASCII, whatever the terminal speaks."""
    rough = ROUGH.replace("Streams", "Größe").encode()
    done = wombat("fmt", "-", given=rough)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == FINE.replace("Streams", "Größe").encode()

    assert wombat("fmt", "--check", "-", given=rough).returncode == 1
    assert wombat("fmt", "--check", "-", given=done.stdout).returncode == 0


def test_broken_standard_input_gives_nothing() -> None:
    """An editor that takes what comes out must not lose the text: there is an exit code, and no output."""
    done = wombat("fmt", "-", given=BROKEN.encode())
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"stdin:2:9: WOM-007 ")


def test_standard_input_stands_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage, exit code 2."""
    assert run(["fmt", "-", "manifests"]) == 2
    assert "`-` cannot stand beside other paths" in capsys.readouterr().err


def test_the_hook_formats_what_it_is_given(folder: Path) -> None:
    """The entry of `.pre-commit-hooks.yaml`, with file names behind it."""
    hooks = {each["id"]: each for each in yaml.safe_load((_ROOT / ".pre-commit-hooks.yaml").read_text())}
    program, *arguments = shlex.split(hooks["wombat-fmt"]["entry"])

    assert program == "wombat"
    assert run([*arguments, "manifests/team/rough.yaml"]) == 0
    assert (folder / "team" / "rough.yaml").read_text() == FINE
