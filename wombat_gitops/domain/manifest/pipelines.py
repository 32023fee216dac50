"""The pipelines that a manifest gives as tests: well-formed YAML, told at the line inside the block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import Span
from wombat_gitops.domain.manifest.view import text
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from wombat_gitops.domain.manifest.places import Places
    from wombat_gitops.domain.manifest.view import View

_DEEPEST: Final = 100
"""Levels of a pipeline; real ones have about twenty."""

_LARGEST: Final = 65_536
"""Characters of all tests of a manifest together: each build's record carries them."""


def check_tests(view: View) -> None:
    """Tell what is wrong with the tests of a manifest."""
    names = dict[str, str]()
    total = 0
    for pointer, test in view.records("tests"):
        if not view.sound(pointer):
            continue
        name = text(test.get("name"))
        if names.setdefault(name, pointer) != pointer:
            message = f"another test is named `{name}` too"
            view.report(rules.TEST_PIPELINE, message, f"{pointer}/name", "give each its own name")
        total += sum(len(text(test.get(field))) for field in ("config", "input", "expect"))
        _check_pipeline(view, f"{pointer}/config", text(test.get("config")))
    if total > _LARGEST:
        message = f"the tests have {total:,} characters together, at most {_LARGEST:,} fit"
        view.report(rules.TOO_LONG, message, "/tests", "leave the longest one to the pipeline's own repository")


def _check_pipeline(view: View, pointer: str, config: str) -> None:
    depth = documents = 0
    try:
        for event in yaml.parse(config, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            documents += isinstance(event, yaml.DocumentStartEvent)
            if depth > _DEEPEST:
                message = f"the pipeline is nested more than {_DEEPEST} levels deep"
                view.report(rules.TEST_PIPELINE, message, pointer, "remove the brackets that are too many")
                return
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        span = (
            inside(view.places, pointer, mark.line, mark.column)
            if mark is not None
            else view.places.values.get(pointer)
        )
        message = f"the pipeline is not well-formed YAML: {visible_line(error.problem or 'it ends too early')}"
        hint = "mend the line; most often a colon, a quote or the indentation is missing"
        view.problems.append(view.places.problem_at(rules.TEST_PIPELINE, message, span, pointer=pointer, hint=hint))
        return
    except yaml.YAMLError:
        view.report(rules.TEST_PIPELINE, "the pipeline holds characters that are not YAML", pointer, "remove them")
        return
    if documents != 1:
        view.report(rules.TEST_PIPELINE, "a test's pipeline is one document", pointer, "give each a test of its own")


def inside(places: Places, pointer: str, line: int, column: int) -> Span | None:
    """The place in the file of a line and column, from 0, of a block; the value's own place where it is no block."""
    span = places.values.get(pointer)
    if span is None:
        return span
    lines = places.lines
    opening = lines[span.line - 1][span.column - 1 :] if span.line <= len(lines) else ""
    if not opening.startswith(("|", ">")):
        return span
    first = next((line for line in lines[span.line :] if line.strip()), "")
    indent = len(first) - len(first.lstrip(" "))
    number = min(span.line + 1 + line, len(lines))
    return Span(number, min(column + indent, len(lines[number - 1])) + 1)
