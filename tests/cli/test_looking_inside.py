"""What `lock`, `validate --inspect` and `upgrade` find in modules, with the real toolchain over fake modules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.goproxy import BENTHOS, GoProxy, component, make_proxy
from wombat_gitops.cli import exits
from wombat_gitops.cli.main import run
from wombat_gitops.domain.model import Module

MANIFEST = """\
apiVersion: wombat/v1
kind: Distribution
name: tiny
version: 1.0.0
benthos: v4.76.0
packages: [io, pure]
platforms: [linux/amd64, linux/arm/7]
modules:
  - module: example.org/inside
    version: v1.0.0
    packages: [{packages}]
"""
POLICY = "apiVersion: wombat/v1\nkind: Policy\nname: house\nlicenses: {deny: [LicenseRef-Redpanda-Community-License]}\n"
PAID = "// Licensed as a Redpanda Enterprise file under the Redpanda Community\n// License.\n\n"
FILES = {
    "LICENSE": "Apache License\nVersion 2.0, January 2004\n",
    "public/components/good/good.go": component("good"),
    "public/components/desk/doc.go": "package desk\n",
    "public/components/desk/desk.go": f"//go:build !arm\n\n{component('desk')}",
    "public/components/extra/extra.go": f"//go:build special\n\n{component('extra')}",
    "public/components/tool/main.go": "package main\n\nfunc main() {}\n",
    "public/components/quiet/quiet.go": "package quiet\n",
    "public/components/late/late.go": (
        f'package late\n\nimport "{BENTHOS}/public/service"\n\nvar name = []string{{"late"}}\n\n'
        'func init() {\n\tservice.Register("inputs", name[0])\n}\n'
    ),
    "public/components/paid/paid.go": PAID + component("paid"),
}


@dataclass(frozen=True)
class Place:
    """A repository with one manifest."""

    root: Path
    proxy: GoProxy
    git: GitRepo

    def write(self, packages: str) -> None:
        (self.root / "manifests" / "tiny.yaml").write_text(MANIFEST.format(packages=packages))

    @property
    def locked(self) -> bool:
        return (self.root / "manifests" / "tiny.lock" / "go.mod").exists()


@pytest.fixture
def place(tmp_path: Path, go_data: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    proxy = make_proxy(tmp_path / "goproxy")
    proxy.add("example.org/inside", "v1.0.0", FILES, requires=[Module(BENTHOS, "v4.76.0")])
    root = tmp_path / "repo"
    git = GitRepo(root)
    (root / "manifests").mkdir()
    for name, value in proxy.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WOMBAT_DATA", str(go_data))
    monkeypatch.chdir(root)
    return Place(root, proxy, git)


def rules(err: str) -> list[str]:
    """The rules that are told, each with its place."""
    return [line.partition(" ")[2][:7] for line in err.splitlines() if line.startswith("manifests/")]


def test_no_lock_is_made_for_packages_that_are_of_no_use(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing tags, platforms and programs are told at their places, all at once, before anything is compiled."""
    place.write("good, desk, extra, tool")

    assert run(["-q", "lock"]) == exits.FAILED

    err = capsys.readouterr().err
    assert rules(err) == ["WOM-071", "WOM-072", "WOM-072"]
    assert "tiny.yaml:11:22: WOM-071 package `desk` on `linux/arm/7`: it registers nothing" in err
    assert "add `special` to `tags`" in err
    assert "package `tool`: it is a program" in err
    assert not place.locked


def test_what_is_told_to_do_is_enough(place: Place) -> None:
    """The tag and the exclusion, as the hints write them."""
    place.write("good, desk, extra")
    manifest = place.root / "manifests" / "tiny.yaml"
    manifest.write_text(
        manifest.read_text() + "tags: [special]\nexclusions: [{platforms: [linux/arm/7], packages: [desk]}]\n"
    )

    assert run(["-q", "lock"]) == exits.OK
    assert run(["-q", "validate", "--inspect"]) == exits.OK


