"""Manifests and pipelines: which packages a pipeline needs, and which distributions can run it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from wombat_gitops.domain import policy
from wombat_gitops.domain.contents import Component, Contents, PackageContents, Presence
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.errors import InvalidManifests, Refused
from wombat_gitops.domain.model import Module, Policy
from wombat_gitops.domain.pipeline import Need, read_pipeline, template_of
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.providers import KNOWN_MODULES, Provider, choose, on_all
from wombat_gitops.domain.requirements import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from wombat_gitops.domain.model import Distribution
    from wombat_gitops.domain.policy import Violation
    from wombat_gitops.ports import Output, PackageIndex


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where packages for pipelines are looked for.

    Attributes:
        modules: the core module first.
        platforms: all of which have to run the pipelines.
        policies: packages that one of them refuses are not taken.
    """

    modules: tuple[Module, ...]
    platforms: tuple[Platform, ...]
    toolchain: str
    policies: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Derivation:
    """The smallest choice of packages that runs some pipelines.

    Attributes:
        providers: sorted by package.
        warnings: what could not be told of the pipelines.
    """

    providers: tuple[Provider, ...]
    needs: tuple[Need, ...]
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Runnable:
    """What a program can run: the distribution's name and version, the platform, and its components."""

    name: str
    version: str
    platform: str
    components: frozenset[Component]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the program of one platform can run some pipelines.

    Attributes:
        lacks: the components it does not have, sorted; none means that it can.
        adds: packages of known modules that would add them, sorted.
    """

    program: Runnable
    lacks: tuple[Component, ...]
    adds: tuple[Provider, ...] = ()


Files: TypeAlias = "Callable[[str, str], bytes | None]"
"""Gives the bytes of a file that a mapping of a pipeline (its path) imports, by its relative path; None without it."""


async def derive(
    index: PackageIndex, pipelines: Mapping[str, bytes], wanted: Wanted, output: Output, files: Files | None = None
) -> Derivation:
    """Find the packages that *pipelines* (bytes by path) need.

    Raises:
        InvalidManifests: a pipeline cannot be read, or names a component that no package registers.
        Refused: only packages that a policy does not allow have a component.
        LockError, Unreachable: as `PackageIndex.providers` does.
    """
    providers = on_all(await _providers(index, wanted.modules, wanted.platforms, wanted.toolchain, output))
    needs, warnings = read_all(pipelines, _components(providers), files)
    refused = {each: found for each in providers if (found := _violations(each, wanted.policies))}
    components = [need.component for need in needs]
    chosen = choose(components, [each for each in providers if each not in refused])
    lacking = set(components) - _components(chosen)
    if lacking:
        component = min(lacking)
        instead = choose([component], refused)[0]
        violation = refused[instead][0]
        where = next(f"{need.path}:{need.line}: " for need in needs if need.component == component)
        msg = f"{where}{component.kind} `{component.name}` is in no package that is allowed: {violation}"
        raise Refused(msg, hint="use another component, or have the policy changed")
    return Derivation(chosen, needs, warnings)


async def programs(index: PackageIndex, distribution: Distribution, output: Output) -> tuple[Runnable, ...]:
    """What the programs of a distribution can run, told from the source of its modules; raises as `derive` does."""
    platforms = distribution.platforms
    found = await _providers(index, distribution.modules, platforms, distribution.toolchain, output)
    return tuple(
        Runnable(distribution.name, distribution.version, str(platform), _inside(distribution, platform, providers))
        for platform, providers in zip(platforms, found, strict=True)
    )


async def known_providers(
    index: PackageIndex, modules: Sequence[Module], platform: Platform, toolchain: str, output: Output
) -> tuple[Provider, ...]:
    """Everything that can be had for a distribution: of its own modules, then of other well-known ones.

    Raises as `derive` does.
    """
    (own,) = await _providers(index, modules, (platform,), toolchain, output)
    paths = {module.path for module in modules}
    (others,) = await _providers(index, KNOWN_MODULES, (platform,), toolchain, output)
    return (*own, *(each for each in others if each.module.path not in paths))


def judge(program: Runnable, needs: Iterable[Need], providers: Sequence[Provider]) -> Verdict:
    """Whether a program can run what needs these components, and what it would take."""
    lacks = sorted({need.component for need in needs} - program.components)
    return Verdict(program, tuple(lacks), choose(lacks, providers))


def read_all(
    pipelines: Mapping[str, bytes], known: Collection[Component], files: Files | None = None
) -> tuple[tuple[Need, ...], tuple[Diagnostic, ...]]:
    """What pipelines need together, and warnings.

    Templates among them count only where a pipeline uses them; what they define, no package has to register. Where
    there are only templates, all of them count.

    Raises:
        InvalidManifests: as `derive` does.
    """
    templates = {component: path for path, data in pipelines.items() if (component := template_of(data)) is not None}
    everything = frozenset(known) | templates.keys()
    rest = [path for path in pipelines if path not in templates.values()] or list(pipelines)
    seen, needs, problems = set(rest), list[Need](), list[Diagnostic]()
    while rest:
        path = rest.pop(0)
        found = read_pipeline(path, pipelines[path], everything, partial(files, path) if files else None)
        problems += found.diagnostics
        needs += (need for need in found.needs if need.component not in templates)
        used = {templates[need.component] for need in found.needs if need.component in templates} - seen
        seen |= used
        rest += sorted(used)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise InvalidManifests(tuple(sorted(problems)), "the pipelines")
    return tuple(sorted(needs)), tuple(sorted(problems))


async def _providers(
    index: PackageIndex, modules: Sequence[Module], platforms: Sequence[Platform], toolchain: str, output: Output
) -> tuple[tuple[Provider, ...], ...]:
    """What the index reads from source, with what that source does not tell."""
    found = await index.providers(modules, platforms, toolchain, output)
    return tuple(complete(each, platform) for platform, each in zip(platforms, found, strict=True))


def _components(providers: Iterable[Provider]) -> frozenset[Component]:
    return frozenset(component for each in providers for component in each.components)


def _inside(distribution: Distribution, platform: Platform, providers: Iterable[Provider]) -> frozenset[Component]:
    packages = set(distribution.packages_for(platform))
    return _components(
        each for each in providers if each.package in packages and each.fits(distribution.tags, cgo=distribution.cgo)
    )


def _violations(provider: Provider, policies: Sequence[Policy]) -> tuple[Violation, ...]:
    inside = PackageContents(provider.package, provider.module.path, Presence.PRESENT, licenses=provider.licenses)
    return (
        *policy.judge(policies, modules=(provider.module,), packages=(provider.package,)),
        *policy.judge_contents(policies, Contents((inside,))),
    )
