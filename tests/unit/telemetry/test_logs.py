"""Logs for people, on a terminal that obeys what it is sent."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from wombat_gitops.telemetry import configure_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "\x1b[2J\x1b]52;c;cm0=\x07\u202enimda\x9b2J"
ESCAPED = r"\x1b[2J\x1b]52;c;cm0=\x07\u202enimda\x9b2J"


class OddError(Exception):
    """An error that shows the words of others as they are."""

    def __repr__(self) -> str:
        return f"odd: {self}"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def say_everything() -> None:
    log = structlog.get_logger("tests")
    log.warning("build_requested", name=HOSTILE, reason=f"it says {HOSTILE}", listed=[HOSTILE], error=OddError(HOSTILE))
    logging.getLogger("nats").warning(HOSTILE)
    log.error("attempt_refused", exc_info=OddError(HOSTILE))


@pytest.mark.parametrize("color", [False, True])
def test_foreign_text_in_logs_does_not_reach_the_terminal(color: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """As a field of any type, as the words of a library, and in a traceback."""
    configure_logging(log_format="text", level="info", color=color)
    say_everything()

    said = capsys.readouterr().err
    assert not any(character in said for character in "\u202e\x9b\x07")
    assert "\x1b[2J" not in said
    assert "\x1b]" not in said
    assert ("\x1b[" in said) == color
    assert f"odd: {ESCAPED}" in said.replace("\\\\", "\\")
    assert said.replace("\\\\", "\\").count(ESCAPED) == 6
    assert f"OddError: {ESCAPED}" in said


def test_json_logs_are_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever they hold, and the value is the very text."""
    configure_logging(log_format="json", level="info", color=False)
    say_everything()

    said = capsys.readouterr().err
    assert said.replace("\n", "").isprintable()
    assert said.isascii()
    assert json.loads(said.splitlines()[0])["name"] == HOSTILE
