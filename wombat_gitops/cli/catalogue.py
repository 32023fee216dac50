"""Commands that read the catalogue or act on a build: list, get, logs, download, cancel, retry, rebuild."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wombat_gitops.cli import names
from wombat_gitops.cli.options import OutputOption, globals_of
from wombat_gitops.cli.text import Output

_PANEL = "Catalogue and builds"


class Kind(StrEnum):
    """What can be listed."""

    DISTRIBUTIONS = "distributions"
    BUILDS = "builds"
    SOURCES = "sources"


class One(StrEnum):
    """What can be looked at by itself."""

    DISTRIBUTION = "distribution"
    BUILD = "build"
    SOURCE = "source"


BuildArgument = Annotated[str, typer.Argument(metavar="BUILD", help="Id of a build, or its first 8 digits or more.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("list", rich_help_panel=_PANEL)(list_)
    for command in (get, logs, download, cancel, retry, rebuild):
        app.command(rich_help_panel=_PANEL)(command)


def list_(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What to list.")] = Kind.DISTRIBUTIONS,
    query: Annotated[str, typer.Option("-q", "--query", help="Words that must all occur.")] = "",
    name: Annotated[
        str, typer.Option("--name", help="Builds of this distribution.", autocompletion=names.distributions)
    ] = "",
    platform: Annotated[str, typer.Option("-p", "--platform", help="Only this platform.")] = "",
    state: Annotated[str, typer.Option("--state", help="Builds in this state.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0 lists all.")] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """List distributions, builds or sources."""
    from wombat_gitops.cli.jobs.reading import ListOptions
    from wombat_gitops.cli.jobs.reading import list_ as job

    job(globals_of(context).settings(), kind.value, ListOptions(query, name, platform, state, limit), output)


def get(
    context: typer.Context,
    kind: Annotated[One, typer.Argument(help="What to show.")],
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a distribution, id of a build or of a source.", autocompletion=names.distributions
        ),
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one distribution, build or source."""
    from wombat_gitops.cli.jobs.reading import get as job

    job(globals_of(context).settings(), kind.value, name, output)


def logs(
    context: typer.Context,
    build: Annotated[
        str,
        typer.Argument(
            metavar="BUILD|NAME",
            help="A build, or the newest one of a distribution.",
            autocompletion=names.distributions,
        ),
    ],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the build has ended.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", min=0, help="Only the last lines.", show_default=False)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="The newest build that failed.")] = False,
    platform: Annotated[str, typer.Option("-p", "--platform", help="The newest build for this platform.")] = "",
) -> None:
    """Print the log of a build, also while it runs."""
    from wombat_gitops.cli.jobs.logs import LogOptions
    from wombat_gitops.cli.jobs.logs import logs as job

    job(globals_of(context).settings(), build, LogOptions(follow, tail, failed, platform))


def download(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME[@VERSION]", help="What to download.", autocompletion=names.distributions)
    ],
    platform: Annotated[
        str, typer.Option("-p", "--platform", help="For which platform. [default: this machine's]")
    ] = "",
    folder: Annotated[Path, typer.Option("--dir", help="Where to put it.")] = Path(),
    output: OutputOption = Output.TABLE,
) -> None:
    """Download an artifact, verify it, and print its path; goes on where an earlier download stopped."""
    from wombat_gitops.cli.jobs.download import download as job

    job(globals_of(context).settings(), name, platform, folder, output)


def cancel(context: typer.Context, build: BuildArgument, output: OutputOption = Output.TABLE) -> None:
    """Stop a build."""
    from wombat_gitops.cli.jobs.builds import cancel as job

    job(globals_of(context).settings(), build, output)


def retry(context: typer.Context, build: BuildArgument, output: OutputOption = Output.TABLE) -> None:
    """Queue an ended build again."""
    from wombat_gitops.cli.jobs.builds import retry as job

    job(globals_of(context).settings(), build, output)


def rebuild(
    context: typer.Context,
    build: BuildArgument,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the published program; exits with 1 where it differs.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--output-dir", help="Keep the rebuilt program in this folder.", show_default=False)
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="A build of `wombat apply --local`.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Build a known build again on this machine, from an empty compile cache and verified modules.

    Reads the broker with the credentials of an admin or a builder, and changes nothing there.
    """
    from wombat_gitops.cli.jobs.rebuild import RebuildOptions
    from wombat_gitops.cli.jobs.rebuild import rebuild as job

    raise typer.Exit(job(globals_of(context).settings(), build, RebuildOptions(verify, folder, local), output))
