"""Components of all distributions in memory: found by words and filters, best match first.

There are some thousand of them at most, however many distributions there are, so a search looks at each.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.errors import NotFound, Refused
from wombat_gitops.domain.neighbours import did_you_mean
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.domain.reference import KINDS, STATUSES, Entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

CURSOR: Final = r"^\d{1,4}\.[01]\.\d{1,2}\.[\w.-]{1,200}$"
"""What a cursor looks like."""

_EXACT, _PREFIX, _WORD, _INSIDE, _SUMMARY, _TEXT = range(6)
"""How well a word fits, best first."""

_WORDS: Final = re.compile(r"[a-z0-9]+")

_Places = tuple[int, ...]

_SortKey = tuple[int, bool, int, str]
"""How well it fits, whether it comes late, place of its kind, name."""


@dataclass(frozen=True, slots=True)
class ComponentQuery:
    """Which components to list; every filter that is set must hold. Best match first, else by kind and name.

    Attributes:
        q: words that must all occur in name, kind, categories, texts or fields.
        distribution: only what it has, in the words of its own reference.
        package: a full import path or the last part of one.
        cursor: the `next` of the page before.
    """

    q: str = ""
    kind: str = ""
    status: str = ""
    distribution: str = ""
    package: str = ""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Variant:
    """A component as the program of one distribution describes it."""

    distribution: str
    build: BuildRecord
    entry: Entry


@dataclass(frozen=True, slots=True)
class Found:
    """A component and the description that is shown of it.

    Attributes:
        entry: of the distribution that was asked for, else of the one with the newest Benthos.
        distributions: names of those that have it, sorted.
    """

    entry: Entry
    distributions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facets:
    """How many components there are for each value of a filter, counted over the other filters."""

    kind: Mapping[str, int] = field(default_factory=dict)
    status: Mapping[str, int] = field(default_factory=dict)
    distribution: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComponentPage:
    """One page of components; `next` is "" on the last one."""

    items: tuple[Found, ...]
    next: str
    total: int
    facets: Facets


class Board:
    """All components of some distributions; made once, and never changed.

    Programs that say the same of a component share the entry, so there is little to look at, however many there are.

    Args:
        programs: the build of each distribution with what it says, those whose description is preferred first.
    """

    def __init__(self, programs: Iterable[tuple[BuildRecord, Sequence[Entry]]] = ()) -> None:
        self._programs = tuple(programs)
        self._places = {build.spec.name: place for place, (build, _) in enumerate(self._programs)}
        places = defaultdict[int, list[int]](list)
        entries = dict[int, Entry]()
        for place, (_, said) in enumerate(self._programs):
            for entry in said:
                places[id(entry)].append(place)
                entries[id(entry)] = entry
        groups = dict[_Places, _Places]()  # most components are in the same programs as others are
        self._told = dict[int, _Told]()
        self._found = dict[Component, list[_Told]]()
        for key, entry in entries.items():
            group = tuple(places[key])
            told = self._told[key] = _Told(entry, _Words.of(entry), groups.setdefault(group, group))
            self._found.setdefault(entry.component, []).append(told)
        self._names = {group: sorted(map(self._name, group)) for group in groups}

    def __len__(self) -> int:
        return len(self._found)

    @property
    def names(self) -> frozenset[str]:
        """Every component's name."""
        return frozenset(component.name for component in self._found)

    @property
    def components(self) -> Collection[Component]:
        """Every component."""
        return self._found.keys()

    def get(self, kind: str, name: str, distribution: str = "") -> tuple[Variant, tuple[Variant, ...]]:
        """One component: as *distribution* has it, by default the first that does; and as all of them have it.

        Raises:
            NotFound: nobody has it, or that distribution has not; the hint names what is near.
        """
        found = self._found.get(Component(kind, name), [])
        if not found:
            msg = f"no distribution has the {kind[:64]} `{name[:64]}`"
            raise NotFound(msg, hint=self._near(kind, name))
        holders = sorted((place, number) for number, told in enumerate(found) for place in told.places)
        variants = tuple(
            Variant(self._name(place), self._programs[place][0], found[number].entry) for place, number in holders
        )
        for variant in variants:
            if distribution in {"", variant.distribution}:
                return variant, variants
        msg = f"`{distribution[:64]}` has no {kind} `{name[:64]}`"
        has = ", ".join(f"`{each}`" for each in self._holders(found[0].entry)[:5])
        raise NotFound(msg, hint=f"it is in {has}")

    def page(self, query: ComponentQuery) -> ComponentPage:
        """Components that match. Raises `Refused` for a cursor that is not one of ours."""
        after = _read_cursor(query.cursor) if query.cursor else None
        matched = sorted(_matched(query, self._shown(query.distribution)), key=lambda match: match[0])
        fitting = [match for match in matched if _fits(match[1].entry, query.kind, query.status)]
        rest = [match for match in fitting if after is None or match[0] > after]
        shown = rest[: query.limit]
        following = _make_cursor(shown[-1][0]) if len(rest) > len(shown) else ""
        items = tuple(Found(told.entry, self._holders(told.entry)) for _, told in shown)
        return ComponentPage(items, following, len(fitting), self._facets(query, [told for _, told in matched]))

    def _shown(self, distribution: str) -> Iterable[_Told]:
        """One description of each component: that of *distribution*, or the preferred one."""
        if not distribution:
            return (told[0] for told in self._found.values())
        place = self._places.get(distribution)
        return [] if place is None else [self._told[id(entry)] for entry in self._programs[place][1]]

    def _facets(self, query: ComponentQuery, matched: Sequence[_Told]) -> Facets:
        kinds = Counter(told.entry.kind for told in matched if _fits(told.entry, "", query.status))
        statuses = Counter(told.entry.status for told in matched if _fits(told.entry, query.kind, ""))
        everywhere = (told for _, told in _matched(query, self._told.values()))
        groups = Counter(told.places for told in everywhere if _fits(told.entry, query.kind, query.status))
        names = Counter[str]()
        for group, count in groups.items():
            for name in self._names[group]:
                names[name] += count
        return Facets(
            {kind: kinds[kind] for kind in KINDS if kind in kinds},
            {status: statuses[status] for status in STATUSES if status in statuses},
            dict(sorted(names.items())),
        )

    def _holders(self, entry: Entry) -> Sequence[str]:
        """Names of all distributions that have a component, however they describe it."""
        told = self._found[entry.component]
        if len(told) == 1:
            return self._names[told[0].places]
        return sorted(name for each in told for name in self._names[each.places])

    def _name(self, place: int) -> str:
        return self._programs[place][0].spec.name

    def _near(self, kind: str, name: str) -> str:
        near = [each for each in self._found if each.name == name]
        if not near:
            ours = {each.name: each for each in self._found if each.kind == kind}
            near = [ours[each] for each in difflib.get_close_matches(name[:64], ours, n=3, cutoff=0.6)]
        return did_you_mean([str(each) for each in sorted(near)])


