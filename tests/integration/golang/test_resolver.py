"""The resolver over fake modules with the real toolchain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Log, build, compiler_of, resolver_of
from tests.support.goproxy import BENTHOS, CONNECT, component, connect_distribution, distribution
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.resolver import GoResolver
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.domain.errors import LockError, Unreachable
from wombat_gitops.domain.gosource import requirements
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.platforms import Platform

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.goproxy import GoProxy

FOUR = tuple(Platform.parse(name) for name in ("linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"))


async def test_a_lock_builds_as_it_is(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """What the resolver writes is complete for the compiler, which may not add to it."""
    wanted = connect_distribution()
    lock = await resolver_of(go_proxy, go_data).resolve(wanted, Log())

    built = await build(compiler_of(go_proxy, go_data), wanted, lock, tmp_path / "w")

    assert requirements(lock.go_mod) == {BENTHOS: "v4.77.0", CONNECT: "v4.105.0"}
    assert "2 inputs" in built.log.text


async def test_resolving_twice_gives_equal_bytes(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """The lock is a function of the declaration: not of caches, order of platforms, or newer versions."""
    wanted = replace(connect_distribution(["nats", "kafka"]), platforms=FOUR)
    first = await resolver_of(go_proxy, go_data).resolve(wanted, Log())
    go_proxy.add_benthos("v4.99.0")
    go_proxy.add_connect("v4.199.0", "v4.99.0")

    second = await resolver_of(go_proxy, tmp_path / "d").resolve(replace(wanted, platforms=FOUR[::-1]), Log())

    assert first == second


async def test_modules_of_one_platform_are_in_the_lock(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A module that only Windows needs is locked too."""
    helper = go_proxy.add("example.com/winhelper", "v1.0.0", {"help.go": "package winhelper\n"})
    windows = component("win").replace("import", '//go:build windows\n\nimport _ "example.com/winhelper"\n\nimport', 1)
    files = {"public/components/win/win.go": "package win\n", "public/components/win/w_windows.go": _reordered(windows)}
    mod = f"module {BENTHOS}\n\ngo 1.21\n\nrequire example.com/winhelper v1.0.0\n"
    go_proxy.add(BENTHOS, "v4.78.0", {**_sources(go_proxy, "v4.77.0"), **files}, go_mod=mod)
    wanted = replace(distribution("win", ["win"], core="v4.78.0"), platforms=FOUR)

    lock = await resolver_of(go_proxy, tmp_path / "d").resolve(wanted, Log())

    assert requirements(lock.go_mod)[helper.path] == "v1.0.0"
    assert "example.com/winhelper v1.0.0 h1:" in lock.go_sum


