"""What the owners of modules say of their versions: warnings of `wombat lock` and `wombat outdated`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gitrepo import GitRepo
from tests.support.goproxy import BENTHOS, GoProxy, component, make_proxy
from wombat_gitops.cli import exits
from wombat_gitops.cli.main import run
from wombat_gitops.domain.model import Module

HEAD = "apiVersion: wombat/v1\nkind: Distribution\nname: tiny\nversion: 1.0.0\nbenthos: v4.76.0\n"
TINY = f"{HEAD}packages: [pure, io]\nplatforms: [linux/amd64]\n"
CORE = Module(BENTHOS, "v4.76.0")


@dataclass(frozen=True)
class Place:
    """A repository with manifests, and a module proxy folder."""

    root: Path
    proxy: GoProxy
    said: pytest.CaptureFixture[str]

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def using(self, *modules: Module) -> None:
        """A manifest with the package at the root of each module."""
        listed = (
            f"  - module: {each.path}\n    version: {each.version}\n    packages: [{each.path}]\n" for each in modules
        )
        self.write("manifests/tiny.yaml", f"{TINY}modules:\n{''.join(listed)}")

    def run(self, *words: str) -> tuple[int, str, str]:
        code = run([*words])
        told = self.said.readouterr()
        return code, told.out, told.err


@pytest.fixture
def place(tmp_path: Path, go_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    proxy = make_proxy(tmp_path / "goproxy")
    root = tmp_path / "repo"
    GitRepo(root)
    for name, value in proxy.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WOMBAT_DATA", str(go_data))
    monkeypatch.chdir(root)
    return Place(root, proxy, capsys)


def test_a_retracted_version_of_a_deprecated_module_was_locked_in_silence(place: Place) -> None:
    text = f"module example.com/old{{}}\n\ngo 1.21\n\nrequire {BENTHOS} v4.76.0\n{{}}"
    old = place.proxy.add("example.com/old", "v1.0.0", {"o.go": component("old")}, go_mod=text.format("", ""))
    newer = text.format(" // Deprecated: use example.com/conv", "\nretract v1.0.0 // leaks\n")
    place.proxy.add("example.com/old", "v1.1.0", {"o.go": component("old")}, go_mod=newer)
    place.using(old)
    for command in ("lock", "outdated"):
        code, _, err = place.run(command)
        assert code == exits.OK
        assert "tiny: warning: example.com/old v1.0.0 is retracted: leaks" in err
        assert "tiny: warning: the module example.com/old is deprecated: use example.com/conv" in err


def test_a_proxy_without_lists_of_versions_says_nothing_and_fails_nothing(place: Place) -> None:
    old = place.proxy.add("example.com/bare", "v1.0.0", {"b.go": component("bare")}, requires=[CORE])
    (place.proxy.folder / "example.com" / "bare" / "@v" / "list").unlink()
    place.using(old)
    code, _, err = place.run("lock")
    assert code == exits.OK
    assert "warning" not in err
