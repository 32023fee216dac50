"""Locks, `outdated` and `upgrade` as a person meets them: the real toolchain, a proxy folder of fake modules."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.goproxy import BENTHOS, CONNECT, GoProxy, component, make_proxy
from wombat_gitops.cli.main import run
from wombat_gitops.domain.model import Module

CORE_VERSIONS = ("v4.300.0", "v4.300.1", "v4.301.0", "v4.302.0")
MANIFEST = f"""\
# Streams of the house.
apiVersion: wombat/v1
kind: Distribution
name: tiny
version: "1.0.0"  # ours
benthos: v4.300.0   # the engine
packages: [io, pure]
modules:
  - {{module: {CONNECT}, version: 'v4.400.0', packages: [nats]}}  # the rest
platforms: [linux/amd64]
"""


@dataclass(frozen=True)
class Place:
    """A repository with one manifest, and the proxy that its modules come from."""

    root: Path
    proxy: GoProxy

    @property
    def manifest(self) -> Path:
        return self.root / "manifests" / "tiny.yaml"

    @property
    def files(self) -> dict[str, bytes]:
        """Everything below the manifests folder, by its path."""
        folder = self.root / "manifests"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def publish(proxy: GoProxy) -> None:
    """Benthos at four versions; Connect at three, of which the newest needs more than there is."""
    for version in CORE_VERSIONS:
        proxy.add_benthos(version)
    proxy.add_benthos("v4.303.0-rc.1")
    proxy.add_connect("v4.400.0", "v4.300.0")
    proxy.add_connect("v4.401.0", "v4.301.0")
    proxy.add_connect("v4.402.0", "v4.302.0")


@pytest.fixture
def place(tmp_path: Path, go_data: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The repository as the current folder, locked."""
    proxy = make_proxy(tmp_path / "goproxy")
    publish(proxy)
    root = tmp_path / "repo"
    (root / "manifests").mkdir(parents=True)
    for name, value in proxy.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WOMBAT_DATA", str(go_data))
    monkeypatch.chdir(root)
    found = Place(root, proxy)
    found.manifest.write_text(MANIFEST)
    assert run(["-q", "lock"]) == 0
    return found


