"""Every metric by name: what it says, its labels, and how many series there can be at most.

Counters and histograms are made from events of the vocabulary: whoever logs an event has counted it. Gauges are
read when somebody scrapes (`telemetry.state`). Label values come from fixed lists or are capped, so that no
repository and no client can make the number of series grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.records import BuildState, Step

if TYPE_CHECKING:
    from collections.abc import Mapping


OTHER: Final = "other"
"""The value of a label for everything beyond its bound."""


class Kind(StrEnum):
    """The types of Prometheus that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Label:
    """A label and the bound of its values.

    Attributes:
        values: all there are; empty: whatever comes, *most* of them, and `other` for the rest.
    """

    name: str
    values: tuple[str, ...] = ()
    most: int = 0

    @property
    def bound(self) -> int:
        """How many values there can be."""
        known = {*self.values, OTHER}
        return len(known) if self.values else self.most + 1


@dataclass(frozen=True, slots=True)
class Metric:
    """One family.

    Attributes:
        name: as it is scraped.
        events: those it is made from; empty for gauges.
        value: the field that a histogram observes.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    events: tuple[str, ...] = ()
    value: str = ""
    buckets: tuple[float, ...] = ()

    @property
    def bound(self) -> int:
        """How many series there can be at most, buckets not counted."""
        found = 1
        for label in self.labels:
            found *= label.bound
        return found


STATE: Final = Label("state", tuple(state.value for state in BuildState))
STEP: Final = Label("step", tuple(step.value for step in Step))
PLATFORM: Final = Label("platform", most=60)
SOURCE: Final = Label("source", most=200)
REASON: Final = Label("reason", most=40)
STREAM: Final = Label("stream", most=20)
STORE: Final = Label("store", ("builds", "distributions", "sources", "builders"))
OUTCOME: Final = Label("outcome", ("succeeded", "failed", "cancelled", "released"))
RESULT: Final = Label("result", ("created", "joined", "cached", "ended", "refused"))
ENDPOINT: Final = Label("endpoint", most=40)
STATUS: Final = Label("status", most=30)
ROUTE: Final = Label("route", most=80)
METHOD: Final = Label("method", ("GET", "HEAD", "POST", OTHER))
CONDITION: Final = Label("state", tuple(state.value for state in BuilderState))
SANDBOX: Final = Label("sandbox", tuple(level.value for level in SandboxLevel))
LEVEL: Final = Label("level", ("debug", "info", "warning", "error", "critical"))
EVENT: Final = Label("event", most=200)

_QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLOW: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)


def _counted(name: str, text: str, event: str, *labels: Label) -> Metric:
    return Metric(name, Kind.COUNTER, text, labels, (event,))


def _timed(name: str, text: str, event: str, value: str, buckets: tuple[float, ...], *labels: Label) -> Metric:
    return Metric(name, Kind.HISTOGRAM, text, labels, (event,), value, buckets)


def _shown(name: str, text: str, *labels: Label) -> Metric:
    return Metric(name, Kind.GAUGE, text, labels)


EVENTS_COUNTED: Final = Metric(
    "wombat_events_total", Kind.COUNTER, "Events of the log by name, whether the log shows them or not", (EVENT, LEVEL)
)
COUNTED: Final = (
    _counted("wombat_build_requests_total", "Requests for builds by how they were answered", "build_requested", RESULT),
    _counted("wombat_attempts_started_total", "Claims that were won", "attempt_started"),
    _counted("wombat_claims_lost_total", "Claims of builds that another builder has", "claim_lost"),
    _counted(
        "wombat_attempts_ended_total",
        "Attempts by outcome, state of the build after it, and reason of a failure",
        "attempt_ended",
        OUTCOME,
        STATE,
        REASON,
    ),
    _counted("wombat_builds_taken_total", "Builds taken from silent builders, by state after it", "build_taken", STATE),
    _counted("wombat_source_failures_total", "Passes over sources that failed, by reason", "source_failed", REASON),
    _counted(
        "wombat_http_requests_total", "Answers of the API by route template", "http_answered", ROUTE, METHOD, STATUS
    ),
    _timed("wombat_build_wait_seconds", "From queued to started", "attempt_started", "waited", _SLOW),
    _timed("wombat_attempt_seconds", "Whole attempts by outcome", "attempt_ended", "seconds", _SLOW, OUTCOME),
    _timed("wombat_step_seconds", "Steps of attempts", "step_ended", "seconds", _SLOW, STEP),
    _timed("wombat_http_seconds", "Answers of the API by route template", "http_answered", "seconds", _QUICK, ROUTE),
    _timed(
        "wombat_service_request_seconds",
        "Answers of the service `build` by endpoint and status",
        "request_answered",
        "seconds",
        _QUICK,
        ENDPOINT,
        STATUS,
    ),
)
"""Made from events; a label is the event's field of that name."""

