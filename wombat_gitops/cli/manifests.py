"""Commands on manifests: init, validate, fmt, plan, lock, outdated, upgrade, apply, schema, explain."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wombat_gitops.cli import names
from wombat_gitops.cli.options import OutputOption, RepoOption, globals_of
from wombat_gitops.cli.text import Output

_PANEL = "Manifests"


class Report(StrEnum):
    """Form of what `validate` finds."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class DeltaForm(StrEnum):
    """Form of what `plan --base` finds."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH|NAME", help="Manifests; all where none is named.", autocompletion=names.distributions),
]
Platforms = Annotated[
    list[str] | None, typer.Option("-p", "--platform", help="Only this platform, `linux/arm64`; may be repeated.")
]
Native = Annotated[bool, typer.Option("--native", help="Only the platform of this machine.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (init, validate, fmt, plan, lock, outdated, upgrade, apply, schema, explain):
        app.command(rich_help_panel=_PANEL)(command)


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the repository.")] = Path(),
    name: Annotated[str, typer.Option("--name", help="Name of the distribution to start with.")] = "example",
    benthos: Annotated[str, typer.Option("--benthos", metavar="VERSION", help="Exact version of Benthos.")] = "v4.76.0",
    no_lock: Annotated[bool, typer.Option("--no-lock", help="Do not lock it; needs no Go and no network.")] = False,
    install: Annotated[
        str,
        typer.Option(
            "--install",
            metavar="REQUIREMENT",
            help="What the workflows install: a name with an exact version or address; by default this version.",
        ),
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Start a repository of manifests: an example, a policy, schemas, workflows, a README.

    Changes no file that is there. Exits with 5 where the module proxy is away: only the lock is missing then.
    """
    from wombat_gitops import __version__
    from wombat_gitops.cli.jobs.init import InitOptions
    from wombat_gitops.cli.jobs.init import init as job
    from wombat_gitops.domain.scaffold import Scaffold

    flags = globals_of(context)
    wanted = Scaffold.parse(name, benthos, install or f"wombat-gitops=={__version__}")
    raise typer.Exit(job(flags.settings(), InitOptions(folder, wanted, not no_lock, flags.verbose), output))


def validate(
    context: typer.Context,
    paths: Paths = None,
    inspect: Annotated[
        bool,
        typer.Option("--inspect", help="Look into the modules too: packages that are of no use, licences; needs Go."),
    ] = False,
    form: Annotated[Report, typer.Option("--format", help="Form of what is found.")] = Report.TEXT,
) -> None:
    """Check manifests and their locks; tells every problem in every file at once.

    Needs no repository and, without --inspect, no network. Exits with 3 where a manifest is invalid.
    """
    from wombat_gitops.cli.jobs.validate import validate as job

    raise typer.Exit(job(globals_of(context).settings(), paths or [], form.value, inspect=inspect))


def fmt(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH|NAME",
            help="Manifests; all where none is named; `-` is standard input.",
            autocompletion=names.distributions,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; list what would change, and exit with 1 where there is any.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")] = False,
) -> None:
    """Put manifests in their usual form: order of fields, indentation, blanks; comments and meaning stay.

    Exits with 3 where a manifest cannot be read, which is then left as it is.
    """
    from wombat_gitops.cli.jobs.fmt import STDIN, FmtOptions
    from wombat_gitops.cli.jobs.fmt import fmt as job

    chosen = tuple(paths or ())
    if STDIN in chosen and len(chosen) > 1:
        message = "`-` cannot stand beside other paths"
        raise typer.BadParameter(message)
    raise typer.Exit(job(globals_of(context).settings(), FmtOptions(chosen, check, diff)))


