"""Events make metrics, gauges are read at a scrape, and no label grows without bound."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from wombat_gitops.telemetry.catalogue import COUNTED, METRICS, OTHER, PLATFORM, REASON, Kind, Label, metrics_markdown
from wombat_gitops.telemetry.metrics import Metrics
from wombat_gitops.telemetry.vocabulary import EVENTS


def values(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a scrape by its name and labels."""
    body, _ = metrics.scrape()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_an_event_is_counted_whatever_it_says() -> None:
    metrics = Metrics()
    before = values(metrics)

    for _ in range(3):
        metrics.take("build_taken", "warning", {"build": "b", "state": "queued"})

    after = values(metrics)
    name = ("wombat_events_total", (("event", "build_taken"), ("level", "warning")))
    assert (before[name], after[name]) == (0, 3)
    labelled = ("wombat_builds_taken_total", (("state", "queued"),))
    assert (before[labelled], after[labelled]) == (0, 3)


def test_a_duration_is_observed() -> None:
    metrics = Metrics()

    metrics.take("step_ended", "debug", {"step": "compile", "seconds": 7.5})
    metrics.take("attempt_started", "info", {"waited": None})

    found = values(metrics)
    assert found["wombat_step_seconds_sum", (("step", "compile"),)] == 7.5
    assert found["wombat_step_seconds_bucket", (("le", "5.0"), ("step", "compile"))] == 0
    assert found["wombat_step_seconds_bucket", (("le", "10.0"), ("step", "compile"))] == 1
    assert found["wombat_build_wait_seconds_count", ()] == 0
    assert found["wombat_attempts_started_total", ()] == 1


def test_what_nobody_knows_is_counted_as_other() -> None:
    metrics = Metrics()

    metrics.take("a library's own words", "info", {})

    assert values(metrics)["wombat_events_total", (("event", OTHER), ("level", "info"))] == 1


@pytest.mark.parametrize("label", [PLATFORM, REASON])
def test_labels_are_bounded(label: Label) -> None:
    """A thousand values make as many series as the table says, and the last ones are one."""
    metrics = Metrics()
    name = "wombat_queue_builds" if label is PLATFORM else "wombat_sources_failing"
    metrics.show(lambda: [(name, (f"value-{number:04}",), 1.0) for number in range(1000)])

    found = {labels: value for (family, labels), value in values(metrics).items() if family == name}

    assert len(found) == label.bound
    assert found[((label.name, OTHER),)] == 1000 - label.most
    assert sum(found.values()) == 1000


def test_two_registries_share_nothing() -> None:
    one, other = Metrics(), Metrics()

    one.take("claim_lost", "debug", {})

    assert values(one)["wombat_claims_lost_total", ()] == 1
    assert values(other)["wombat_claims_lost_total", ()] == 0


def test_the_process_is_shown() -> None:
    found = values(Metrics())

    assert found["process_resident_memory_bytes", ()] > 1e6
    assert found["process_open_fds", ()] > 2


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    metrics = Metrics()

    body, content_type = metrics.scrape("application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_names_follow_the_conventions() -> None:
    """prometheus.io/docs/practices/naming: base units, `_total` for counters and for nothing else."""
    for metric in METRICS.values():
        assert metric.name.startswith("wombat_")
        assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER), metric.name
        assert not metric.name.endswith(("_ms", "_milliseconds", "_minutes", "_kb", "_mb")), metric.name
        if metric.kind is Kind.HISTOGRAM:
            assert metric.name.endswith("_seconds"), metric.name
            assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name


def test_each_metric_is_made_from_fields_that_its_events_have() -> None:
    for metric in COUNTED:
        assert metric.events, metric.name
        for event in metric.events:
            wanted = {label.name for label in metric.labels} | ({metric.value} if metric.value else set())
            assert wanted <= EVENTS[event].allowed, metric.name


def test_the_bound_of_all_series_is_known() -> None:
    """What one process can make a monitoring store keep, buckets included; the largest are told in the docs."""
    series = sum(metric.bound * (len(metric.buckets) + 3 if metric.buckets else 1) for metric in METRICS.values())

    assert series < 60_000
    assert f"({PLATFORM.bound})" in metrics_markdown()