def test_packages_that_a_module_does_not_have_are_told_together(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with what is like it, or with what there is."""
    place.write("godd, nothing")

    assert run(["lock", "-o", "json"]) == exits.FAILED

    told = capsys.readouterr()
    assert rules(told.err) == ["WOM-070", "WOM-070"]
    assert "did you mean `good`?" in told.err
    assert "it has `desk`, `extra`, `good`, `late`, `paid`, `quiet`, `tool`" in told.err
    (item,) = json.loads(told.out)["items"]
    assert (item["state"], item["detail"]) == (
        "failed",
        "package `godd`: `example.org/inside@v1.0.0` has no such package (and 1 more)",
    )


def test_a_package_that_may_register_nothing_is_a_warning(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that are made at run time are not known before, so the lock is made."""
    place.write("good, late")
    assert run(["-q", "lock"]) == exits.OK
    assert (
        "WOM-073 warning: package `late`: the names of its components are made at run time (late.go:8)"
        in capsys.readouterr().err
    )
    assert place.locked


def test_a_package_that_cannot_register_was_locked_built_and_published(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write("good, quiet")
    assert run(["-q", "lock"]) == exits.FAILED
    assert "WOM-073 package `quiet`: nothing it imports leads to" in capsys.readouterr().err
    assert not place.locked


def test_a_licence_that_is_not_allowed_is_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """By `lock`, which makes the lock all the same, and by `validate --inspect`; plain `validate` cannot know."""
    place.write("good, paid")
    (place.root / "manifests" / "house.yaml").write_text(POLICY)

    assert run(["-q", "lock"]) == exits.INVALID
    assert "(`public/components/paid/paid.go`), which is not allowed" in capsys.readouterr().err
    assert place.locked
    assert run(["-q", "validate"]) == exits.OK
    assert run(["-q", "validate", "--inspect"]) == exits.INVALID
    assert rules(capsys.readouterr().out) == ["WOM-082"]


def test_the_operator_s_policy_is_known_where_it_is_named(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a service would refuse is told before anything is asked of it."""
    place.write("good, paid")
    assert run(["-q", "lock"]) == exits.OK
    house = place.root / "house.yaml"
    monkeypatch.setenv("WOMBAT_POLICY", str(house))
    house.write_text(POLICY + "platforms: {deny: [linux/arm]}\n")
    capsys.readouterr()

    assert run(["-q", "validate"]) == exits.INVALID
    assert rules(capsys.readouterr().out) == ["WOM-083"]
    assert run(["-q", "validate", "--inspect"]) == exits.INVALID
    assert rules(capsys.readouterr().out) == ["WOM-083", "WOM-082"]
    house.unlink()
    assert run(["-q", "validate"]) == exits.NOT_FOUND


def test_an_object_file_is_refused_until_a_policy_names_it(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `lock`, `validate --inspect` and `plan --inspect`; what the hint says is enough, here or with the operator."""
    files = {"blob.go": "package within\n", "blob.syso": ""}
    files["public/components/good/good.go"] = FILES["public/components/good/good.go"].replace(
        "import", 'import _ "example.org/within"\nimport', 1
    )
    place.proxy.add("example.org/within", "v1.0.0", files, requires=[Module(BENTHOS, "v4.76.0")])
    place.git.commit()
    manifest = MANIFEST.format(packages="good").replace("example.org/inside", "example.org/within")
    (place.root / "manifests" / "tiny.yaml").write_text(manifest)
    allows = "syso: {allow: [example.org/within]}"
    plan = ["-q", "plan", "--base", "HEAD", "--inspect"]

    assert run(["-q", "lock"]) == exits.INVALID
    assert f"`{allows}`" in capsys.readouterr().err
    assert run(["-q", "validate"]) == exits.OK
    assert run(["-q", "validate", "--inspect"]) == exits.INVALID
    assert rules(capsys.readouterr().out) == ["WOM-088"]
    assert run(plan) == exits.INVALID

    house = place.root / "manifests" / "house.yaml"
    house.write_text(f"apiVersion: wombat/v1\nkind: Policy\nname: house\n{allows}\n")
    for command in (["-q", "lock", "--force"], ["-q", "validate", "--inspect"], plan):
        assert run(command) == exits.OK, command

    monkeypatch.setenv("WOMBAT_POLICY", str(house.rename(place.root / "house.yaml")))
    for command in (["-q", "lock", "--force"], ["-q", "validate", "--inspect"], plan):
        assert run(command) == exits.OK, command


def test_a_pull_request_that_only_tightens_a_policy_is_looked_into(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """No manifest changes, and what is inside is not allowed any more."""
    place.write("good, paid")
    assert run(["-q", "lock"]) == exits.OK
    place.git.commit()
    (place.root / "manifests" / "house.yaml").write_text(POLICY)
    capsys.readouterr()

    assert run(["-q", "plan", "--base", "HEAD", "--inspect"]) == exits.INVALID

    assert rules(capsys.readouterr().err) == ["WOM-082"]


def test_a_policy_makes_no_lock_stale(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Making the lock again would not help, so it is not advised."""
    place.write("good")
    assert run(["-q", "lock"]) == exits.OK
    policy = POLICY.replace("licenses: {deny: [LicenseRef-Redpanda-Community-License]}", "platforms: {deny: [linux]}")
    (place.root / "manifests" / "house.yaml").write_text(policy)
    capsys.readouterr()

    assert run(["lock", "--check"]) == exits.INVALID

    told = capsys.readouterr()
    assert "up to date" in told.out
    assert "wombat lock" not in told.err
    assert rules(told.err) == ["WOM-083", "WOM-083"]


def test_a_lock_that_was_tampered_with_is_told_at_its_manifest(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module that is not what the lock says fails the check, and not only the build."""
    place.write("good")
    assert run(["-q", "lock"]) == exits.OK
    go_sum = place.root / "manifests" / "tiny.lock" / "go.sum"
    lines = go_sum.read_text().splitlines()
    go_sum.write_text("".join(f"{line[:-2]}A=\n" if "inside v1.0.0 h1" in line else f"{line}\n" for line in lines))

    assert run(["-q", "validate", "--inspect"]) == exits.INVALID

    out = capsys.readouterr().out
    assert "tiny.yaml:3:7: WOM-051 the modules of `manifests/tiny.lock` cannot be listed" in out
    assert "checksum mismatch" in out


def test_no_upgrade_to_a_version_without_the_package(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest version that still registers something is taken, and why the newest is not."""
    place.write("good")
    for version, files in {
        "v1.1.0": FILES,
        "v1.2.0": FILES | {"public/components/good/good.go": f"//go:build paid\n\n{component('good')}"},
    }.items():
        place.proxy.add("example.org/inside", version, files, requires=[Module(BENTHOS, "v4.76.0")])
    assert run(["-q", "lock"]) == exits.OK
    capsys.readouterr()

    assert run(["-q", "upgrade", "--module", "example.org/inside", "-o", "json"]) == exits.OK

    told = capsys.readouterr()
    (item,) = json.loads(told.out)["items"]
    assert [change["to"] for change in item["changes"]] == ["v1.1.0"]
    assert "`v1.2.0` does not resolve: package `good`: no file of it is built" in told.err
