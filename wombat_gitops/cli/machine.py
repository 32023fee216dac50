"""Commands that run something on this machine, or look at it: up, the roles, doctor."""

from typing import Annotated

import typer

from wombat_gitops.cli.options import OutputOption, RepoOption, SourcesOption, globals_of
from wombat_gitops.cli.text import Output

_START = "Start"
_ROLES = "Roles of a fleet"

HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on. [default: 127.0.0.1]")]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on, 0 for any free one. [default: 8080]")
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, max=256, help="Builds at once. [default: 1]")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(rich_help_panel=_START)(up)
    app.command(rich_help_panel=_START)(doctor)
    for command in (service, builder, watcher, api):
        app.command(rich_help_panel=_ROLES)(command)


def up(
    context: typer.Context,
    port: PortOption = None,
    host: HostOption = None,
    workers: WorkersOption = None,
    repo: RepoOption = None,
    sources: SourcesOption = None,
    no_live: Annotated[bool, typer.Option("--no-live", help="Print lines instead of a table that moves.")] = False,
) -> None:
    """Start everything on this machine: broker, service, builder, watcher and website."""
    from wombat_gitops.cli.jobs.up import up as job

    settings = globals_of(context).settings(port=port, host=host, workers=workers, repo=repo, sources=sources)
    job(settings, globals_of(context), live=not no_live)


def doctor(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Check that this machine has what is needed, and say how to mend what is not.

    Exits with 1 where a check fails.
    """
    from wombat_gitops.cli.jobs.doctor import doctor as job

    raise typer.Exit(job(globals_of(context).settings(), output))


def service(context: typer.Context) -> None:
    """Accept and answer requests for builds."""
    from wombat_gitops.cli.jobs.roles import run_role

    run_role("service", globals_of(context).settings(), globals_of(context))


def builder(context: typer.Context, workers: WorkersOption = None) -> None:
    """Build what is queued."""
    from wombat_gitops.cli.jobs.roles import run_role

    run_role("builder", globals_of(context).settings(workers=workers), globals_of(context))


def watcher(context: typer.Context, repo: RepoOption = None, sources: SourcesOption = None) -> None:
    """Turn changes of the manifests into builds."""
    from wombat_gitops.cli.jobs.roles import run_role

    run_role("watcher", globals_of(context).settings(repo=repo, sources=sources), globals_of(context))


def api(
    context: typer.Context, port: PortOption = None, host: HostOption = None, sources: SourcesOption = None
) -> None:
    """Serve the website and the HTTP API."""
    from wombat_gitops.cli.jobs.roles import run_role

    run_role("api", globals_of(context).settings(port=port, host=host, sources=sources), globals_of(context))
