"""What policies allow: patterns, deny before allow, and that one more policy never allows more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import GO_MOD, SPEC
from wombat_gitops.domain import policy
from wombat_gitops.domain.contents import Contents, ModuleContents, NativePackage, PackageContents, Presence
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.gomod import read_go_mod
from wombat_gitops.domain.licenses import UNKNOWN
from wombat_gitops.domain.manifest import read_all, rules
from wombat_gitops.domain.messages import decode, encode
from wombat_gitops.domain.model import Module, Policy, Selection
from wombat_gitops.domain.platforms import Platform

CONNECT = "github.com/redpanda-data/connect/v4"
RCL = "LicenseRef-Redpanda-Community-License"
PARTS = st.sampled_from(["a", "b", "*", "a*", "..."])
PATTERNS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
SELECTIONS = st.builds(Selection, st.lists(PATTERNS, max_size=2).map(tuple), st.lists(PATTERNS, max_size=2).map(tuple))
POLICIES = st.builds(Policy, st.just("p"), SELECTIONS, SELECTIONS)
PATHS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map("/".join)


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("github.com/a/b", "github.com/a/b", True),
        ("github.com/a/b", "github.com/a/b/c", False),
        ("github.com/a/...", "github.com/a", True),
        ("github.com/a/...", "github.com/a/b/c", True),
        ("github.com/a/...", "github.com/ab", False),
        ("github.com/*/b", "github.com/a/b", True),
        ("github.com/*", "github.com/a/b", False),
        ("...", "github.com/a", True),
        ("github.com/A/b", "github.com/a/b", False),
    ],
)
def test_a_pattern_means_elements(pattern: str, path: str, meant: bool) -> None:
    """`*` is inside one element, `...` is everything below."""
    assert policy.matches_path(pattern, path) is meant


def judged(policies: list[Policy], path: str) -> list[policy.Violation]:
    """What is told of one module and one package of that path."""
    return list(policy.judge(policies, modules=[Module(path, "v1.0.0")], packages=[path]))


@given(st.lists(POLICIES, max_size=3), POLICIES, PATHS)
def test_one_more_policy_never_allows_more(policies: list[Policy], more: Policy, path: str) -> None:
    """Each policy has to hold by itself."""
    assert {str(each) for each in judged(policies, path)} <= {str(each) for each in judged([*policies, more], path)}


@given(SELECTIONS, PATHS)
def test_deny_wins_over_allow(selection: Selection, path: str) -> None:
    """What is denied is told, whatever is allowed."""
    denied = replace(selection, allow=(path,), deny=(path,))
    assert judged([Policy("p", denied)], path)


def test_an_empty_policy_allows_everything() -> None:
    """A policy says only what it names."""
    assert not policy.judge_spec([Policy("p")], SPEC, read_go_mod(GO_MOD))
    assert not policy.judge_size([Policy("p")], 10**12)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (Policy("p", platforms=Selection(allow=("windows",))), "platform `linux/amd64`"),
        (Policy("p", platforms=Selection(deny=("linux/amd64/v1",))), "platform `linux/amd64`"),
        (Policy("p", toolchains=Selection(deny=("1.26.*",))), "Go `1.26.6`"),
        (Policy("p", modules=Selection(allow=("github.com/example/...",))), "module `github.com/redpanda-data/"),
        (Policy("p", packages=Selection(deny=("github.com/*/benthos/v4/public/components/io",))), "components/io`"),
    ],
)
def test_a_request_is_judged_by_what_it_carries(rules: Policy, told: str) -> None:
    """The service needs nothing but the request to say no."""
    (violation,) = policy.judge_spec([rules], SPEC, read_go_mod(GO_MOD))
    assert told in violation.message
    with pytest.raises(Refused, match="policy `p`"):
        policy.refuse([violation])


def test_a_replacement_is_judged_and_not_what_it_replaces() -> None:
    """Only what is compiled counts."""
    text = GO_MOD + "require a.b/c v1.0.0 // indirect\n\nreplace a.b/c => evil.example/c v1.0.0\n"
    go_mod = read_go_mod(text)
    assert policy.judge_spec([Policy("p", Selection(deny=("evil.example/...",)))], SPEC, go_mod)
    assert not policy.judge_spec([Policy("p", Selection(deny=("a.b/...",)))], SPEC, go_mod)


def test_a_licence_is_told_with_the_package_that_brings_it() -> None:
    """Packages of one module are under different licences."""
    contents = Contents(
        (
            PackageContents(f"{CONNECT}/public/components/kafka", CONNECT, Presence.PRESENT, licenses=("Apache-2.0",)),
            PackageContents(
                f"{CONNECT}/public/components/slack",
                CONNECT,
                Presence.PRESENT,
                licenses=(RCL, UNKNOWN),
                license_files=("internal/impl/slack/input.go", ""),
            ),
        ),
        (
            ModuleContents(CONNECT, "v4.105.0", ("Apache-2.0", RCL, UNKNOWN)),
            ModuleContents("a.b/c", "v1.0.0", ("MIT",)),
        ),
    )
    rules = [Policy("p", licenses=Selection(allow=("apache-2.0",)))]
    slack = f"package `{CONNECT}/public/components/slack` brings"
    assert [each.message for each in policy.judge_contents(rules, contents)] == [
        f"{slack} licence `{RCL}` (`internal/impl/slack/input.go`), which is not allowed",
        f"{slack} a licence that cannot be told (`{UNKNOWN}`), which is not allowed",
        "module `a.b/c` is under licence `MIT`, which is not allowed",
    ]


ZMQ = NativePackage("github.com/pebbe/zmq4", "github.com/pebbe/zmq4", "v1.2.11", cgo=("a.go", "b.go", "c.c", "d.c"))
BLOB = NativePackage("e.com/m/p/q", "e.com/m", "v1.0.0", syso=("x_linux_amd64.syso",))
FORK = NativePackage("e.com/m/p", "evil.example/m", "v1.0.0", "e.com/m", syso=("x.syso",))


def refused(native: NativePackage, *policies: Policy) -> list[policy.Violation]:
    """What is told of a program with one package that has native code."""
    return list(policy.judge_contents(policies, Contents((), (), (native,))))


def syso(*allow: str, deny: tuple[str, ...] = ()) -> Policy:
    """A policy about `.syso` files."""
    return Policy("p", syso=Selection(allow, deny))


def test_native_code_is_refused_without_any_policy() -> None:
    """The message names the package, its module, the files, and what to write."""
    (blob,) = refused(BLOB)
    assert str(blob) == "package `e.com/m/p/q` of `e.com/m@v1.0.0` links `x_linux_amd64.syso`, which no policy allows"
    assert blob.hint == "leave out what needs it, or write `syso: {allow: [e.com/m/p/q]}` into a policy file"
    assert (blob.rule, blob.pointer) == (rules.POLICY_SYSO, "module e.com/m")
    (zmq,) = refused(ZMQ)
    assert zmq.message.endswith("compiles `a.go`, `b.go`, `c.c` and 1 more with a C compiler, which no policy allows")
    assert "`cgo: {allow: [github.com/pebbe/zmq4]}`" in zmq.hint
    with pytest.raises(Refused, match="which no policy allows"):
        policy.refuse([zmq])


@pytest.mark.parametrize(
    ("native", "policies", "told"),
    [
        (BLOB, [syso("e.com/m/p/q")], 0),
        (BLOB, [syso("e.com/m")], 0),
        (BLOB, [syso("e.com/m/p/...")], 0),
        (BLOB, [syso("*/...")], 0),
        (BLOB, [syso("e.com/m/p")], 1),
        (BLOB, [syso("e.com/other")], 1),
        (BLOB, [Policy("p", cgo=Selection(("e.com/m",)))], 1),
        (BLOB, [Policy("p", Selection(("e.com/...",)), Selection(("e.com/...",)))], 1),
        (BLOB, [syso("e.com/m"), Policy("other")], 0),
        (BLOB, [syso("e.com/m"), syso("e.com/other")], 1),
        (BLOB, [syso("e.com/m"), syso(deny=("*/...",))], 1),
        (BLOB, [syso("e.com/m", deny=("e.com/m/p/...",))], 1),
        (BLOB, [syso(deny=("e.com/other",))], 1),
        (ZMQ, [Policy("p", cgo=Selection(("github.com/pebbe/...",)))], 0),
        (ZMQ, [syso("github.com/pebbe/...")], 1),
        (FORK, [syso("e.com/m/...")], 1),
        (FORK, [syso("evil.example/m/p")], 0),
        (FORK, [syso("evil.example/m/p", deny=("e.com/m",))], 1),
    ],
)
def test_native_code_is_allowed_by_name(native: NativePackage, policies: list[Policy], told: int) -> None:
    """One policy has to allow it, and none may refuse it. A replacement needs a name of its own."""
    assert len(refused(native, *policies)) == told


def test_a_manifest_cannot_allow_its_own_native_code() -> None:
    """Only policy files allow it, which other people review."""
    text = (
        "apiVersion: wombat/v1\nkind: Distribution\nname: tiny\nversion: 1.0.0\nbenthos: v4.76.0\npackages: [pure]\n"
        "policy:\n  syso: {allow: [e.com/m]}\n  cgo: {allow: [e.com/m]}\n"
    )
    found = read_all({"manifests/tiny.yaml": text.encode()})
    assert not found.distributions
    assert [(each.rule, each.line) for each in found.diagnostics] == [("WOM-023", 8), ("WOM-023", 9)]


def test_contents_that_were_stored_before_native_code_was_known_are_read() -> None:
    """A build from before stays what it is: nothing is known of its native code, and nothing is refused."""
    old = decode(Contents, b'{"packages":[],"modules":[{"path":"e.com/m","version":"v1.0.0"}]}')
    assert old.native == ()
    assert b"native" not in encode(old)
    assert decode(Contents, encode(Contents((), (), (FORK,)))).native == (FORK,)


def test_a_size_is_bytes_at_most() -> None:
    """The bound itself is allowed."""
    rules = [Policy("p", max_size=10)]
    assert not policy.judge_size(rules, 10)
    assert policy.judge_size(rules, 11)


def test_a_variant_is_part_of_its_platform() -> None:
    """`linux/arm` means every variant."""
    rules = [Policy("p", platforms=Selection(allow=("linux/arm",)))]
    assert not list(policy.judge(rules, platforms=[Platform.parse("linux/arm/5"), Platform.parse("linux/arm/7")]))
