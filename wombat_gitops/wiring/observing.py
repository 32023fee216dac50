"""What is told about a role while it runs: it joins logs, metrics, traces and probes with the parts of the role.

A role registers what it is made of (`connection`, `catalog`, `stops`, …); nothing of the role knows that it is seen.
Without `WOMBAT_METRICS_PORT` nothing is counted and no port is opened; without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is
traced and the SDK is not even imported.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from wombat_gitops import __version__
from wombat_gitops.domain.catalogue import BuilderState
from wombat_gitops.domain.errors import WombatError
from wombat_gitops.services import observed
from wombat_gitops.settings import tracing_wanted
from wombat_gitops.telemetry.logs import listening
from wombat_gitops.telemetry.metrics import Metrics
from wombat_gitops.telemetry.noticed import NoticedStore
from wombat_gitops.telemetry.readiness import Readiness
from wombat_gitops.telemetry.told import ToldAttempts, ToldBuilds
from wombat_gitops.wiring import gauges, machine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.adapters.nats.objects import Committer
    from wombat_gitops.domain.catalogue import BuilderPresence
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import Attempts, BuildClient, Store
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.reconciler import Outcome
    from wombat_gitops.settings import Settings
    from wombat_gitops.telemetry.metrics import Sample
    from wombat_gitops.telemetry.tracing import Tracing

_log = structlog.get_logger(__name__)

_STORAGE_SECONDS: Final = 15.0
"""How old the sizes of streams may be that a scrape shows."""

_ASK_SECONDS: Final = 2.0
_TICK: Final = 1.0
_LAGS: Final = 60
_LEAST_PASS_SECONDS: Final = 360.0
"""A pass may be so late at least: a source that fails is left alone for up to five minutes."""


class Observing:
    """One role as it is seen from outside. Made by `observing`.

    Attributes:
        address: where metrics and probes are, or "" where nobody asked for them.
    """

    def __init__(self, settings: Settings, metrics: Metrics, readiness: Readiness, tracing: Tracing | None) -> None:
        self._settings = settings
        self._metrics = metrics
        self._tracing = tracing
        self._readiness = readiness
        self._connection: Connection | None = None
        self._storage: list[Sample] = []
        self._storage_at = float("-inf")
        self._passes = Passes()
        self._readiness.need("broker", self._lacks_broker)
        self._stack = AsyncExitStack()
        self.address = ""

    def connection(self, connection: Connection) -> None:
        """The role's connection to the broker."""
        self._connection = connection
        self._metrics.show(lambda: [("wombat_broker_connected", (), float(connection.connected))])

    def _lacks_broker(self) -> str:
        connected = self._connection is not None and self._connection.connected
        return "" if connected else "there is no connection"

    def catalog(self, catalog: Catalog) -> Catalog:
        """The role's read model."""
        self._readiness.need("catalogue", lambda: "" if catalog.ready.is_set() else "it is still being read")
        self._metrics.show(lambda: gauges.fleet(catalog, machine.now()))
        return catalog

    def stops(self, stop: asyncio.Event) -> None:
        """The role is about to end once *stop* is set."""
        self._readiness.need("role", lambda: "it is stopping" if stop.is_set() else "")

    def accepting(self, queue: BuildClient) -> BuildClient:
        """What the service answers requests with."""
        told = ToldBuilds(queue)
        if self._tracing is None:
            return told
        from wombat_gitops.telemetry.tracing import accepting  # noqa: PLC0415 - only where somebody traces

        return accepting(told, self._tracing.tracer)

    def desk(self, attempts: Attempts) -> Attempts:
        """What the service answers builders with."""
        return ToldAttempts(attempts)

    def committer(self, committer: Committer) -> Committer:
        """What the service publishes objects with."""
        if self._tracing is None:
            return committer
        from wombat_gitops.telemetry.tracing import TracedCommitter  # noqa: PLC0415 - only where somebody traces

        return TracedCommitter(committer, self._tracing.tracer)

    def asking(self, client: BuildClient) -> BuildClient:
        """What the role asks for builds with."""
        return asking(client, self._tracing)

    def attempts(self, attempts: Attempts) -> Attempts:
        """What a builder asks the service with."""
        if self._tracing is None:
            return attempts
        from wombat_gitops.telemetry.tracing import TracedAttempts  # noqa: PLC0415 - only where somebody traces

        traced = TracedAttempts(attempts, self._tracing.tracer)
        self._stack.enter_context(listening(traced.take))
        return traced

    def queue(self, records: Store[BuildRecord]) -> Store[BuildRecord]:
        """The records that a builder follows."""
        noticed = NoticedStore(records)
        self._readiness.need("queue", lambda: "" if noticed.synced else "it is still being read")
        return noticed

    def presence(self, presence: Store[BuilderPresence]) -> Store[BuilderPresence]:
        """Where a builder shows what it does."""
        noticed = NoticedStore(presence)
        self._readiness.need("builder", lambda: _lacks(noticed.newest))
        return noticed

    def watches(self, source: str, interval: float) -> None:
        """The role watches *source*, every *interval* seconds."""
        self._passes.watch(source, interval, machine.monotonic())
        if self._passes.number == 1:
            self._readiness.need("sources", lambda: self._passes.missing(machine.monotonic()))
            self._metrics.show(lambda: self._passes.samples(machine.monotonic()))

    def passed(self, source: str, outcome: Outcome) -> None:
        """A pass over *source* has ended, well or not."""
        self._passes.end(source, machine.monotonic())
        error = outcome.error
        if error is not None:
            reason = observed.failure_reason(error)
            _log.warning("source_failed", source=source, reason=reason, error=error.message)
        elif outcome.read:
            _log.info(
                "source_read",
                source=source,
                revision=outcome.revision,
                requested=outcome.requested,
                written=outcome.written,
                cancelled=outcome.cancelled,
            )

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The metrics; sizes of streams are asked for at most every quarter of a minute."""
        connection, now = self._connection, machine.monotonic()
        if connection is not None and connection.connected and now - self._storage_at >= _STORAGE_SECONDS:
            try:
                async with asyncio.timeout(_ASK_SECONDS):
                    self._storage = await gauges.broker_storage(connection, _ASK_SECONDS)
                self._storage_at = now
            except (WombatError, TimeoutError) as error:
                _log.warning("scrape_incomplete", error=str(error) or "the broker does not answer in time")
        return self._metrics.scrape(accept)

    async def open(self, stack: AsyncExitStack, host: str, port: int) -> None:
        """Count events and answer probes until *stack* is left. Raises `Refused` where the port cannot be taken."""
        from wombat_gitops.telemetry.probes import probes_app, serving_probes  # noqa: PLC0415 - only where wanted

        pulse = Pulse()
        for source in (
            lambda: [("wombat_info", (__version__,), 1.0)],
            lambda: [("wombat_ready", (), float(not self._readiness.missing()))],
            lambda: [("wombat_loop_lag_seconds", (), pulse.worst)],
            lambda: self._storage,
            lambda: gauges.free_space(self._settings.data),
        ):
            self._metrics.show(source)
        stack.enter_context(listening(self._metrics.take))
        beating = asyncio.create_task(pulse.run(), name="pulse")
        stack.push_async_callback(_end, beating)
        app = probes_app(self._readiness, self.scrape)
        self.address = await stack.enter_async_context(serving_probes(app, host, port))
        _log.info("probes_listening", address=self.address)

    async def close(self) -> None:
        """Send the last spans."""
        await self._stack.aclose()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)


@asynccontextmanager
async def observing(settings: Settings, role: str, exporter: SpanExporter | None = None) -> AsyncIterator[Observing]:
    """Let a role be seen for as long as the context lasts.

    Args:
        exporter: takes the spans, instead of the collector that the environment names.

    Raises:
        Refused: the port for metrics cannot be taken.
    """
    seen = Observing(settings, Metrics(), Readiness(), _tracing(role, exporter))
    try:
        async with AsyncExitStack() as stack:
            if settings.metrics_port is not None:
                await seen.open(stack, settings.metrics_host, settings.metrics_port)
            yield seen
    finally:
        await seen.close()


def asking(client: BuildClient, tracing: Tracing | None) -> BuildClient:
    """*client* as it is, or each of its requests as the beginning of a trace."""
    if tracing is None:
        return client
    from wombat_gitops.telemetry.tracing import asking as traced  # noqa: PLC0415 - only where somebody traces

    return traced(client, tracing.tracer)


@asynccontextmanager
async def traced(role: str) -> AsyncIterator[Tracing | None]:
    """The traces of a command, sent before the context is left; None where nobody wants them."""
    tracing = _tracing(role, None)
    try:
        yield tracing
    finally:
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


def _tracing(role: str, exporter: SpanExporter | None) -> Tracing | None:
    if exporter is None and not tracing_wanted():
        return None
    from wombat_gitops.telemetry.tracing import Tracing  # noqa: PLC0415 - the SDK is slow to import

    return Tracing(role, machine.instance(), exporter)


class Pulse:
    """How late the event loop is: whatever holds it up holds up everything in this process."""

    def __init__(self) -> None:
        self._lags = deque([0.0], maxlen=_LAGS)

    @property
    def worst(self) -> float:
        """The longest delay of the last minute in seconds."""
        return max(self._lags)

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK
            await asyncio.sleep(_TICK)
            self._lags.append(max(loop.time() - due, 0.0))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@dataclass(slots=True)
class _Pass:
    interval: float
    since: float
    ended: bool = False


class Passes:
    """When each source of a watcher was last looked at, whatever came of it."""

    def __init__(self) -> None:
        self._passes: dict[str, _Pass] = {}

    @property
    def number(self) -> int:
        """How many sources there are."""
        return len(self._passes)

    def watch(self, source: str, interval: float, now: float) -> None:
        """From *now* on *source* is to be looked at."""
        self._passes[source] = _Pass(interval, now)

    def end(self, source: str, now: float) -> None:
        """A look at *source* has ended."""
        known = self._passes.get(source)
        if known is not None:
            known.since, known.ended = now, True

    def missing(self, now: float) -> str:
        """Which sources have not been looked at in time, or at all; "" where all have."""
        late = [
            f"`{source}` was last looked at {now - known.since:.0f} s ago"
            for source, known in self._passes.items()
            if now - known.since > max(2 * known.interval, _LEAST_PASS_SECONDS)
        ]
        first = [f"`{source}` has not been looked at yet" for source, known in self._passes.items() if not known.ended]
        return "; ".join([*late, *first][:10])

    def samples(self, now: float) -> Iterator[Sample]:
        """The age of each source's last pass."""
        for source, known in self._passes.items():
            yield "wombat_source_pass_age_seconds", (source,), now - known.since


def _lacks(presence: BuilderPresence | None) -> str:
    if presence is None:
        return "it has not shown itself yet"
    if presence.state is BuilderState.WORKING:
        return ""
    return f"it is {presence.state}: {presence.reason}" if presence.reason else f"it is {presence.state}"