async def test_core_is_never_raised_silently(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A conflict names the module, what was wanted, what is required, and by whom."""
    wanted = replace(connect_distribution(), modules=(Module(BENTHOS, "v4.76.0"), Module(CONNECT, "v4.105.0")))

    with pytest.raises(LockError) as caught:
        await resolver_of(go_proxy, tmp_path / "d").resolve(wanted, Log())

    expected = f"`{BENTHOS}`: wanted `v4.76.0`, required `v4.77.0` by `{CONNECT}@v4.105.0`"
    assert caught.value.message == expected


@pytest.mark.parametrize(
    ("package", "hint"),
    [
        ("natz", "did you mean `nats`?"),
        ("elasticsearch", "did you mean `elasticsearch/v8`?"),
        ("qqqqqqqq", "it has `elasticsearch/v8`, `kafka`, `nats`, `redis`, `zeromq`"),
    ],
)
async def test_missing_package_is_named_with_what_is_near(
    go_proxy: GoProxy, go_data: Path, package: str, hint: str
) -> None:
    """A package that is not in its module is named with module, version and the nearest that there are."""
    with pytest.raises(LockError) as caught:
        await resolver_of(go_proxy, go_data).resolve(connect_distribution([package]), Log())

    assert caught.value.message == f"package `{package}`: `{CONNECT}@v4.105.0` has no such package"
    assert caught.value.hint == hint


async def test_missing_version_is_named(go_proxy: GoProxy, go_data: Path) -> None:
    """A version that does not exist is named."""
    with pytest.raises(LockError, match=r"benthos/v4@v4\.1\.0"):
        await resolver_of(go_proxy, go_data).resolve(distribution(core="v4.1.0"), Log())


async def test_package_of_an_undeclared_module_is_refused(go_proxy: GoProxy, go_data: Path) -> None:
    """Nothing asks for the latest version of a module that nobody declared."""
    go_proxy.add("example.com/extra", "v1.0.0", {"extra.go": "package extra\n"})
    wanted = distribution("extra", ["pure", "example.com/extra"])

    with pytest.raises(LockError, match=r"example\.com/extra") as caught:
        await resolver_of(go_proxy, go_data).resolve(wanted, Log())

    assert "modules" in caught.value.hint


async def test_proxy_that_is_gone_is_unreachable(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A proxy folder that is not there is no fault of the manifest."""
    go_proxy.folder.rename(tmp_path / "elsewhere")

    with pytest.raises(Unreachable, match="does not exist"):
        await resolver_of(go_proxy, tmp_path / "d").resolve(distribution(), Log())


def _sources(proxy: GoProxy, version: str) -> dict[str, str]:
    files = dict(proxy.modules[Module(BENTHOS, version)])
    del files["go.mod"]
    return files


def _reordered(text: str) -> str:
    """The build line before the package clause."""
    head = "//go:build windows\n\n"
    return head + text.replace(head, "", 1)


async def test_a_replacement_by_a_folder_inside_of_a_module_is_named(go_proxy: GoProxy, tmp_path: Path) -> None:
    """Go ignores it, asks for a module that was never published, and the hint was to correct its version."""
    go_mod = (
        f"module example.com/localrep\n\ngo 1.21\n\nrequire (\n\t{BENTHOS} v4.76.0\n\texample.com/helper v0.0.0\n)\n\n"
        "replace example.com/helper => ../helper\n"
    )
    source = component("localrep").replace("import", 'import _ "example.com/helper"\n\nimport', 1)
    module = go_proxy.add("example.com/localrep", "v1.0.0", {"localrep.go": source}, go_mod=go_mod)
    wanted = distribution("localrep", ["pure", "example.com/localrep"], [module])

    with pytest.raises(LockError) as caught:
        await resolver_of(go_proxy, tmp_path / "d").resolve(wanted, Log())

    assert caught.value.message == (
        "`example.com/localrep@v1.0.0` replaces `example.com/helper` by the folder `../helper`, which is not published"
    )
    assert "under `replaces`, or ask the owner" in caught.value.hint


async def test_a_folder_in_the_go_mod_of_a_module_that_was_not_declared_is_named(
    go_proxy: GoProxy, tmp_path: Path
) -> None:
    """The one to blame may be deeper: the module that requires what cannot be had."""
    go_mod = (
        "module example.com/deep\n\ngo 1.21\n\nrequire example.com/helper v0.0.0\n\n"
        "replace (\n\texample.com/helper v0.0.0 => ./helper\n)\n"
    )
    deep = go_proxy.add(
        "example.com/deep", "v1.2.0", {"deep.go": 'package deep\n\nimport _ "example.com/helper"\n'}, go_mod=go_mod
    )
    source = component("outer").replace("import", 'import _ "example.com/deep"\n\nimport', 1)
    outer = go_proxy.add(
        "example.com/outer", "v1.0.0", {"outer.go": source}, requires=[Module(BENTHOS, "v4.76.0"), deep]
    )
    wanted = distribution("outer", ["pure", "example.com/outer"], [outer])

    with pytest.raises(LockError, match=r"`example\.com/deep@v1\.2\.0` replaces `example\.com/helper` by the folder"):
        await resolver_of(go_proxy, tmp_path / "d").resolve(wanted, Log())


async def test_both_modules_of_an_ambiguous_import_are_named(go_proxy: GoProxy, tmp_path: Path) -> None:
    """The message ended at "multiple modules"."""
    core = [Module(BENTHOS, "v4.76.0")]
    plug = component("plug")
    whole = go_proxy.add(
        "example.com/mono", "v1.0.0", {"mono.go": component("mono"), "plug/plug.go": plug}, requires=core
    )
    part = go_proxy.add("example.com/mono/plug", "v1.1.0", {"plug.go": plug}, requires=core)
    wanted = distribution("ambig", ["pure", "example.com/mono", "example.com/mono/plug"], [whole, part])

    with pytest.raises(LockError) as caught:
        await resolver_of(go_proxy, tmp_path / "d").resolve(wanted, Log())

    for named in ("example.com/mono v1.0.0", "example.com/mono/plug v1.1.0", "found package example.com/mono/plug"):
        assert named in caught.value.message
    assert "/mod/" not in caught.value.message


async def test_a_proxy_that_is_off_is_said_to_be(go_proxy: GoProxy, tmp_path: Path) -> None:
    """The hint spoke of a cache that was emptied."""
    wanted = distribution("tiny")
    off = GoResolver(Toolchains(tmp_path / "d", ""), tmp_path / "d", GoNetwork({"GOPROXY": "off", "GOSUMDB": "off"}))

    with pytest.raises(LockError) as caught:
        await off.resolve(wanted, Log())

    assert "GOPROXY=off" in caught.value.message
    assert caught.value.hint.startswith("GOPROXY=off forbids downloads")


async def test_a_checksum_database_that_is_away_is_named(go_proxy: GoProxy, tmp_path: Path) -> None:
    """It was taken for the module proxy; the variable to set is another one."""
    network = {"GOPROXY": go_proxy.url, "GOSUMDB": "sum.golang.org http://127.0.0.1:9"}
    away = GoResolver(Toolchains(tmp_path / "d", ""), tmp_path / "d", GoNetwork(network))

    with pytest.raises(Unreachable) as caught:
        await away.resolve(distribution("tiny"), Log())

    assert "GOSUMDB" in caught.value.hint
    assert "GONOSUMDB" in caught.value.hint
