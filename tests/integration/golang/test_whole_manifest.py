"""What the newer fields of a manifest do to a resolution, a lock and a program, with the real toolchain."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.goproxy import BENTHOS, GoProxy, component, connect_distribution, distribution
from wombat_gitops.adapters.golang import pipelines
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.environment import find_c_compiler
from wombat_gitops.adapters.golang.network import go_network
from wombat_gitops.adapters.golang.resolver import GoResolver
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.gosource import parse_build_info
from wombat_gitops.domain.identity import make_spec
from wombat_gitops.domain.lock import read_lock, render_lock
from wombat_gitops.domain.model import UNCOMMITTED_DATE, Exclusion, Module, PipelineTest, Replace
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import StepFailed
from wombat_gitops.ports import Workspace
from wombat_gitops.settings import search_path

if TYPE_CHECKING:
    from wombat_gitops.domain.model import BuildSpec, Distribution, Lock

ARM = Platform.parse("linux/arm/6")
LINUX = Platform.parse("linux/amd64")


class Kept:
    """An output that is read afterwards."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes) -> None:
        """Take some output."""
        self.data += data


class Shop:
    """Resolves and builds against one proxy."""

    def __init__(self, proxy: GoProxy, data: Path, root: Path) -> None:
        self.proxy, self._data, self._root = proxy, data, root
        self.output = Kept()

    async def resolve(self, wanted: Distribution) -> Lock:
        """The lock of a distribution, through its files."""
        network = await go_network(self.proxy.environment, search_path())
        resolver = GoResolver(Toolchains(self._data, search_path()), self._data, network)
        files = render_lock(wanted, await resolver.resolve(wanted, self.output))
        return read_lock(files.go_mod, files.go_sum)[1]

    async def build(self, wanted: Distribution, platform: Platform = LINUX) -> tuple[BuildSpec, Path]:
        """Resolve, build and check one platform."""
        lock = await self.resolve(wanted)
        network = await go_network(self.proxy.environment, search_path())
        compiler = GoCompiler(Toolchains(self._data, search_path()), self._data, network)
        spec = make_spec(wanted, lock, platform, UNCOMMITTED_DATE)
        workspace = Workspace(self._root / platform.slug)
        await compiler.fetch(spec, lock, workspace, self.output)
        await compiler.generate(spec, lock, workspace, self.output)
        binary = await compiler.compile(spec, workspace, self.output)
        await compiler.smoke(spec, binary, await compiler.check(spec, lock, self.output), self.output)
        return spec, binary


