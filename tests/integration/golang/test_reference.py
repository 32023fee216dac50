"""Asking built programs about their components, with the real toolchain: they tell, or the build goes on without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import build, compiler_of, tiny
from tests.support.goproxy import BENTHOS, GoProxy, distribution
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.domain.reference import Field

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_program_tells_its_components_and_its_schema(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Every component with its fields, and the schema of its configuration."""
    wanted, lock = tiny(go_proxy)

    built = await build(compiler_of(go_proxy, go_data), wanted, lock, tmp_path / "w")

    assert built.reference is not None
    assert [str(entry.component) for entry in built.reference.entries] == [
        "input io",
        "output io",
        "processor pure",
        "buffer pure",
    ]
    assert built.reference.entries[0].fields == (
        Field("address", "address", "string", description="Where it is.", default='"here"'),
    )
    assert built.reference.config_schema.startswith('{"properties":{"input"')
    assert "4 components described" in built.log.text


async def test_a_program_that_cannot_run_here_is_not_asked(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """A build for another platform has no reference of its own."""
    wanted = distribution(platforms=["windows/arm64"])
    built = await build(compiler_of(go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w")
    assert built.reference is None


@pytest.mark.parametrize(
    ("format_name", "statement", "said"),
    [
        (
            "json-full",
            'panic("no such luck")',
            "not described: `list --format json-full` ended with status 2",
        ),
        ("json-full", "os.Exit(0)", "its components are not described: the program knows no full list of components"),
        ("json-full", 'os.Stdout.WriteString("{"); os.Exit(0)', "the list of components is no JSON"),
        ("json-full", "for { os.Stdout.Write(make([]byte, 1<<20)) }", "wrote more than 25,165,824 bytes of output"),
        ("jsonschema", "os.Exit(3)", "no schema of its configuration: `list --format jsonschema` ended with status 3"),
    ],
)
async def test_a_program_that_does_not_tell_is_built_all_the_same(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, format_name: str, statement: str, said: str
) -> None:
    """An old Benthos, or a package that breaks it: the log says why there is no reference."""
    text = (
        f'package odd\n\nimport (\n\t"os"\n\n\t"{BENTHOS}/public/service"\n)\n\n'
        f'func init() {{\n\tservice.Register("inputs", "odd")\n'
        f'\tif len(os.Args) > 3 && os.Args[3] == "{format_name}" {{\n\t\t{statement}\n\t}}\n}}\n'
    )
    go_proxy.add_benthos("v4.76.2", {"public/components/odd/odd.go": text})
    wanted = distribution("odd", ["pure", "odd"], core="v4.76.2")
    try:
        built = await build(compiler_of(go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w")
    finally:
        remove_tree(go_data / "mod" / "cache" / "download" / "github.com" / "redpanda-data" / "benthos" / "v4" / "@v")
        remove_tree(go_data / "mod" / "github.com" / "redpanda-data" / "benthos" / "v4@v4.76.2")

    assert said in built.log.text
    if format_name == "json-full":
        assert built.reference is None
    else:
        assert built.reference is not None
        assert (len(built.reference.entries), built.reference.config_schema) == (3, "")
