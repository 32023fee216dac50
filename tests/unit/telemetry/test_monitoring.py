"""Alerts and dashboard name metrics, labels and events that exist, and runbooks that can be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from wombat_gitops.telemetry.catalogue import METRICS, Kind
from wombat_gitops.telemetry.vocabulary import EVENTS

DOCS = Path(__file__).parents[3] / "docs"
RULES: list[dict[str, Any]] = yaml.safe_load((DOCS / "monitoring" / "alerts.yaml").read_text())["groups"][0]["rules"]
PANELS: list[dict[str, Any]] = json.loads((DOCS / "monitoring" / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [each["expr"] for panel in PANELS for each in panel["targets"]]
SUFFIXES = ("_bucket", "_count", "_sum")


def metric_of(name: str) -> Any:
    """The metric of a series; a histogram is asked by its buckets."""
    if name in METRICS:
        return METRICS[name]
    for suffix in SUFFIXES:
        found = METRICS.get(name.removesuffix(suffix))
        if name.endswith(suffix) and found is not None and found.kind is Kind.HISTOGRAM:
            return found
    return None


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_speak_of_what_there_is(expression: str) -> None:
    names = re.findall(r"wombat_[a-z_]+", expression)
    assert names or "process_" in expression
    for name in names:
        assert metric_of(name) is not None, name
    for name, labels in re.findall(r"(wombat_[a-z_]+)\{([^}]*)\}", expression):
        known = {label.name for label in metric_of(name).labels}
        assert set(re.findall(r"([a-z_]+)[=!]", labels)) <= known
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r", *", group)}
    assert grouped <= {label.name for name in names for label in metric_of(name).labels} | {"le", "instance"}
    assert expression.count("(") == expression.count(")")


def test_events_that_are_counted_exist() -> None:
    named = {
        event
        for expression in EXPRESSIONS
        for group in re.findall(r'event=~?"([^"]*)"', expression)
        for event in group.split("|")
    }
    assert named
    assert named <= set(EVENTS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (DOCS.parent / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in {"page", "ticket"}


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


def test_panels_do_not_cover_each_other() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(places)
