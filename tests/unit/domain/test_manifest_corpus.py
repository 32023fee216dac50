"""Every rule, shown on a file that breaks it, and what a person is told."""

from __future__ import annotations

import pytest

from tests.support.manifests import CORPUS, corpus, diagnose, picture
from wombat_gitops.domain.lock import lock_paths
from wombat_gitops.domain.manifest import read_manifest, render_schemas
from wombat_gitops.domain.manifest.rules import CASE_COLLISION, NOT_A_FILE, ODD_PATH, RULES, Rule
from wombat_gitops.domain.model import Maintainer, Module, Platform

CASES = corpus()
ELSEWHERE = {"WOM-060", "WOM-070", "WOM-071", "WOM-072", "WOM-073", "WOM-082", "WOM-085"}
"""Rules that need a base, Go's listing or a program: test_publication, test_policy, test_inspection."""

ABOUT_THE_TREE = {CASE_COLLISION.id, NOT_A_FILE.id, ODD_PATH.id}
"""Rules about entries of a tree, not about bytes: tests/unit/services/test_manifests.py."""


def test_every_rule_has_a_case() -> None:
    """No rule is without a file that breaks it."""
    assert {name[:7] for name in CASES} | ABOUT_THE_TREE | ELSEWHERE == set(RULES)


@pytest.mark.parametrize("name", CASES)
def test_case_breaks_its_rule(name: str) -> None:
    """A case is told under the rule it is named for."""
    rule = RULES[name[:7]]
    assert name == f"{rule.id}-{rule.slug}"
    assert rule.id in {problem.rule for problem in diagnose(CASES[name])}


@pytest.mark.parametrize("name", CASES)
def test_case_is_told_as_kept(name: str) -> None:
    """The wording, the place and the picture are those that were reviewed."""
    assert picture(name, CASES[name]) == (CORPUS / "invalid" / f"{name}.txt").read_text()


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_rule_is_explained(rule: Rule) -> None:
    """Every rule says why it is there, how to mend it, and shows how it should be."""
    assert rule.example
    for text in (rule.title, rule.why, rule.fix):
        assert text
        assert not text.endswith(".")


def test_smallest_manifest_gets_every_default() -> None:
    """Six lines are a distribution; the rest has defaults."""
    data = (CORPUS / "valid" / "minimal.yaml").read_bytes()

    reading = read_manifest("manifests/minimal.yaml", data)

    assert reading.diagnostics == ()
    found = reading.distribution
    assert found is not None
    assert found.toolchain == "1.26.6"
    assert [str(platform) for platform in found.platforms] == [
        "linux/amd64",
        "linux/arm64",
        "darwin/arm64",
        "windows/amd64",
    ]
    assert found.binary == "minimal"
    assert found.modules == (Module("github.com/redpanda-data/benthos/v4", "v4.76.0"),)
    assert found.packages == (
        "github.com/redpanda-data/benthos/v4/public/components/io",
        "github.com/redpanda-data/benthos/v4/public/components/pure",
    )
    assert lock_paths(found.path) == ("manifests/minimal.lock/go.mod", "manifests/minimal.lock/go.sum")


def test_full_manifest_is_read_whole() -> None:
    """Every field reaches the distribution, with texts that YAML would change kept as they are written."""
    data = (CORPUS / "valid" / "full.yaml").read_bytes()

    reading = read_manifest("manifests/full.yaml", data)

    assert reading.diagnostics == ()
    found = reading.distribution
    assert found is not None
    assert found.version == "2.1.0-rc.1"
    assert found.description == "Kafka in, Größe out,\non two lines."
    assert found.homepage == "https://example.org/full?a=1#top"
    assert found.license == "Apache-2.0 AND (MIT OR BSD-3-Clause)"
    assert found.maintainers == (
        Maintainer("Data Platform", "data+platform@example.org", "example/data"),
        Maintainer("2026-01-31"),
    )
    assert found.labels == (("example.org/cost-centre", "012"), ("team", "data"), ("tier", "on"))
    assert found.platforms == (
        Platform("linux", "arm", "7"),
        Platform("linux", "amd64"),
        Platform("linux", "amd64", "v3"),
        Platform("windows", "amd64"),
    )
    assert found.tags == ("timetzdata", "x_benthos_extra")
    assert found.binary == "benthos"
    assert found.suspend
    assert [str(module) for module in found.modules] == [
        "github.com/redpanda-data/benthos/v4@v4.77.0",
        "github.com/redpanda-data/connect/v4@v4.105.0",
        "github.com/example/old@v3.1.0+incompatible",
        "gopkg.in/yaml.v3@v3.0.1",
        "github.com/example/tip@v0.0.0-20260131080000-0123456789ab",
    ]
    assert [package.rpartition("/components/")[2] for package in found.packages] == [
        "gadget",
        "io",
        "pure",
        "pure/extended",
        "kafka",
        "nats",
        "redis",
        "redpanda",
    ]


def test_kept_schema_is_in_step() -> None:
    """The schemas that editors load are those that manifests are checked against."""
    kept = CORPUS.parents[1] / "schemas"
    for name, text in render_schemas().items():
        assert (kept / name).read_text() == text
