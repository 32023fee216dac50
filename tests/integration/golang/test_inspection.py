"""Packages that are missing, stubs or under another licence, found before anything is compiled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.golang.support import Log
from tests.support.goproxy import BENTHOS, CONNECT, GoProxy, component, connect_distribution, distribution
from wombat_gitops.adapters.golang.inspector import GoInspector
from wombat_gitops.adapters.golang.network import go_network
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.domain.contents import Component, Contents, PackageContents, Presence
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.inspection import diagnose
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import Distribution, Module
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.settings import search_path

RCL_HEADER = "// Licensed as a Redpanda Enterprise file under the Redpanda Community\n// License.\n\n"
APACHE = "Apache License\nVersion 2.0, January 2004\n"


@pytest.fixture
async def inspector(go_proxy: GoProxy, go_data: Path) -> GoInspector:
    network = await go_network(go_proxy.environment, search_path())
    return GoInspector(Toolchains(go_data, search_path()), go_data, network)


async def contents(inspector: GoInspector, proxy: GoProxy, wanted: Distribution) -> list[Contents]:
    """The contents of each platform's program."""
    needed = [*wanted.modules, Module(BENTHOS, "v4.77.0")] if len(wanted.modules) > 1 else wanted.modules
    modules = {module.path: module for module in needed}.values()
    inspection = await inspector.inspect(wanted, proxy.lock(modules), Log())
    return [found for _, found in inspection.platforms]


def only(found: Contents, name: str) -> PackageContents:
    """The package of that last name."""
    return next(each for each in found.packages if each.package.endswith(f"/{name}"))


