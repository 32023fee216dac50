"""The command line as a person or a script meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wombat_gitops.cli import exits
from wombat_gitops.cli.main import run
from wombat_gitops.cli.names import distributions
from wombat_gitops.domain import errors

_ROOT = str(Path(__file__).parents[2])

MANIFEST = """\
apiVersion: wombat/v1
kind: Distribution
name: tiny
version: 1.0
benthos: v4.76.0
pakcages: [pure]
"""

PICTURE = """\
manifests/tiny.yaml:4:10: WOM-026 `version` cannot be `1.0`
  |
4 | version: 1.0
  |          ^^^
  = help: write `1.0.0`

manifests/tiny.yaml:6:1: WOM-023 unknown field `pakcages`
  |
6 | pakcages: [pure]
  | ^^^^^^^^
  = help: did you mean `packages`?
"""

GITHUB = """\
::error file=manifests/tiny.yaml,line=4,col=10,endColumn=13,title=WOM-026::`version` cannot be `1.0` (write `1.0.0`)
::error file=manifests/tiny.yaml,line=6,col=1,endColumn=9,title=WOM-023::unknown field `pakcages` \
(did you mean `packages`?)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wrong manifest, which is no repository, as the current one."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "tiny.yaml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WOMBAT_DATA", str(tmp_path / "data"))
    return tmp_path


def wombat(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    argv = [sys.executable, "-m", "wombat_gitops", *arguments]
    environment = {**os.environ, "PYTHONPATH": _ROOT, **(env or {})}
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_help_imports_nothing_heavy() -> None:
    """Help is there without broker client, web framework, git, YAML or pydantic."""
    script = (
        "import sys; from wombat_gitops.cli.main import run; code = run(['--help']);"
        "heavy = {'nats', 'fastapi', 'pydantic', 'git', 'yaml', 'asyncio', 'structlog'};"
        "print(code, sorted(heavy & {name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": _ROOT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == "0 []\n"
    assert "apply" in done.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidManifests([]), 3),
        (errors.NotFound("x"), 4),
        (errors.Unreachable("x"), 5),
        (errors.Refused("x"), 6),
        (errors.TimedOut("x"), 7),
        (errors.LockError("x"), 1),
        (errors.BuildFailed("x"), 1),
        (errors.CorruptData("x"), 1),
        (ExceptionGroup("roles", [ValueError("y"), errors.Refused("x")]), 6),
        (KeyboardInterrupt(), 130),
        (ValueError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: BaseException, code: int) -> None:
    """The table of the documentation, for every class that stands in it."""
    assert exits.report(error, verbose=False) == code


def test_an_error_is_told_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """Message, empty line, hint; on standard error alone."""
    exits.report(errors.NotFound("there is no `x`", hint="look elsewhere"), verbose=False)

    told = capsys.readouterr()
    assert told.err == "error: there is no `x`\n\nhint: look elsewhere\n"
    assert told.out == ""


def test_a_defect_is_short_until_somebody_wants_to_know_more(capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback is shown with `-v` only."""
    with pytest.raises(KeyError) as caught:
        os.environ["WOMBAT_MISSING"]
    exits.report(caught.value, verbose=False)
    short = capsys.readouterr().err
    exits.report(caught.value, verbose=True)
    long = capsys.readouterr().err

    assert short == "error: unexpected KeyError: 'WOMBAT_MISSING'\n\nhint: `wombat -v …` shows where it happened\n"
    assert "Traceback" in long


def test_a_wrong_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, with what was probably meant."""
    assert run(["plam"]) == 2
    assert "did you mean `plan`" in capsys.readouterr().err.lower()


def test_validate_shows_every_problem_with_its_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures on standard output, the summary on standard error, exit code 3; no repository is needed."""
    code = run(["validate"])

    told = capsys.readouterr()
    assert (code, told.out) == (3, PICTURE)
    assert told.err == "\n2 errors in 1 manifest\n"


def test_validate_speaks_to_github(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One workflow command a problem and nothing else on standard output."""
    assert run(["validate", "manifests/tiny.yaml", "--format", "github"]) == 3
    assert capsys.readouterr().out == GITHUB


def test_validate_speaks_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is one JSON document."""
    assert run(["validate", "--format", "json"]) == 3

    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert [item["rule"] for item in document["diagnostics"]] == ["WOM-026", "WOM-023"]


def test_a_path_that_is_not_there_is_not_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4 names the path."""
    assert run(["validate", "manifests/other.yaml"]) == 4
    assert "`manifests/other.yaml`" in capsys.readouterr().err


def test_lock_goes_on_past_a_wrong_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are looked at, and the exit code says that one is invalid."""
    (folder / "manifests" / "ok.yaml").write_text(
        MANIFEST.replace("tiny", "ok").replace("1.0", "1.0.0").replace("pakcages", "packages")
    )

    code = run(["lock", "--check", "-o", "json"])

    told = capsys.readouterr()
    assert code == 3
    assert [(item["name"], item["state"]) for item in json.loads(told.out)["items"]] == [("ok", "stale")]
    assert "WOM-026" in told.err


@pytest.mark.parametrize(
    "command", [["list"], ["get", "build", "0123456789ab"], ["logs", "tiny"], ["download", "tiny"]]
)
def test_reading_without_a_server_cannot_reach_it(
    folder: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5 says how to start one."""
    assert run(command) == 5
    told = capsys.readouterr()
    assert "start `wombat up`" in told.err
    assert told.out == ""


def test_colour_only_where_it_is_wanted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pipes get none by themselves; `--color always` gives it."""
    run(["validate"])
    assert "\x1b" not in capsys.readouterr().out
    run(["--color", "always", "validate"])
    assert "\x1b[31mWOM-026\x1b[0m" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    """A closed pipe ends the command without a word."""
    script = f"{sys.executable} -m wombat_gitops schema | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": _ROOT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""


def test_directory_is_changed_first(folder: Path) -> None:
    """`-C` runs the command as if it had been started there."""
    done = wombat("-C", str(folder), "validate", cwd=folder.parent)

    assert (done.returncode, done.stdout) == (3, PICTURE)


def test_completion_knows_the_manifests(folder: Path) -> None:
    """Names come from the manifests folder, without reading anything else."""
    assert distributions("ti") == ["tiny"]
    assert distributions("x") == []


def test_explain_tells_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """By its id or by its number alone."""
    assert run(["explain", "9", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["slug"] == "duplicate-key"
    assert run(["explain", "WOM-999"]) == 4
