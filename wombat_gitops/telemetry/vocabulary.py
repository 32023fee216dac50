"""Every event that is ever logged: what it means, how loud it is, and which fields it has.

Names of events never change their meaning; whoever filters logs, counts or alerts relies on them. A test reads
the source and holds this table against it, both ways, and the tables of docs/operation.md are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS: Final[Mapping[str, str]] = {
    "address": "URL",
    "artifact": "SHA-256 of an artifact",
    "attempt": "number of the attempt, from 1",
    "build": "build id",
    "builder": "builder, `<name>.<start>`",
    "bytes": "size in bytes",
    "cancelled": "how many builds were cancelled because no manifest asks for them any more",
    "count": "how many",
    "endpoint": "endpoint of the service `build`",
    "error": "what went wrong, for people",
    "generation": "how often the connection was made",
    "kind": "`object`, `input` or `upload`",
    "line": "a line of the broker's own log",
    "logger": "the library's own name",
    "message": "the library's own words",
    "method": "HTTP method",
    "missing": "bytes of a file that were not sent",
    "name": "distribution",
    "outcome": "`succeeded`, `failed`, `cancelled` or `released`",
    "path": "path of the HTTP request",
    "pid": "process id",
    "platform": "`os/arch` or `os/arch/variant`",
    "reason": "CamelCase word of a fixed list, or empty",
    "request_id": "the answer's `X-Request-Id`",
    "requested": "how many builds were asked for",
    "result": "`created`, `joined` (under way already), `cached` (built already), `ended` or `refused`",
    "retired": "how many builds went",
    "revision": "commit",
    "route": "template of the HTTP route",
    "running": "builds that run: those that were looked at, or those of the builder",
    "seconds": "duration",
    "source": "id of the watched source",
    "state": "state of the build after it",
    "status": "HTTP status, status of an answer, or exit status",
    "step": "step of the build",
    "stream": "stream of the broker",
    "subject": "subject on the broker",
    "swept": "how many stored things went",
    "taken": "builds that were taken from silent builders",
    "thing": "name of a stored thing: SHA-256, or id of an upload",
    "version": "version of the distribution, or of this package",
    "waited": "seconds from queued to started, back-off included; not after a retry by a person",
    "why": "`retention` or `quota`",
    "work": "what was being done",
    "written": "how many records were written",
}
"""What each field holds, whatever event it belongs to."""

BOUND: Final = ("role", "instance")
"""Fields of every event, bound once when a process starts."""


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of thing that happens.

    Attributes:
        level: `debug`, `info`, `warning` or `error`.
        fields: those it always has; a name in brackets is only there where it applies.
        bound: further fields, which the code around binds: an attempt tells its build everywhere below it.
    """

    name: str
    level: str
    meaning: str
    fields: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()

    @property
    def required(self) -> frozenset[str]:
        """Fields that must be given where it is logged."""
        return frozenset(field for field in self.fields if not field.startswith("["))

    @property
    def allowed(self) -> frozenset[str]:
        """Fields that may be given where it is logged."""
        return frozenset(field.strip("[]") for field in self.fields)


def _event(name: str, level: str, meaning: str, fields: str = "", bound: str = "") -> Event:
    return Event(name, level, meaning, tuple(fields.split()), tuple(bound.split()))


