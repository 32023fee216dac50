"""Commands for the builders of a fleet: builders, drain, resume."""

from typing import Annotated

import typer

from wombat_gitops.cli.options import OutputOption, globals_of
from wombat_gitops.cli.text import Output

_PANEL = "Roles of a fleet"

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the builder is called, without its start.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (builders, drain, resume):
        app.command(rich_help_panel=_PANEL)(command)


def builders(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """List the builders that are at work, what they can do, and why some take nothing."""
    from wombat_gitops.cli.jobs.builders import builders as job

    job(globals_of(context).settings(), output)


def drain(context: typer.Context, name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Let a builder take nothing more, also after a restart, until `wombat resume`; what it has it ends."""
    from wombat_gitops.cli.jobs.builders import drain as job

    job(globals_of(context).settings(), name, output)


def resume(context: typer.Context, name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Let a builder that was drained take builds again."""
    from wombat_gitops.cli.jobs.builders import resume as job

    job(globals_of(context).settings(), name, output)
