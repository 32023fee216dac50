"""The command that clears away what need not be kept: gc."""

from typing import Annotated

import typer

from wombat_gitops.cli.options import OutputOption, globals_of
from wombat_gitops.cli.text import Output

_PANEL = "Catalogue and builds"


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(rich_help_panel=_PANEL)(gc)


def gc(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go, and why.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Also where more would go than may go unasked, or the last of it.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Clear away builds and artifacts that need not be kept.

    What is kept is said by `retention` in the manifests and by the settings of the service, which does the work.
    Without a bound anywhere everything is kept, but what no build names any more.
    Exits with 6 where nothing was retired because more would go than may go unasked.
    """
    from wombat_gitops.cli.jobs.gc import gc as job

    raise typer.Exit(job(globals_of(context).settings(), output, dry_run=dry_run, confirm=confirm))
