"""Two revisions of the manifests of a repository, read and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wombat_gitops.cli import text
from wombat_gitops.cli.jobs.inspecting import Locked, Shown, look_into_one
from wombat_gitops.cli.jobs.published import find_published
from wombat_gitops.domain.declaration import Declaration
from wombat_gitops.domain.delta import Delta, compare, contents_differ, narrowed, pair
from wombat_gitops.domain.diagnostics import Diagnostic, stem_of
from wombat_gitops.domain.errors import LockError, NotFound
from wombat_gitops.domain.gosum import diagnose_conflicts
from wombat_gitops.domain.lock import lock_paths
from wombat_gitops.domain.manifest import Reading, gather, interpret, parse_manifest
from wombat_gitops.domain.publication import compare_declarations
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.wiring.policies import operator_policies
from wombat_gitops.wiring.sources import base_source, manifest_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wombat_gitops.domain.contents import Inspection
    from wombat_gitops.domain.declaration import Declared
    from wombat_gitops.domain.delta import Pair
    from wombat_gitops.ports import Inspector
    from wombat_gitops.settings import Settings


@dataclass(frozen=True, slots=True)
class Changes:
    """What was read.

    Attributes:
        diagnostics: of the newer revision, with those that only the older one or Go tells.
    """

    head: Declaration
    delta: Delta
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to compare, and how closely.

    Attributes:
        base: commit, branch or tag to compare with; "" for nothing, so that everything counts as new.
        since: compare with where the work left *base*, and not with *base* itself.
        revision: what to compare; the work tree where it is "".
        inspect: look into the modules of what changes; needs Go and the modules.
        sizes: ask what is published already.
        local: ask that on this machine.
        names: only these distributions; all where there are none.
    """

    base: str
    since: bool = False
    revision: str = ""
    inspect: bool = False
    sizes: bool = True
    local: bool = False
    names: tuple[str, ...] = ()


async def read_changes(settings: Settings, wanted: Comparison) -> Changes:
    """Read and compare.

    Raises:
        NotFound: there is no such revision, or no such distribution on either side.
        Refused: there is no repository.
        Unreachable: the service or the API that the settings name does not answer.
    """
    head = _with_conflicts(await ManifestReader(manifest_source(settings, revision=wanted.revision or None)).read())
    left_by = (wanted.revision or "HEAD") if wanted.since else ""
    older = _with_conflicts(await ManifestReader(base_source(settings, wanted.base, left_by=left_by)).read())
    _check_names(wanted.names, older, head)
    pairs = [each for each in pair(older, head) if not wanted.names or each.names & set(wanted.names)]
    readings = _readings(pairs, head)
    found = list(compare_declarations(older, head, {path: each.places for path, each in readings.items()}))
    inspections: dict[str, tuple[Inspection | None, Inspection | None]] = {}
    if wanted.inspect:
        inspections, more = await _inspect(settings, pairs, readings)
        found += more
    published = await find_published(settings, pairs, local=wanted.local) if wanted.sizes else ()
    delta = narrowed(compare(older, head, found, published, inspections), wanted.names)
    paths = {problem.path for problem in delta.problems}
    return Changes(head, delta, tuple(each for each in sorted({*head.diagnostics, *found}) if each.path in paths))


def _with_conflicts(declaration: Declaration) -> Declaration:
    """A declaration that also tells of digests that contradict each other in two locks."""
    usable = ((each.distribution.path, each.lock) for each in declaration.declared)
    found = diagnose_conflicts({lock_paths(path)[1]: lock.go_sum for path, lock in usable if lock is not None})
    problems = (problem for wrong in found.values() for problem in wrong)
    return replace(declaration, diagnostics=tuple(sorted((*declaration.diagnostics, *problems))))


def _check_names(names: Iterable[str], older: Declaration, head: Declaration) -> None:
    known = {each.distribution.name for side in (older, head) for each in side.declared}
    known |= {stem_of(problem.path) for problem in head.diagnostics}
    for name in names:
        if name not in known:
            msg = f"no manifest declares `{name}`, neither before nor after"
            raise NotFound(msg)


def read_report(data: bytes) -> Delta:
    """A delta that another process wrote. Raises `CorruptData`."""
    from wombat_gitops.domain.messages import decode

    return decode(Delta, data)


def _readings(pairs: Iterable[Pair], head: Declaration) -> dict[str, Reading]:
    """Where the values and packages of the manifests that changed stand, by path."""
    sharing = [parse_manifest(each.path, each.text.encode()).declares for each in head.shared]
    shared, _ = gather(each for each in sharing if each is not None)
    return {
        each.new.distribution.path: interpret(
            parse_manifest(each.new.distribution.path, each.new.manifest.encode()), shared
        )
        for each in pairs
        if each.new is not None
    }


async def _inspect(
    settings: Settings, pairs: Iterable[Pair], readings: Mapping[str, Reading]
) -> tuple[dict[str, tuple[Inspection | None, Inspection | None]], list[Diagnostic]]:
    from wombat_gitops.wiring.machine import inspector

    tool, operator = await inspector(settings), operator_policies(settings)
    found: dict[str, tuple[Inspection | None, Inspection | None]] = {}
    problems: list[Diagnostic] = []
    for each in filter(contents_differ, pairs):
        if each.new is None or each.new.lock is None:
            continue
        new = each.new.distribution
        judged = replace(new, policies=(*new.policies, *operator))
        told, now = await look_into_one(tool, Locked(judged, each.new.lock, readings[new.path]))
        found[new.name] = (await _contents(tool, each.old) if each.old is not None else None, now)
        problems += told
    return found, problems


async def _contents(tool: Inspector, declared: Declared) -> Inspection | None:
    """What was in a distribution before; what cannot be told any more is not compared."""
    if declared.lock is None:
        return None
    try:
        return await tool.inspect(declared.distribution, declared.lock, Shown(verbose=text.is_verbose()))
    except LockError as error:
        text.note(f"{declared.distribution.name}: not compared with what it was: {error.message}")
        return None
