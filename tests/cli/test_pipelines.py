"""From pipelines to manifests as a person meets it: the real toolchain, a proxy folder of fake modules."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.goproxy import BENTHOS, CONNECT, GoProxy, component, make_proxy, stub
from wombat_gitops.cli.main import run
from wombat_gitops.domain.model import Module

AUTHOR = "example.com/author/parts"
ORDERS = """\
input:
  nats: {}
pipeline:
  processors:
    - pure: {}
output:
  broker: {}
  kafka: {}
"""


@pytest.fixture
def place(tmp_path: Path, go_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository as the current folder; the proxy has a module of an author beside the usual ones."""
    proxy = make_proxy(tmp_path / "goproxy")
    publish_author(proxy)
    repo = GitRepo(tmp_path / "repo")
    repo.commit({"README.md": "empty\n"})
    data = tmp_path / "data"
    data.mkdir()
    (data / "go").symlink_to(go_data)
    for name, value in {**proxy.environment, "WOMBAT_DATA": str(data)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repo.path)
    return repo.path


def publish_author(proxy: GoProxy) -> None:
    """Packages at the root and below, one for few platforms, one with a tag, one under another licence."""
    files = {
        "parts.go": component("rooted").replace("package rooted", "package parts"),
        "desk/desk.go": f"//go:build !arm\n\n{component('desk')}",
        "desk/none.go": "package desk\n",
        "closed/closed.go": component("closed"),
        "closed/LICENSE": "Redpanda Community License Agreement\n",
        **{f"tagged/{name}": text for name, text in stub("tagged", "with_tagged").items()},
    }
    proxy.add(AUTHOR, "v1.2.3", files, requires=[Module(BENTHOS, "v4.77.0")])


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return name


def pipeline(kind: str, name: str) -> str:
    """A pipeline that needs one component besides the usual ones."""
    return f"{kind}:\n  {name}: {{}}\npipeline: {{processors: [{{pure: {{}}}}]}}\n"


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_pipeline_becomes_the_smallest_manifest_that_runs_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It validates, locks and builds as it is, and the program has what the pipeline names."""
    write(place, "orders.yaml", ORDERS)

    assert run(["from-config", "orders.yaml", "-p", "linux/amd64"]) == 0

    printed = capsys.readouterr().out
    assert (
        printed
        == f"""\
apiVersion: wombat/v1
kind: Distribution
name: orders
version: 0.1.0
benthos: v4.77.0
packages:
  - pure  # processor pure
modules:
  - module: {CONNECT}
    version: v4.105.0
    packages:
      - kafka  # output kafka
      - nats  # input nats
description: "Runs orders.yaml"
platforms: [linux/amd64]
"""
    )
    assert run(["from-config", "orders.yaml", "-p", "linux/amd64", "--write"]) == 0
    assert (place / "manifests" / "orders.yaml").read_text() == printed
    assert run(["fmt", "--check"]) == 0
    assert run(["lock"]) == 0
    assert run(["apply", "--local", "--native", "--output-dir", "out"]) == 0
    (program,) = (place / "out").iterdir()
    listed = json.loads(subprocess.run([program, "list", "--format", "json"], check=True, capture_output=True).stdout)
    assert {"nats", "kafka"} <= set(listed["outputs"])
    assert run(["check-config", "orders.yaml"]) == 0


def test_templates_are_given_beside_the_pipelines_that_use_them(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No package has to register what they define, and their own components count."""
    write(place, "p.yaml", "input: {broadcast: {}}\n")
    write(place, "t.yaml", "name: broadcast\ntype: input\nmapping: 'root.nats = this'\n")

    assert run(["from-config", "p.yaml"]) == 3
    assert run(["from-config", "p.yaml", "t.yaml"]) == 0

    assert "- nats  # input nats" in capsys.readouterr().out


