"""Two revisions of the manifests of a repository, read and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wombat_gitops.cli import text
from wombat_gitops.cli.jobs.lock import Shown
from wombat_gitops.domain import inspection, policy
from wombat_gitops.domain.declaration import Declaration
from wombat_gitops.domain.delta import Delta, changed_names, compare
from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.errors import LockError, Refused
from wombat_gitops.domain.manifest import Reading, interpret, parse_manifest
from wombat_gitops.domain.publication import compare_declarations
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.wiring.sources import base_source, manifest_source

if TYPE_CHECKING:
    from wombat_gitops.domain.contents import Inspection
    from wombat_gitops.domain.declaration import Declared
    from wombat_gitops.domain.lifecycle import BuildRecord
    from wombat_gitops.ports import Inspector
    from wombat_gitops.settings import Settings


@dataclass(frozen=True, slots=True)
class Changes:
    """What was read.

    Attributes:
        diagnostics: of the newer revision, with those that only the older one or Go tells.
    """

    head: Declaration
    base: Declaration
    delta: Delta
    diagnostics: tuple[Diagnostic, ...]


async def read_changes(
    settings: Settings,
    base: str,
    *,
    since: bool,
    revision: str = "",
    inspect: bool = False,
    local: bool = False,
) -> Changes:
    """Read and compare.

    Args:
        base: commit, branch or tag to compare with.
        since: compare with where the work left *base*, and not with *base* itself.
        revision: what to compare; the work tree where it is "".
        inspect: look into the modules of what changes; needs Go and the modules.
        local: take sizes from what was built on this machine.

    Raises:
        NotFound: there is no such revision.
        Refused: there is no repository.
    """
    head = await ManifestReader(manifest_source(settings, revision=revision or None)).read()
    older = await ManifestReader(base_source(settings, base, since=since)).read()
    readings = {each.distribution.path: _reading(each, head) for each in head.declared}
    found = list(compare_declarations(older, head, {path: each.places for path, each in readings.items()}))
    inspections: dict[str, tuple[Inspection | None, Inspection | None]] = {}
    if inspect:
        inspections, more = await _inspect(settings, older, head, readings)
        found += more
    records: tuple[BuildRecord, ...] = ()
    if local:
        from wombat_gitops.wiring.local import local_records

        records = await local_records(settings)
    delta = compare(older, head, found, records, inspections)
    return Changes(head, older, delta, tuple(sorted({*head.diagnostics, *found})))


def read_report(data: bytes) -> Delta:
    """A delta that another process wrote. Raises `CorruptData`."""
    from wombat_gitops.domain.messages import decode

    return decode(Delta, data)


def _reading(declared: Declared, head: Declaration) -> Reading:
    """Where a manifest's values and packages stand."""
    from wombat_gitops.domain.manifest import gather

    sharing = [parse_manifest(each.path, each.text.encode()).declares for each in head.shared]
    shared, _ = gather(each for each in sharing if each is not None)
    return interpret(parse_manifest(declared.distribution.path, declared.manifest.encode()), shared)


async def _inspect(
    settings: Settings, older: Declaration, head: Declaration, readings: dict[str, Reading]
) -> tuple[dict[str, tuple[Inspection | None, Inspection | None]], list[Diagnostic]]:
    from wombat_gitops.wiring.machine import inspector

    tool = await inspector(settings)
    before = {each.distribution.name: each for each in older.declared}
    wanted = set(changed_names(older, head))
    found: dict[str, tuple[Inspection | None, Inspection | None]] = {}
    problems: list[Diagnostic] = []
    for each in head.declared:
        name = each.distribution.name
        if name not in wanted or each.lock is None:
            continue
        text.note(f"{name}: looking into {text.plural(len(each.distribution.packages), 'package')}")
        now = await _contents(tool, each)
        found[name] = (await _contents(tool, before[name]) if name in before else None, now)
        if now is not None:
            reading = readings[each.distribution.path]
            problems += inspection.diagnose(reading, now)
            for _, contents in now.platforms:
                problems += policy.diagnose(reading, policy.judge_contents(each.distribution.policies, contents))
    return found, problems


async def _contents(tool: Inspector, declared: Declared) -> Inspection | None:
    if declared.lock is None:
        return None
    try:
        return await tool.inspect(declared.distribution, declared.lock, Shown(verbose=text.is_verbose()))
    except (LockError, Refused) as error:
        text.error(f"{declared.distribution.name}: {error.message}", error.hint)
        return None
