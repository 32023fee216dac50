"""Diagnostics as text for people, as JSON for programs, and as commands of GitHub workflows."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.visible import visible, visible_json, visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.diagnostics import Diagnostic


def headline(problem: Diagnostic) -> str:
    """`path:line:column: WOM-nnn message`; without line and column where the whole file is meant."""
    place = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
    weight = "" if problem.severity is Severity.ERROR else f"{problem.severity}: "
    return f"{place}: {problem.rule} {weight}{visible_line(problem.message)}"


def render_text(problems: Sequence[Diagnostic]) -> str:
    """For people: each problem with its line, a caret below the place, and the hint; "" for none."""
    return "\n".join(_picture(problem) for problem in problems)


def render_json(problems: Sequence[Diagnostic]) -> str:
    """For programs: one object with `schema_version` and the list `diagnostics`."""
    items = [
        {
            "path": problem.path,
            "line": problem.line,
            "column": problem.column,
            "end_column": problem.end_column,
            "rule": problem.rule,
            "severity": problem.severity.value,
            "message": problem.message,
            "hint": problem.hint,
            "pointer": problem.pointer,
        }
        for problem in problems
    ]
    document = {"schema_version": 1, "diagnostics": items}
    return visible_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def render_github(problems: Sequence[Diagnostic]) -> str:
    """For GitHub: one workflow command a problem, which shows it at its line of the pull request.

    Everything a manifest's author can influence is escaped, so that no text becomes a command.
    """
    return "".join(f"{_command(problem)}\n" for problem in problems)


def _picture(problem: Diagnostic) -> str:
    lines = [headline(problem)]
    gutter = " " * len(str(problem.line))
    if problem.source_line:
        before = problem.source_line[: problem.column - 1]
        marked = problem.source_line[problem.column - 1 : max(problem.end_column - 1, problem.column)]
        lines += [
            f"{gutter} |",
            f"{problem.line} | {visible_line(problem.source_line)}",
            f"{gutter} | {' ' * _width(before)}{'^' * max(_width(marked), 1)}",
        ]
    if problem.hint:
        lines.append(f"{gutter} = help: {visible_line(problem.hint)}")
    return "\n".join(lines) + "\n"


def _width(text: str) -> int:
    """Columns that *text* takes on a terminal as it is shown."""
    text = visible_line(text)
    wide = sum(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)
    marks = sum(unicodedata.combining(character) != 0 for character in text)
    return len(text) + wide - marks


def _command(problem: Diagnostic) -> str:
    properties = {"file": problem.path}
    if problem.line:
        properties |= {"line": str(problem.line), "col": str(problem.column)}
        if problem.end_column:
            properties["endColumn"] = str(problem.end_column)
    properties["title"] = problem.rule
    listed = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    message = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    level = "notice" if problem.severity is Severity.HINT else problem.severity.value
    return f"::{level} {listed}::{_escape(message)}"


def _escape(text: str) -> str:
    """Escape the data of a workflow command (percent sign and line ends)."""
    return visible(text).replace("%", "%25").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    """Escape a property's value: the data's escapes, and the characters that end a property."""
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
