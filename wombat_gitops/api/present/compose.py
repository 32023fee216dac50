"""What there is to compose, and what was composed, as the JSON of the API."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from wombat_gitops.api.views.compose import (
    ComposeChoices,
    ComposedPackageView,
    ComposeView,
    FindingView,
    ModuleChoiceView,
    ModuleVersionView,
    OutlookView,
    PackageChoiceView,
    PlatformChoiceView,
    PullRequestView,
    SourceChoiceView,
)
from wombat_gitops.domain.hostlinks import NewFile, repository_of
from wombat_gitops.domain.manifest.parts import DEFAULT_PLATFORMS
from wombat_gitops.domain.model import CORE_MODULE, Module
from wombat_gitops.domain.platforms import Platform, supported_platforms
from wombat_gitops.domain.versions import version_key
from wombat_gitops.services.composing import host_of, proposal, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.catalogue import SourceRecord
    from wombat_gitops.domain.compose import Around, Composed, Composition
    from wombat_gitops.domain.contents import Component
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.known import Fact, Known
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.composing import Operator

_RULES = "/docs/rules"


def composition(
    made: Composition,
    around: Around,
    source: SourceRecord | None,
    operator: Operator,
    *,
    manifest_url: str,
) -> ComposeView:
    """A manifest and what there is to say about it."""
    return ComposeView(
        manifest=made.manifest,
        path=made.path,
        manifest_url=manifest_url,
        blocked=made.blocked,
        findings=list(map(_finding, made.diagnostics)),
        packages=list(map(_package, made.packages)),
        licenses=list(made.licenses),
        licenses_known=bool(made.packages) and all(each.exact for each in made.packages),
        policies=[policy.name for policy in around.policies],
        source=source.id if source is not None else "",
        pull_request=_pull_request(proposal(source, made, operator)),
        cli=_command_lines(made),
    )


def choices(catalog: Catalog, known: Known, operator: Operator) -> ComposeChoices:
    """Everything there is to choose from."""
    versions = versions_of(catalog, known)
    order = sorted(versions, key=lambda path: (path != CORE_MODULE, path))
    return ComposeChoices(
        modules=[
            ModuleChoiceView(
                module=path,
                versions=[
                    ModuleVersionView(
                        version=each.version,
                        distributions=list(each.distributions),
                        requires=dict(known.requires(Module(path, each.version))),
                    )
                    for each in versions[path]
                ],
            )
            for path in order
        ],
        packages=[_choice(known.facts(package)) for package in known.packages],
        platforms=_platforms(catalog),
        sources=[_source(source, operator) for source in catalog.sources()],
    )


def _finding(problem: Diagnostic) -> FindingView:
    return FindingView(
        rule=problem.rule,
        severity=problem.severity.value,
        message=problem.message,
        hint=problem.hint,
        line=problem.line,
        column=problem.column,
        end_column=problem.end_column,
        pointer=problem.pointer,
        help_url=f"{_RULES}#{problem.rule}",
    )


def _package(each: Composed) -> ComposedPackageView:
    fact = each.fact
    return ComposedPackageView(
        package=each.package,
        name=each.name,
        module=each.module.path if each.module is not None else "",
        version=each.module.version if each.module is not None else "",
        known=fact.module.version if fact is not None else "",
        components=_kinds(fact.components) if fact is not None else {},
        licenses=list(fact.licenses) if fact is not None else [],
        platforms={
            str(platform): OutlookView(state=verdict.outlook.value, reason=verdict.reason, hint=verdict.hint)
            for platform, verdict in each.outlooks
        },
    )


def _choice(facts: tuple[Fact, ...]) -> PackageChoiceView:
    """A package by its newest version, as it is in a program with the least of tags and C."""
    newest = [fact for fact in facts if fact.module == facts[-1].module]
    plain = newest[0]
    everywhere = [Platform.parse(name) for name in supported_platforms()] if plain.platforms is not None else []
    named = any(fact.platforms is None or len(fact.platforms) > len(everywhere) // 2 for fact in newest)
    return PackageChoiceView(
        package=plain.package,
        name=plain.short,
        module=plain.module.path,
        versions=sorted({fact.module.version for fact in facts}, key=version_key, reverse=True),
        components=_kinds(plain.components),
        licenses=list(plain.licenses),
        tags=list(plain.tags),
        cgo=plain.cgo,
        # Builds tell where a package is and not where it is not: few platforms say nothing of the others.
        not_on=[str(each) for each in everywhere if named and not any(fact.holds_on(each) for fact in newest)],
    )


def _platforms(catalog: Catalog) -> list[PlatformChoiceView]:
    records = [record for record in catalog.known_distributions().values() if not record.retired]
    declared = Counter(str(target.platform) for record in records for target in record.targets)
    return [
        PlatformChoiceView(platform=name, usual=name in DEFAULT_PLATFORMS, distributions=declared[name])
        for name in supported_platforms()
    ]


def _source(source: SourceRecord, operator: Operator) -> SourceChoiceView:
    host = host_of(source, operator)
    shown = host.value if host is not None and repository_of(source.url) is not None else ""
    return SourceChoiceView(id=source.id, url=source.url, ref=source.ref, folder=source.folder, host=shown)


def _pull_request(page: NewFile | None) -> PullRequestView | None:
    return PullRequestView(host=page.host.value, url=page.url, whole=page.whole) if page is not None else None


def _command_lines(made: Composition) -> list[str]:
    path = shlex.quote(made.path)
    lock = shlex.quote(f"{made.path.removesuffix('.yaml')}.lock")
    name = made.path.rpartition("/")[2].removesuffix(".yaml")
    return [
        f"git switch -c add-{name}",
        f"wombat lock {path}",
        f"git add {path} {lock}",
        f"git commit -m 'Add {name}'",
        f"git push -u origin add-{name}",
    ]


def _kinds(components: Iterable[Component]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in sorted(components):
        found.setdefault(each.kind, []).append(each.name)
    return found