def plan(
    context: typer.Context,
    chosen: Paths = None,
    platform: Platforms = None,
    native: Native = False,
    revision: Annotated[
        str, typer.Option("--revision", metavar="REV", help="Plan for a commit instead of the files here.")
    ] = "",
    base: Annotated[
        str, typer.Option("--base", metavar="REV", help="Show what changes since the work here left this revision.")
    ] = "",
    inspect: Annotated[
        bool, typer.Option("--inspect", help="With --base: compare components and licences too; needs Go.")
    ] = False,
    form: Annotated[DeltaForm, typer.Option("--format", help="With --base: form of the report.")] = DeltaForm.TEXT,
    local: Annotated[bool, typer.Option("--local", help="Compare with what `apply --local` has built here.")] = False,
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 10 where something would be built.")
    ] = False,
    repo: RepoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what would be built, and why; with --base, what a change of manifests means.

    Exits with 3 where a manifest is invalid.
    """
    from wombat_gitops.cli.jobs.folder import names_of

    settings = globals_of(context).settings(repo=repo)
    wanted_names = names_of(chosen or (), Path(settings.repo, settings.folder))
    if base:
        from wombat_gitops.cli.jobs.changes import Comparison
        from wombat_gitops.cli.jobs.plan import compare

        if platform or native:
            message = "--base compares all platforms; leave out --platform and --native"
            raise typer.BadParameter(message)
        asked = Comparison(base, True, revision, inspect, local=local, names=wanted_names)
        given = {DeltaForm.TEXT: output.value, DeltaForm.JSON: "json", DeltaForm.MARKDOWN: "markdown"}[form]
        raise typer.Exit(compare(settings, asked, given, detailed=detailed))
    if inspect or form is not DeltaForm.TEXT:
        message = "--inspect and --format are for --base"
        raise typer.BadParameter(message)
    from wombat_gitops.cli.jobs.plan import PlanOptions
    from wombat_gitops.cli.jobs.plan import plan as job

    wanted = PlanOptions(wanted_names, tuple(platform or ()), native, revision, local)
    raise typer.Exit(job(settings, wanted, output, detailed=detailed))


def lock(
    context: typer.Context,
    chosen: Paths = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 where a lock is missing or stale.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Resolve again what is up to date.")] = False,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--upgrade",
            metavar="MODULE[@VERSION]",
            help="Take the newest version of a module that resolves, or this one; changes the manifest too.",
        ),
    ] = None,
    add_replaces: Annotated[
        bool,
        typer.Option(
            "--add-replaces", help="Write into the manifests what their modules replace for themselves, and lock that."
        ),
    ] = False,
    repo: RepoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Resolve manifests to exact modules and write go.mod and go.sum beside them.

    Looks into the modules too, and makes no lock for packages that are missing or register nothing. Exits with 1
    where a lock cannot be made, or `--check` finds one missing or stale, and with 3 where a manifest is invalid.
    """
    from wombat_gitops.cli.jobs.lock import LockOptions
    from wombat_gitops.cli.jobs.lock import lock as job

    flags = globals_of(context)
    settings = flags.settings(repo=repo)
    if sum([check, force, bool(modules), add_replaces]) > 1:
        message = "only one of --check, --force, --upgrade and --add-replaces can be given"
        raise typer.BadParameter(message)
    if modules:
        from wombat_gitops.cli.jobs.upgrade import UpgradeOptions
        from wombat_gitops.cli.jobs.upgrade import upgrade as upgrade_job

        wanted = UpgradeOptions(tuple(chosen or ()), tuple(modules), bump=False)
        raise typer.Exit(upgrade_job(settings, wanted, output, verbose=flags.verbose))
    how = LockOptions(tuple(chosen or ()), check, force, add_replaces, flags.verbose)
    raise typer.Exit(job(settings, how, output))


def outdated(
    context: typer.Context,
    chosen: Paths = None,
    detailed: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 10 where something is newer.")
    ] = False,
    repo: RepoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show newer versions of modules, and which of them resolve together.

    Never leaves a major version. Exits with 5 where the module proxy does not tell versions.
    """
    from wombat_gitops.cli.jobs.outdated import outdated as job

    flags = globals_of(context)
    raise typer.Exit(job(flags.settings(repo=repo), chosen or [], output, detailed=detailed, verbose=flags.verbose))


def upgrade(
    context: typer.Context,
    chosen: Paths = None,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--module",
            metavar="MODULE[@VERSION]",
            help="Only this module, to the newest version that resolves or to this one; may be repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; print a patch that `git apply` takes.")
    ] = False,
    repo: RepoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take newer versions of modules that resolve together, in manifests and locks.

    The distribution's own version grows too: its patch version where only patch versions changed, else its
    minor version. Comments stay.
    """
    from wombat_gitops.cli.jobs.upgrade import UpgradeOptions
    from wombat_gitops.cli.jobs.upgrade import upgrade as job

    flags = globals_of(context)
    wanted = UpgradeOptions(tuple(chosen or ()), tuple(modules or ()), dry_run)
    raise typer.Exit(job(flags.settings(repo=repo), wanted, output, verbose=flags.verbose))


def apply(
    context: typer.Context,
    chosen: Paths = None,
    platform: Platforms = None,
    native: Native = False,
    local: Annotated[bool, typer.Option("--local", help="Build here, with no service at all.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--output-dir", help="Copy the verified artifacts into this folder.", show_default=False),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, metavar="SECONDS", help="Longest wait; 0 waits for ever.")
    ] = 0,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Request the builds and do not wait for them.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Build again what failed before; `--local` always does.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask before builds are requested.")] = False,
    repo: RepoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Build what the plan says, and follow it to the end.

    Exits with 1 where a build failed.
    """
    from wombat_gitops.cli.jobs.apply import ApplyOptions
    from wombat_gitops.cli.jobs.apply import apply as job
    from wombat_gitops.cli.jobs.folder import names_of
    from wombat_gitops.cli.jobs.plan import PlanOptions

    settings = globals_of(context).settings(repo=repo)
    wanted_names = names_of(chosen or (), Path(settings.repo, settings.folder))
    wanted = PlanOptions(wanted_names, tuple(platform or ()), native, "", local)
    how = ApplyOptions(wanted, folder, timeout, wait=not no_wait, yes=yes, retry=retry)
    raise typer.Exit(job(settings, how, output))


def schema(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="A kind of manifest; without it, all of them.")] = "",
    page: Annotated[bool, typer.Option("--page", help="Print the page of all fields, as Markdown.")] = False,
) -> None:
    """Print the JSON Schema of manifests."""
    from wombat_gitops.cli.jobs.schema import fields_page
    from wombat_gitops.cli.jobs.schema import schema as job

    if page:
        fields_page()
    else:
        job(kind)


def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Id of a rule, `WOM-012`; without it, a list.")] = "",
    page: Annotated[bool, typer.Option("--page", help="Print the page of all rules, as Markdown.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Tell what a rule is about and how to satisfy it."""
    from wombat_gitops.cli.jobs.schema import explain as job
    from wombat_gitops.cli.jobs.schema import rules_page

    if page:
        rules_page()
    else:
        job(rule, output)
