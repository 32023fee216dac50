"""Which packages provide components, and the smallest choice of packages that provides all that are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.model import COMPONENTS_FOLDER, CORE_MODULE, Module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

KNOWN_MODULES: Final = (
    Module(CORE_MODULE, "v4.77.0"),
    Module("github.com/redpanda-data/connect/v4", "v4.105.0"),
)
"""Where components are looked for when nobody says where: versions that go together, as `manifests/` ships them."""

_MOST_STEPS: Final = 50_000
"""Of the search; after them the best choice so far counts. Real pipelines take some dozens."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A package and what it registers on a platform.

    Attributes:
        package: full import path.
        components: everything that it and what it imports register.
        licenses: SPDX identifiers of what it brings in from its own module, sorted.
        tags: build tags without which it would register less, sorted.
        cgo: C has to be compiled for it.
    """

    package: str
    module: Module
    components: frozenset[Component]
    licenses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cgo: bool = False

    @property
    def short(self) -> str:
        """Its name as a manifest writes it below its module."""
        return self.package.removeprefix(f"{self.module.path}/{COMPONENTS_FOLDER}/")

    def fits(self, tags: Iterable[str], *, cgo: bool) -> bool:
        """Whether it registers all that in a program with these tags."""
        return set(self.tags) <= set(tags) and (cgo or not self.cgo)


Cost: TypeAlias = "tuple[int, int, int, int, int, int, tuple[str, ...]]"
"""Smaller is better: modules but the core, components, tags and cgo, packages, those outside of the core; then, so
that the same is chosen every time, the length of their paths, and the paths themselves."""


def on_all(platforms: Sequence[Sequence[Provider]]) -> tuple[Provider, ...]:
    """What packages provide on every one of some platforms."""
    found = dict[tuple[str, tuple[str, ...], bool], Provider]()
    for index, providers in enumerate(platforms):
        here = {(each.package, each.tags, each.cgo): each for each in providers}
        if not index:
            found = here
            continue
        found = {
            key: Provider(
                each.package, each.module, each.components & here[key].components, each.licenses, each.tags, each.cgo
            )
            for key, each in found.items()
            if key in here
        }
    return tuple(each for each in found.values() if each.components)


def choose(needs: Iterable[Component], providers: Iterable[Provider]) -> tuple[Provider, ...]:
    """The cheapest providers that together register all of *needs*, sorted by package; see `Cost`.

    Components that no provider has are passed over.
    """
    wanted = frozenset(needs)
    useful = _undominated([each for each in providers if each.components & wanted], wanted)
    wanted &= frozenset(component for each in useful for component in each.components)
    search = _Search({need: [each for each in useful if need in each.components] for need in wanted})
    search.run((), wanted)
    return tuple(sorted(search.best or (), key=lambda each: each.package))


def _undominated(providers: Sequence[Provider], wanted: frozenset[Component]) -> list[Provider]:
    """Without those in whose place another, which gives as much of *wanted*, is always as good."""
    kept = list[Provider]()
    for each in sorted(providers, key=lambda one: cost((one,))):
        gives = each.components & wanted
        if not any(gives <= other.components and _as_good(other, each) for other in kept):
            kept.append(each)
    return kept


def _as_good(other: Provider, each: Provider) -> bool:
    """Whether, of two that give what is wanted, *other* never costs more, whatever else is chosen."""
    return (
        other.module.path in {each.module.path, CORE_MODULE}
        and other.components <= each.components
        and other.fits(each.tags, cgo=each.cgo)
    )


class _Search:
    """Branch and bound: the need with the fewest providers first, the cheapest of those first."""

    def __init__(self, providers: Mapping[Component, Sequence[Provider]]) -> None:
        self._providers = providers
        self._steps = 0
        self.best: tuple[Provider, ...] | None = None
        self._bound: Cost | None = None

    def run(self, chosen: tuple[Provider, ...], rest: frozenset[Component]) -> None:
        """Complete *chosen* in every way that may be cheaper than the best one so far."""
        price = cost(chosen)
        if self._bound is not None and (price >= self._bound or self._steps > _MOST_STEPS):
            return
        self._steps += 1
        if not rest:
            self.best, self._bound = chosen, price
            return
        need = min(rest, key=lambda each: (len(self._providers[each]), each))
        for each in sorted(self._providers[need], key=lambda one: cost((*chosen, one))):
            self.run((*chosen, each), rest - each.components)


def cost(providers: Sequence[Provider]) -> Cost:
    """What a choice costs; one more provider never makes it cheaper."""
    modules = {each.module.path for each in providers} - {CORE_MODULE}
    components = {component for each in providers for component in each.components}
    extras = {tag for each in providers for tag in each.tags} | {"" for each in providers if each.cgo}
    packages = sorted(each.package for each in providers)
    length = sum(map(len, packages))
    foreign = sum(each.module.path != CORE_MODULE for each in providers)
    return (len(modules), len(components), len(extras), len(packages), foreign, length, tuple(packages))
