"""Where two programs differ, as the package's Go program says it: real programs of three formats, and hostile files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Log, spec_of
from tests.support.goproxy import BENTHOS, GoProxy, distribution
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.differ import GoComparer
from wombat_gitops.adapters.golang.environment import Folders
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.domain.rebuild import Change, Difference, Mismatch
from wombat_gitops.ports import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.domain.model import BuildSpec

MODULE = f"{BENTHOS}@v4.76.0"
PACKAGE = f"{BENTHOS}/public/components/io"
EVIL = """
func init() { println(backdoor()) }

//go:noinline
func backdoor() string { return "the key is under the mat" }
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Builds programs of `tiny`, and compares two of them."""

    proxy: GoProxy
    data: Path
    folder: Path

    def spec(self, platform: str = "linux/amd64", version: str = "1.0.0") -> BuildSpec:
        wanted = replace(distribution(platforms=[platform]), version=version)
        return spec_of(wanted, self.proxy.lock(wanted.modules))

    async def program(self, spec: BuildSpec, name: str, poison: str = "", within: str = "io") -> Path:
        """A program of *spec*, with *poison* written into the package *within* after its module was verified."""
        own = self.folder / f"data-{name}"
        own.mkdir()
        (own / "compiled").symlink_to(self.data / "compiled")
        compiler = GoCompiler(Toolchains(self.data, ""), own, GoNetwork(self.proxy.environment))
        workspace, lock = Workspace(self.folder / name), self.proxy.lock(distribution().modules)
        await compiler.fetch(spec, lock, workspace, Log())
        await compiler.generate(spec, lock, workspace, Log())
        if poison:
            file = own / "mod" / f"{MODULE}/public/components/{within}/{within}.go"
            file.chmod(0o644)
            file.write_text(file.read_text() + poison)
        built = await compiler.compile(spec, workspace, Log())
        remove_tree(own / "mod")
        return built

    async def compare(self, spec: BuildSpec, rebuilt: Path, published: Path) -> Difference:
        toolchains, network = Toolchains(self.data, ""), GoNetwork(self.proxy.environment)
        comparer = GoComparer(toolchains, Folders(self.data), network, Sandbox(), Log())
        return await comparer.compare(spec, rebuilt, published, Workspace(self.folder / "compare"))


@pytest.fixture
def place(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> Place:
    (go_data / "compiled").mkdir(exist_ok=True)
    return Place(go_proxy, go_data, tmp_path)


@pytest.mark.parametrize(
    ("platform", "section"),
    [("linux/amd64", ".text"), ("windows/amd64", ".text"), ("darwin/arm64", "__TEXT,__text")],
)
async def test_one_more_function(place: Place, platform: str, section: str) -> None:
    """Section, function and module are named, though the build information of both is the same."""
    spec = place.spec(platform)
    found = await place.compare(spec, await place.program(spec, "good"), await place.program(spec, "evil", EVIL))

    assert found.place == (section, MODULE)
    assert found.function is not None
    assert found.function.name in {f"{PACKAGE}.backdoor", f"{PACKAGE}.init.1"}
    assert found.function.change is Change.PUBLISHED
    assert found.function.file == f"{MODULE}/public/components/io/io.go"
    assert found.modules[0].module == MODULE
    assert section in [each.name for each in found.sections]
    assert found.information is None
    assert found.notes == ()
    assert found.offset > 0


async def test_another_version_text(place: Place) -> None:
    """A constant is data: no module can be named for it, and the section is."""
    spec = place.spec()
    published = await place.program(place.spec(version="1.0.1"), "other")
    found = await place.compare(spec, await place.program(spec, "good"), published)

    assert found.place == (".rodata", "")
    assert found.section == ".rodata"
    assert found.function is None or found.function.change is Change.CODE


async def test_other_code_of_the_same_length(place: Place) -> None:
    """Nothing moves, so the first byte that differs is in the function itself."""
    spec = place.spec()
    poison = "\nvar Number = number()\n\n//go:noinline\nfunc number() int {{ return {} }}\n"
    rebuilt = await place.program(spec, "good", poison.format(4711))
    found = await place.compare(spec, rebuilt, await place.program(spec, "evil", poison.format(4712)))

    assert found.place == (".text", MODULE)
    assert found.section == ".text"
    assert found.function is not None
    assert found.function.name.endswith(".number")
    assert found.function.change is Change.CODE


async def test_another_module_version(place: Place) -> None:
    """The build information says it before any byte does."""
    spec = place.spec()
    rebuilt = await place.program(spec, "good")
    place.proxy.add_benthos("v4.76.1")
    other = distribution(core="v4.76.1")
    lock = place.proxy.lock(other.modules)
    compiler = GoCompiler(Toolchains(place.data, ""), place.data, GoNetwork(place.proxy.environment))
    workspace = Workspace(place.folder / "other")
    await compiler.fetch(spec_of(other, lock), lock, workspace, Log())
    await compiler.generate(spec_of(other, lock), lock, workspace, Log())
    found = await place.compare(spec, rebuilt, await compiler.compile(spec_of(other, lock), workspace, Log()))

    assert isinstance(found.information, Mismatch)
    assert found.information.what == f"module {BENTHOS}"
    assert found.information.rebuilt.startswith("v4.76.0 h1:")
    assert found.information.published.startswith("v4.76.1 h1:")


@pytest.mark.parametrize("platform", ["linux/amd64", "windows/amd64", "darwin/arm64"])
async def test_a_truncated_file(place: Place, platform: str) -> None:
    """It says where the file ends and in which section that is."""
    spec = place.spec(platform)
    rebuilt = await place.program(spec, "good")
    data = rebuilt.read_bytes()
    cut = place.folder / "cut"
    cut.write_bytes(data[: len(data) // 2])
    found = await place.compare(spec, rebuilt, cut)

    assert found.offset == len(data) // 2
    assert found.section not in {"", "headers", "end of file"}
    assert found.place[0] == found.section


_HEAD = 64


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: b"",
        lambda _: b"#!/bin/sh\necho hello\n",
        lambda data: data[:_HEAD] + b"\xff" * _HEAD + data[2 * _HEAD :],  # program headers of nowhere
        lambda data: data[:40] + b"\xff" * 24 + data[_HEAD:],  # section headers, in endless number
        lambda data: data.replace(b"\xf1\xff\xff\xff\x00\x00", b"\xf1\xff\xff\xff\x00\x00\x01\x08" + b"\xff" * 64),
        lambda _: b"\xcf\xfa\xed\xfe" + b"\xff" * 4096,
        lambda _: b"MZ" + b"\xff" * 4096,
    ],
    ids=["empty", "script", "segments", "sections", "functions", "mach-o", "pe"],
)
async def test_a_forged_file(place: Place, forge: object) -> None:
    """Whatever the published file is, the first byte that differs is found, and what cannot be read is said."""
    assert callable(forge)
    spec = place.spec()
    rebuilt = await place.program(spec, "good")
    forged = place.folder / "forged"
    forged.write_bytes(forge(rebuilt.read_bytes()))
    found = await place.compare(spec, rebuilt, forged)

    assert found.offset >= 0
    assert found.section
    assert found.notes
