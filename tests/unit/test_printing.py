"""One place prints, and it shows foreign text: no command can forget to."""

from __future__ import annotations

import ast
from pathlib import Path

import wombat_gitops

PACKAGE = Path(wombat_gitops.__file__).parent
PRINTS = {"cli/text.py", "telemetry/__main__.py", "ui/hatch_build.py"}
"""The place for commands; a page of our own words for the docs; a program that runs before there is a package."""
DRAWS = {"cli/jobs/progress.py"}
"""Has a console of rich, which is given texts and no markup."""


def prints(node: ast.AST) -> bool:
    """Does a call write to one of the standard streams?"""
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    standard = called.startswith(("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"))
    return (
        called in {"print", "typer.echo", "typer.secho", "click.echo", "traceback.print_exc"}
        or (standard and called.rpartition(".")[2] in {"write", "writelines"})
        or called.endswith("print_exception")
    )


def draws(node: ast.AST) -> bool:
    """Does an import bring something that writes to a terminal by itself?"""
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich")


def test_only_one_module_writes_to_the_terminal() -> None:
    """A new command prints by `cli.text`, which escapes."""
    writing, drawing = set(), set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if "node_modules" in name:
            continue
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
        if any(map(prints, nodes)):
            writing.add(name)
        if any(map(draws, nodes)):
            drawing.add(name)

    assert writing <= PRINTS
    assert drawing <= DRAWS


def test_the_search_finds_what_it_looks_for() -> None:
    """Each way to print without asking."""
    for words in (
        "print(1)",
        "sys.stdout.write('')",
        "sys.stderr.buffer.write(b'')",
        "typer.echo('')",
        "traceback.print_exception(error)",
    ):
        assert any(map(prints, ast.walk(ast.parse(words)))), words
    assert draws(ast.parse("from rich.console import Console").body[0])
