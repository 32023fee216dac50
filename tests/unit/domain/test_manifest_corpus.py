"""Every rule, shown on a file that breaks it, and what a person is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.manifests import CORPUS, corpus, diagnose, kept_picture, picture
from tests.support.rulecases import MADE
from wombat_gitops.domain.lock import lock_paths
from wombat_gitops.domain.manifest import read_manifest, render_schemas
from wombat_gitops.domain.manifest.rules import RULES, Rule
from wombat_gitops.domain.model import Maintainer, Module
from wombat_gitops.domain.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wombat_gitops.domain.diagnostics import Diagnostic

CASES: dict[str, Callable[[], Iterable[Diagnostic]]] = {
    **{name: partial(diagnose, files) for name, files in corpus().items()},
    **MADE,
}
WITH_GO = {"WOM-070", "WOM-071", "WOM-072", "WOM-073", "WOM-074", "WOM-082", "WOM-085", "WOM-088", "WOM-089"}
"""Rules about what is in modules: tests/integration/golang/test_rules.py."""


def test_every_rule_has_a_case() -> None:
    """No rule is without something that breaks it, and none without the text that is told then."""
    kept = {path.stem for path in (CORPUS / "invalid").glob("*.txt")}
    assert kept == {f"{rule.id}-{rule.slug}" for rule in RULES.values()}
    assert {name[:7] for name in CASES} == set(RULES) - WITH_GO


@pytest.mark.parametrize("name", CASES)
def test_case_breaks_its_rule(name: str) -> None:
    """A case is told under the rule it is named for, as it was reviewed: wording, place and picture."""
    problems = list(CASES[name]())

    assert name[:7] in {problem.rule for problem in problems}
    assert picture(name, problems) == kept_picture(name)


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