@dataclass(frozen=True, slots=True)
class _Words:
    """What of one entry is searched, in lower case."""

    name: str
    parts: frozenset[str]
    summary: str
    text: str

    @classmethod
    def of(cls, entry: Entry) -> _Words:
        name = entry.name.lower()
        parts = {*_WORDS.findall(name), *_WORDS.findall(entry.kind), entry.kind}
        summary = " ".join((entry.summary, *entry.categories))
        fields = (text for each in entry.fields for text in (each.path, each.description))
        given = (text for each in entry.parameters for text in (each.name, each.description))
        return cls(name, frozenset(parts), summary.lower(), "\n".join((entry.description, *fields, *given)).lower())

    def rank(self, words: Sequence[str], whole: str) -> int | None:
        """How well all *words* fit, 0 best; None where one of them does not. *whole*: them as one name."""
        if not words or whole == self.name:
            return 0
        ranks = [self._rank(word) for word in words]
        return None if None in ranks else 1 + sum(rank for rank in ranks if rank is not None)

    def _rank(self, word: str) -> int | None:
        if word == self.name:
            return _EXACT
        if self.name.startswith(word):
            return _PREFIX
        if word in self.parts:
            return _WORD
        places = ((_INSIDE, self.name), (_SUMMARY, self.summary), (_TEXT, self.text))
        return next((rank for rank, text in places if word in text), None)


@dataclass(frozen=True, slots=True)
class _Told:
    """A description of a component, and the places of the programs that give it."""

    entry: Entry
    words: _Words
    places: _Places


def _matched(query: ComponentQuery, descriptions: Iterable[_Told]) -> Iterator[tuple[_SortKey, _Told]]:
    """Those that fit words and package."""
    words = query.q.lower().split()
    whole = "_".join(words)
    for told in descriptions:
        entry = told.entry
        rank = told.words.rank(words, whole) if _is_package(entry.package, query.package) else None
        if rank is not None:
            late = bool(words) and entry.status == "deprecated"
            yield (rank, late, KINDS.index(entry.kind), entry.name), told


def _fits(entry: Entry, kind: str, status: str) -> bool:
    return kind in {"", entry.kind} and status in {"", entry.status}


def _is_package(package: str, wanted: str) -> bool:
    return not wanted or package == wanted or package.endswith(f"/{wanted}")


def _make_cursor(key: _SortKey) -> str:
    rank, deprecated, kind, name = key
    return f"{rank}.{int(deprecated)}.{kind}.{name}"


def _read_cursor(text: str) -> _SortKey:
    if not re.fullmatch(CURSOR, text):
        msg = "the cursor is not from a list of components"
        raise Refused(msg, hint="take it from the `next` of the page before")
    rank, deprecated, kind, name = text.split(".", 3)
    return int(rank), deprecated == "1", int(kind), name