@pytest.fixture
def shop(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> Shop:
    return Shop(go_proxy, go_data, tmp_path / "work")


def listed(binary: Path) -> dict[str, list[str]]:
    """What a program says it holds."""
    answer = subprocess.run([binary, "list", "--format", "json"], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(answer.stdout)
    return found


async def test_a_replaced_module_is_the_one_that_is_compiled(shop: Shop) -> None:
    """The packages keep their path, and come from another module at an exact version."""
    old = shop.proxy.add("example.org/old", "v1.0.0", {"public/components/x/x.go": component("original")})
    files = {"public/components/x/x.go": component("replaced"), "public/components/y/y.go": component("added")}
    text = "module example.org/old\n\ngo 1.21\n"
    new = shop.proxy.add("example.org/new", "v1.2.0", files, go_mod=text)
    wanted = replace(
        distribution(modules=[old], packages=["io", "example.org/old/public/components/y"]),
        replaces=(Replace("example.org/old", "", new),),
    )

    spec, binary = await shop.build(wanted)

    assert listed(binary)["inputs"] == ["added", "io"]
    go_mod = (binary.parent.parent / "source" / "go.mod").read_text()
    assert "replace example.org/old => example.org/new v1.2.0\n" in go_mod
    assert spec.packages == ("example.org/old/public/components/y", f"{BENTHOS}/public/components/io")


async def test_an_excluded_version_is_passed_over(shop: Shop) -> None:
    """What requires an excluded version gets the next higher one that is required."""
    for version in ("v1.0.0", "v1.1.0"):
        shop.proxy.add("example.org/leaf", version, {"leaf.go": "package leaf\n"})
    leaf = "example.org/leaf"
    user = shop.proxy.add(
        "example.org/user",
        "v1.0.0",
        {"public/components/user/user.go": component("user")},
        requires=[Module(leaf, "v1.0.0")],
    )
    wanted = distribution(modules=[user, Module(leaf, "v1.1.0")], packages=["example.org/user/public/components/user"])

    lock = await shop.resolve(replace(wanted, excludes=(Module(leaf, "v1.0.0"),)))

    assert "exclude example.org/leaf v1.0.0\n" in lock.go_mod
    assert "example.org/leaf v1.1.0" in lock.go_mod


async def test_a_replacement_that_does_not_exist_is_told(shop: Shop) -> None:
    """The message names the module that is wanted in place of the other."""
    made = shop.proxy.add("example.org/a", "v1.0.0", {"public/components/a/a.go": component("a")})
    wanted = distribution(modules=[made])
    wanted = replace(wanted, replaces=(Replace(made.path, "", Module("example.org/none", "v1.0.0")),))
    with pytest.raises(LockError, match=r"example\.org/none"):
        await shop.resolve(wanted)


async def test_a_platform_goes_without_an_excluded_package(shop: Shop) -> None:
    """One lock, and another list of packages for the platform that is named."""
    base = connect_distribution(["nats", "kafka"])
    without = base.packages[-1]
    wanted = replace(base, platforms=(LINUX, ARM), exclusions=(Exclusion((LINUX,), (without,)),))

    spec, binary = await shop.build(wanted)

    assert without.endswith("/nats")
    assert without not in spec.packages
    assert listed(binary)["inputs"] == ["io", "kafka"]


@pytest.mark.parametrize(
    "name", ["linux/amd64/v1", "linux/amd64/v2", "linux/amd64/v3", "linux/amd64/v4", "linux/arm/5", "linux/arm/7"]
)
async def test_a_variant_is_what_was_asked_for(shop: Shop, name: str) -> None:
    """The compiler's own record of the target says the variant; smoke has compared the rest."""
    platform = Platform.parse(name)
    _, binary = await shop.build(replace(distribution(), platforms=(platform,)), platform)
    text = subprocess.run(["go", "version", "-m", "-json", binary], capture_output=True, check=True).stdout
    variable = "GOARM" if platform.arch == "arm" else "GOAMD64"
    assert parse_build_info(text).settings[variable] == name.rpartition("/")[2]


@pytest.mark.skipif(find_c_compiler() is None, reason="no C compiler here")
async def test_c_is_compiled_where_the_manifest_asks_for_it(shop: Shop) -> None:
    """A package with C registers its component only with cgo on."""
    c = 'package withc\n\n// static int one(void) { return 1; }\nimport "C"\n'
    c += f'import "{BENTHOS}/public/service"\n\nfunc init() {{\n\tif C.one() == 1 {{\n'
    c += '\t\tservice.Register("inputs", "c")\n\t}\n}\n'
    made = shop.proxy.add(
        "example.org/withc",
        "v1.0.0",
        {"public/components/withc/c.go": c, "public/components/withc/doc.go": "package withc\n"},
    )
    plain = distribution(modules=[made], packages=["io", "example.org/withc/public/components/withc"])
    with pytest.raises(StepFailed) as caught:
        await shop.build(plain)
    assert caught.value.hint == "write `cgo: true`"

    _, binary = await shop.build(replace(plain, cgo=True))
    assert listed(binary)["inputs"] == ["c", "io"]


async def test_c_for_another_platform_is_refused(shop: Shop) -> None:
    """Before the compiler runs, with a reason that a person understands."""
    with pytest.raises(StepFailed) as caught:
        await shop.build(replace(distribution(), cgo=True, platforms=(ARM,)), ARM)
    assert caught.value.failure.reason == "NoCCompiler"


async def test_a_program_that_lacks_what_a_package_should_add_is_not_published(shop: Shop) -> None:
    """Source alone cannot tell what happens when a program starts, so the built one is asked."""
    shy = (
        component("shy")
        .replace("\tservice", '\tif os.Getenv("SHY") == "no" {\n\tservice', 1)
        .replace("\n}\n", "\n}\n}\n", 1)
        .replace("import ", 'import "os"\n\nimport ', 1)
    )
    made = shop.proxy.add("example.org/shy", "v1.0.0", {"public/components/shy/shy.go": shy})
    package = "example.org/shy/public/components/shy"
    with pytest.raises(StepFailed, match="added no component; `input shy`") as caught:
        await shop.build(distribution(modules=[made], packages=["io", package]))
    assert (caught.value.failure.reason, caught.value.failure.culprit) == ("SmokeFailed", package)


async def test_a_name_made_at_run_time_failed_a_correct_build(shop: Shop) -> None:
    """`name := "plug_" + help()[:2]` was read as `plug_`, which the program then lacked."""
    plug = (
        f'package plug\n\nimport "{BENTHOS}/public/service"\n\nfunc help() string {{ return "until" }}\n\n'
        'func init() {\n\tname := "plug_" + help()[:2]\n\tservice.Register("processors", name)\n}\n'
    )
    made = shop.proxy.add("example.org/plug", "v1.0.0", {"plug.go": plug})
    _, binary = await shop.build(distribution(modules=[made], packages=["io", "example.org/plug"]))
    assert listed(binary)["processors"] == ["plug_un"]
    assert b"example.org/plug: names made at run time are not checked (plug.go:9)" in shop.output.data


async def test_a_component_that_a_program_does_not_list_is_logged(shop: Shop) -> None:
    """As Benthos leaves deprecated methods out of its list; the rest of the package is there."""
    drops = component("pair", kinds=("inputs",)).replace(
        "\n}\n", '\n\tservice.Drop = true\n\tservice.Register("caches", "x")\n}\n'
    )
    core = shop.proxy.modules[Module(BENTHOS, "v4.76.0")]["public/service/service.go"].replace(
        "func Register(kind, name string) {",
        "var Drop bool\n\nfunc Register(kind, name string) {\n\tif Drop {\n\t\treturn\n\t}\n",
    )
    shop.proxy.add_benthos("v4.76.7", {"public/service/service.go": core})
    made = shop.proxy.add("example.org/pair", "v1.0.0", {"pair.go": drops})
    await shop.build(distribution(core="v4.76.7", modules=[made], packages=["example.org/pair"]))
    assert b"example.org/pair: the program does not list `cache x`" in shop.output.data


async def test_a_pipeline_runs_with_the_built_program(shop: Shop) -> None:
    """The program reads the test's input and writes what is expected, line ends at the end aside."""
    test = PipelineTest("shouts", "pipeline: uppercase\n", "hello\nworld\n", "HELLO\nWORLD")
    await shop.build(replace(distribution(), tests=(test,)))
    assert b"test shouts\n" in shop.output.data


@pytest.mark.parametrize(
    ("test", "message", "tail"),
    [
        (PipelineTest("copies", "pipeline: {}", "a\nb\n", "a\nc\n"), "`copies` wrote something else", "+b"),
        (PipelineTest("lost", "input: nowhere"), "`lost` ended with status 1", "unable to infer component type"),
    ],
)
async def test_a_test_that_fails_fails_the_build(shop: Shop, test: PipelineTest, message: str, tail: str) -> None:
    """The failure names the test and shows the difference."""
    with pytest.raises(StepFailed, match=message) as caught:
        await shop.build(replace(distribution(), tests=(test,)))
    assert caught.value.failure.reason == "TestFailed"
    assert tail in "\n".join(caught.value.failure.tail)


async def test_a_pipeline_that_never_ends_is_ended(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test has a time, and then its whole process group is gone."""
    monkeypatch.setattr(pipelines, "TEST_SECONDS", 0.5)
    with pytest.raises(StepFailed, match="`spins` did not end"):
        await shop.build(replace(distribution(), tests=(PipelineTest("spins", "pipeline: never"),)))
