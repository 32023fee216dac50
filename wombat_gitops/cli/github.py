"""Commands for workflows of GitHub: github validate, github comment."""

from pathlib import Path
from typing import Annotated

import typer

from wombat_gitops.cli.options import RepoOption, globals_of

group = typer.Typer(help="What workflows of GitHub run.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.add_typer(group, name="github", rich_help_panel="Manifests")


@group.command()
def validate(
    context: typer.Context,
    base: Annotated[
        str, typer.Option("--base", metavar="REV", help="Compare with this; by default what the event says.")
    ] = "",
    report: Annotated[Path | None, typer.Option("--report", help="Folder for the report.", show_default=False)] = None,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Look into the modules of what changes; needs Go.")
    ] = False,
    repo: RepoOption = None,
) -> None:
    """Check the manifests that are checked out: annotations, a summary, and a report of what changes.

    Reads GitHub's own environment variables. Needs no secret. Exits with 3 where something is invalid.
    """
    from wombat_gitops.cli.jobs.github import GithubOptions
    from wombat_gitops.cli.jobs.github import validate as job

    options = GithubOptions(base, report, inspect)
    raise typer.Exit(job(globals_of(context).settings(repo=repo), options))


@group.command()
def comment(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="File `report.json` of `github validate`.")],
) -> None:
    """Put a report into the one comment of its pull request.

    Takes the report as data that anybody may have written. Run it only from the base branch's code.
    """
    from wombat_gitops.cli.jobs.github import comment as job

    raise typer.Exit(job(report))
