"""Finds newer versions of a distribution's modules that go together, by resolving them.

First all newest versions at once, raised where one of them requires more of another. Where that does not
resolve, one module after the other, from its newest version downwards, on top of what did resolve. There is
no bisection: that a version resolves says nothing about those before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import Conflict, LockError
from wombat_gitops.domain.model import Distribution, Lock, Module
from wombat_gitops.domain.versions import GO, is_prerelease, newer_versions, newest_release, version_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wombat_gitops.ports import ModuleVersions, Output, Resolver, VersionList

MAX_TRIES: Final = 8
"""Resolutions for one module, and for all of them at once: each takes a second, or the time of a download."""


@dataclass(frozen=True, slots=True)
class ModuleNews:
    """What is new of one module.

    Attributes:
        newest: the newest version in the major version of the current one; "" where no list could be had.
        together: the newest that resolves with the rest, which may be the current one.
        reason: why the newest does not resolve, or "".
        problem: why no list could be had, or "".
    """

    module: str
    current: str
    newest: str
    together: str
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Newer versions for a distribution.

    Attributes:
        upgraded: the distribution with the versions that go together; the one there was where none is newer.
        lock: what *upgraded* resolves to; None where nothing is newer.
        go: newest release of Go, "" where none is told.
    """

    distribution: Distribution
    upgraded: Distribution
    lock: Lock | None
    modules: tuple[ModuleNews, ...]
    go: str = ""

    @property
    def changes(self) -> tuple[tuple[Module, str], ...]:
        """Each module that changes, as it is, and its new version."""
        new = {module.path: module.version for module in self.upgraded.modules}
        return tuple((old, new[old.path]) for old in self.distribution.modules if new[old.path] != old.version)


@dataclass(slots=True)
class _Search:
    """What was found so far: the newest state that resolved, and why others did not."""

    best: Distribution
    lock: Lock | None = None
    reasons: dict[str, str] = field(default_factory=dict)


class Upgrader:
    """Proposes upgrades; writes nothing."""

    def __init__(self, resolver: Resolver, versions: ModuleVersions) -> None:
        self._resolver = resolver
        self._versions = versions

    async def propose(
        self, distribution: Distribution, output: Output, wanted: Mapping[str, str] | None = None
    ) -> Proposal:
        """The newest versions of a distribution's modules that resolve together.

        Args:
            wanted: only these modules, path to an exact version or "" for the newest; None means every one.

        Raises:
            LockError: an exact version was asked for and does not resolve, or there is no such module.
            Unreachable: the module proxy does not answer.
        """
        chosen = _choose(distribution, wanted)
        exact = {path: version for path, version in chosen.items() if version}
        listed = [path for path, version in chosen.items() if not version]
        asked = [*listed, GO] if wanted is None else listed
        lists = await self._versions.versions(asked, distribution.toolchain) if asked else {}
        candidates = _candidates(distribution, exact, lists)
        search = _Search(distribution)
        if any(candidates.values()):
            await self._search(search, candidates, output, fixed=frozenset(exact))
        news = [
            _news(module, search, candidates.get(module.path, ()), lists.get(module.path))
            for module in distribution.modules
            if module.path in chosen
        ]
        releases = lists[GO].versions if GO in lists else ()
        newest_go = newest_release(distribution.toolchain, releases) if releases else ""
        return Proposal(distribution, search.best, search.lock, tuple(news), newest_go)

    async def _search(
        self, search: _Search, candidates: Mapping[str, Sequence[str]], output: Output, fixed: frozenset[str]
    ) -> None:
        newest = {path: versions[0] for path, versions in candidates.items() if versions}
        free = frozenset(candidates) - fixed
        failure = await self._settle(search, newest, free, output)
        if failure is None:
            return
        if fixed:
            raise failure
        for path, versions in candidates.items():
            untried = versions[1:] if len(newest) == 1 else versions
            for version in untried[:MAX_TRIES]:
                done = version_key(version) <= version_key(_version(search.best, path))
                if done or await self._settle(search, {path: version}, free, output) is None:
                    break

    async def _settle(
        self, search: _Search, targets: Mapping[str, str], free: frozenset[str], output: Output
    ) -> LockError | None:
        """Resolve the best state with *targets*, raising the *free* modules of which more is required.

        Keeps what resolves; returns why nothing does.
        """
        versions = dict(targets)
        failure: LockError | None = None
        for _ in range(MAX_TRIES):
            wanted = _with(search.best, versions)
            try:
                search.lock = await self._resolver.resolve(wanted, output)
            except Conflict as conflict:
                failure = failure or conflict
                if not _can_raise(conflict, wanted, free):
                    break
                versions[conflict.module] = conflict.required
            except LockError as error:
                failure = failure or error
                break
            else:
                search.best = wanted
                return None
        assert failure is not None  # noqa: S101 - the loop ends early only with one
        for path in targets if len(targets) == 1 else ():
            search.reasons.setdefault(path, failure.message)
        return failure


def _choose(distribution: Distribution, wanted: Mapping[str, str] | None) -> dict[str, str]:
    known = [module.path for module in distribution.modules]
    if wanted is None:
        return dict.fromkeys(known, "")
    for path in wanted:
        if path not in known:
            msg = f"`{distribution.name}` has no module `{path}`"
            raise LockError(msg, hint=f"it has {', '.join(f'`{each}`' for each in known)}")
    return {path: wanted[path] for path in known if path in wanted}


def _candidates(
    distribution: Distribution, exact: Mapping[str, str], lists: Mapping[str, VersionList]
) -> dict[str, tuple[str, ...]]:
    """For each chosen module the versions to try, newest first."""
    found = dict[str, tuple[str, ...]]()
    for module in distribution.modules:
        if module.path in exact:
            found[module.path] = (exact[module.path],) if exact[module.path] != module.version else ()
        elif module.path in lists:
            found[module.path] = newer_versions(module.version, lists[module.path].versions)
    return found


def _can_raise(conflict: Conflict, wanted: Distribution, free: frozenset[str]) -> bool:
    current = _version(wanted, conflict.module)
    return (
        conflict.module in free
        and version_key(conflict.required) > version_key(current)
        and (is_prerelease(current) or not is_prerelease(conflict.required))
    )


def _news(module: Module, search: _Search, candidates: Sequence[str], found: VersionList | None) -> ModuleNews:
    problem = found.problem if found is not None else ""
    newest = "" if problem else max((*candidates[:1], module.version), key=version_key)
    together = _version(search.best, module.path)
    reason = search.reasons.get(module.path, "") if newest and together != newest else ""
    return ModuleNews(module.path, module.version, newest, together, reason, problem)


def _version(distribution: Distribution, path: str) -> str:
    return next(module.version for module in distribution.modules if module.path == path)


def _with(distribution: Distribution, versions: Mapping[str, str]) -> Distribution:
    modules = tuple(Module(each.path, versions.get(each.path, each.version)) for each in distribution.modules)
    return replace(distribution, modules=modules)
