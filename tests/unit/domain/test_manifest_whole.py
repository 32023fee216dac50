"""Everything that a manifest can say, and what several of them say together."""

from __future__ import annotations

import pytest

from tests.support.manifests import SMALL
from wombat_gitops.domain.capability import Needs
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.identity import build_id, make_spec
from wombat_gitops.domain.manifest import ManifestSet, read_all
from wombat_gitops.domain.model import (
    UNCOMMITTED_DATE,
    Exclusion,
    Lock,
    Module,
    PipelineTest,
    Replace,
    Retention,
    Selection,
    Withdrawal,
)
from wombat_gitops.domain.platforms import Platform

CORE = "github.com/redpanda-data/benthos/v4/public/components"
CONNECT = "github.com/redpanda-data/connect/v4"
LIBRARY = f"""\
apiVersion: wombat/v1
kind: Library
name: streaming
modules:
  - module: {CONNECT}
    version: v4.105.0
    packages: [kafka, nats]
    tags: [x_benthos_extra]
"""
DEFAULTS = "apiVersion: wombat/v1\nkind: Defaults\n"
OTHER = SMALL.replace("example", "other")
POLICY = "apiVersion: wombat/v1\nkind: Policy\nname: house\nlicenses: {allow: [Apache-2.0, MIT]}\nmaxSize: 80MiB\n"


def read(**files: str) -> ManifestSet:
    """Read files, `__` in a name standing for a folder."""
    return read_all({f"manifests/{name.replace('__', '/')}.yaml": text.encode() for name, text in files.items()})


def test_every_field_reaches_the_distribution() -> None:
    """Replacements, exclusions, tests and the rest are read as they are written."""
    text = SMALL + (
        "platforms: [linux/amd64, linux/arm/6, linux/arm/7, windows/amd64]\n"
        "cgo: true\n"
        "modules:\n"
        f"  - module: {CONNECT}\n"
        "    version: v4.105.0\n"
        "    packages: [kafka, zeromq]\n"
        "    tags: [x_benthos_extra]\n"
        "    replace: {module: github.com/example/connect/v4, version: v4.105.1}\n"
        "replaces:\n"
        "  - module: github.com/99designs/keyring\n"
        "    version: v1.2.1\n"
        "    with: {module: github.com/Jeffail/keyring, version: v1.2.3}\n"
        "excludes:\n"
        "  - {module: github.com/example/broken, version: v1.4.0}\n"
        "exclusions:\n"
        "  - {platforms: [linux/arm], packages: [zeromq], reason: needs cgo}\n"
        "  - platforms: [windows]\n"
        "tests:\n"
        "  - name: copies\n"
        "    config: |\n"
        "      input: {stdin: {}}\n"
        "    input: |\n"
        "      hello\n"
        "    expect: hello\n"
        "withdrawn: {reason: leaks, versions: [0.9.0]}\n"
        "retention: {versions: 5, days: 90, pin: [0.9.0]}\n"
        "needs: {memory: 4GiB, labels: {zone: a, disk: ssd}}\n"
        "policy:\n"
        "  platforms: {deny: [darwin]}\n"
    )

    found = read(example=text)

    assert found.diagnostics == ()
    (one,) = found.distributions
    arm = (Platform("linux", "arm", "6"), Platform("linux", "arm", "7"))
    assert one.platforms == (Platform("linux", "amd64"), *arm)
    assert one.cgo
    assert one.tags == ("x_benthos_extra",)
    assert one.replaces == (
        Replace("github.com/99designs/keyring", "v1.2.1", Module("github.com/Jeffail/keyring", "v1.2.3")),
        Replace(CONNECT, "", Module("github.com/example/connect/v4", "v4.105.1")),
    )
    assert one.excludes == (Module("github.com/example/broken", "v1.4.0"),)
    assert one.exclusions == (Exclusion(arm, (f"{CONNECT}/public/components/zeromq",), "needs cgo"),)
    assert len(one.packages_for(arm[0])) == len(one.packages) - 1
    assert one.tests == (PipelineTest("copies", "input: {stdin: {}}\n", "hello\n", "hello"),)
    assert one.withdrawn == Withdrawal("leaks", ("0.9.0",))
    assert one.retention == Retention(5, 90, ("0.9.0",))
    assert one.needs == Needs(4 << 30, (("disk", "ssd"), ("zone", "a")))
    assert [(policy.name, policy.platforms) for policy in one.policies] == [("example", Selection(deny=("darwin",)))]


