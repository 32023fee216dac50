"""Commands about what a broker holds: backup, restore, verify, move."""

from pathlib import Path
from typing import Annotated

import typer

from wombat_gitops.cli.options import OutputOption, globals_of
from wombat_gitops.cli.text import Output

_DATA = "Data of a fleet"

MergeOption = Annotated[
    bool, typer.Option("--merge", help="The broker may hold other records; of equal keys, its own stay.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (backup, restore, verify, move):
        app.command(rich_help_panel=_DATA)(command)


def backup(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Archive to write; compressed where it ends in `.gz` or `.tgz`.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write everything that the broker holds into one file: records, artifacts, logs.

    Roles may go on meanwhile. Exits with 1 where something had to be left out because it is damaged.
    """
    from wombat_gitops.cli.jobs.archive import backup as job

    raise typer.Exit(job(globals_of(context).settings(), file, output, force=force))


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Archive that `wombat backup` wrote.")],
    merge: MergeOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Bring an archive into the broker, which must be empty. Broken off, it can be run again.

    Nothing is written unless the whole file is right.
    """
    from wombat_gitops.cli.jobs.archive import restore as job

    raise typer.Exit(job(globals_of(context).settings(), file, output, merge=merge))


def verify(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Check that what the broker holds is complete and undamaged; exits with 1 where it is not.

    - Records of builds, distributions and sources can be read; a build is stored under its own id.
    - The module files, artifact, logs and documents that a build names are there.
    - Module files and objects have their digest, and objects the size that records name.

    Not checked: that a program is what its inputs give (`wombat rebuild ID --verify`), who built it, live logs.
    """
    from wombat_gitops.cli.jobs.archive import verify as job

    raise typer.Exit(job(globals_of(context).settings(), output))


def move(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="Address of the other broker, `nats://a,b,c`.")],
    to_credentials: Annotated[
        Path | None,
        typer.Option(
            "--to-credentials",
            metavar="FILE",
            help="Key of its admin. [default: WOMBAT_CREDENTIALS]",
            show_default=False,
        ),
    ] = None,
    to_ca: Annotated[
        Path | None,
        typer.Option(
            "--to-ca", metavar="FILE", help="Certificates of its authority. [default: WOMBAT_CA]", show_default=False
        ),
    ] = None,
    to_domain: Annotated[
        str, typer.Option("--to-domain", metavar="NAME", help="JetStream domain of its streams.")
    ] = "",
    replicas: Annotated[
        int | None,
        typer.Option(
            "--replicas",
            min=1,
            max=5,
            help="Copies of everything there. [default: 3 where --to names three servers, else WOMBAT_REPLICAS]",
            show_default=False,
        ),
    ] = None,
    merge: MergeOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Copy everything to another broker, such as a cluster, and verify it there.

    The present broker keeps what it has. Stop builders and watchers first. Broken off, it can be run again.
    """
    from wombat_gitops.cli.jobs.archive import move as job
    from wombat_gitops.wiring.archive import Target

    target = Target(to, to_credentials, to_ca, to_domain)
    raise typer.Exit(job(globals_of(context).settings(), target, output, replicas=replicas, merge=merge))