def answer(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The items of the JSON that the last command printed."""
    items: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["items"]
    return items


def test_a_lock_that_is_made_again_has_equal_bytes(place: Place) -> None:
    """Newer versions do not move what a manifest does not move."""
    before = place.files
    place.proxy.add_benthos("v4.310.0")

    assert run(["lock", "--force"]) == 0

    assert place.files == before


def test_another_package_adds_only_what_it_needs(place: Place) -> None:
    """The diff of the lock is the package, its module, and that one's sums."""
    helper = place.proxy.add("example.com/indirect", "v1.0.0", {"i.go": "package indirect\n"})
    place.proxy.add("example.com/indirect", "v1.5.0", {"i.go": "package indirect\n"})
    source = component("more").replace("import", 'import _ "example.com/indirect"\n\nimport', 1)
    place.proxy.add(
        "example.com/more",
        "v1.0.0",
        {"public/components/more/more.go": source},
        requires=[Module(BENTHOS, "v4.300.0"), helper],
    )
    lock = place.root / "manifests" / "tiny.lock"
    before = {path.name: path.read_text().splitlines() for path in lock.iterdir()}
    entry = "  - {module: example.com/more, version: v1.0.0, packages: [more]}\nplatforms"
    place.manifest.write_text(MANIFEST.replace("platforms", entry))

    assert run(["lock"]) == 0

    after = {path.name: path.read_text().splitlines() for path in lock.iterdir()}
    for name, lines in before.items():
        assert set(lines) - set(after[name]) <= {f"require {BENTHOS} v4.300.0"}
    added = [line for name in after for line in after[name] if line not in before[name]]
    assert all("example.com/" in line for line in added if line.strip("() ") and not line.startswith("require"))
    assert any("example.com/indirect v1.0.0 // indirect" in line for line in after["go.mod"])


def test_a_stale_lock_names_the_command_that_mends_it(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` writes nothing; what it says to run, mends."""
    before = place.files
    place.manifest.write_text(MANIFEST.replace("packages: [io, pure]", "packages: [io]"))
    capsys.readouterr()

    assert run(["lock", "--check"]) == 1

    assert "run `wombat lock manifests/tiny.yaml`" in capsys.readouterr().err
    assert {name: data for name, data in place.files.items() if name != "tiny.yaml"} == {
        name: data for name, data in before.items() if name != "tiny.yaml"
    }
    assert run(["lock", "manifests/tiny.yaml"]) == 0
    assert run(["lock", "--check"]) == 0


def test_a_lock_is_swapped_whole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails while files are written leaves the old lock, and other files stay in its folder."""
    lock = place.root / "manifests" / "tiny.lock"
    (lock / "NOTES").write_text("keep me\n")
    before = place.files
    place.manifest.write_text(MANIFEST.replace("v4.300.0 ", "v4.300.1 "))
    rename = Path.rename

    def refusing(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refusing)
    assert run(["lock"]) == 1
    monkeypatch.undo()

    assert {name: data for name, data in place.files.items() if name.startswith("tiny.lock/")} == {
        name: data for name, data in before.items() if name.startswith("tiny.lock/")
    }
    assert not [path for path in lock.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    "own", ["", "replaces:\n# ours\n- module: example.com/gone\n  with: {module: example.com/other, version: v1.0.0}\n"]
)
def test_replacements_of_a_module_are_offered(place: Place, own: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Go does not pass them on; those that matter are told with the lines to add, or added."""
    keys = place.proxy.add("example.com/keys", "v1.0.0", {"k.go": "package keys\n"})
    fork = "module example.com/Fork/keys\n\ngo 1.21\n"
    place.proxy.add("example.com/Fork/keys", "v1.2.3", {"k.go": "package keys\n"}, go_mod=fork)
    source = component("vault").replace("import", 'import _ "example.com/keys"\n\nimport', 1)
    go_mod = (
        f"module example.com/vault\n\ngo 1.21\n\nrequire (\n\t{BENTHOS} v4.300.0\n\t{keys.path} v1.0.0\n)\n\n"
        "replace (\n\texample.com/keys => example.com/Fork/keys v1.2.3\n\texample.com/unused => ../unused\n"
        "\texample.com/far => example.com/away v1.0.0\n)\n"
    )
    place.proxy.add("example.com/vault", "v1.0.0", {"public/components/vault/v.go": source}, go_mod=go_mod)
    entry = "  - {module: example.com/vault, version: v1.0.0, packages: [vault]}\nplatforms"
    place.manifest.write_text(MANIFEST.replace("platforms", entry) + own)
    before = place.manifest.read_text()
    capsys.readouterr()

    assert run(["lock"]) == 0

    lines = "  - module: example.com/keys\n    with: {module: example.com/Fork/keys, version: v1.2.3}\n"
    told = capsys.readouterr().err
    assert f"replaces:\n{lines}" in told
    assert "`wombat lock --add-replaces manifests/tiny.yaml`" in told
    assert "example.com/away" not in told
    assert place.manifest.read_text() == before

    assert run(["lock", "--add-replaces"]) == 0
    wanted = lines if not own else lines.replace("\n  ", "\n").removeprefix("  ")
    assert place.manifest.read_text() == (
        before.replace("replaces:\n", f"replaces:\n{wanted}") if own else f"{before}replaces:\n{wanted}"
    )
    assert "replace example.com/keys => example.com/Fork/keys v1.2.3" in place.files["tiny.lock/go.mod"].decode()
    capsys.readouterr()
    assert run(["lock", "--force"]) == 0
    assert "replaces" not in capsys.readouterr().err
    assert run(["lock", "--check"]) == 0


def test_a_run_that_was_killed_between_is_mended(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Between the two renames there is no lock; the next run makes it, and nothing else is left."""
    before = place.files
    lock = place.root / "manifests" / "tiny.lock"
    lock.rename(lock.with_name(".tiny.lock.old"))
    lock.with_name(".tiny.lock.new").mkdir()
    capsys.readouterr()
    assert run(["lock", "--check"]) == 1
    assert "there is no lock" in capsys.readouterr().out

    assert run(["lock"]) == 0

    assert place.files == before


def test_one_that_does_not_resolve_does_not_stop_the_others(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Side by side or not; the message names module, versions and who requires it."""
    for number in range(5):
        text = MANIFEST.replace("name: tiny", f"name: other{number}")
        text = text if number else text.replace("v4.400.0", "v4.401.0")
        place.manifest.with_name(f"other{number}.yaml").write_text(text)
    capsys.readouterr()

    assert run(["lock", "-o", "json"]) == 1

    told = capsys.readouterr()
    states = [item["state"] for item in json.loads(told.out)["items"]]
    assert states == ["failed", "written", "written", "written", "written", "up to date"]
    assert f"other0: `{BENTHOS}`: wanted `v4.300.0`, required `v4.301.0` by `{CONNECT}@v4.401.0`" in told.err
    assert not (place.root / "manifests" / "other0.lock").exists()


def test_outdated_tells_what_is_newer_and_what_goes_together(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Pre-releases, retracted versions and what does not resolve are left out, the last with its reason."""
    place.proxy.add_connect("v4.410.0", "v4.999.0")
    retracting = f"module {BENTHOS}\n\ngo 1.21\n\nretract v4.302.1\n"
    files = {name: text for name, text in place.proxy.modules[Module(BENTHOS, "v4.302.0")].items() if name != "go.mod"}
    place.proxy.add(BENTHOS, "v4.302.1", files)
    place.proxy.add(BENTHOS, "v4.302.2", files, go_mod=retracting)
    capsys.readouterr()

    assert run(["outdated", "--detailed-exitcode", "-o", "json"]) == 10

    core, connect = answer(capsys)
    assert (core["module"], core["current"], core["newest"], core["together"]) == (
        BENTHOS,
        "v4.300.0",
        "v4.302.2",
        "v4.302.2",
    )
    assert (connect["newest"], connect["together"]) == ("v4.410.0", "v4.402.0")
    assert "v4.999.0" in connect["reason"]


def test_upgrade_changes_versions_and_nothing_else(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Comments and quotes stay; the distribution's own version grows; the lock fits."""
    assert run(["upgrade"]) == 0

    wanted = MANIFEST.replace('"1.0.0"', '"1.1.0"').replace("v4.300.0 ", "v4.302.0 ").replace("v4.400.0", "v4.402.0")
    assert place.manifest.read_text() == wanted
    assert run(["lock", "--check"]) == 0
    capsys.readouterr()
    assert run(["upgrade", "-o", "json"]) == 0
    assert [item["state"] for item in answer(capsys)] == ["up to date"]


def test_a_dry_run_is_a_patch_that_git_applies(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written; the patch makes the same files as the upgrade."""
    subprocess.run(["git", "init", "-q"], cwd=place.root, check=True, timeout=30)
    before = place.files
    capsys.readouterr()
    assert run(["upgrade", "--dry-run"]) == 0
    patch = capsys.readouterr().out
    assert place.files == before

    subprocess.run(["git", "apply", "-"], input=patch, text=True, cwd=place.root, check=True, timeout=30)
    applied = place.files
    for name, data in before.items():
        (place.root / "manifests" / name).write_bytes(data)
    assert run(["upgrade"]) == 0

    assert applied == place.files != before


def test_a_dry_run_says_where_nothing_is_newer(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty patch alone would look like a failure."""
    assert run(["-q", "upgrade"]) == 0
    capsys.readouterr()

    assert run(["upgrade", "--dry-run"]) == 0

    told = capsys.readouterr()
    assert told.out == ""
    assert "tiny: nothing newer that resolves" in told.err


def test_a_version_that_is_not_raised_is_shown_as_before(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """`lock --upgrade` leaves the distribution's own version; `upgrade` raises it."""
    assert run(["lock", "--upgrade", f"{BENTHOS}@v4.300.1"]) == 0
    assert "1.0.0 (as before)" in capsys.readouterr().out


def test_one_module_goes_as_far_as_the_others_let_it(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is not raised for it; why the newest is not taken, and what requires it, is told."""
    place.proxy.add_connect("v4.400.1", "v4.300.0")
    capsys.readouterr()

    assert run(["lock", "--upgrade", CONNECT]) == 0

    assert place.manifest.read_text() == MANIFEST.replace("v4.400.0", "v4.400.1")
    told = capsys.readouterr().err
    assert f"`{BENTHOS}`: wanted `v4.300.0`, required `v4.302.0` by `{CONNECT}@v4.402.0`" in told
    assert run(["lock", "--check"]) == 0


def test_an_exact_version_needs_no_list(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Proxies without lists are enough for it; one that does not resolve is an error with its reason."""
    for file in place.proxy.folder.rglob("list"):
        file.unlink()
    before = place.files
    capsys.readouterr()

    assert run(["upgrade", "--module", f"{CONNECT}@v4.401.0"]) == 1
    assert "required `v4.301.0`" in capsys.readouterr().err
    assert place.files == before

    assert run(["upgrade", "--module", f"{BENTHOS}@v4.300.1"]) == 0
    assert place.manifest.read_text() == MANIFEST.replace("v4.300.0 ", "v4.300.1 ").replace('"1.0.0"', '"1.0.1"')


def test_a_list_that_is_refused_does_not_hide_the_others(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to do, and the exit code says that something could not be reached."""
    next((place.proxy.folder / "github.com/redpanda-data/connect").rglob("list")).unlink()
    capsys.readouterr()

    assert run(["outdated", "-o", "json"]) == 5

    told = capsys.readouterr()
    core, connect = json.loads(told.out)["items"]
    assert (core["newest"], connect["newest"], connect["together"]) == ("v4.302.0", None, "v4.400.0")
    assert f"`wombat upgrade --module {CONNECT}@v…`" in told.err


def test_a_module_that_no_manifest_has_is_said(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Also a version that is none."""
    assert run(["lock", "--upgrade", "example.com/none"]) == 4
    assert "no manifest has module `example.com/none`" in capsys.readouterr().err
    assert run(["lock", "--upgrade", CONNECT.replace("connect", "conect")]) == 4
    assert f"did you mean `{CONNECT}`?" in capsys.readouterr().err
    assert run(["lock", "tiny", "--upgrade", "example.com/none"]) == 4
    assert "`tiny` has no module `example.com/none`" in capsys.readouterr().err
    assert run(["lock", "--upgrade", f"{CONNECT}@latest"]) == 1
    assert "`latest` is not an exact version" in capsys.readouterr().err
    assert run(["lock", "--check", "--upgrade", CONNECT]) == 2
