"""The choice of packages is the cheapest there is, and the same whatever the order."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.model import CORE_MODULE, Module
from wombat_gitops.domain.providers import Provider, choose, cost, on_all

if TYPE_CHECKING:
    from collections.abc import Sequence

CORE = Module(CORE_MODULE, "v4.76.0")
OTHER = Module("example.com/other", "v1.0.0")


def provider(name: str, components: str, module: Module = CORE, *, tags: tuple[str, ...] = ()) -> Provider:
    found = frozenset(Component("input", each) for each in components)
    return Provider(f"{module.path}/public/components/{name}", module, found, tags=tags)


def inputs(names: str) -> set[Component]:
    return {Component("input", name) for name in names}


def chosen(needs: str, *providers: Provider) -> list[str]:
    return [each.short for each in choose(inputs(needs), providers)]


def test_one_package_that_has_all_beats_two() -> None:
    """As long as it brings nothing more."""
    assert chosen("ab", provider("one", "a"), provider("two", "b"), provider("both", "ab")) == ["both"]


def test_a_package_that_brings_much_more_is_not_taken() -> None:
    """`all` runs everything, and is what people want to get away from."""
    assert chosen("ab", provider("one", "a"), provider("two", "b"), provider("all", "abcdefgh")) == ["one", "two"]


def test_packages_of_the_core_need_no_other_module() -> None:
    """Another module is another download, even where its package is smaller."""
    assert chosen("a", provider("large", "abc"), provider("small", "a", OTHER)) == ["large"]


def test_a_package_that_needs_no_tag_is_preferred() -> None:
    """Of two that bring the same."""
    assert chosen("a", provider("a", "a", tags=("x",)), provider("long-name", "a")) == ["long-name"]


def test_what_nobody_has_is_passed_over() -> None:
    """The caller tells it."""
    assert chosen("az", provider("one", "a")) == ["one"]
    assert chosen("z", provider("one", "a")) == []


def test_on_all_platforms_counts_what_every_one_has() -> None:
    """Couchbase is a stub on arm."""
    everywhere, here = provider("one", "ab"), provider("two", "c")

    assert on_all([[everywhere, here], [provider("one", "a")]]) == (provider("one", "a"),)


def cheapest(needs: set[Component], providers: Sequence[Provider]) -> tuple[Provider, ...]:
    """By trying everything."""
    wanted = {need for need in needs if any(need in each.components for each in providers)}
    covers = [
        some
        for count in range(len(providers) + 1)
        for some in combinations(sorted(providers, key=lambda each: each.package), count)
        if wanted <= {component for each in some for component in each.components}
    ]
    return min(covers, key=cost)


@given(
    st.text(alphabet="abcdef", max_size=6),
    st.lists(st.tuples(st.text(alphabet="abcdefgh", min_size=1, max_size=5), st.booleans()), max_size=7),
    st.randoms(use_true_random=False),
)
def test_no_other_choice_is_cheaper(needs: str, packages: list[tuple[str, bool]], random: object) -> None:
    """Law: nothing that trying everything finds costs less; and the order of packages does not matter."""
    made = [provider(f"p{n}", names, OTHER if other else CORE) for n, (names, other) in enumerate(packages)]
    shuffled = sorted(made, key=lambda _: random.random())  # type: ignore[attr-defined]

    found = choose(inputs(needs), shuffled)

    assert cost(found)[:5] == cost(cheapest(inputs(needs), made))[:5]
    assert found == choose(inputs(needs), made)