def test_what_a_component_takes_is_in_the_manifest(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stub becomes more with its tag; the program then has it."""
    write(place, "p.yaml", pipeline("input", "zeromq"))

    assert run(["from-config", "p.yaml", "--name", "queue", "-p", "linux/amd64", "--write"]) == 0

    manifest = (place / "manifests" / "queue.yaml").read_text()
    assert "tags: [x_benthos_extra]" in manifest
    assert "zeromq  # input zeromq" in manifest
    assert run(["lock"]) == 0
    assert run(["apply", "--local", "--native"]) == 0
    capsys.readouterr()
    assert run(["check-config", "p.yaml", "-o", "json"]) == 0
    assert answer(capsys)["items"][0]["complete"] is True


def test_packages_of_an_authors_module_are_found_anywhere_in_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At its root and below; only modules with the folder `public/components` keep them there."""
    write(place, "p.yaml", "input: {rooted: {}}\noutput: {desk: {}}\n")
    options = ["--benthos", "v4.77.0", "--module", f"{AUTHOR}@v1.2.3", "-o", "json"]

    assert run(["from-config", "p.yaml", *options]) == 0

    made = answer(capsys)
    assert [each["package"] for each in made["packages"]] == [AUTHOR, f"{AUTHOR}/desk"]
    write(place, "manifests/p.yaml", made["manifest"])
    assert run(["validate"]) == 3  # only the lock is missing
    assert "WOM-050" in capsys.readouterr().out
    assert run(["lock"]) == 0


def test_a_manifest_that_is_there_is_never_replaced(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says so and writes nothing."""
    write(place, "orders.yaml", ORDERS)
    write(place, "manifests/orders.yaml", "mine\n")

    assert run(["from-config", "orders.yaml", "--write"]) == 6

    assert (place / "manifests" / "orders.yaml").read_text() == "mine\n"
    assert "is there already" in capsys.readouterr().err


def test_an_unknown_component_is_shown_in_the_pipeline(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed or written then."""
    write(place, "p.yaml", "input:\n  natz: {}\n")

    assert run(["from-config", "p.yaml", "--write"]) == 3

    told = capsys.readouterr()
    assert told.out == ""
    assert "p.yaml:2:3: WOM-111 no package registers input `natz`" in told.err
    assert "did you mean `nats`?" in told.err
    assert not (place / "manifests").exists()


def test_a_policy_decides_what_is_taken(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A component that only a refused package has is told with its line and the policy."""
    denied = "LicenseRef-Redpanda-Community-License"
    policy = f"apiVersion: wombat/v1\nkind: Policy\nname: house\nlicenses: {{deny: [{denied}]}}\n"
    write(place, "manifests/house.yaml", policy)
    write(place, "p.yaml", "input:\n  closed: {}\n")
    options = ["--benthos", "v4.77.0", "--module", f"{AUTHOR}@v1.2.3"]

    assert run(["from-config", "p.yaml", *options]) == 6

    told = capsys.readouterr().err
    assert "p.yaml:2: input `closed` is in no package that is allowed: policy `house`: " in told
    assert denied in told


def test_versions_are_those_of_the_manifests_here(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest that are put together already; so a house stays on its versions."""
    write(place, "p.yaml", pipeline("input", "rooted"))
    house = (
        "apiVersion: wombat/v1\nkind: Distribution\nname: house\nversion: 1.0.0\nbenthos: v4.77.0\npackages: [pure]\n"
        f"modules:\n  - module: {AUTHOR}\n    version: v1.2.3\n    packages: [{AUTHOR}]\n"
    )
    write(place, "manifests/house.yaml", house)

    assert run(["from-config", "p.yaml"]) == 0

    assert f"module: {AUTHOR}" in capsys.readouterr().out


def test_platforms_that_lack_a_component_are_told_apart(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A package can be a stub on one platform; a manifest for both cannot be made."""
    write(place, "p.yaml", pipeline("output", "desk"))
    both = (
        "apiVersion: wombat/v1\nkind: Distribution\nname: both\nversion: 1.0.0\nbenthos: v4.77.0\npackages: [pure]\n"
        f"modules:\n  - module: {AUTHOR}\n    version: v1.2.3\n    packages: [{AUTHOR}/desk]\n"
        "platforms: [linux/amd64, linux/arm/7]\n"
    )
    write(place, "manifests/both.yaml", both)

    assert run(["check-config", "p.yaml", "-o", "json"]) == 0
    runs = {item["platform"]: item["complete"] for item in answer(capsys)["items"]}
    assert runs == {"linux/amd64": True, "linux/arm/7": False}
    assert run(["from-config", "p.yaml", "-p", "linux/amd64", "-p", "linux/arm/7"]) == 3
    assert "no package registers output `desk`" in capsys.readouterr().err


def test_the_missing_packages_are_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the distribution's own modules, or of well-known ones; it fails where nothing can run it."""
    write(place, "manifests/tiny.yaml", "apiVersion: wombat/v1\nkind: Distribution\nname: tiny\nversion: 1.0.0\n"
          "benthos: v4.77.0\npackages: [io]\nplatforms: [linux/amd64, linux/arm64]\n")  # fmt: skip
    write(place, "orders.yaml", ORDERS)

    assert run(["check-config", "orders.yaml"]) == 1

    told = capsys.readouterr()
    header, row = told.out.splitlines()
    assert header.split() == ["NAME", "VERSION", "PLATFORMS", "RUNS", "IT", "LACKS", "ADD"]
    assert row.startswith(
        "tiny  1.0.0    linux/amd64, linux/arm64  no       input nats, output kafka, processor pure  "
    )
    assert row.endswith(f"  pure of {BENTHOS}; kafka, nats of {CONNECT}")
    assert "no distribution can run that" in told.err


def test_only_named_distributions_count(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is not there is an error of its own."""
    for name in ("one", "two"):
        write(place, f"manifests/{name}.yaml", "apiVersion: wombat/v1\nkind: Distribution\n"
              f"name: {name}\nversion: 1.0.0\nbenthos: v4.77.0\npackages: [pure, io]\n")  # fmt: skip
    write(place, "p.yaml", pipeline("input", "io"))

    assert run(["check-config", "p.yaml", "--distribution", "two", "-o", "json"]) == 0
    assert {item["name"] for item in answer(capsys)["items"]} == {"two"}
    assert run(["check-config", "p.yaml", "--distribution", "three"]) == 4
    assert "there is no distribution `three`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere.yaml"], 1, "cannot read `nowhere.yaml`"),
        (["orders.yaml", "--module", "x@latest"], 1, "`x@latest` is not a module at an exact version"),
        (["orders.yaml", "--name", "Not A Name"], 3, "WOM-026"),
        (["orders.yaml", "--benthos", "v4.999.0"], 1, "v4.999.0"),
        (["orders.yaml", "-p", "plan9/amd64"], 3, "plan9/amd64"),
    ],
)
def test_bad_options_are_told(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    """Each with its exit code, and without a trace in the repository."""
    write(place, "orders.yaml", ORDERS)

    assert run(["from-config", *arguments, "--write"]) == code

    assert words in capsys.readouterr().err
    assert not (place / "manifests").exists()


def test_a_program_is_never_proposed_as_a_package(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`package main` registers whatever it imports, and no other program can import it: the manifest did not lock."""
    # The folder of the fixture's proxy; it is the one that the environment names.
    proxy = make_proxy(place.parent / "goproxy")
    plugins = "example.com/author/plugins"
    imports = f'import (\n\t_ "{plugins}/loud"\n\t_ "{plugins}/soft"\n)\n'
    files = {
        "main.go": f"// package other\npackage main\n\n{imports}\nfunc main() {{}}\n",
        "loud/loud.go": component("loud"),
        "soft/soft.go": component("soft"),
    }
    proxy.add(plugins, "v0.1.0", files, requires=[Module(BENTHOS, "v4.77.0")])
    write(place, "p.yaml", "input: {loud: {}}\noutput: {soft: {}}\n")

    assert run(["from-config", "p.yaml", "--module", f"{plugins}@v0.1.0", "-o", "json"]) == 0

    made = answer(capsys)
    assert [each["package"] for each in made["packages"]] == [f"{plugins}/loud", f"{plugins}/soft"]
    write(place, "manifests/p.yaml", made["manifest"])
    assert run(["lock"]) == 0


def test_only_templates_that_a_pipeline_uses_count(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every template of a folder brought its modules in; one that a used template uses counts."""
    write(place, "p.yaml", "input: {outer: {}}\n")
    write(place, "templates/outer.yaml", "name: outer\ntype: input\nmapping: 'root.inner = {}'\n")
    write(place, "templates/inner.yml", "name: inner\ntype: input\nmapping: 'root.nats = {}'\n")
    write(place, "templates/unused.yaml", "name: unused\ntype: output\nmapping: 'root.kafka = {}'\n")

    assert run(["from-config", "p.yaml", "templates", "-o", "json"]) == 0

    assert [each["package"].rpartition("/")[2] for each in answer(capsys)["packages"]] == ["nats"]


def test_folders_and_standard_input_are_read(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder counts with every YAML file below it; standard input gives no name."""
    write(place, "flows/deep/a.yaml", pipeline("input", "nats"))
    write(place, "flows/b.yml", pipeline("output", "kafka"))
    write(place, "flows/README.md", "no pipeline\n")

    assert run(["from-config", "flows", "-o", "json"]) == 0
    made = answer(capsys)
    assert made["name"] == "flows"
    assert {need["path"] for need in made["needs"]} == {"flows/deep/a.yaml", "flows/b.yml"}

    (place / "empty").mkdir()
    assert run(["from-config", "empty"]) == 1
    assert "no file with the extension .yaml or .yml below `empty`" in capsys.readouterr().err

    text = pipeline("input", "nats").encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert run(["from-config", "-", "--name", "piped"]) == 0
    assert "nats  # input nats" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert run(["from-config", "-"]) == 1
    assert "gives the distribution no name" in capsys.readouterr().err


def test_files_of_mappings_are_relative_to_the_configuration(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever the command runs; one that is not there is a warning with its place."""
    write(place, "flows/a.yaml", "pipeline:\n  processors:\n    - pure: {}\n    - mapping: 'from \"gone.blobl\"'\n")

    run(["from-config", "flows/a.yaml"])
    assert "flows/a.yaml:4:16: WOM-112 warning: `gone.blobl`, which this mapping imports" in capsys.readouterr().err
    write(place, "flows/gone.blobl", "root = this\n")
    run(["from-config", "flows/a.yaml"])
    assert "WOM-112" not in capsys.readouterr().err


def test_a_program_without_a_driver_lacks_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`sql/base` has every sql component and no driver, so the pipeline failed when it ran."""
    proxy = make_proxy(place.parent / "goproxy")
    files = {
        "public/components/sql/package.go": f'package sql\n\nimport _ "{CONNECT}/public/components/sql/base"\n',
        "public/components/sql/base/base.go": component("sql_raw").replace("package sql_raw", "package base"),
    }
    proxy.add(CONNECT, "v4.105.1", files, requires=[Module(BENTHOS, "v4.77.0")])
    write(place, "p.yaml", "input: {sql_raw: {driver: postgres}}\n")
    write(place, "manifests/base.yaml", "apiVersion: wombat/v1\nkind: Distribution\nname: base\nversion: 1.0.0\n"
          "benthos: v4.77.0\npackages: [pure, io]\nplatforms: [linux/amd64]\n"
          f"modules:\n  - module: {CONNECT}\n    version: v4.105.1\n    packages: [sql/base]\n")  # fmt: skip

    assert run(["check-config", "p.yaml", "-o", "json"]) == 1

    (item,) = answer(capsys)["items"]
    assert {"kind": "sql-driver", "name": "postgres"} in item["lacks"]
    assert f"{CONNECT}/public/components/sql" in [each["package"] for each in item["add"]]