SHOWN: Final = (
    _shown("wombat_info", "1; the version of this package", Label("version", most=1)),
    _shown("wombat_loop_lag_seconds", "How late the event loop was at worst in the last minute"),
    _shown("wombat_ready", "Whether `/readyz` says so"),
    _shown("wombat_broker_connected", "Whether the broker can be asked now"),
    _shown("wombat_catalogue_stale", "1 while what is told of builds may be old"),
    _shown("wombat_health", "1 for each reason that speaks against `ok` in `/status`", Label("code", most=20)),
    _shown("wombat_roles", "Services and watchers that renew their heartbeats", Label("role", most=2)),
    _shown("wombat_heartbeat_age_seconds", "Since the newest heartbeat of a role", Label("role", most=2)),
    _shown("wombat_builds", "Builds by state", STATE),
    _shown("wombat_queue_builds", "Queued builds by platform", PLATFORM),
    _shown("wombat_queue_held_builds", "Queued builds that wait for their back-off"),
    _shown("wombat_queue_oldest_seconds", "Age of the oldest queued build that could start, 0 where there is none"),
    _shown("wombat_step_oldest_seconds", "Age of the oldest running step, 0 where none runs", STEP),
    _shown("wombat_builders", "Living builders by what they do", CONDITION),
    _shown("wombat_builders_sandboxed", "Living builders by sandbox; `other` are those of earlier releases", SANDBOX),
    _shown("wombat_workers", "Workers of all builders that are not draining or quarantined"),
    _shown("wombat_workers_busy", "Workers of all builders that are at work on a build"),
    _shown("wombat_sources", "Watched sources"),
    _shown("wombat_sources_overdue", "Sources that nobody has looked at in time"),
    _shown("wombat_sources_failing", "Sources that cannot be used, by reason", REASON),
    _shown("wombat_source_look_age_seconds", "Since a look at the source was last written down", SOURCE),
    _shown("wombat_source_pass_age_seconds", "Since this watcher last ended a pass over the source", SOURCE),
    _shown("wombat_records_unreadable", "Stored records that cannot be read", STORE),
    _shown("wombat_stream_bytes", "Bytes of a stream on the broker", STREAM),
    _shown("wombat_stream_limit_bytes", "Bytes that a stream may hold, where it has a limit", STREAM),
    _shown("wombat_broker_storage_bytes", "Bytes that all streams of the account take"),
    _shown("wombat_broker_storage_limit_bytes", "Bytes that the account may take, where it has a limit"),
    _shown("wombat_data_free_bytes", "Free bytes where the data folder is"),
)
"""Read when somebody scrapes; each role shows what it knows."""

METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metric in (EVENTS_COUNTED, *COUNTED, *SHOWN)}
"""Every metric by its name."""


def metrics_markdown() -> str:
    """The table of metrics for docs/operation.md."""
    lines = ["| metric | type | says | labels (most values) | made from |", "|---|---|---|---|---|"]
    for metric in METRICS.values():
        labels = ", ".join(f"`{label.name}` ({label.bound})" for label in metric.labels)
        events = ", ".join(f"`{event}`" for event in metric.events)
        events = events or ("every event" if metric is EVENTS_COUNTED else "")
        lines.append(f"| `{metric.name}` | {metric.kind} | {metric.help} | {labels} | {events} |")
    return "\n".join(lines) + "\n"