async def test_components_are_told_by_package(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """Each package with what it registers."""
    (found,) = await contents(inspector, go_proxy, connect_distribution(["nats"]))
    assert only(found, "nats").components == (Component("input", "nats"), Component("output", "nats"))
    assert only(found, "pure").presence is Presence.PRESENT
    assert {module.path for module in found.modules} == {BENTHOS, CONNECT}


async def test_a_stub_is_told_with_its_tag(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """Such a build would succeed and lack the component."""
    wanted = connect_distribution(["zeromq"])
    (plain,) = await contents(inspector, go_proxy, wanted)
    (tagged,) = await contents(inspector, go_proxy, replace(wanted, tags=("x_benthos_extra",)))
    stub = only(plain, "zeromq")
    assert (stub.presence, stub.hint) == (Presence.STUB, "add `x_benthos_extra` to `tags`")
    assert only(tagged, "zeromq").presence is Presence.PRESENT


async def test_what_is_wrong_is_told_at_the_package_s_line(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """A package that is not there, one that is a program, one that is left out on a platform."""
    files = {
        "public/components/some/some.go": component("some"),
        "public/components/tool/main.go": "package main\n\nfunc main() {}\n",
        "public/components/desk/doc.go": "package desk\n",
        "public/components/desk/desk.go": f"//go:build !arm\n\n{component('desk')}",
        "public/components/quiet/quiet.go": "package quiet\n",
    }
    made = go_proxy.add("example.org/odd", "v1.0.0", files)
    text = (
        "apiVersion: wombat/v1\nkind: Distribution\nname: odd\nversion: 1.0.0\nbenthos: v4.76.0\npackages: [pure]\n"
        "platforms: [linux/amd64, linux/arm/7]\n"
        "modules:\n  - module: example.org/odd\n    version: v1.0.0\n    packages: [sme, tool, desk, quiet]\n"
    )
    reading = read_manifest("manifests/odd.yaml", text.encode())
    assert reading.distribution is not None
    lock = go_proxy.lock([made, Module(BENTHOS, "v4.76.0")])

    problems = diagnose(reading, await inspector.inspect(reading.distribution, lock, Log()))

    assert [(each.rule, each.line, each.column) for each in problems] == [
        ("WOM-070", 11, 16),
        ("WOM-072", 11, 21),
        ("WOM-071", 11, 27),
        ("WOM-073", 11, 33),
    ]
    assert problems[0].hint == "did you mean `some`?"
    assert problems[2].message == "package `desk` on `linux/arm/7`: it registers nothing"
    assert problems[2].hint == "exclude it there: `exclusions: [{platforms: [linux/arm/7], packages: [desk]}]`"


async def test_what_is_wrong_everywhere_is_told_once(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """One problem with all its platforms, and one thing to write."""
    files = {
        "public/components/tagged/tagged.go": f"//go:build special\n\n{component('tagged')}",
        "public/components/unix/unix.go": f"//go:build !windows\n\n{component('unix')}",
    }
    made = go_proxy.add("example.org/left", "v1.0.0", files)
    text = (
        "apiVersion: wombat/v1\nkind: Distribution\nname: odd\nversion: 1.0.0\nbenthos: v4.76.0\npackages: [pure]\n"
        "platforms: [linux/amd64, windows/amd64, windows/arm64]\n"
        "modules:\n  - module: example.org/left\n    version: v1.0.0\n    packages: [tagged, unix]\n"
    )
    reading = read_manifest("manifests/odd.yaml", text.encode())
    assert reading.distribution is not None
    lock = go_proxy.lock([made, Module(BENTHOS, "v4.76.0")])

    tagged, unix = diagnose(reading, await inspector.inspect(reading.distribution, lock, Log()))

    assert (tagged.rule, tagged.message) == ("WOM-072", "package `tagged`: no file of it is built")
    assert tagged.hint == "add `special` to `tags`"
    assert unix.message == "package `unix` on `windows/amd64`, `windows/arm64`: no file of it is built"
    assert unix.hint == (
        "exclude it there: `exclusions: [{platforms: [windows/amd64, windows/arm64], packages: [unix]}]`"
    )


def needing_c(proxy: GoProxy, used: str, version: str) -> Distribution:
    """A package over one that holds C and, as ZeroMQ's, a few files without it."""
    files = {
        "zmq/c.go": 'package zmq\n\nimport "C"\n\ntype (\n\tSocket struct{}\n)\n\nfunc New() *Socket { return nil }\n',
        "zmq/plain.go": "package zmq\n\n// New is elsewhere.\nconst Version = 4\n",
        "public/components/uses/uses.go": component("uses", extra=f"\nvar X = {used}\n").replace(
            "import", 'import q "example.org/queue/zmq"\n\nimport', 1
        ),
    }
    made = proxy.add("example.org/queue", version, files)
    return distribution(modules=[made], packages=["pure", "example.org/queue/public/components/uses"])


async def test_what_is_missing_without_c_is_found_before_the_compiler(
    inspector: GoInspector, go_proxy: GoProxy
) -> None:
    """Half of a package is left where cgo is off; whoever uses the other half does not compile."""
    wanted = needing_c(go_proxy, "q.New()", "v1.0.0")
    (plain,) = await contents(inspector, go_proxy, wanted)
    (cgo,) = await contents(inspector, go_proxy, replace(wanted, cgo=True))
    told = only(plain, "uses")
    assert told.presence is Presence.REFUSED
    assert (told.reason, told.hint) == ("it uses `zmq.New` of `example.org/queue/zmq`, which is C", "write `cgo: true`")
    assert only(cgo, "uses").presence is Presence.PRESENT


async def test_what_does_without_c_is_left_alone(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """A package whose plain half is enough is no problem."""
    (plain,) = await contents(inspector, go_proxy, needing_c(go_proxy, "q.Version", "v1.0.1"))
    assert only(plain, "uses").presence is Presence.PRESENT


async def test_a_package_over_one_that_is_not_there_is_told(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """The package that a person listed is to blame, with what it imports."""
    files = {
        "inner/inner.go": "//go:build !windows\n\npackage inner\n",
        "public/components/outer/outer.go": component("outer").replace(
            "import", 'import _ "example.org/deep/inner"\n\nimport', 1
        ),
    }
    made = go_proxy.add("example.org/deep", "v1.0.0", files)
    wanted = distribution(
        modules=[made],
        packages=["pure", "example.org/deep/public/components/outer"],
        platforms=["linux/amd64", "windows/amd64"],
    )
    linux, windows = await contents(inspector, go_proxy, wanted)
    assert only(linux, "outer").presence is Presence.PRESENT
    told = only(windows, "outer")
    assert (told.presence, told.reason) == (
        Presence.REFUSED,
        "it imports `example.org/deep/inner`, of which no file is built",
    )


async def test_licences_are_those_of_the_files_that_are_compiled(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """A package's own header counts before its module's licence."""
    files = {
        "LICENSE": APACHE,
        "public/components/free/free.go": component("free"),
        "public/components/paid/paid.go": RCL_HEADER + component("paid"),
    }
    made = go_proxy.add("example.org/mixed", "v1.0.0", files)
    paths = [f"example.org/mixed/public/components/{name}" for name in ("free", "paid")]
    wanted = distribution(modules=[made], packages=["io", *paths], core="v4.77.0")
    (found,) = await contents(inspector, go_proxy, wanted)
    assert only(found, "free").licenses == ("Apache-2.0",)
    assert only(found, "paid").licenses == ("LicenseRef-Redpanda-Community-License",)
    assert only(found, "paid").license_files == ("public/components/paid/paid.go",)
    assert found.licenses == ("Apache-2.0", "LicenseRef-Redpanda-Community-License", "NOASSERTION")


async def test_what_was_read_is_kept_and_a_damaged_copy_is_read_anew(
    inspector: GoInspector, go_proxy: GoProxy, go_data: Path
) -> None:
    """The second answer needs no Go command; a broken file is no answer."""
    wanted = replace(connect_distribution(["kafka"]), platforms=(Platform.parse("linux/s390x"),))
    first = await contents(inspector, go_proxy, wanted)
    log = Log()
    lock = go_proxy.lock(wanted.modules)
    await inspector.inspect(wanted, lock, log)
    assert log.text == ""
    for path in (go_data / "inspected").glob("*.json"):
        path.write_bytes(b"{")
    assert await contents(inspector, go_proxy, wanted) == first


async def diagnosed(
    inspector: GoInspector, proxy: GoProxy, modules: dict[str, dict[str, str]], *others: Module
) -> list[Diagnostic]:
    """The problems of a distribution of some modules, each with one package at its root."""
    made = [proxy.add(path, "v1.0.0", files) for path, files in modules.items()]
    text = (
        "apiVersion: wombat/v1\nkind: Distribution\nname: odd\nversion: 1.0.0\nbenthos: v4.76.0\npackages: [pure]\n"
        "platforms: [linux/amd64]\nmodules:\n"
    ) + "".join(f"  - module: {path}\n    version: v1.0.0\n    packages: [{path}]\n" for path in modules)
    reading = read_manifest("manifests/odd.yaml", text.encode())
    assert reading.distribution is not None
    lock = proxy.lock([*made, *others, Module(BENTHOS, "v4.76.0")])
    return list(diagnose(reading, await inspector.inspect(reading.distribution, lock, Log())))


async def test_a_package_that_registers_only_where_no_init_leads_was_published(
    inspector: GoInspector, go_proxy: GoProxy
) -> None:
    byfunc = f'package byfunc\n\nimport "{BENTHOS}/public/service"\n\n'
    byfunc += 'func Register() {\n\tservice.Register("inputs", "byfunc")\n}\n'
    (found,) = await diagnosed(inspector, go_proxy, {"example.com/byfunc": {"f.go": byfunc}})
    assert (found.rule, found.line) == ("WOM-073", 11)
    assert found.message == (
        "package `example.com/byfunc`: it registers only in function `Register`, which no `init` calls"
    )


async def test_a_package_without_components_was_published(inspector: GoInspector, go_proxy: GoProxy) -> None:
    (found,) = await diagnosed(inspector, go_proxy, {"example.com/empty": {"doc.go": "package empty\n"}})
    assert (found.rule, found.line, found.severity) == ("WOM-073", 11, Severity.ERROR)
    assert "nothing it imports leads to `github.com/redpanda-data/benthos/v4/public`" in found.message


@pytest.mark.parametrize("core", ["github.com/benthosdev/benthos/v4", "github.com/warpstreamlabs/bento"])
async def test_a_package_of_another_core_was_built_and_added_nothing(
    inspector: GoInspector, go_proxy: GoProxy, core: str
) -> None:
    version = "v4.27.0" if core.endswith("/v4") else "v1.4.1"
    service = "package service\n\nfunc RegisterInput(string, any, any) {}\n"
    other = go_proxy.add(core, version, {"public/service/service.go": service})
    plug = f'package plug\n\nimport "{core}/public/service"\n\n'
    plug += 'func init() {\n\tservice.RegisterInput("plug", nil, nil)\n}\n'
    (found,) = await diagnosed(
        inspector, go_proxy, {f"example.com/{core.split('/')[1].lower()}": {"p.go": plug}}, other
    )
    assert (found.rule, found.severity) == ("WOM-072", Severity.ERROR)
    assert f"it is made for `{core}`, another core than `{BENTHOS}`" in found.message


async def test_a_component_that_two_packages_register_was_not_noticed(
    inspector: GoInspector, go_proxy: GoProxy
) -> None:
    """Two plugins; and one that hides a component of the core."""
    files = {"c.go": component("clash", kinds=["inputs"])}
    hides = {"h.go": component("pure", kinds=["processors"])}
    modules = {"example.com/clash": files, "example.com/other": files, "example.com/pure": hides}
    found = await diagnosed(inspector, go_proxy, modules)
    assert [(each.rule, each.line, each.severity) for each in found] == [
        ("WOM-074", 11, Severity.WARNING),
        ("WOM-074", 17, Severity.WARNING),
    ]
    assert found[0].message == (
        "input clash is registered by `example.com/clash` and `example.com/other`: one of them hides the other"
    )
    assert f"by `example.com/pure` and `{BENTHOS}/public/components/pure`" in found[1].message


async def test_files_that_add_nothing_made_a_correct_package_a_stub(inspector: GoInspector, go_proxy: GoProxy) -> None:
    """`sys_windows.go` and `tools.go` are left out, and nothing is lacking for that."""
    head = f'package late\n\nimport "{BENTHOS}/public/service"\n\nvar names = []string{{"late"}}\n\n'
    files = {
        "late.go": head + 'func init() {\n\tservice.Register("inputs", names[0])\n}\n',
        "sys_windows.go": "package late\n",
        "tools.go": "//go:build tools\n\npackage late\n",
    }
    (found,) = await diagnosed(inspector, go_proxy, {"example.com/late2": files})
    assert (found.rule, found.severity) == ("WOM-073", Severity.WARNING)
    assert "are made at run time (late.go:8)" in found.message
