"""Where a toolchain comes from, and which network a Go command gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.network import GoNetwork, go_network
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.domain.model import DEFAULT_TOOLCHAIN
from wombat_gitops.domain.records import FailureKind, StepFailed


async def test_the_wheel_serves_where_path_has_no_go(tmp_path: Path) -> None:
    """The default release needs neither a Go on PATH nor a network, and is the real binary."""
    found = await Toolchains(tmp_path, "").locate(DEFAULT_TOOLCHAIN, {})

    assert found.release == DEFAULT_TOOLCHAIN
    assert Path(found.go).read_bytes()[:2] != b"#!"


async def test_the_go_on_path_is_preferred(tmp_path: Path) -> None:
    """A Go on PATH is taken where it is the wanted release."""
    wheel = await Toolchains(tmp_path, "").locate(DEFAULT_TOOLCHAIN, {})
    other = tmp_path / "other"
    other.symlink_to(wheel.root)
    toolchains = Toolchains(tmp_path, str(other / "bin"))

    first = (await toolchains.installed())[0]

    assert first.release == DEFAULT_TOOLCHAIN
    assert (await toolchains.locate(DEFAULT_TOOLCHAIN, {})) == first


async def test_a_program_called_go_that_is_none_is_passed_over(tmp_path: Path) -> None:
    """Something else on PATH does not stop the wheel from serving."""
    fake = tmp_path / "go"
    fake.write_text("#!/bin/sh\necho hello\n")
    fake.chmod(0o755)

    found = await Toolchains(tmp_path / "d", str(tmp_path)).locate(DEFAULT_TOOLCHAIN, {})

    assert found.release == DEFAULT_TOOLCHAIN


async def test_a_release_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    """Without a proxy that has it, the failure names the release and what to do."""
    toolchains = Toolchains(tmp_path / "d", "")

    with pytest.raises(StepFailed) as caught:
        await toolchains.locate("1.26.99", {"GOPROXY": "off"})

    assert caught.value.failure.reason == "ToolchainMissing"
    assert caught.value.failure.kind is FailureKind.USER
    assert "1.26.99" in caught.value.failure.message
    assert "install Go 1.26.99" in caught.value.failure.hint


@pytest.mark.parametrize("release", ["latest", "1.26.6+auto", "../../x", "local"])
async def test_only_exact_releases_are_looked_for(tmp_path: Path, release: str) -> None:
    """Nothing but an exact release reaches Go's toolchain switch."""
    with pytest.raises(StepFailed, match="exact Go release"):
        await Toolchains(tmp_path, "").locate(release, {})


async def test_the_users_configuration_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `go env -w` set counts, except where the process's environment says otherwise."""
    wheel = await Toolchains(tmp_path, "").locate(DEFAULT_TOOLCHAIN, {})
    (tmp_path / "env").write_text("GOPROXY=file:///from/file\nGOPRIVATE=example.com\nGOFLAGS=-race\n")
    monkeypatch.setenv("GOENV", str(tmp_path / "env"))
    monkeypatch.setenv("HOME", str(tmp_path))

    network = await go_network({"GOPRIVATE": "example.org"}, str(wheel.root / "bin"))

    assert network.environment["GOPROXY"] == "file:///from/file"
    assert network.environment["GOPRIVATE"] == "example.org"
    assert "GOFLAGS" not in network.environment


async def test_without_go_on_path_nothing_is_set() -> None:
    """Go's own defaults hold where nobody configured anything."""
    assert (await go_network({}, "")).environment == {}


def test_only_a_single_folder_can_be_missing(tmp_path: Path) -> None:
    """A list of proxies, and a folder that is there, are left to Go."""
    gone = (tmp_path / "gone").as_uri()

    assert GoNetwork({"GOPROXY": gone}).missing_folder == tmp_path / "gone"
    assert GoNetwork({"GOPROXY": f"{gone},direct"}).missing_folder is None
    assert GoNetwork({"GOPROXY": tmp_path.as_uri()}).missing_folder is None
    assert GoNetwork({}).missing_folder is None


def test_a_read_only_cache_can_be_removed(tmp_path: Path) -> None:
    """Folders without write permission go away, and a missing one is no error."""
    folder = tmp_path / "mod" / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "file").write_text("x")
    for place in (folder, folder.parent):
        place.chmod(0o555)

    remove_tree(tmp_path / "mod")
    remove_tree(tmp_path / "mod")

    assert not (tmp_path / "mod").exists()
