"""`wombat init` as a maintainer meets it, and its repository as GitHub does: its own workflows, step by step."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from tests.support.githubapi import Api
from tests.support.gitrepo import GitRepo
from tests.support.goproxy import GoProxy
from wombat_gitops import __version__
from wombat_gitops.cli import exits
from wombat_gitops.cli.main import run
from wombat_gitops.domain.scaffold import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
BENTHOS = "v4.500.0"
INSTALL = "python -m pip install --quiet --requirement .github/wombat.txt"
MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this software\n"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
EXAMPLE, LOCK = "manifests/example.yaml", "manifests/example.lock/go.mod"


class Place:
    """A fresh clone, the module proxy, and GitHub as far as the commands of workflows can tell."""

    def __init__(self, root: Path, proxy: GoProxy, data: Path) -> None:
        self.root, self.proxy = root, proxy
        self.repo = GitRepo(root / "repo")
        for version in (BENTHOS, "v4.501.0"):
            proxy.add_benthos(version, {"LICENSE": MIT})
        bin_ = root / "bin"
        bin_.mkdir()
        (bin_ / "wombat").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m wombat_gitops "$@"\n')
        (bin_ / "wombat").chmod(0o755)
        self.env = {
            **proxy.environment,
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(root),
            "WOMBAT_DATA": str(data),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "a@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def bash(self, script: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a script in the clone, as a workflow runs a step."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
            cwd=self.repo.path,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    def init(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `wombat init` in the clone."""
        return self.bash(shlex.join(["wombat", "init", "--benthos", BENTHOS, *options]))

    def workflow(self, name: str, event: dict[str, Any], env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run all commands of a workflow's job but the installation; exit code and output of the last one that ran."""
        document = yaml.safe_load((self.repo.path / ".github" / "workflows" / f"{name}.yml").read_text())
        (job,) = document["jobs"].values()
        commands = [step for step in job["steps"] if "run" in step]
        assert commands[0]["run"] == INSTALL
        (self.root / "event.json").write_text(json.dumps(event))
        (self.root / "temp").mkdir(exist_ok=True)
        given = {name: str(self.root / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        given |= {"GITHUB_EVENT_PATH": str(self.root / "event.json"), "RUNNER_TEMP": str(self.root / "temp")}
        output = ""
        assert commands[1:]
        for step in commands[1:]:
            own = {key: value.replace("${{ github.token }}", "secret") for key, value in step.get("env", {}).items()}
            done = self.bash(step["run"], {**given, **(env or {}), **own})
            output = done.stdout + done.stderr
            if done.returncode:
                return done.returncode, output
        return 0, output

    def pull_request(self, base: str) -> tuple[int, str]:
        """Run the checks of a pull request to *base*."""
        return self.workflow("manifests", {"pull_request": {"number": 7, "base": {"sha": base}}})

    def files(self) -> dict[str, bytes]:
        """Everything in the clone, by path."""
        root = self.repo.path
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and path.relative_to(root).parts[0] != ".git"
        }


@pytest.fixture
def place(tmp_path: Path, go_proxy: GoProxy, go_data: Path) -> Place:
    return Place(tmp_path, go_proxy, go_data)


def test_the_repository_passes_its_own_checks(place: Place) -> None:
    """Also the commands that its README names for them."""
    done = place.init("-o", "json")
    assert done.returncode == exits.OK, done.stderr
    told = json.loads(done.stdout)
    assert told["locked"] is True
    assert {item["path"] for item in told["items"]} == set(place.files())
    assert {item["state"] for item in told["items"]} == {"written"}

    for command in ("wombat validate", "wombat fmt --check", "wombat lock --check"):
        checked = place.bash(command)
        assert checked.returncode == exits.OK, checked.stderr
    base = place.repo.commit()
    status, output = place.pull_request(base)
    assert status == exits.OK, output
    assert place.workflow("manifests", {"before": "0" * 40})[0] == exits.OK


def test_a_pull_request_is_checked_and_commented_on(place: Place) -> None:
    """A second distribution, from a fork: the report of the first workflow is what the second one reads."""
    place.init()
    base = place.repo.commit()
    assert place.bash(f"sed 's/^name: .*/name: edge/' {EXAMPLE} > manifests/edge.yaml; wombat lock").returncode == 0
    head = place.repo.commit()

    status, output = place.pull_request(base)
    assert status == exits.OK, output
    outputs = dict(line.split("=", 1) for line in (place.root / "GITHUB_OUTPUT").read_text().splitlines())
    shutil.copytree(outputs["report-path"], place.root / "temp" / "report")
    place.repo.git("checkout", "--quiet", base)
    api = Api()
    api.pulls = [{"number": 7, "head": {"sha": head}}]
    origin = {"head_sha": head, "head_branch": "edge", "head_repository": {"owner": {"login": "someone"}}}
    given = {"GITHUB_API_URL": api.address, "GITHUB_REPOSITORY": "example/manifests"}
    try:
        status, output = place.workflow("plan-comment", {"workflow_run": origin}, given)
    finally:
        api.close()

    assert status == exits.OK, output
    assert "| `edge` | added | `1.0.0` | 4 |" in api.comments[0]["body"]
    assert "`licences`: added `MIT`" in api.comments[0]["body"]
    assert "not compared" not in api.comments[0]["body"]


def test_the_workflows_hand_on_the_report() -> None:
    """What one keeps, under a name and in a folder, the other one takes."""
    folder = ROOT / "wombat_gitops" / "cli" / "scaffold" / "github" / "workflows"
    checks, comment = (yaml.safe_load((folder / f"{name}.yml").read_text()) for name in ("manifests", "plan-comment"))
    kept, taken = (
        next(step["with"] for step in job["steps"] if f"/{verb}-artifact@" in step.get("uses", ""))
        for verb, job in (("upload", checks["jobs"]["validate"]), ("download", comment["jobs"]["comment"]))
    )
    assert kept["name"] == taken["name"]
    assert kept["path"] == "${{ steps.validate.outputs.report-path }}"
    assert taken["path"] == "${{ runner.temp }}/report"
    assert comment[True]["workflow_run"]["workflows"] == [checks["name"]]
    assert checks["permissions"] == comment["permissions"] == {}
    assert checks["jobs"]["validate"]["permissions"] == {"contents": "read"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("s/darwin/freebsd/; s/1.0.0/1.0.1/; s/freebsd.arm64/freebsd\\/amd64/", "WOM-083"),
        (f"s/{BENTHOS}/v4.502.0/; s/1.0.0/1.1.0/", "WOM-082"),
    ],
)
def test_the_policy_refuses_what_it_does_not_list(place: Place, change: str, rule: str) -> None:
    """A platform; and a licence that a newer version of Benthos would bring."""
    place.proxy.add_benthos("v4.502.0", {"LICENSE": "Redpanda Community License\n"})
    place.init()
    base = place.repo.commit()
    place.bash(f"sed -i '{change}' {EXAMPLE}; wombat lock")
    place.repo.commit()

    status, output = place.pull_request(base)

    assert status == exits.INVALID, output
    assert f"title={rule}::" in output


def test_a_manifest_in_another_form_is_refused(place: Place) -> None:
    """After it is validated, so that the comment is written all the same."""
    place.init()
    base = place.repo.commit()
    place.bash(f"sed -i 's/packages: .io, pure./packages: [ io,pure ]/' {EXAMPLE}")
    place.repo.commit()
    status, output = place.pull_request(base)
    assert status == exits.FAILED
    assert EXAMPLE in output
    assert (place.root / "temp" / "wombat-report" / "report.json").is_file()


def test_the_workflows_are_sound(place: Place) -> None:
    """No finding of zizmor, which looks for what attackers use."""
    place.init("--no-lock")
    zizmor = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--quiet", str(place.repo.path)]
    done = subprocess.run(zizmor, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(400)
def test_the_workflows_are_well_formed(place: Place) -> None:
    """No finding of actionlint, which knows what workflows can say."""
    place.init("--no-lock")
    env = {**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    path = f"{Path(sys.executable).parent}:{env['PATH']}"
    lint = [shutil.which("go", path=path) or "go", "run", ACTIONLINT]
    done = subprocess.run(lint, cwd=place.repo.path, env=env, capture_output=True, text=True, timeout=390, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(400)
def test_the_readme_s_commands_work(place: Place) -> None:
    """One after the other, all but the installation."""
    place.init()
    place.repo.commit()
    text = (place.repo.path / "README.md").read_text()
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "venv" not in block]
    assert len(blocks) > 5
    for block in blocks:
        done = place.bash("\n".join(line for line in block.splitlines() if not line.startswith("pip ")))
        assert done.returncode == exits.OK, f"{block}\n{done.stdout}\n{done.stderr}"
    assert list((place.repo.path / "dist").iterdir())
    assert "benthos: v4.501.0" in (place.repo.path / "manifests" / "edge.yaml").read_text()
    assert not place.repo.git("status", "--porcelain", "--", "schemas", ".github")


def test_what_is_there_is_kept(place: Place) -> None:
    """A clone with a README and a licence; the second run then changes nothing at all."""
    place.repo.commit({"README.md": "# Ours\n", "LICENSE": "ours\n", ".gitignore": "/dist/\n"})

    done = place.init()

    assert done.returncode == exits.OK
    assert "there already, and kept as they are: `.gitignore`, `README.md`" in done.stderr
    after = place.files()
    assert (after["README.md"], after["LICENSE"], after[".gitignore"]) == (b"# Ours\n", b"ours\n", b"/dist/\n")
    assert {EXAMPLE, LOCK} <= set(after)
    again = place.init()
    assert again.returncode == exits.OK
    assert "next:" not in again.stderr
    assert place.files() == after


def test_manifests_of_one_s_own_get_no_example(place: Place) -> None:
    """Nor a policy, which could refuse them; the rest is added."""
    place.repo.commit({"manifests/team/ours.yaml": "apiVersion: wombat/v1\n"})
    done = place.init("-o", "json")
    assert done.returncode == exits.OK
    states = {item["path"]: item["state"] for item in json.loads(done.stdout)["items"]}
    assert {path for path, state in states.items() if state == "left out"} == {EXAMPLE, "manifests/policy.yaml"}
    assert [path for path in place.files() if path.startswith("manifests/")] == ["manifests/team/ours.yaml"]
    assert ".github/workflows/manifests.yml" in place.files()


def test_without_a_lock_the_command_for_it_is_told(place: Place) -> None:
    """And makes the repository whole."""
    place.proxy.folder.rename(place.root / "away")
    done = place.init("--no-lock")
    assert done.returncode == exits.OK, done.stderr
    assert "\n  wombat lock manifests/example.yaml\n" in done.stderr
    assert not [path for path in place.files() if ".lock/" in path]
    assert place.bash("wombat validate").returncode == exits.INVALID

    (place.root / "away").rename(place.proxy.folder)
    assert place.bash("wombat lock manifests/example.yaml && wombat validate").returncode == exits.OK


def test_a_proxy_that_is_away_delays_only_the_lock(place: Place) -> None:
    """The exit code says so, and the next run makes the lock."""
    place.proxy.folder.rename(place.root / "away")
    done = place.init()
    assert done.returncode == exits.UNREACHABLE
    assert "example is not locked: the module proxy folder" in done.stderr
    assert "\n  wombat lock manifests/example.yaml\n" in done.stderr
    before = place.files()

    (place.root / "away").rename(place.proxy.folder)
    again = place.init("-o", "json")
    assert again.returncode == exits.OK, again.stderr
    assert [item["path"] for item in json.loads(again.stdout)["items"] if item["state"] == "written"] == [
        LOCK,
        LOCK.replace("go.mod", "go.sum"),
    ]
    assert before.items() <= place.files().items()


def test_a_version_that_does_not_exist_writes_nothing(place: Place) -> None:
    done = place.init("--benthos", "v4.599.0")
    assert done.returncode == exits.FAILED
    assert "nothing was written; `--no-lock` writes everything but the lock" in done.stderr
    assert not place.files()


def test_a_write_that_fails_leaves_nothing(place: Place) -> None:
    """The largest file is over the limit of the process when most of the others are written."""
    place.repo.commit({"README.md": "# Ours\n"})
    done = place.bash("ulimit -f 20; wombat init --no-lock . 2>&1 >/dev/null")
    assert done.returncode == exits.FAILED
    assert "error: cannot write into `.`: file too large" in done.stdout
    assert "nothing was written" in done.stdout
    assert sorted(path.name for path in place.repo.path.iterdir()) == [".git", "README.md"]


def test_ctrl_c_while_it_is_locked_leaves_nothing(place: Place) -> None:
    """The module proxy takes the connection and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []
    asked = threading.Event()

    def accept() -> None:
        held.append(server.accept()[0])
        asked.set()

    threading.Thread(target=accept, daemon=True).start()
    env = {**place.env, "GOPROXY": f"http://127.0.0.1:{server.getsockname()[1]}"}
    argv = [sys.executable, "-m", "wombat_gitops", "init", "--benthos", "v4.598.0", "new"]
    with subprocess.Popen(argv, cwd=place.root, env=env, stderr=subprocess.PIPE) as process:
        assert asked.wait(90)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    for each in (*held, server):
        each.close()
    assert process.returncode == exits.INTERRUPTED
    assert not (place.root / "new").exists()


REFUSED = [
    (["--name", "Edge_Node"], "`Edge_Node` is no name", "write `edge-node`"),
    (["--name", "../../etc/passwd"], "is no name", ""),
    (["--name", "a\nb: c"], "is no name", ""),
    (["--name", "policy"], "`manifests/policy.yaml` is the file of the policy", ""),
    (["--benthos", "latest"], "`latest` is no version of Benthos", "write an exact version"),
    (["--benthos", "4.76.0"], "is no version of Benthos", "write `v4.76.0`"),
    (["--benthos", "v5.0.0"], "1 problem in the manifests", ""),
    *(
        (["--install", requirement], "the workflows cannot install", "name one exact thing")
        for requirement in (
            "wombat-gitops",
            "wombat-gitops>=1",
            "wombat-gitops==1.*",
            "wombat-gitops==1.0 --index-url=https://example.invalid",
            "wombat-gitops==1.0\n-e .",
            "wombat-gitops==1.0; python_version > '3'",
            "-r other.txt",
            ".",
            "wombat-gitops @ http://example.invalid/w.whl",
            "wombat-gitops @ https://user:secret@example.invalid/w.whl",
            "wombat-gitops @ https://example.invalid/${TOKEN}.whl",
            "wombat-gitops @ git+https://example.invalid/w.git@main",
            "wombat-gitops @ git+https://example.invalid/w.git",
        )
    ),
]


@pytest.mark.parametrize(("options", "message", "hint"), REFUSED)
def test_what_cannot_stand_in_a_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str, hint: str
) -> None:
    """Before anything is asked or written."""
    assert run(["init", *options, str(tmp_path / "new")]) in {exits.FAILED, exits.INVALID}
    told = capsys.readouterr().err
    assert message in told
    assert hint in told
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "requirement",
    [
        "",
        "wombat-gitops==1.2.3",
        "wombat.fork==2!1.0rc1.post2.dev3+local.1",
        f"wombat-gitops @ https://example.invalid:8443/a/w-1.0-py3-none-any.whl#sha256={'a' * 64}",
        f"wombat-gitops @ git+https://example.invalid/w.git@{'b' * 40}",
        f"wombat-gitops @ git+ssh://git@example.invalid/w.git@{'c' * 64}",
    ],
)
def test_the_workflows_install_one_exact_thing(tmp_path: Path, requirement: str) -> None:
    """By default the version that wrote them."""
    assert run(["-q", "init", "--no-lock", "--install", requirement, str(tmp_path)]) == exits.OK
    lines = (tmp_path / ".github" / "wombat.txt").read_text().splitlines()
    wanted = requirement or f"wombat-gitops=={__version__}"
    assert [line for line in lines if not line.startswith("#")] == [wanted]


@pytest.mark.parametrize("name", ["null", "on", "123", "0x1f", "edge-1"])
def test_any_name_is_a_text_to_every_reader_of_yaml(tmp_path: Path, name: str) -> None:
    assert run(["-q", "init", "--no-lock", "--name", name, str(tmp_path)]) == exits.OK
    manifest = tmp_path / "manifests" / f"{name}.yaml"
    assert yaml.safe_load(manifest.read_text())["name"] == name
    assert run(["fmt", "--check", str(manifest)]) == exits.OK
    assert f"manifests/{name}.yaml" in (tmp_path / "README.md").read_text()
    assert not re.search(r"__[A-Z_]+__", "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file()))


@pytest.mark.parametrize("obstacle", ["file", "link"])
def test_nothing_is_written_through_a_link_or_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], obstacle: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "new"
    folder.mkdir()
    if obstacle == "link":
        (folder / ".github").symlink_to(tmp_path / "elsewhere")
    else:
        (folder / ".github").write_text("")
    assert run(["init", "--no-lock", str(folder)]) == exits.REFUSED
    assert "/.github` is not a folder" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == [".github"]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_way_from_here_to_a_commit_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no repository, where there is one, and where it is further up."""
    assert run(["init", "--no-lock", str(tmp_path / "new")]) == exits.OK
    assert f"\n  cd {tmp_path}/new\n  git init -b main\n  wombat lock" in capsys.readouterr().err
    GitRepo(tmp_path / "clone")
    assert run(["init", "--no-lock", str(tmp_path / "clone")]) == exits.OK
    assert "git init" not in capsys.readouterr().err
    assert run(["init", "--no-lock", str(tmp_path / "clone" / "below")]) == exits.OK
    told = capsys.readouterr().err
    assert f"the repository is `{tmp_path / 'clone'}`, and GitHub reads workflows only at its top" in told
    assert "git init" not in told


def test_the_templates_are_in_the_package() -> None:
    """Every one of them, in the wheel."""
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"wombat_gitops/cli/scaffold/{path.removeprefix('.')}" for path in TEMPLATES} <= packed
