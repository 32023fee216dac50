"""The commands about who may do what on the broker: auth."""

from pathlib import Path
from typing import Annotated

import typer

_PANEL = "Data of a fleet"

app = typer.Typer(name="auth", help="Keys and certificates of a broker and its users.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add the commands of this group."""
    parent.add_typer(app, rich_help_panel=_PANEL)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder for keys, certificates and configuration.")],
    builder: Annotated[
        list[str] | None, typer.Option("--builder", metavar="NAME", help="A builder with a key of its own; repeat it.")
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", help="Name or address at which the broker is reached; repeat it. [default: localhost]"),
    ] = None,
    domain: Annotated[
        str, typer.Option("--domain", help="JetStream domain of the broker, where roles connect to its leaf nodes.")
    ] = "",
) -> None:
    """Make a key for each role and builder, certificates, and the broker's configuration.

    What is there is kept, so it can be run again to add builders or hosts.
    """
    from wombat_gitops.cli.jobs.auth import init as job

    job(folder, builder or (), host or ("localhost", "127.0.0.1"), domain)