def test_optional_fields_leave_ids_as_they_are() -> None:
    """What says nothing about the bytes does not reach an id."""
    told = SMALL + "retention: {days: 9}\nwithdrawn: {reason: leaks}\npolicy: {maxSize: 1GiB}\nlabels: {a: b}\n"
    told += "needs: {memory: 4GiB, labels: {disk: ssd}}\n"
    lock = Lock("module distribution\n", "")
    ids = {
        build_id(make_spec(each, lock, each.platforms[0], UNCOMMITTED_DATE))
        for text in (SMALL, told)
        for each in read(example=text).distributions
    }
    assert len(ids) == 1


def test_the_nearest_defaults_win_field_by_field() -> None:
    """A folder's values hold below it; labels are put together; the manifest itself has the last word."""
    found = read(
        defaults=f"{DEFAULTS}go: 1.26.5\nplatforms: [linux/amd64]\nlabels: {{team: all, tier: low}}\n",
        edge__defaults=f"{DEFAULTS}go: 1.26.4\nlabels: {{team: edge}}\n",
        edge__example=SMALL + "labels: {tier: high}\n",
        other=SMALL.replace("example", "other") + "go: 1.26.3\n",
    )

    assert found.diagnostics == ()
    edge, other = found.distributions
    assert (edge.toolchain, edge.platforms) == ("1.26.4", (Platform("linux", "amd64"),))
    assert edge.labels == (("team", "edge"), ("tier", "high"))
    assert (other.toolchain, other.labels) == ("1.26.3", (("team", "all"), ("tier", "low")))


def test_a_program_depends_on_the_defaults_that_reach_its_bytes() -> None:
    """A toolchain from elsewhere dates a build; a label from elsewhere does not."""
    found = read(
        defaults=f"{DEFAULTS}labels: {{team: all}}\n",
        edge__defaults=f"{DEFAULTS}go: 1.26.4\n",
        edge__example=SMALL + "libraries: [streaming]\n",
        streaming=LIBRARY,
    )
    assert found.readings["manifests/edge/example.yaml"].uses == (
        "manifests/edge/defaults.yaml",
        "manifests/streaming.yaml",
    )


def test_a_library_brings_modules_packages_and_tags() -> None:
    """What a library lists is as if the manifest listed it."""
    (one,) = read(example=SMALL + "libraries: [streaming]\n", streaming=LIBRARY).distributions
    assert one.modules[1:] == (Module(CONNECT, "v4.105.0"),)
    assert one.packages == (
        f"{CORE}/io",
        f"{CORE}/pure",
        f"{CONNECT}/public/components/kafka",
        f"{CONNECT}/public/components/nats",
    )
    assert one.tags == ("x_benthos_extra",)


def test_a_distribution_overrules_the_version_of_a_library() -> None:
    """The version that the manifest itself names counts, and settles what libraries disagree on."""
    own = f"modules:\n  - {{module: {CONNECT}, version: v4.67.5}}\nlibraries: [streaming, storage]\n"
    storage = LIBRARY.replace("streaming", "storage").replace("v4.105.0", "v4.60.1").replace("kafka, nats", "aws")
    found = read(example=SMALL + own, streaming=LIBRARY, storage=storage)
    assert found.diagnostics == ()
    (one,) = found.distributions
    assert one.modules[1:] == (Module(CONNECT, "v4.67.5"),)
    assert len(one.packages) == 5


def test_policies_hold_below_their_folder() -> None:
    """A policy is part of every distribution it holds for, and of no other."""
    found = read(
        edge__house=POLICY, edge__example=SMALL + "policy: {maxSize: 1MiB}\n", other=SMALL.replace("example", "other")
    )
    assert found.diagnostics == ()
    edge, other = found.distributions
    assert [(policy.name, policy.max_size) for policy in edge.policies] == [("house", 80 << 20), ("example", 1 << 20)]
    assert edge.policies[0].licenses == Selection(allow=("Apache-2.0", "MIT"))
    assert other.policies == ()