_PROCESS: Final = (
    _event("role_started", "info", "a role begins its work", "version"),
    _event("role_stopping", "info", "a signal asked the role to stop"),
    _event("role_stopped", "info", "the role has ended in order"),
    _event("api_listening", "info", "website and API can be reached", "address"),
    _event("probes_listening", "info", "metrics and health can be reached", "address"),
    _event("library_said", "warning", "a library logged something; its level is the library's", "logger message"),
    _event("scrape_incomplete", "warning", "metrics were given without what the broker did not tell", "error"),
)
_BROKER: Final = (
    _event("broker_lost", "warning", "the connection to the broker is gone; it is made again by itself"),
    _event("broker_back", "info", "the connection to the broker was made again", "generation"),
    _event("broker_retried", "debug", "an attempt to connect failed", "error"),
    _event("broker_complained", "warning", "the broker reports an error, such as a missing right", "error"),
    _event("broker_not_prepared", "warning", "streams could not be created or updated; tried again", "error"),
    _event("broker_ended", "warning", "the embedded broker ended and is started again", "status"),
    _event("broker_not_started", "error", "the embedded broker cannot be started; tried again", "error"),
    _event("data_folder_lost", "error", "the data folder was deleted while it was in use; the builder stops", "error"),
    _event("broker_printed", "debug", "the embedded broker's own log", "line"),
    _event("stale_broker_found", "warning", "a broker that a killed run left behind is ended", "pid"),
    _event("stream_differs", "warning", "a stream cannot be given the settings it should have", "stream error"),
)
_SERVICE: Final = (
    _event("build_requested", "info", "somebody asked for a build", "[build] name version platform result [reason]"),
    _event("build_cancelled", "info", "somebody stopped a build", "build state"),
    _event("build_retried", "info", "somebody queued an ended build again", "build"),
    _event(
        "record_removed",
        "warning",
        "the record of a build could not be read, and a person's retry removed it",
        "build error",
    ),
    _event("attempt_started", "info", "a builder got a build", "build builder attempt [waited]"),
    _event("claim_lost", "debug", "a builder asked for a build that another one has", "build builder"),
    _event("step_ended", "debug", "a step of an attempt ended", "build builder attempt step seconds"),
    _event(
        "attempt_ended",
        "info",
        "an attempt ended, and its build is in the state it has now",
        "build builder attempt outcome state reason seconds",
    ),
    _event(
        "attempt_refused", "warning", "a builder reported on an attempt that is not its own any more", "build builder"
    ),
    _event("build_taken", "warning", "a builder fell silent and its build was taken from it", "build builder state"),
    _event("swept", "debug", "the leases of all running builds were judged", "running taken"),
    _event("sweep_failed", "warning", "leases could not be judged; nobody lost a build by that", "error"),
    _event("build_not_judged", "warning", "a running build's record could not be read or written", "build error"),
    _event("request_answered", "debug", "the service answered a request", "endpoint status seconds"),
    _event("answer_failed", "error", "the service could not answer a request", "endpoint error"),
    _event("answer_broke", "error", "the service met a defect while it answered", "endpoint"),
)
_KEEPING: Final = (
    _event("build_retired", "info", "a build went that need not be kept", "build name version platform why"),
    _event("thing_swept", "info", "a stored thing went that no record names", "kind thing bytes"),
    _event("uploads_swept", "info", "parts of uploads went that were broken off", "count"),
    _event("collected", "info", "a pass cleared something away", "retired swept bytes"),
    _event("collection_failed", "warning", "a pass did not come to its end; the next one does the rest", "error"),
    _event("retention_refused", "warning", "more would go than may go unasked; a person has to confirm it", "error"),
    _event("sweep_held", "warning", "stored things are left alone, since it is not known what names them", "error"),
    _event("quota_exceeded", "warning", "artifacts that are needed take more room than the quota", "bytes"),
    _event("artifact_missing", "error", "an artifact is not in the object store any more", "artifact"),
    _event("artifact_corrupt", "error", "an artifact was damaged in the object store, and taken away", "artifact"),
    _event("artifact_rebuilt", "warning", "a build was queued again whose artifact was lost", "artifact build"),
    _event("scrub_failed", "warning", "an artifact could not be checked; tried again", "artifact error"),
    _event("suspect_not_told", "debug", "the service could not be told of an unreadable artifact", "artifact error"),
    _event("suspect_not_understood", "warning", "a message about an artifact could not be read", "subject error"),
)
_BUILDER: Final = (
    _event("claim_failed", "warning", "the service could not be asked for a build", "build builder error"),
    _event(
        "build_left_to_others",
        "debug",
        "a builder that failed a build, or has no sandbox for its tests, leaves it to others",
        "build builder",
    ),
    _event("drain_ordered", "info", "an operator lets a builder take nothing more", "builder"),
    _event("resume_ordered", "info", "an operator lets a builder take builds again", "builder"),
    _event("builder_drained", "info", "a builder takes nothing more, as an operator wants it", "builder running"),
    _event("builder_resumed", "info", "a builder takes builds again, as an operator wants it", "builder"),
    _event(
        "builder_finishing", "info", "a builder that stops waits for the builds that it has", "builder running seconds"
    ),
    _event("builder_quarantined", "error", "a builder doubts its machine and takes nothing more", "builder error"),
    _event("builder_out_of_space", "warning", "a builder has no space and takes nothing more", "builder error"),
    _event("builder_has_space", "info", "a builder has room for builds again", "builder"),
    _event("builder_fit", "info", "the machine of a builder has passed its test", "builder"),
    _event("build_ended", "info", "the result of an attempt was written", "build builder state"),
    _event(
        "build_dropped",
        "warning",
        "an attempt ended without a result: the build has been taken away",
        "build builder error",
    ),
    _event("build_abandoned", "error", "an attempt ended and its result could not be written", "build builder error"),
    _event("attempt_broke", "error", "an attempt met a defect of this package or of the machine", "build builder"),
    _event("lease_not_renewed", "warning", "a sign of life could not be given", "build builder error"),
    _event("presence_not_renewed", "warning", "a role could not renew its heartbeat", "work error"),
    _event(
        "log_incomplete",
        "warning",
        "the end of a live log was not sent; the stored log is whole",
        "build attempt",
        "builder",
    ),
    _event("log_not_stored", "warning", "the whole log of an attempt could not be stored", "build builder error"),
    _event("result_not_written_yet", "warning", "a result could not be written; tried again", "build builder error"),
)
_WATCHER: Final = (
    _event(
        "source_read", "info", "the manifests of a revision were read", "source revision requested written cancelled"
    ),
    _event("source_failed", "warning", "a pass over a source did not come to its end", "source reason error"),
    _event("look_not_written", "debug", "how a source was looked at could not be written", "source error"),
    _event("status_not_written", "warning", "the git host did not take a commit status", "source revision error"),
    _event("status_not_noted", "debug", "a written commit status could not be noted", "source error"),
    _event("watching_broke", "error", "watching a source met a defect and is started again", "work"),
    _event("refresh_not_understood", "warning", "a message asked for a look and could not be read", "subject error"),
)
_API: Final = (
    _event("http_answered", "debug", "the API answered a request", "route method status seconds"),
    _event("sender_gone", "info", "a client left before it had sent its whole request", "path request_id"),
    _event("reader_stalled", "info", "a client took nothing for too long and was cut off", "bytes"),
    _event(
        "file_cut_short", "error", "a file was shorter than it was said to be, and its download was cut off", "missing"
    ),
    _event("file_not_sent", "warning", "a file could not be read while it was sent", "error missing"),
    _event("answer_too_slow", "warning", "an answer took longer than one may", "path"),
    _event("contents_not_read", "warning", "what a program is made of could not be read", "build error"),
    _event("reference_not_read", "warning", "what a program says of its components could not be read", "build error"),
    _event("copy_not_kept", "warning", "the disk is full or broken and takes no verified copy", "thing error"),
    _event("request_failed", "error", "the API met a defect while it answered", "path request_id error"),
)

EVENTS: Final[Mapping[str, Event]] = {
    event.name: event for event in (*_PROCESS, *_BROKER, *_SERVICE, *_KEEPING, *_BUILDER, *_WATCHER, *_API)
}
"""Every event by its name."""


def events_markdown() -> str:
    """The tables of events and fields for docs/operation.md."""
    lines = ["| event | level | meaning | fields |", "|---|---|---|---|"]
    for event in EVENTS.values():
        fields = " ".join(f"`{field}`" for field in (*event.fields, *event.bound))
        lines.append(f"| `{event.name}` | {event.level} | {event.meaning} | {fields} |")
    lines += ["", "| field | holds |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in FIELDS.items()]
    return "\n".join(lines) + "\n"
