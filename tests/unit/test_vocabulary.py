"""Logs say only what the table of events says, and the table says only what is logged: the source is read."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from wombat_gitops.telemetry.vocabulary import BOUND, EVENTS, FIELDS, events_markdown

PACKAGE = Path(__file__).parents[2] / "wombat_gitops"
PAGE = PACKAGE.parent / "docs" / "operation.md"
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
SPECIAL = {"exc_info"}


@dataclass(frozen=True)
class Call:
    """One place in the source where something is logged; *event* is None where it is no plain text."""

    place: str
    method: str
    event: str | None
    fields: frozenset[str]
    positional: int


def calls_in(text: str, name: str) -> list[Call]:
    """Every call of a logger, which is a variable `_log` everywhere."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        if not (isinstance(owner, ast.Name) and owner.id == "_log"):
            continue
        first = node.args[0] if node.args else None
        event = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        fields = frozenset(keyword.arg or "**" for keyword in node.keywords) - SPECIAL
        found.append(Call(f"{name}:{node.lineno}", node.func.attr, event, fields, len(node.args)))
    return found


def problems_of(call: Call) -> list[str]:
    """What is wrong with one call, by the table."""
    event = EVENTS.get(call.event or "")
    if call.event is None or call.positional != 1:
        return [f"{call.place}: an event is one plain text, and everything else a field"]
    if event is None:
        return [f"{call.place}: `{call.event}` is not in the vocabulary"]
    found = []
    if LEVELS.get(call.method) != event.level:
        found.append(f"{call.place}: `{call.event}` is {event.level} in the vocabulary, not {call.method}")
    found += [f"{call.place}: `{call.event}` has no field `{field}`" for field in sorted(call.fields - event.allowed)]
    found += [f"{call.place}: `{call.event}` lacks `{field}`" for field in sorted(event.required - call.fields)]
    return found


def all_calls() -> list[Call]:
    return [
        call
        for path in sorted(PACKAGE.rglob("*.py"))
        for call in calls_in(path.read_text(), str(path.relative_to(PACKAGE)))
    ]


def test_every_call_is_in_the_table() -> None:
    calls = all_calls()

    assert len(calls) > 30
    assert [problem for call in calls for problem in problems_of(call)] == []


def test_every_event_of_the_table_is_logged() -> None:
    """`library_said` is made by the set-up of logging itself."""
    assert set(EVENTS) - {call.event for call in all_calls()} == {"library_said"}


def test_the_rooms_know_no_other_way_to_log() -> None:
    """Only the set-up touches the standard library's logging, and every logger is called `_log`."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if path.parent.name == "telemetry":
            continue
        assert "import logging" not in text, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "structlog.get_logger":
                assert f"_log = {ast.unparse(node)}" in text, path


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('_log.info("nobody_knows_this")', "is not in the vocabulary"),
        ('_log.info("broker_lost")', "is warning in the vocabulary, not info"),
        ('_log.warning("broker_lost", colour="red")', "has no field `colour`"),
        ('_log.warning("build_taken", build="b", state="queued")', "lacks `builder`"),
        ('_log.warning("the broker %s is gone", name)', "an event is one plain text"),
        ("_log.warning(name)", "an event is one plain text"),
        ('_log.warning("broker_lost", **more)', "has no field `**`"),
    ],
)
def test_what_the_reading_finds(source: str, told: str) -> None:
    """The tests above can fail."""
    (call,) = calls_in(source, "sample.py")

    assert told in "\n".join(problems_of(call))


def test_builds_and_attempts_are_always_named() -> None:
    """Who looks for a build finds everything about it, and who looks for an attempt also who made it."""
    for event in EVENTS.values():
        names = event.allowed | set(event.bound)
        about_attempt = bool(names & {"attempt", "step", "outcome"}) or event.name.startswith(
            ("attempt_", "build_dropped")
        )
        if about_attempt:
            assert {"build", "builder"} <= names, event.name
        if "state" in names or event.name.startswith("build_"):
            assert "build" in names, event.name


def test_fields_are_told_once() -> None:
    used = {field for event in EVENTS.values() for field in (*event.allowed, *event.bound)}

    assert used == set(FIELDS)
    assert list(FIELDS) == sorted(FIELDS)
    assert not used & set(BOUND)


def test_names_and_levels_have_one_form() -> None:
    for event in EVENTS.values():
        assert event.name == event.name.lower().replace(" ", "_")
        assert event.level in set(LEVELS.values())
        assert event.meaning[0].islower()
        assert not event.meaning.endswith(".")


def test_the_page_holds_the_table() -> None:
    """`python -m wombat_gitops.telemetry` prints it."""
    assert events_markdown() in PAGE.read_text()
