"""The metrics of one process: events are counted as they are logged, state is read when somebody scrapes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily

from wombat_gitops.telemetry.catalogue import COUNTED, EVENTS_COUNTED, METRICS, OTHER, SHOWN, Kind
from wombat_gitops.telemetry.logs import LIBRARY
from wombat_gitops.telemetry.vocabulary import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric as Family

    from wombat_gitops.telemetry.catalogue import Label, Metric

Sample = tuple[str, tuple[str, ...], float]
"""Name of a gauge, values of its labels, value."""


class Metrics:
    """One registry, which no other process or test shares.

    Use `take` as a listener of the log, and `show` for what is read at a scrape.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._bounds: dict[tuple[str, str], _Bound] = {}
        self._counted: dict[str, list[tuple[Metric, Counter | Histogram]]] = defaultdict(list)
        self._events = Counter(
            EVENTS_COUNTED.name,
            EVENTS_COUNTED.help,
            [label.name for label in EVENTS_COUNTED.labels],
            registry=self._registry,
        )
        for event in EVENTS.values():
            # There from the beginning: a first increase is seen only of a series that was 0 before.
            if event.name != LIBRARY:
                self._events.labels(event.name, event.level)
        for metric in COUNTED:
            made = self._make(metric)
            for name in metric.events:
                self._counted[name].append((metric, made))
        self._sources: list[Callable[[], Iterable[Sample]]] = []
        self._registry.register(_Shown(self._samples))

    def take(self, event: str, level: str, fields: Mapping[str, object], /) -> None:
        """Count one event of the log; see `logs.Listener`."""
        values = (event if event in EVENTS else OTHER, level)
        self._events.labels(*values).inc()
        for metric, made in self._counted.get(event, ()):
            labels = [self._bounded(metric, label, str(fields.get(label.name, ""))) for label in metric.labels]
            series = made.labels(*labels) if labels else made
            if isinstance(series, Counter):
                series.inc()
            else:
                value = fields.get(metric.value)
                if isinstance(value, int | float):
                    series.observe(value)

    def show(self, source: Callable[[], Iterable[Sample]]) -> None:
        """Ask *source* at every scrape; names it does not know in `catalogue.SHOWN` are a defect."""
        self._sources.append(source)

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """Everything in the format that the client accepts, and that format's content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _make(self, metric: Metric) -> Counter | Histogram:
        names = [label.name for label in metric.labels]
        made: Counter | Histogram
        if metric.kind is Kind.COUNTER:
            made = Counter(metric.name, metric.help, names, registry=self._registry)
        else:
            made = Histogram(metric.name, metric.help, names, buckets=metric.buckets, registry=self._registry)
        if len(metric.labels) == 1:
            for value in metric.labels[0].values:
                made.labels(value)
        return made

    def _bounded(self, metric: Metric, label: Label, value: str) -> str:
        bound = self._bounds.get((metric.name, label.name))
        if bound is None:
            bound = self._bounds[metric.name, label.name] = _Bound(label)
        return bound.of(value)

    def _samples(self) -> Iterator[Family]:
        families = {
            metric.name: GaugeMetricFamily(metric.name, metric.help, labels=[label.name for label in metric.labels])
            for metric in SHOWN
        }
        found: dict[tuple[str, tuple[str, ...]], float] = defaultdict(float)
        for source in self._sources:
            for name, values, value in source():
                metric = METRICS[name]
                labels = tuple(self._bounded(metric, *pair) for pair in zip(metric.labels, values, strict=True))
                found[name, labels] += value
        for (name, labels), value in found.items():
            families[name].add_metric(labels, value)
        yield from (family for family in families.values() if family.samples)


class _Bound:
    """The values of one label that were seen, as many as there may be."""

    def __init__(self, label: Label) -> None:
        self._known = set(label.values)
        self._room = 0 if label.values else label.most

    def of(self, value: str) -> str:
        """*value* itself, or `other` where it is one too many."""
        if value in self._known:
            return value
        if self._room <= 0:
            return OTHER
        self._room -= 1
        self._known.add(value)
        return value


class _Shown:
    """What the registry asks at a scrape."""

    def __init__(self, samples: Callable[[], Iterator[Family]]) -> None:
        self._samples = samples

    def collect(self) -> Iterable[Family]:
        """All gauges that have values now."""
        return self._samples()
