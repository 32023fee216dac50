"""Structured logs: events with fields, as text for people or as JSON for machines, on standard error."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from wombat_gitops.domain.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from structlog.typing import EventDict, Processor, WrappedLogger

LIBRARY: Final = "library_said"
"""The event of every line that comes from a library; its own words are the field `message`."""


class Listener(Protocol):
    """Is told every event, also those that the level keeps out of the log."""

    def __call__(self, event: str, level: str, fields: Mapping[str, object], /) -> None:
        """Take one event. Must be quick, must not raise, and may be called from any thread."""
        ...


_listeners: tuple[Listener, ...] = ()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell *listener* every event for as long as the context lasts; `configure_logging` comes first."""
    global _listeners  # noqa: PLW0603 - structlog is set up once for the process as well
    _listeners = (*_listeners, listener)
    try:
        yield
    finally:
        _listeners = tuple(each for each in _listeners if each is not listener)


def configure_logging(*, log_format: str, level: str, color: bool) -> None:
    """Set up logging once for the process, for our events and for those of the libraries.

    Args:
        log_format: `text`, or `json` for one object a line.
        level: lowest level that is shown, `debug` to `critical`.
    """
    shared: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    # Listeners hear of everything; what nobody is shown goes no further.
    shown: list[Processor] = [structlog.stdlib.filter_by_level, stamp]
    structlog.configure(
        processors=[*shared, _tell, *shown, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    final: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [
            structlog.processors.format_exc_info,
            _show,
            structlog.dev.ConsoleRenderer(colors=color, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, stamp, _name_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("nats", "uvicorn", "watchfiles", "asyncio", "git", "opentelemetry", "urllib3"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _tell(_logger: WrappedLogger, level: str, fields: EventDict) -> EventDict:
    """Tell the listeners; levels as in the vocabulary, where an exception is an error."""
    for listener in _listeners:
        listener(str(fields.get("event", "")), "error" if level == "exception" else level, fields)
    return fields


def _show(_logger: WrappedLogger, _level: str, fields: EventDict) -> EventDict:
    """Escape what is hidden in texts of others, so that only the renderer's own colours reach the terminal."""
    for name, value in fields.items():
        words = value if isinstance(value, str) else repr(value)
        if (shown := visible(words)) != words:
            fields[name] = shown
    return fields


def _name_library(_logger: WrappedLogger, level: str, fields: EventDict) -> EventDict:
    """Make a line of a library an event, so that whoever reads logs by event misses none."""
    record = fields.get("_record")
    fields["logger"] = record.name if isinstance(record, logging.LogRecord) else ""
    fields["message"] = fields["event"]
    fields["event"] = LIBRARY
    _tell(_logger, level, fields)
    return fields
