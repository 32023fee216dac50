"""Sources, builders and how the whole is, as the JSON of the API."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wombat_gitops.api.present.base import condition
from wombat_gitops.api.present.links import RULES_PATH, build_url
from wombat_gitops.api.views.service import (
    BuilderDetailView,
    BuilderStartView,
    BuilderView,
    BuilderWorkView,
    DiagnosticView,
    EndedBuildView,
    HealthReasonView,
    HealthView,
    SourceDetailView,
    SourceView,
    StatusView,
    WorkView,
)
from wombat_gitops.domain.catalogue import SourceLook, SourceRecord
from wombat_gitops.domain.errors import NotFound
from wombat_gitops.domain.hostlinks import file_url
from wombat_gitops.domain.manifest.render import render_text
from wombat_gitops.domain.neighbours import nearest
from wombat_gitops.domain.records import BuildState
from wombat_gitops.domain.subjects import builder_name
from wombat_gitops.services.health import source_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.catalogue import BuilderPresence
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.records import BuildRecord
    from wombat_gitops.services.builder_history import EndedAttempt
    from wombat_gitops.services.catalog import Catalog
    from wombat_gitops.services.health import ServiceHealth


def source(record: SourceRecord, look: SourceLook | None, state: str) -> SourceView:
    """A watched source, how it was last looked at, and the word for that."""
    look = look or SourceLook(record.id)
    return SourceView(
        id=record.id,
        url=record.url,
        ref=record.ref,
        folder=record.folder,
        revision=record.revision,
        checked_at=record.checked_at,
        manifests=record.manifests,
        invalid=record.invalid,
        conditions=[condition(each) for each in record.conditions],
        state=state,
        observed_revision=look.revision,
        applied_revision=record.revision,
        observed_by=look.via if look.polled_at else "",
        polled_at=look.polled_at,
        due_at=look.due_at,
        pushed_at=look.pushed_at,
        verified=look.verified,
        signer=look.signer,
        status_error=look.status_error,
        problem_count=len(record.problems) + record.more_problems,
    )


def sources(catalog: Catalog, records: Iterable[SourceRecord]) -> list[SourceView]:
    """Some of the watched sources."""
    looks, roles, now = catalog.looks(), catalog.roles(), catalog.now()
    found = ((record, looks.get(record.id)) for record in records)
    return [source(record, look, source_state(record, look, roles, now)) for record, look in found]


def source_detail(catalog: Catalog, record: SourceRecord) -> SourceDetailView:
    """A watched source with everything that is wrong in it."""
    return SourceDetailView(
        **dict(sources(catalog, [record])[0]),
        problems=[_diagnostic(record, each) for each in record.problems],
        more_problems=record.more_problems,
    )


def _diagnostic(record: SourceRecord, problem: Diagnostic) -> DiagnosticView:
    return DiagnosticView(
        rule=problem.rule,
        rule_url=f"{RULES_PATH}#{problem.rule}",
        severity=problem.severity.value,
        message=problem.message,
        hint=problem.hint,
        path=problem.path,
        line=problem.line,
        column=problem.column,
        end_column=problem.end_column,
        source_line=problem.source_line,
        html_url=file_url(record.url, record.revision, problem.path, line=problem.line, host=record.host),
        text=render_text([problem]).rstrip("\n"),
    )


def status(version: str, catalog: Catalog) -> StatusView:
    """How the whole is."""
    state = catalog.status()
    return StatusView(
        version=version,
        health=_health(catalog.health()),
        connected=state.connected,
        synced_at=state.synced_at,
        stale=state.stale,
        queued=state.queued,
        running=state.running,
        builders=[_builder(builder) for builder in state.builders],
        sources=sources(catalog, state.sources),
        unreadable={store: list(keys) for store, keys in state.unreadable.items()},
    )


def _health(found: ServiceHealth) -> HealthView:
    return HealthView(
        state=found.state.value,
        reasons=[
            HealthReasonView(code=each.code, message=each.message, since=each.since, html_url=each.page)
            for each in found.reasons
        ],
    )


def builders(catalog: Catalog) -> list[BuilderWorkView]:
    """The builders that show signs of life, by id, with what each of them builds now."""
    work: dict[str, list[BuildRecord]] = {}
    for record in catalog.index.in_state(BuildState.RUNNING):
        if record.attempts:
            work.setdefault(record.attempt.builder, []).append(record)
    return [
        BuilderWorkView(
            **_builder(each).model_dump(),
            builds=[_work(record) for record in sorted(work.get(each.id, ()), key=lambda one: one.attempt.started_at)],
        )
        for each in catalog.builders()
    ]


def builder_detail(catalog: Catalog, name: str) -> BuilderDetailView:
    """What a builder does and did. Raises `NotFound`, with the names that are near in the hint."""
    present = {each.id: each for each in catalog.builders() if builder_name(each.id) == name}
    ended = catalog.history.of(name)
    if not present and not ended:
        known = {*catalog.history.names, *(builder_name(each.id) for each in catalog.builders())}
        msg = f"there is no builder `{name[:80]}`"
        raise NotFound(msg, hint=nearest(name, sorted(known)))
    ways = Counter(each.attempt.ended_as for each in ended)
    bad, judged = ways["failed"] + ways["lost"], ways["succeeded"] + ways["failed"] + ways["lost"]
    return BuilderDetailView(
        name=name,
        at_work=bool(present),
        starts=[
            BuilderStartView(**dict(each), seen_at=catalog.seen_at(present[each.id]))
            for each in builders(catalog)
            if each.id in present
        ],
        recent=[_ended(each) for each in ended],
        succeeded=ways["succeeded"],
        failed=ways["failed"],
        lost=ways["lost"],
        failure_rate=round(bad / judged, 4) if judged else None,
    )


def _ended(each: EndedAttempt) -> EndedBuildView:
    spec, attempt = each.build.spec, each.attempt
    return EndedBuildView(
        build=each.build.id,
        build_url=build_url(each.build.id),
        name=spec.name,
        version=spec.version,
        platform=str(spec.platform),
        attempt=attempt.number,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at or attempt.started_at,
        ended_as=attempt.ended_as or "",
        reason=attempt.failure.reason if attempt.failure else "",
    )


def _work(record: BuildRecord) -> WorkView:
    step = record.step
    return WorkView(
        build=record.id,
        build_url=build_url(record.id),
        name=record.spec.name,
        version=record.spec.version,
        platform=str(record.spec.platform),
        started_at=record.attempt.started_at,
        step=step.step.value if step else "",
        step_started_at=step.started_at if step else None,
    )


def _builder(builder: BuilderPresence) -> BuilderView:
    return BuilderView(
        id=builder.id,
        name=builder_name(builder.id),
        host=builder.host,
        version=builder.version,
        workers=builder.workers,
        busy=builder.busy,
        started_at=builder.started_at,
        state=builder.state.value,
        reason=builder.reason,
        platforms=list(builder.can.platforms),
        cgo=list(builder.can.cgo),
        memory=builder.can.memory,
        labels=dict(builder.can.labels),
        sandbox=builder.can.sandbox,
    )
