"""The command `wombat`. Commands import what they need when they run, so that help and completion are quick."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from wombat_gitops import __version__
from wombat_gitops.cli import (
    access,
    builders,
    catalogue,
    exits,
    fleet,
    github,
    keeping,
    machine,
    manifests,
    pipelines,
    text,
)
from wombat_gitops.cli.options import Globals
from wombat_gitops.cli.text import Color

app = typer.Typer(
    name="wombat",
    help="Compose your own distributions of Redpanda Benthos from manifests in git, built over NATS.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 invalid manifest, 4 not found, 5 cannot reach, 6 refused, "
    "7 timed out, 10 changes pending, 130 Ctrl-C.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        text.out(f"wombat {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    directory: Annotated[
        Path | None, typer.Option("-C", "--directory", help="Run as if started in this folder.", show_default=False)
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Tell more; errors show where they happened.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Tell nothing but data, warnings and errors.")] = False,
    color: Annotated[Color, typer.Option("--color", help="When to colour.")] = Color.AUTO,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder for everything that is kept.", show_default=False)
    ] = None,
    nats: Annotated[
        str | None, typer.Option("--nats", metavar="URL", help="Address of the broker, `nats://host:port`.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", metavar="URL", help="Address of the HTTP API, `http://host:port`.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that hold for every command."""
    text.configure(color=color, quiet=quiet, verbose=verbose)
    if directory is not None:
        if not directory.is_dir():
            msg = f"there is no folder `{directory}`"
            raise typer.BadParameter(msg, param_hint="--directory")
        os.chdir(directory)
    context.obj = Globals(data=data, nats=nats, server=server, verbose=verbose, quiet=quiet, color=color)
    if context.invoked_subcommand is None:
        text.out(context.get_help())
        raise typer.Exit(exits.USAGE)


machine.register(app)
fleet.register(app)
manifests.register(app)
pipelines.register(app)
github.register(app)
catalogue.register(app)
builders.register(app)
access.register(app)
keeping.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    text.configure()
    verbose = _asks_for_traceback(arguments)
    try:
        result = app(list(arguments), prog_name="wombat", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        text.error(_sentence(error.format_message()), "`wombat --help` and `wombat COMMAND --help` tell what there is")
        return int(error.exit_code)
    except BrokenPipeError:
        _forget_output()
        return exits.FAILED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else exits.FAILED
    except BaseException as error:  # noqa: BLE001 - the last stop of everything
        return exits.report(error, verbose=verbose)
    return result if isinstance(result, int) else exits.OK


def main() -> None:
    """Run the command line of this process."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    sys.exit(code)


def _asks_for_traceback(arguments: Sequence[str]) -> bool:
    for argument in arguments:
        if argument in {"-v", "--verbose"}:
            return True
        if not argument.startswith("-"):
            return False
    return False


def _sentence(words: str) -> str:
    """A message of the option parser in the form of all our errors."""
    flat = " ".join(words.split()).rstrip(".").replace("'", "`")
    return flat[:1].lower() + flat[1:]


def _forget_output() -> None:
    """Nobody reads any more; without this, Python complains again when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
