"""The generated program and what is read back from a binary."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.goproxy import BENTHOS, CONNECT
from wombat_gitops.domain.errors import CorruptData, LockError, Refused
from wombat_gitops.domain.gosource import (
    BuildInfo,
    Dependency,
    first_go_mod,
    imports_go,
    main_go,
    mismatches,
    parse_build_info,
    quoted,
    requirements,
)
from wombat_gitops.domain.model import UNCOMMITTED_DATE, BuildSpec, Module
from wombat_gitops.domain.platforms import Platform

SPEC = BuildSpec(
    name="tiny",
    version="1.0.0",
    date=UNCOMMITTED_DATE,
    platform=Platform("linux", "amd64"),
    toolchain="1.26.6",
    packages=(f"{BENTHOS}/public/components/io", f"{BENTHOS}/public/components/pure"),
    go_mod="0" * 64,
    go_sum="1" * 64,
)

GO_MOD = f"module distribution\n\ngo 1.21\n\nrequire {BENTHOS} v4.76.0\n"
GO_SUM = f"{BENTHOS} v4.76.0 h1:abc=\n{BENTHOS} v4.76.0/go.mod h1:def=\n"
INFO = BuildInfo(
    "go1.26.6",
    "distribution",
    {"GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1", "CGO_ENABLED": "0", "-trimpath": "true"},
    (Dependency(BENTHOS, "v4.76.0", "h1:abc="),),
)

EXPECTED = """\
package main

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
)

func main() {
	service.RunCLI(
		context.Background(),
		service.CLIOptSetVersion("1.0.0", "1970-01-01T00:00:00Z"),
		service.CLIOptSetBinaryName("tiny"),
		service.CLIOptSetProductName("tiny"),
	)
}
"""


def test_the_program_is_exactly_this() -> None:
    """The source is part of every binary's bytes: changing it needs a new recipe version."""
    assert main_go(SPEC) == EXPECTED


def unquoted(literal: str) -> str:
    """What Go's rules for interpreted string literals make of *literal* (the Go specification, String literals)."""
    assert re.fullmatch(r'"(?:[^"\\\n]|\\(?:[abfnrtv\\"]|u[0-9a-f]{4}|U[0-9a-f]{8}))*"', literal)
    simple = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}
    pattern = re.compile(r'\\(?:([nrt\\"])|u([0-9a-f]{4})|U([0-9a-f]{8}))')
    return pattern.sub(lambda m: simple[m[1]] if m[1] else chr(int(m[2] or m[3], 16)), literal[1:-1])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_quoting(text: str) -> None:
    """A quoted text is one literal of printable ASCII that means the text."""
    literal = quoted(text)

    assert literal.isascii()
    assert literal.isprintable()
    assert unquoted(literal) == text


def test_half_a_surrogate_pair_is_refused() -> None:
    """Go source is UTF-8, which has no surrogates."""
    with pytest.raises(Refused, match="U\\+D800"):
        quoted("a\ud800b")


@pytest.mark.parametrize("package", ['a.b/c"; func init() {}; _ "d', "-x", "a.b/../c", "a.b/c\n", "fmt", ""])
def test_only_import_paths_are_imported(package: str) -> None:
    """A package that is no import path ends up in no source."""
    with pytest.raises(Refused):
        imports_go([package])
    with pytest.raises(Refused):
        main_go(replace(SPEC, packages=(package,)))


def test_the_resolvers_program_imports_what_the_real_one_does() -> None:
    """Both programs need the same packages, so the lock is complete."""
    paths = re.compile(r'"([a-z.]+/[^"]+)"')

    assert set(paths.findall(imports_go(SPEC.packages))) == set(paths.findall(main_go(SPEC)))


def test_declared_modules_are_required_as_declared() -> None:
    """A resolution starts from what was declared, sorted."""
    text = first_go_mod([Module(CONNECT, "v4.105.0"), Module(BENTHOS, "v4.77.0")])

    assert text.endswith(f"require (\n\t{BENTHOS} v4.77.0\n\t{CONNECT} v4.105.0\n)\n")
    assert requirements(text) == {BENTHOS: "v4.77.0", CONNECT: "v4.105.0"}


@pytest.mark.parametrize("version", ["latest", "v1", "v1.2.3\nreplace a => b", "main", "v1.2.3 // x"])
def test_only_exact_versions_are_required(version: str) -> None:
    """Nothing but an exact version gets into go.mod."""
    with pytest.raises(Refused):
        first_go_mod([Module(BENTHOS, version)])


def test_a_lock_that_replaces_is_refused() -> None:
    """A go.mod that takes a module from elsewhere is no lock."""
    with pytest.raises(LockError):
        requirements(GO_MOD + f"\nreplace {BENTHOS} => ../mine\n")


def test_build_information_is_read() -> None:
    """Modules, replaced ones as what replaced them, and settings."""
    text = json.dumps(
        {
            "GoVersion": "go1.26.6",
            "Path": "distribution",
            "Main": {"Path": "distribution", "Version": "(devel)"},
            "Deps": [
                {"Path": BENTHOS, "Version": "v4.76.0", "Sum": "h1:abc="},
                {
                    "Path": "a.b/c",
                    "Version": "v1.0.0",
                    "Replace": {"Path": "d.e/f", "Version": "v2.0.0", "Sum": "h1:x="},
                },
            ],
            "Settings": [{"Key": "GOOS", "Value": "linux"}],
        }
    )

    info = parse_build_info(text)

    assert info.go_version == "go1.26.6"
    assert info.settings == {"GOOS": "linux"}
    assert info.deps == (Dependency(BENTHOS, "v4.76.0", "h1:abc="), Dependency("d.e/f", "v2.0.0", "h1:x="))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"GoVersion": 1}', "go1.26.6"])
def test_other_texts_are_no_build_information(text: str) -> None:
    """What cannot be read is said to be corrupt."""
    with pytest.raises(CorruptData):
        parse_build_info(text)


def test_the_right_binary_has_no_mismatch() -> None:
    """A binary that is what was asked for passes."""
    assert mismatches(INFO, SPEC, GO_MOD, GO_SUM) == ()


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (replace(INFO, go_version="go1.26.5"), "`go` is `go1.26.5`, expected `go1.26.6`"),
        (replace(INFO, path="evil"), "`main package` is `evil`, expected `distribution`"),
        (replace(INFO, settings={**INFO.settings, "GOAMD64": "v3"}), "`GOAMD64` is `v3`, expected `v1`"),
        (replace(INFO, settings={**INFO.settings, "CGO_ENABLED": "1"}), "`CGO_ENABLED` is `1`, expected `0`"),
        (
            replace(INFO, deps=(Dependency(BENTHOS, "v4.75.0", "h1:abc="),)),
            f"module `{BENTHOS}` is `v4.75.0`, the lock has `v4.76.0`",
        ),
        (
            replace(INFO, deps=(Dependency(BENTHOS, "v4.76.0", "h1:other="),)),
            f"module `{BENTHOS}@v4.76.0` has content the lock does not know",
        ),
        (replace(INFO, deps=(Dependency("a.b/c", "v1.0.0", "h1:x="),)), "module `a.b/c` is `v1.0.0`, the lock has ``"),
    ],
)
def test_each_difference_is_named(info: BuildInfo, message: str) -> None:
    """A binary that differs in one thing is refused for that thing."""
    assert mismatches(info, SPEC, GO_MOD, GO_SUM) == (message,)
