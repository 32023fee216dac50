"""`wombat check-config`: which distributions can run some pipelines, and what the others lack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.folder import examine, find_manifests
from wombat_gitops.cli.jobs.from_config import imported, read_pipelines
from wombat_gitops.cli.jobs.inspecting import Shown
from wombat_gitops.cli.jobs.plan import tell
from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.requirements import met_by
from wombat_gitops.services import pipelines
from wombat_gitops.services.pipelines import Runnable, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.providers import Provider
    from wombat_gitops.ports import PackageIndex
    from wombat_gitops.settings import Settings

_NOT_LINTED: Final = "has all components; not linted"
_SHOWN: Final = 4
"""Components that the table names of one program."""


@dataclass(frozen=True, slots=True)
class CheckConfigOptions:
    """What to check.

    Attributes:
        paths: pipelines; a program has to run them all.
        names: distributions; all where empty.
        published: ask the API for what can be downloaded, instead of reading the manifests here.
    """

    paths: tuple[Path, ...]
    names: tuple[str, ...] = ()
    published: bool = False
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A program, and the modules that more packages could come from."""

    program: Runnable
    modules: tuple[Module, ...]
    platform: Platform
    toolchain: str


def check_config(settings: Settings, options: CheckConfigOptions, output: text.Output) -> int:
    """Say of each distribution whether its programs have all that the pipelines need; fails where none has.

    Raises:
        InvalidManifests: a pipeline is wrong, or names a component that no known package registers.
        NotFound: a name that no distribution has.
    """
    data = read_pipelines(options.paths)
    verdicts, warnings = running.run(_check(settings, data, options))
    tell(warnings)
    text.emit({"items": [_item(verdict) for verdict in verdicts]}, output, lambda: _table(verdicts))
    able = [verdict for verdict in verdicts if not verdict.lacks]
    if output is text.Output.TABLE:
        names = list(dict.fromkeys(verdict.program.name for verdict in able))
        text.note(f"\n{_summary(names)}")
    return exits.OK if able else exits.FAILED


async def _check(
    settings: Settings, data: dict[str, bytes], options: CheckConfigOptions
) -> tuple[list[Verdict], tuple[Diagnostic, ...]]:
    from wombat_gitops.wiring.machine import go_tools

    index = (await go_tools(settings)).packages
    shown = Shown(verbose=options.verbose)
    found = _published(settings, options) if options.published else await _declared(settings, options, index)
    unknown = set(options.names) - {each.program.name for each in found}
    if unknown:
        msg = f"there is no distribution `{min(unknown)}`"
        raise NotFound(msg, hint="`wombat list` shows what is published, `wombat validate` what is declared")
    if not found:
        msg = "there is no distribution to check"
        raise NotFound(msg, hint="`wombat from-config` makes a manifest for these pipelines")
    known = {
        (each.modules, each.platform): await pipelines.known_providers(
            index, each.modules, each.platform, each.toolchain, shown
        )
        for each in found
    }
    components = {component for providers in known.values() for each in providers for component in each.components}
    components |= {component for each in found for component in each.program.components}
    needs, warnings = pipelines.read_all(data, components, imported)
    verdicts = [pipelines.judge(each.program, needs, known[each.modules, each.platform]) for each in found]
    return verdicts, warnings


async def _declared(settings: Settings, options: CheckConfigOptions, index: PackageIndex) -> list[_Candidate]:
    """The distributions of the manifests folder; of those that are invalid, it is told that they are left out."""
    folder = Path(settings.repo, settings.folder)
    found = examine(find_manifests([], folder), folder)
    tell([problem for problem in found.set.diagnostics if problem.severity == "error"])
    candidates = []
    for each in found.set.distributions:
        if not options.names or each.name in options.names:
            made = await pipelines.programs(index, each, Shown(verbose=options.verbose))
            pairs = zip(each.platforms, made, strict=True)
            candidates += [_Candidate(program, each.modules, platform, each.toolchain) for platform, program in pairs]
    return candidates


def _published(settings: Settings, options: CheckConfigOptions) -> list[_Candidate]:
    """What can be downloaded now, with what is inside as the API tells it."""
    from wombat_gitops.api.views.contents import ContentsView
    from wombat_gitops.api.views.distributions import DistributionPage, DistributionView
    from wombat_gitops.cli.client import ApiClient
    from wombat_gitops.cli.jobs.reading import pages
    from wombat_gitops.wiring.addresses import api_address

    client = ApiClient(api_address(settings))
    items, _ = pages(lambda url: client.get(url, DistributionPage), "distributions", 0)
    candidates = []
    for name in sorted(item.name for item in items if not options.names or item.name in options.names):
        view = client.get(f"/api/v1/distributions/{name}", DistributionView)
        modules = tuple(Module(module.path, module.version) for module in view.modules)
        for each in view.platforms:
            if each.artifact is None or each.contents_url is None:
                continue
            inside = client.get(each.contents_url, ContentsView)
            listed = [one for package in inside.packages for one in package.components]
            platform = Platform.parse(each.platform)
            components = {Component(one.kind, one.name) for one in listed}
            components.update(*(met_by(package.package, platform) for package in inside.packages))
            program = Runnable(view.name, view.version, each.platform, frozenset(components))
            candidates.append(_Candidate(program, modules, platform, view.toolchain))
    return candidates


def _summary(names: Sequence[str]) -> str:
    if not names:
        return "no distribution can run that; `wombat from-config` makes a manifest that can"
    return f"{', '.join(names)}: {_NOT_LINTED}; `PROGRAM lint PIPELINE` with the program itself checks every field"


def _table(verdicts: Sequence[Verdict]) -> str:
    """One row for the platforms of a distribution of which the same is true."""
    alike = dict[tuple[object, ...], list[Verdict]]()
    for verdict in verdicts:
        program = verdict.program
        alike.setdefault((program.name, program.version, verdict.lacks, verdict.adds), []).append(verdict)
    rows: list[list[text.Cell]] = []
    for same in alike.values():
        program, lacks = same[0].program, same[0].lacks
        platforms = ", ".join(verdict.program.platform for verdict in same)
        runs = ("no", text.Style.BAD) if lacks else (_NOT_LINTED, text.Style.GOOD)
        more = f", {len(lacks) - _SHOWN} more" if len(lacks) > _SHOWN else ""
        named = f"{', '.join(map(str, lacks[:_SHOWN]))}{more}"
        rows.append([program.name, program.version, platforms, runs, named, _add(same[0].adds)])
    return text.table(["NAME", "VERSION", "PLATFORMS", "RUNS IT", "LACKS", "ADD"], rows)


def _add(providers: Sequence[Provider]) -> str:
    modules = dict.fromkeys(each.module.path for each in providers)
    return "; ".join(
        f"{', '.join(f'{each.short}{_takes(each)}' for each in providers if each.module.path == path)} of {path}"
        for path in modules
    )


def _takes(provider: Provider) -> str:
    needed = [*(f"tag {tag}" for tag in provider.tags), *(["cgo"] if provider.cgo else [])]
    return f" (with {' and '.join(needed)})" if needed else ""


def _item(verdict: Verdict) -> dict[str, object]:
    return {
        "name": verdict.program.name,
        "version": verdict.program.version,
        "platform": verdict.program.platform,
        "complete": not verdict.lacks,
        "runs": False if verdict.lacks else None,
        "lacks": [{"kind": each.kind, "name": each.name} for each in verdict.lacks],
        "add": [
            {
                "package": each.package,
                "module": each.module.path,
                "version": each.module.version,
                "tags": list(each.tags),
                "cgo": each.cgo,
            }
            for each in verdict.adds
        ],
    }
