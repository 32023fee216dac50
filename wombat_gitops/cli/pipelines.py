"""Commands that go from pipelines to manifests: from-config, check-config."""

from pathlib import Path
from typing import Annotated

import typer

from wombat_gitops.cli import names
from wombat_gitops.cli.options import OutputOption, RepoOption, globals_of
from wombat_gitops.cli.text import Output

_PANEL = "Manifests"

Pipelines = Annotated[
    list[Path],
    typer.Argument(
        metavar="PIPELINE...",
        help="Configurations as `benthos run` takes them, and their templates: files, folders, or `-`.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("from-config", rich_help_panel=_PANEL)(from_config)
    app.command("check-config", rich_help_panel=_PANEL)(check_config)


def from_config(
    context: typer.Context,
    paths: Pipelines,
    name: Annotated[
        str, typer.Option("--name", help="Name of the distribution. [default: that of the first file]")
    ] = "",
    benthos: Annotated[
        str, typer.Option("--benthos", metavar="VERSION", help="Version of Benthos to take packages from.")
    ] = "",
    modules: Annotated[
        list[str] | None,
        typer.Option("--module", metavar="MODULE@VERSION", help="Another module to take packages from; repeatable."),
    ] = None,
    platforms: Annotated[
        list[str] | None,
        typer.Option("-p", "--platform", help="Platform that the manifest names, `linux/arm64`; may be repeated."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put it into the manifests folder; never over one that is there.")
    ] = False,
    repo: RepoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make the smallest manifest that runs these Benthos pipelines, and print it.

    Without --benthos and --module, packages come from the versions that manifests here put together, else from
    versions that are known to go together.
    """
    from wombat_gitops.cli.jobs.from_config import FromConfigOptions
    from wombat_gitops.cli.jobs.from_config import from_config as job

    flags = globals_of(context)
    wanted = FromConfigOptions(
        tuple(paths), name, benthos, tuple(modules or ()), tuple(platforms or ()), write, flags.verbose
    )
    raise typer.Exit(job(flags.settings(repo=repo), wanted, output))


def check_config(
    context: typer.Context,
    paths: Pipelines,
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--distribution",
            metavar="NAME",
            help="Only this distribution; may be repeated.",
            autocompletion=names.distributions,
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Ask the API for what can be downloaded, not the manifests here.")
    ] = False,
    repo: RepoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Say which distributions have all that these Benthos pipelines need, or name the packages that are missing.

    Fields are not checked: the program itself does that with `lint`. Exits with 1 where no distribution has everything.
    """
    from wombat_gitops.cli.jobs.check_config import CheckConfigOptions
    from wombat_gitops.cli.jobs.check_config import check_config as job

    flags = globals_of(context)
    wanted = CheckConfigOptions(tuple(paths), tuple(chosen or ()), published, flags.verbose)
    raise typer.Exit(job(flags.settings(repo=repo), wanted, output))
