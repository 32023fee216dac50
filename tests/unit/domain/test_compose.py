"""Choices become a manifest that holds exactly what was chosen, and everything wrong with it is told at its line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wombat_gitops.domain.compose import Around, Choices, Composition, compose, manifest_text
from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.known import Fact, Known, Outlook, Read
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.manifest.document import parse_document
from wombat_gitops.domain.manifest.fields import RECORDS
from wombat_gitops.domain.manifest.format import format_manifest
from wombat_gitops.domain.manifest.kinds import Json
from wombat_gitops.domain.manifest.modules import CONNECT_MODULE
from wombat_gitops.domain.manifest.validation import plain_value
from wombat_gitops.domain.model import CORE_MODULE, Module, Policy, Selection
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.providers import KNOWN_MODULES
from wombat_gitops.services.known_table import known_table

TABLE = Known(*known_table())
CONNECT = Module(CONNECT_MODULE, "v4.105.0")
EDGE = Choices(
    name="edge",
    benthos="v4.77.0",
    modules=(CONNECT,),
    packages=("pure", "io", "kafka"),
    platforms=("linux/amd64", "linux/arm64"),
    license="Apache-2.0 AND MIT",
    description='Kafka: "edge" # é',
)
ARM = Platform.parse("linux/arm/7")
AMD = Platform.parse("linux/amd64")


def composed(choices: Choices, around: Around | None = None) -> Composition:
    return compose(choices, "manifests", around or Around(TABLE))


def told(made: Composition) -> list[tuple[str, int, str]]:
    return [(each.rule, each.line, each.severity.value) for each in made.diagnostics]


def values_of(text: str) -> Json:
    """The values of a text, or None where the reader refuses a character of it."""
    document = parse_document("x.yaml", text.encode())
    assert document.root is not None, document.diagnostics
    assert {each.rule for each in document.diagnostics} <= {"WOM-005"}
    return None if document.diagnostics else plain_value(document.root, RECORDS["Distribution"])


def excluded(found: dict[str, Json]) -> set[tuple[Json, Json]]:
    """Pairs of package and platform that a manifest excludes."""
    entries = found.get("exclusions", [])
    assert isinstance(entries, list)
    pairs = set[tuple[Json, Json]]()
    for entry in entries:
        assert isinstance(entry, dict)
        names, platforms = entry["packages"], entry["platforms"]
        assert isinstance(names, list)
        assert isinstance(platforms, list)
        pairs |= {(name, platform) for name in names for platform in platforms}
    return pairs


def test_a_manifest_is_written_as_the_formatter_writes_it() -> None:
    """Short names stand below the module that has them, values that need quotes have them, and nothing is wrong."""
    made = composed(EDGE)
    assert made.manifest == (
        "apiVersion: wombat/v1\nkind: Distribution\nname: edge\nversion: 0.1.0\nbenthos: v4.77.0\n"
        "packages: [io, pure]\n"
        "modules:\n  - module: github.com/redpanda-data/connect/v4\n    version: v4.105.0\n    packages: [kafka]\n"
        'description: "Kafka: \\"edge\\" # é"\n'
        "platforms: [linux/amd64, linux/arm64]\nlicense: Apache-2.0 AND MIT\n"
    )
    assert made.path == "manifests/edge.yaml"
    assert format_manifest(made.path, made.manifest.encode()).text == made.manifest
    assert (made.diagnostics, made.blocked) == ((), False)
    assert made.licenses == ("Apache-2.0", "LicenseRef-Redpanda-Community-License", "MIT")
    assert all(each.exact for each in made.packages)


def test_a_valid_choice_reads_back_as_the_distribution_that_was_meant() -> None:
    read = read_manifest("manifests/edge.yaml", composed(replace(EDGE, tags=("a", "b"), cgo=True)).manifest.encode())
    assert read.distribution is not None
    found = read.distribution
    assert (found.name, found.core.version, found.modules[1:], found.cgo, found.tags) == (
        "edge",
        "v4.77.0",
        (CONNECT,),
        True,
        ("a", "b"),
    )
    assert f"{CONNECT_MODULE}/public/components/kafka" in found.packages
    assert found.description == EDGE.description


texts = st.text(max_size=30) | st.sampled_from(
    [
        "no",
        "NULL",
        "~",
        "1.20",
        "0x10",
        "1e3",
        "- a",
        "a: b",
        "a #b",
        "&a",
        "*a",
        "!t",
        "|",
        "'",
        '"',
        "\\",
        "{a}",
        "[a]",
    ]
)
lists = st.lists(texts, max_size=4, unique=True).map(tuple)
choices = st.builds(
    Choices,
    name=texts,
    version=texts,
    benthos=texts,
    modules=st.lists(st.builds(Module, texts, texts), max_size=3, unique_by=lambda each: each.path).map(tuple),
    packages=lists,
    platforms=lists,
    exclusions=st.lists(st.tuples(texts, texts), max_size=3, unique=True).map(tuple),
    tags=lists,
    cgo=st.booleans(),
    license=texts,
    description=texts,
)


@settings(max_examples=60, deadline=None)
@given(choices)
def test_whatever_is_chosen_the_text_holds_exactly_that(given_: Choices) -> None:
    """No choice becomes another value, another field or a comment; what no manifest may hold is refused."""
    found = values_of(manifest_text(given_, Known()))
    if found is None:
        assert composed(given_).blocked
        return
    assert isinstance(found, dict)
    for name, value in (("name", given_.name), ("version", given_.version), ("benthos", given_.benthos)):
        assert found[name] == value
    assert found.get("description", "") == given_.description
    assert found.get("license", "") == given_.license
    assert found.get("platforms", []) == list(given_.platforms)
    assert found.get("tags", []) == list(given_.tags)
    assert found.get("cgo", False) is given_.cgo
    modules = found.get("modules", [])
    assert isinstance(modules, list)
    assert [(each["module"], each["version"]) for each in modules if isinstance(each, dict)] == [
        (module.path, module.version) for module in given_.modules
    ]
    assert excluded(found) == set(given_.exclusions)
    known = {"apiVersion", "kind", "name", "version", "benthos", "packages", "modules", "description", "platforms"}
    assert set(found) <= known | {"license", "tags", "cgo", "exclusions"}


@settings(max_examples=60, deadline=None)
@given(choices)
def test_whatever_is_chosen_is_valid_or_told(given_: Choices) -> None:
    """A composition is blocked exactly where validation would refuse the text, and never fails."""
    made = composed(given_)
    reading = read_manifest(made.path, made.manifest.encode())
    assert set(reading.diagnostics) <= set(made.diagnostics)
    assert made.blocked or reading.distribution is not None


def test_a_package_that_registers_nothing_on_a_platform_is_told_at_its_name() -> None:
    """What it takes is the hint: a platform less, or a tag more."""
    made = composed(replace(EDGE, packages=("pure", "couchbase", "zeromq"), platforms=("linux/amd64", "linux/arm")))
    assert told(made) == [("WOM-071", 10, "error"), ("WOM-071", 10, "error")]
    couchbase, zeromq = made.diagnostics
    assert couchbase.message == "package `couchbase` on `linux/arm/7`: it registers nothing there"
    assert "exclusions: [{platforms: [linux/arm/7], packages: [couchbase]}]" in couchbase.hint
    assert (zeromq.message, zeromq.hint) == (
        "package `zeromq`: without the build tag `x_benthos_extra` it registers nothing",
        "add the build tag `x_benthos_extra`",
    )
    assert not composed(replace(EDGE, packages=("pure", "zeromq"), tags=("x_benthos_extra",))).blocked


def test_a_package_is_left_out_where_it_registers_nothing() -> None:
    """What was told of it is mended then, and the program of that platform goes without."""
    platforms = ("linux/amd64", "linux/arm/7", "linux/arm/6")
    both = tuple((name, platform) for name in ("couchbase", "pulsar") for platform in platforms[1:])
    made = composed(replace(EDGE, packages=("pure", "pulsar", "couchbase"), platforms=platforms, exclusions=both))
    assert made.diagnostics == ()
    assert (
        "exclusions:\n  - platforms: [linux/arm/7, linux/arm/6]\n    packages: [couchbase, pulsar]\n" in made.manifest
    )
    read = read_manifest(made.path, made.manifest.encode()).distribution
    assert read is not None
    assert len(read.packages_for(ARM)) == 1
    outlooks = dict(next(each for each in made.packages if each.name == "pulsar").outlooks)
    assert (outlooks[AMD].outlook, outlooks[ARM].outlook) == (Outlook.PRESENT, Outlook.EXCLUDED)


def test_a_package_that_a_module_does_not_have_is_told_with_the_nearest_one() -> None:
    made = composed(replace(EDGE, packages=("pure", f"{CONNECT_MODULE}/public/components/kafkka")))
    (problem,) = made.diagnostics
    assert (problem.rule, problem.hint) == ("WOM-070", "did you mean `kafka`?")
    assert problem.message.endswith(f"`{CONNECT_MODULE}@v4.105.0` has no such package")


def test_a_benthos_that_is_too_old_for_a_module_is_told() -> None:
    """From the table it is an error; from what was built together it is a warning, as other versions may go too."""
    made = composed(replace(EDGE, benthos="v4.76.0", packages=("pure", "kafka")))
    assert ("WOM-053", 5, "error") in told(made)
    other = Module(CONNECT_MODULE, "v4.104.0")
    seen = Around(TABLE, together={other: frozenset({"v4.76.0", "v4.77.0"})})
    assert ("WOM-053", 5, "warning") in told(composed(replace(EDGE, benthos="v4.75.0", modules=(other,)), seen))
    assert told(composed(replace(EDGE, benthos="v4.76.0", modules=(other,)), seen)) == []


def test_of_another_version_nothing_is_claimed() -> None:
    """A package is unknown there, with what is known of the nearest version beside it."""
    made = composed(replace(EDGE, modules=(Module(CONNECT_MODULE, "v4.104.0"),)))
    kafka = next(each for each in made.packages if each.name == "kafka")
    assert not kafka.exact
    assert {verdict.outlook for _, verdict in kafka.outlooks} == {Outlook.UNKNOWN}
    assert kafka.outlooks[0][1].reason == "not seen at `v4.104.0`; at `v4.105.0` it registers something there"
    assert made.diagnostics == ()


def test_policies_and_taken_names_are_told_at_their_lines() -> None:
    no_rcl = Policy("house", licenses=Selection(deny=("LicenseRef-Redpanda-Community-License",)))
    linux = Policy("ports", platforms=Selection(allow=("linux/amd64",)))
    made = composed(EDGE, Around(TABLE, (no_rcl, linux), {"edge": "teams/edge.yaml"}))
    assert told(made) == [("WOM-041", 3, "error"), ("WOM-082", 10, "error"), ("WOM-083", 12, "error")]
    assert "teams/edge.yaml" in made.diagnostics[0].message
    assert "policy `house`: package" in made.diagnostics[1].message


def test_a_package_of_no_chosen_module_is_told_by_validation() -> None:
    made = composed(replace(EDGE, packages=("pure", "example.com/plugin/thing")))
    assert told(made) == [("WOM-032", 6, "error")]
    assert next(each for each in made.packages if "example" in each.package).module is None


def test_builds_tell_where_a_package_is_and_not_where_it_is_not() -> None:
    """A fact of a build says nothing of other platforms; a table says that there is nothing."""
    module = Module("example.com/m", "v1.0.0")
    package = "example.com/m/public/components/x"
    fact = Fact(package, module, frozenset({AMD}), components=(Component("input", "x"),))
    built = Known([fact])
    outlooks = dict(built.judge(package, module, (AMD, ARM), (), cgo=False))
    assert (outlooks[AMD].outlook, outlooks[ARM].outlook) == (Outlook.PRESENT, Outlook.UNKNOWN)
    read = Known([fact], [Read(module)])
    assert dict(read.judge(package, module, (ARM,), (), cgo=False))[ARM].outlook is Outlook.STUB


def test_the_best_fact_is_of_this_version_and_needs_no_more_than_is_given() -> None:
    old, new = Module("example.com/m", "v1.0.0"), Module("example.com/m", "v1.1.0")
    facts = [Fact("example.com/m/x", old), Fact("example.com/m/x", new, tags=("more",)), Fact("example.com/m/x", new)]
    known = Known(facts)
    assert known.best("example.com/m/x", old) == facts[0]
    assert known.best("example.com/m/x", new) == facts[2]
    assert known.best("example.com/m/x", new, ("more",)) == facts[1]
    assert known.best("example.com/m/x", Module("example.com/m", "v9.0.0")) == facts[2]
    assert known.best("example.com/m/x", Module("example.com/other", "v1.0.0")) is None


@pytest.mark.parametrize("package", ["kafka", f"{CONNECT_MODULE}/public/components/kafka"])
def test_a_short_name_and_the_whole_path_mean_the_same(package: str) -> None:
    assert composed(replace(EDGE, packages=("pure", "io", package))).manifest == composed(EDGE).manifest


def test_the_table_is_of_the_modules_that_are_shipped() -> None:
    """It knows every well-known package of Connect, and what Connect needs of Benthos.

    Other modules are known? `python -m tests.support.knowntable` writes the table anew.
    """
    assert tuple(each.module for each in known_table()[1]) == KNOWN_MODULES
    assert TABLE.requires(CONNECT) == {CORE_MODULE: "v4.77.0"}
    assert len([name for name in TABLE.packages if name.startswith(CONNECT_MODULE)]) > 70
    (kafka,) = TABLE.facts(f"{CONNECT_MODULE}/public/components/kafka")
    assert Component("input", "kafka_franz") in kafka.components
    assert Severity.ERROR not in {each.severity for each in composed(EDGE).diagnostics}
