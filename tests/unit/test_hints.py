"""What messages and hints tell people to type can be typed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import typer.main

from wombat_gitops.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = Path(__file__).parents[2] / "wombat_gitops"
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_OPTION: Final = re.compile(r"--?[a-zA-Z][a-z-]*")
_BARE: Final = re.compile(r"(?<![\w`<-])--[a-z][a-z-]*")
_HOLE: Final = "\N{WHITE SQUARE}"
"""Stands for a value that is known only when the program runs."""


def commands() -> dict[str, frozenset[str]]:
    """The options of each command, by its words; those before any command are those of ``."""
    found: dict[str, frozenset[str]] = {}

    def add(words: tuple[str, ...], command: object) -> None:
        options = {name for each in getattr(command, "params", ()) for name in (*each.opts, *each.secondary_opts)}
        found[" ".join(words)] = frozenset(options | {"-h", "--help"})
        for name, inner in getattr(command, "commands", {}).items():
            add((*words, name), inner)

    add((), typer.main.get_command(app))
    return found


COMMANDS: Final = commands()
OF_A_COMMAND: Final = frozenset[str]().union(*(options for name, options in COMMANDS.items() if name))


def wrong(span: str) -> str:
    """Why what *span* shows cannot be typed; "" where it can, or where it is no command line of ours."""
    words = span.split()
    if _BARE.fullmatch(words[0]):
        # What is named alone is added to the command that was run, so one that stands before it misleads.
        return "" if words[0] in OF_A_COMMAND else f"no command has `{words[0]}`"
    if words[0] == "wombat":
        words.pop(0)
    elif words[0] not in COMMANDS:
        return ""
    name = ""
    for word in words:
        inner = f"{name} {word}".strip()
        if inner in COMMANDS:
            name = inner
        elif name == "" and word in {"COMMAND", "…", _HOLE}:
            return ""
        elif _OPTION.fullmatch(word) and word not in COMMANDS[name]:
            return f"`{f'wombat {name}'.strip()}` has no `{word}`"
    return ""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts in a file that are not docstrings, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            left_out.update(id(part) for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else _HOLE for part in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.lineno, node.value


def test_hints_named_options_that_do_not_exist() -> None:
    """`wombat up` has no `--data`: it stands before the command, and hints have to say so."""
    spans = [
        (f"{path.relative_to(PACKAGE)}:{line}", span)
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in texts(path)
        for span in _SPAN.findall(text)
    ]
    assert sum("--" in span for _, span in spans) > 20, "the texts are not found"
    assert [(place, span, why) for place, span in spans if (why := wrong(span))] == []


def test_helps_and_errors_named_options_that_do_not_exist() -> None:
    """Outside of code spans, too, where the command line speaks."""
    named = [
        (f"{path.relative_to(PACKAGE)}:{line}", option)
        for path in sorted((PACKAGE / "cli").glob("*.py"))
        for line, text in texts(path)
        if " " in text
        for option in _BARE.findall(_SPAN.sub("", text))
    ]
    assert len(named) > 5, "the texts are not found"
    assert [(place, option) for place, option in named if option not in OF_A_COMMAND] == []


@pytest.mark.parametrize(
    ("span", "fine"),
    [
        ("--data", False),
        ("wombat up --data DIR", False),
        ("wombat --data DIR up", True),
        ("wombat --nats URL …", True),
        ("wombat --local apply", False),
        ("wombat apply --local", True),
        ("apply --local", True),
        ("wombat auth init --builder", True),
        ("wombat auth init --bulider", False),
        ("--no-wait", True),
        ("--no-such-thing", False),
        ("git fetch --unshallow", True),
    ],
)
def test_the_check_tells_them_apart(span: str, *, fine: bool) -> None:
    assert (not wrong(span)) is fine
