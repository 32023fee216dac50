"""One trace leads from the watcher's request over the service to each step of the attempt, across real processes."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from wombat_gitops.domain.records import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.broker import TestBroker
    from tests.support.system import System


@dataclass(frozen=True)
class Told:
    """A span as a collector gets it, and the process it is of."""

    service: str
    name: str
    trace: bytes
    id: bytes
    parent: bytes
    begun: int
    failed: bool


class Collector:
    """Takes spans by OTLP over HTTP, as every collector does."""

    def __init__(self) -> None:
        self.spans: list[Told] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, data: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.spans += [
                Told(
                    names["service.name"],
                    span.name,
                    span.trace_id,
                    span.span_id,
                    span.parent_span_id,
                    span.start_time_unix_nano,
                    span.status.code == span.status.STATUS_CODE_ERROR,
                )
                for scope in resource.scope_spans
                for span in scope.spans
            ]

    @contextmanager
    def listening(self) -> Iterator[Collector]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


async def test_one_trace_from_the_request_to_the_artifact(system: System, broker: TestBroker) -> None:
    """Watcher, service and builder tell their parts; each step is a child of its attempt, in order."""
    system.write()
    system.commit()
    with Collector().listening() as collector:
        env = {"WOMBAT_NATS": broker.url, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address}
        service = system.start("service", **env)
        builder = system.start("builder", **env)
        watcher = system.start("watcher", **env)
        await system.until(lambda: "build_ended" in builder.said, "the build's end")
        for role in (watcher, builder, service):
            assert role.stop() == 0
        spans = collector.spans

    (attempt,) = (span for span in spans if span.name == "attempt")
    trace = {span.id: span for span in spans if span.trace == attempt.trace}
    assert attempt.service == "wombat-builder"
    accept = trace[attempt.parent]
    assert (accept.name, accept.service) == ("accept", "wombat-service")
    asked = trace[accept.parent]
    assert (asked.name, asked.service) == ("build request", "wombat-watcher")
    steps = sorted((span for span in trace.values() if span.parent == attempt.id), key=lambda span: span.begun)
    assert [span.name for span in steps] == [step.value for step in Step]
    assert not any(span.failed for span in trace.values())
    commits = [span for span in trace.values() if span.name == "commit"]
    assert commits
    assert {span.service for span in commits} == {"wombat-service"}
    (upload,) = (span for span in steps if span.name == "upload")
    assert upload.id in {span.parent for span in commits}


async def test_a_collector_that_is_away_holds_nobody_up(system: System, broker: TestBroker) -> None:
    """Spans that nobody takes are lost, and nothing else."""
    system.write()
    system.commit()
    env = {"WOMBAT_NATS": broker.url, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    roles = [system.start(name, **env) for name in ("service", "builder", "watcher")]
    await system.until(lambda: "build_ended" in roles[1].said, "the build's end")
    for role in reversed(roles):
        assert role.stop() == 0