def test_policies_of_one_name_all_hold() -> None:
    """A second file of a policy's name is told, and takes nothing away from the first."""
    found = read(house=POLICY, edge__house=POLICY.replace("80MiB", "1GiB"), edge__example=SMALL, other=OTHER)
    edge, other = found.distributions
    assert [policy.max_size for policy in edge.policies] == [1 << 30, 80 << 20]
    assert [policy.max_size for policy in other.policies] == [80 << 20]
    assert [(problem.path, problem.rule) for problem in found.diagnostics] == [
        ("manifests/edge/house.yaml", "WOM-041"),
        ("manifests/house.yaml", "WOM-041"),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        POLICY.replace("maxSize", "maxsize"),
        POLICY.replace("name: house", "name: hose"),
        POLICY.replace("wombat/v1", "wombat/v2"),
        POLICY + "modules: [\n",
        POLICY + "kind: Library\n",
        POLICY.replace("kind: Policy", '"kind"  : "Policy"') + "\tx",
    ],
)
def test_nothing_is_built_below_a_broken_policy(broken: str) -> None:
    """What it would forbid is not known, so whoever breaks it gains nothing."""
    found = read(edge__house=broken, edge__example=SMALL, other=OTHER)
    assert [each.name for each in found.distributions] == ["other"]
    told = [problem for problem in found.diagnostics if problem.path == "manifests/edge/example.yaml"]
    assert [(problem.rule, problem.line) for problem in told] == [("WOM-086", 3)]
    assert "`manifests/edge/house.yaml`" in told[0].message


@pytest.mark.parametrize("broken", [LIBRARY.replace("v4.105.0", "latest"), LIBRARY + "packges: [x]\n"])
def test_a_broken_library_is_not_used(broken: str) -> None:
    """Where a library is wrong, so is what takes it."""
    found = read(example=SMALL + "libraries: [streaming]\n", streaming=broken)
    assert found.distributions == ()
    assert {problem.path for problem in found.diagnostics} == {"manifests/example.yaml", "manifests/streaming.yaml"}


@pytest.mark.parametrize(
    ("change", "rule", "line"),
    [
        (("v4.105.0", "v3.1.0"), "WOM-031", 6),
        (("kafka, nats", "internal/x"), "WOM-035", 7),
        (("kafka, nats", "nats, nats"), "WOM-029", 7),
        (("kafka, nats", "github.com/other/x"), "WOM-032", 7),
        (("    tags: [x_benthos_extra]\n", f"  - {{module: {CONNECT}, version: v4.105.0}}\n"), "WOM-033", 8),
    ],
)
def test_a_library_is_checked_where_it_is_written(change: tuple[str, str], rule: str, line: int) -> None:
    """Also one that nothing takes yet; what takes it is told only where to look."""
    found = read(example=SMALL + "libraries: [streaming]\n", streaming=LIBRARY.replace(*change), other=OTHER)
    library, example = sorted(found.diagnostics, key=lambda problem: problem.path, reverse=True)
    assert (library.path, library.rule, library.line) == ("manifests/streaming.yaml", rule, line)
    assert (example.rule, example.message) == ("WOM-091", "the library `streaming` cannot be used")
    assert example.hint == "mend `manifests/streaming.yaml`"
    assert [each.name for each in found.distributions] == ["other"]


def test_a_library_may_name_packages_of_modules_that_distributions_have() -> None:
    """Its own entries say which module a package is in; its plain list leaves that to who takes it."""
    library = LIBRARY + "packages: [pure, github.com/other/x/y]\n"
    own = "libraries: [streaming]\nmodules: [{module: github.com/other/x, version: v1.0.0}]\n"
    assert read(example=SMALL + own, streaming=library).diagnostics == ()
    (problem,) = read(example=SMALL + "libraries: [streaming]\n", streaming=library).diagnostics
    assert (problem.path, problem.rule) == ("manifests/example.yaml", "WOM-032")


@pytest.mark.parametrize(
    "field",
    [
        "excludes: [{module: a.b/c, version: v2.0.0}]",
        "replaces: [{module: a.b/c, version: v2.0.0, with: {module: a.b/d, version: v1.0.0}}]",
        "replaces: [{module: a.b/c, with: {module: a.b/d/v2, version: v1.0.0}}]",
    ],
)
def test_a_version_that_no_module_can_have_is_told(field: str) -> None:
    """Go would refuse the whole module file."""
    assert [problem.rule for problem in read(example=f"{SMALL}{field}\n").diagnostics] == ["WOM-031"]


