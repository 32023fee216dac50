"""Traces by OpenTelemetry: from a request for a build, over the broker, to each step of its attempts.

The place in the trace travels as `traceparent`: in a header of each request to the service, and in the build's
record, where the builder finds it, perhaps hours later. This module is imported only where somebody traces.

    build request (who asks) ─▶ accept (service)
                              └▶ attempt (builder) ─▶ fetch, generate, check, compile, smoke, upload ─▶ commit (service)
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from wombat_gitops import __version__
from wombat_gitops.domain.messages import AttemptOutcome
from wombat_gitops.domain.tracing import HEADER
from wombat_gitops.ports import tracing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

    from wombat_gitops.domain.messages import (
        AttemptAnswer,
        AttemptClaim,
        AttemptEnd,
        AttemptStep,
        BuildAnswer,
        BuildPage,
        BuildQuery,
        BuildRequest,
        CommitAnswer,
        CommitRequest,
    )
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.ports import Attempts, BuildClient

_W3C: Final = TraceContextTextMapPropagator()
_LAST_SPANS_SECONDS: Final = 3.0
"""How long the end of a process waits for a collector that does not answer."""


class Committer(Protocol):
    """Publishes an object whose chunks are stored."""

    async def commit(self, request: CommitRequest) -> CommitAnswer:
        """Verify the chunks and publish the object."""
        ...


class Tracing:
    """The spans of one process; `close` sends those that were not sent yet.

    Args:
        exporter: takes every span as soon as it ends; without it they go in batches, by OTLP over HTTP, to where
            the variables `OTEL_EXPORTER_OTLP_…` say.
    """

    def __init__(self, role: str, instance: str, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(resource=_resource(role, instance), shutdown_on_exit=False)
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - slow

            exporter = OTLPSpanExporter()
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        else:
            self._provider.add_span_processor(SimpleSpanProcessor(exporter))
        self._exporter = exporter
        self.tracer = self._provider.get_tracer("wombat_gitops", __version__)

    def close(self) -> None:
        """Send what is left, for a few seconds at most, and end. Blocks."""
        giving_up = threading.Timer(_LAST_SPANS_SECONDS, self._exporter.shutdown)
        giving_up.daemon = True
        giving_up.start()
        try:
            self._provider.shutdown()
        finally:
            giving_up.cancel()


def _resource(role: str, instance: str) -> Resource:
    """What every span says of its process; the variables `OTEL_SERVICE_NAME` and `…_RESOURCE_ATTRIBUTES` win."""
    ours = Resource(
        {
            "service.name": f"wombat-{role}",
            "service.version": __version__,
            "service.instance.id": instance,
        }
    )
    detected = Resource.create()
    if str(detected.attributes.get("service.name", "")).startswith("unknown_service"):
        return detected.merge(ours)
    return ours.merge(detected)


class TracedBuilds:
    """`ports.BuildClient` whose requests are spans, for those who ask and for the service that accepts."""

    def __init__(self, builds: BuildClient, tracer: Tracer, name: str, kind: SpanKind) -> None:
        self._builds = builds
        self._tracer = tracer
        self._name = name
        self._kind = kind

    async def request(self, request: BuildRequest) -> BuildAnswer:
        """As `BuildClient.request`; what is below continues the span."""
        spec, origin = request.spec, request.origin
        about = {
            "wombat.distribution": spec.name,
            "wombat.version": spec.version,
            "wombat.platform": str(spec.platform),
            "wombat.source": origin.source,
            "wombat.revision": origin.revision,
        }
        with _working(self._tracer, self._name, self._kind, about) as span:
            answer = await self._builds.request(request)
            span.set_attributes({"wombat.build": answer.build.id, "wombat.created": answer.created})
            return answer

    async def get(self, build: str) -> BuildRecord:
        """As `BuildClient.get`."""
        return await self._builds.get(build)

    async def list(self, query: BuildQuery) -> BuildPage:
        """As `BuildClient.list`."""
        return await self._builds.list(query)

    async def cancel(self, build: str, *, superseded: bool = False, source: str = "") -> BuildRecord:
        """As `BuildClient.cancel`."""
        return await self._builds.cancel(build, superseded=superseded, source=source)

    async def retry(self, build: str) -> BuildRecord:
        """As `BuildClient.retry`."""
        return await self._builds.retry(build)


def asking(builds: BuildClient, tracer: Tracer) -> TracedBuilds:
    """*builds* for those who ask: each request begins a trace, or goes on with the one it is in."""
    return TracedBuilds(builds, tracer, "build request", SpanKind.CLIENT)


def accepting(builds: BuildClient, tracer: Tracer) -> TracedBuilds:
    """*builds* for the service: each request goes on with the trace of who asks."""
    return TracedBuilds(builds, tracer, "accept", SpanKind.SERVER)


class TracedCommitter:
    """Publishing an object, as a span of the service."""

    def __init__(self, committer: Committer, tracer: Tracer) -> None:
        self._committer = committer
        self._tracer = tracer

    async def commit(self, request: CommitRequest) -> CommitAnswer:
        """As the one it stands for."""
        about: dict[str, str | int] = {"wombat.sha256": request.sha256, "wombat.bytes": request.size}
        with _working(self._tracer, "commit", SpanKind.SERVER, about):
            return await self._committer.commit(request)


@dataclass(slots=True)
class _Open:
    """The spans of an attempt under way."""

    build: str
    attempt: Span
    step: Span | None = None

    def end_step(self, problem: str = "") -> None:
        if self.step is not None:
            _end(self.step, problem)
            self.step = None

    def end(self, problem: str = "") -> None:
        self.end_step(problem)
        _end(self.attempt, problem)


class TracedAttempts:
    """`ports.Attempts` as a builder uses it: an attempt is a span, and so is each of its steps.

    An attempt that is taken away is never ended by its builder: `take` hears of it in the log.
    """

    def __init__(self, attempts: Attempts, tracer: Tracer) -> None:
        self._attempts = attempts
        self._tracer = tracer
        self._open: dict[str, _Open] = {}

    async def claim(self, asked: AttemptClaim) -> AttemptAnswer:
        """As `Attempts.claim`; one that is won begins a span below the request for the build."""
        answer = await self._attempts.claim(asked)
        if answer.holds and answer.build is not None and asked.claim not in self._open:
            spec = answer.build.spec
            about: dict[str, str | int] = {
                "wombat.build": asked.build,
                "wombat.builder": asked.builder,
                "wombat.attempt": answer.build.attempt.number,
                "wombat.distribution": spec.name,
                "wombat.version": spec.version,
                "wombat.platform": str(spec.platform),
            }
            parent = _context(answer.build.trace)
            span = self._tracer.start_span("attempt", parent, SpanKind.CONSUMER, about)
            self._open[asked.claim] = _Open(asked.build, span)
        return answer

    async def step(self, asked: AttemptStep) -> AttemptAnswer:
        """As `Attempts.step`; what the caller does next is below the step's span."""
        spans = self._open.get(asked.claim)
        if spans is None:
            return await self._attempts.step(asked)
        spans.end_step()
        spans.step = self._tracer.start_span(str(asked.step), trace.set_span_in_context(spans.attempt))
        # Not taken back: it holds for the rest of the caller's task, until its next step.
        tracing.current.set(_parent(spans.step))
        answer = await self._attempts.step(asked)
        if not answer.holds:
            self._drop(asked.claim, "the build was taken from this builder")
        return answer

    async def end(self, asked: AttemptEnd) -> AttemptAnswer:
        """As `Attempts.end`; the attempt's span ends with the answer."""
        spans = self._open.get(asked.claim)
        if spans is None:
            return await self._attempts.end(asked)
        failure = asked.failure
        problem = f"{failure.reason}: {failure.message}" if failure is not None else ""
        spans.end_step(problem)
        with tracing.continued(_parent(spans.attempt)):
            answer = await self._attempts.end(asked)
        spans.attempt.set_attribute("wombat.outcome", str(asked.outcome))
        if failure is not None:
            spans.attempt.set_attribute("wombat.reason", failure.reason)
        refused = "" if answer.holds else "the build was taken from this builder"
        ended = asked.outcome in {AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED}
        self._drop(asked.claim, refused or problem or ("" if ended else str(asked.outcome)))
        return answer

    def take(self, event: str, _level: str, fields: Mapping[str, object], /) -> None:
        """End the spans of an attempt that its builder gave up; see `logs.Listener`."""
        if event in {"build_dropped", "build_abandoned"}:
            for claim, spans in list(self._open.items()):
                if spans.build == fields.get("build"):
                    self._drop(claim, event)

    def _drop(self, claim: str, problem: str) -> None:
        spans = self._open.pop(claim, None)
        if spans is not None:
            spans.end(problem)


@contextmanager
def _working(tracer: Tracer, name: str, kind: SpanKind, about: Mapping[str, str | int]) -> Iterator[Span]:
    """A span below the place where the present task works; what is done inside is below the span."""
    span = tracer.start_span(name, _context(tracing.current.get()), kind, dict(about))
    try:
        with tracing.continued(_parent(span)):
            yield span
    except Exception as error:
        _end(span, f"{type(error).__name__}: {error}")
        raise
    _end(span)


def _end(span: Span, problem: str = "") -> None:
    if problem:
        span.set_status(Status(StatusCode.ERROR, problem))
    span.end()


def _context(parent: str) -> Context:
    return _W3C.extract({HEADER: parent})


def _parent(span: Span) -> str:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span))
    return carrier.get(HEADER, "")
