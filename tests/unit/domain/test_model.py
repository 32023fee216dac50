"""Platforms, grammar and natural order."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.test_identity import SPEC
from wombat_gitops.domain import grammar
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.manifest.parts import DEFAULT_PLATFORMS
from wombat_gitops.domain.manifest.texts import PLATFORMS
from wombat_gitops.domain.model import DEFAULT_TOOLCHAIN, natural_key
from wombat_gitops.domain.platforms import Platform, supported_platforms


@given(st.sampled_from(PLATFORMS))
def test_platform_spelling_is_canonical(text: str) -> None:
    """However a platform is written, it is one value with one spelling, which reads back as itself."""
    platform = Platform.parse(text)
    assert str(platform) in supported_platforms()
    assert Platform.parse(str(platform)) == platform


@pytest.mark.parametrize(
    ("one", "other"),
    [("linux/arm", "linux/arm/7"), ("linux/amd64", "linux/amd64/v1"), ("windows/amd64", "windows/amd64/v1")],
)
def test_default_variant_is_no_other_platform(one: str, other: str) -> None:
    """The variant that Go takes by default gives the same platform as none."""
    assert Platform.parse(one) == Platform.parse(other)


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "Linux/amd64", "linux/amd64/v9", "linux/arm/", "linux/amd64/", "a/b/c/d"]
)
def test_other_texts_are_no_platform(text: str) -> None:
    """What is not in the table is refused, and the message quotes it."""
    with pytest.raises(ValueError, match="`"):
        Platform.parse(text)


def test_platform_sets_what_the_compiler_reads() -> None:
    """The variant always reaches the compiler, so its own environment cannot decide."""
    assert Platform.parse("linux/arm/6").go_env == {"GOOS": "linux", "GOARCH": "arm", "GOARM": "6"}
    assert Platform.parse("linux/amd64").go_env == {"GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1"}
    assert Platform.parse("darwin/arm64").go_env == {"GOOS": "darwin", "GOARCH": "arm64"}


def test_default_platforms_are_canonical() -> None:
    """Defaults are supported, and spelt as they are shown."""
    assert set(DEFAULT_PLATFORMS) <= set(supported_platforms())


def test_file_name_tells_what_it_is() -> None:
    """Name, version and platform; `.exe` on Windows only."""
    assert SPEC.file_name == "tiny_1.0.0_linux_amd64"
    windows = replace(SPEC, platform=Platform("windows", "amd64"), binary="benthos")
    assert windows.file_name == "benthos_1.0.0_windows_amd64.exe"


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4), st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_natural_order_is_that_of_the_numbers(one: list[int], other: list[int]) -> None:
    """`1.9` comes before `1.10`."""
    texts = (".".join(map(str, one)), ".".join(map(str, other)))
    assert (natural_key(texts[0]) < natural_key(texts[1])) == (one < other)


DEVICES = ["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))]
GRAMMAR = {
    "NAME": (
        ["a", "a-b", "0", "a" * 63, "con-1", "console", "com", "com10", "nul0", "xcon"],
        ["", "-a", "a-", "A", "a_b", "a.b", "a" * 64, "é", *DEVICES],
    ),
    "VERSION": (["1.0.0", "0.0.1-rc.1", "1.0.0+x"], ["1.0", "v1.0.0", "01.0.0", "1.0.0-", "latest", "1.0.0 "]),
    "MODULE_VERSION": (
        ["v4.76.0", "v0.0.0-20260131080000-0123456789ab", "v3.1.0+incompatible"],
        ["4.76.0", "v4.76", "latest", "v4.76.0+meta", ">=v4", "v1.0.0;x"],
    ),
    "TOOLCHAIN": (["1.26.6", "1.27.0rc1"], ["1.26", "go1.26.6", "2.0.0", "1.26.6-x", "local", "1.26.6+auto"]),
    "MODULE_PATH": (
        ["github.com/a/b", "gopkg.in/yaml.v3", "a.b"],
        ["a", "../a", "a.b/../c", "a.b//c", "a.b/c/", "a.b:80/c", "a.b/c d", 'a.b/c"', "a.b/.git", "A.b/c", "a.b/c\\d"],
    ),
    "SHORT_PACKAGE": (
        ["pure", "pure/extended", "kafka"],
        ["", "/pure", "pure/", "../pure", "pure/..", "a.b/c", "Pure"],
    ),
    "TAG": (["timetzdata", "go1.26", "_x"], ["", "-race", "a b", "a,b", "1a", "a" * 65]),
    "SHA256": (["0" * 64], ["0" * 63, "0" * 65, "G" * 64, "A" * 64]),
}


@pytest.mark.parametrize("name", GRAMMAR)
def test_grammar(name: str) -> None:
    """Each expression takes what it should and nothing else, in any alphabet and with any line end."""
    pattern = getattr(grammar, name)
    good, bad = GRAMMAR[name]
    assert [text for text in good if not grammar.matches(pattern, text)] == []
    bad = [*bad, *(f"{text}{end}" for text in good for end in ("\n", "\r", "\0", " ", "\u0663", "\u2028"))]
    assert [text for text in bad if grammar.matches(pattern, text)] == []


@pytest.mark.parametrize("name", GRAMMAR)
@given(text=st.text(max_size=30))
def test_whatever_passes_is_harmless(name: str, text: str) -> None:
    """No quote, white space, dollar sign or line end passes any expression."""
    if grammar.matches(getattr(grammar, name), text):
        assert re.search(r"[\s\"'`$;&|<>\\*?()\[\]{}]|[^\x00-\x7f]", text) is None


def test_defaults_pass_their_own_grammar() -> None:
    """The default toolchain is an exact release."""
    assert grammar.matches(grammar.TOOLCHAIN, DEFAULT_TOOLCHAIN)
    grammar.check_spec(SPEC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a\n"),
        ("binary", "../x"),
        *((field, device) for field in ("name", "binary") for device in DEVICES),
        *(("binary", odd) for odd in ("CON", "con.exe", "nul.", "nul ", "-x", "x.", "x ", "conin$", "com¹")),
        ("version", "1.0.0\n"),
        ("toolchain", "1.26.6+auto"),
        ("packages", ('a.b/c"; func init(){}',)),
        ("packages", ("a.b/" + "c" * 300,)),
        ("packages", ()),
        ("tags", ("-race",)),
        ("go_mod", "x"),
        ("go_sum", ""),
    ],
)
def test_spec_that_no_manifest_gives_is_refused(field: str, value: object) -> None:
    """Service and compiler do not trust the one before them."""
    with pytest.raises(Refused, match=f"spec.{field}"):
        grammar.check_spec(replace(SPEC, **{field: value}))  # type: ignore[arg-type]