def test_a_renamed_field_is_read_with_a_hint() -> None:
    """An old name is no error, and today's name counts where both are there."""
    found = read(example=SMALL + "toolchain: 1.26.4\n")
    assert [problem.severity for problem in found.diagnostics] == [Severity.HINT]
    assert found.distributions[0].toolchain == "1.26.4"
    both = read(example=SMALL + "toolchain: 1.26.4\ngo: 1.26.5\n")
    assert both.distributions[0].toolchain == "1.26.5"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("retention: {versions: 0}\n", (7, 23)),
        ("retention: {days: soon}\n", (7, 19)),
        ("needs: {memory: much}\n", (7, 17)),
        ("needs: {labels: {disk: 'a,b'}}\n", (7, 24)),
        ("retention: {pin: [newest]}\n", (7, 19)),
        ("replaces: [{module: a.b/c, with: ../c}]\n", (7, 34)),
        ("exclusions: [{platforms: [plan9]}]\n", (7, 27)),
        ("policy: {maxSize: 80 MB}\n", (7, 19)),
        ("withdrawn: true\n", (7, 12)),
        ("tests: [{name: x, config: {input: {}}}]\n", (7, 27)),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(text: str, place: tuple[int, int]) -> None:
    """Each new field has its form, and its place in the file."""
    found = read(example=SMALL + text)
    assert found.distributions == ()
    assert [(problem.line, problem.column) for problem in found.diagnostics] == [place]


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("platforms: [linux/x86_64]", "write `linux/amd64`"),
        ("platforms: [macos/arm64]", "write `darwin/arm64`"),
        ("platforms: [Linux/AMD64]", "write `linux/amd64`"),
        ("platforms: [linux/arm/v7]", "write `linux/arm/7`"),
        ("platforms: [linux/arm64/v8]", "write `linux/arm64`"),
        ("platforms: [linux/x86_64/v3]", "write `linux/amd64/v3`"),
        ("platforms: [windows/i386]", "write `windows/386`"),
        ("platforms: [linux/amd64/v5]", "did you mean `linux/amd64/v4`?"),
        ("platforms: [mac]", "write `os/arch` or `os/arch/variant` as Go spells them, such as `linux/amd64`"),
        ("exclusions: [{platforms: [mac]}]", "write `darwin`"),
        ("modules: [{module: https://a.b/c.git, version: v1.0.0}]", "write `a.b/c`"),
        (
            "modules: [{module: a.b/c@v1.0.0, version: v1.0.0}]",
            "write `a.b/c`, and what stands behind `@` as `version`",
        ),
        ("modules: [{module: a.b/c, version: v1.0.0, packages: [Kafka]}]", "write `kafka`"),
        ("license: MIT or Apache-2.0", "write `MIT OR Apache-2.0`"),
        ("license: MIT OR", "write an SPDX expression, such as `Apache-2.0` or `Apache-2.0 AND MIT`"),
    ],
)
def test_what_others_write_otherwise_is_known(field: str, hint: str) -> None:
    """People come with the words of container images, browsers and `go get`; the hint is what to write here."""
    (problem,) = read(example=f"{SMALL}{field}\n").diagnostics
    assert problem.hint == hint


@pytest.mark.parametrize(
    "expression", ["MIT", "Apache-2.0 AND (MIT OR BSD-3-Clause)", "GPL-2.0-only WITH x", "LicenseRef-A"]
)
def test_licence_expressions_are_read(expression: str) -> None:
    """As SPDX writes them."""
    assert read(example=f"{SMALL}license: {expression}\n").diagnostics == ()


@pytest.mark.parametrize(("words", "size"), [("1", 1), ("80MiB", 80 << 20), ("2GiB", 2 << 30), ("4KiB", 4096)])
def test_sizes_are_bytes(words: str, size: int) -> None:
    """Units are powers of 1024."""
    (one,) = read(example=SMALL + f"policy: {{maxSize: {words}}}\n").distributions
    assert one.policies[0].max_size == size
