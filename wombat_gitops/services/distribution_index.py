"""All distributions in memory: found by filter and by words, in several orders, with what further filters would leave.

What moves touches its own entry alone; a build that moves on only marks the distributions that ask for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.cursors import Place, make_cursor, read_cursor
from wombat_gitops.domain.searching import Rank, fold, text_of
from wombat_gitops.services.catalog_types import DistributionPage, Sort
from wombat_gitops.services.postings import Postings
from wombat_gitops.services.word_index import WordIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wombat_gitops.domain.catalogue import DistributionRecord, Status
    from wombat_gitops.services.catalog_types import DistributionQuery
    from wombat_gitops.services.postings import Values

FACETS: Final = ("platform", "license", "state", "label", "package")
"""Fields that are counted for every answer."""

_RETIRED: Final = "retired"
_STATE_RETIRED: Final = "Retired"


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of a distribution's newest programs; it comes later than its manifest.

    Attributes:
        licenses: SPDX identifiers of all that is compiled in.
        components: names of what can be used in a pipeline.
    """

    licenses: frozenset[str] = frozenset()
    components: frozenset[str] = frozenset()


_UNKNOWN: Final = Learned()


class DistributionIndex:
    """Distributions by name.

    Args:
        status_of: where a distribution stands now.
    """

    def __init__(self, status_of: Callable[[DistributionRecord], Status]) -> None:
        self._status_of = status_of
        self._records: dict[str, DistributionRecord] = {}
        self._words = WordIndex()
        self._learned: dict[str, Learned] = {}
        self._postings = Postings()
        self._orders: dict[Sort, list[Place]] = {Sort.NAME: [], Sort.UPDATED: []}
        self._asking: defaultdict[str, set[str]] = defaultdict(set)
        self._moved = set[str]()

    def put(self, record: DistributionRecord) -> None:
        """A new distribution, or what a known one declares now."""
        self._forget(record.name)
        self._records[record.name] = record
        for sort, order in self._orders.items():
            insort(order, _place(sort, record))
        for target in record.targets:
            self._asking[target.build].add(record.name)
        self._read(record)

    def remove(self, name: str) -> None:
        """Forget a distribution; nothing happens where it is not known."""
        if self._forget(name):
            del self._records[name]
            self._words.remove(name)
            self._postings.remove(name)
            self._moved.discard(name)

    def learn(self, name: str, learned: Learned) -> bool:
        """Take what became known of a distribution; say whether it is news."""
        if self._learned.get(name, _UNKNOWN) == learned:
            return False
        self._learned[name] = learned
        record = self._records.get(name)
        if record is not None:
            self._read(record)
        return True

    def build_moved(self, build: str) -> None:
        """A build is in another state now."""
        self._moved.update(self._asking.get(build, ()))

    def page(self, query: DistributionQuery) -> DistributionPage:
        """Distributions that match, in order. Raises `Refused` for a cursor that is not one of ours."""
        for name in self._moved:
            self._postings.put(name, self._values(self._records[name]))
        self._moved.clear()
        ranks = self._ranks(query.q)
        filters = self._filters(query, ranks)
        either = self._postings.all_of(filters)
        gone = self._postings.having(_RETIRED, _RETIRED)
        everything = (
            self._postings.all if query.retired or query.state == _STATE_RETIRED else self._postings.all & ~gone
        )
        shown = either & everything
        found = self._walk(query, shown, ranks)
        items = tuple(self._records[name] for _, name in found[: query.limit])
        more = len(found) > query.limit
        return DistributionPage(
            items=items,
            next=make_cursor(found[query.limit - 1]) if more else "",
            total=shown.bit_count(),
            facets=self._postings.facets(FACETS, filters, everything),
            retired=(either & gone).bit_count(),
        )

    def found(self, q: str) -> list[DistributionRecord]:
        """Distributions that fit *q* and are not retired, the best first."""
        best = sorted((rank, name) for name, rank in (self._ranks(q) or {}).items())
        return [self._records[name] for _, name in best if not self._records[name].retired]

    def _ranks(self, q: str) -> dict[str, Rank] | None:
        """How well each distribution fits, or None where nothing is searched for."""
        return self._words.ranks(fold(q)) if q.strip() else None

    def _filters(self, query: DistributionQuery, ranks: Mapping[str, Rank] | None) -> dict[str, int]:
        """The distributions that pass each filter which is set."""
        exact = (
            ("platform", "platform", query.platform),
            ("license", "license", query.license),
            ("state", "state", query.state),
            ("label", "label" if "=" in query.label else "label_key", query.label),
            ("package", "package" if "/" in query.package else "package_end", query.package),
            ("sync", "sync", query.sync.value if query.sync else ""),
            ("health", "health", query.health.value if query.health else ""),
        )
        filters = {name: self._postings.having(field, value) for name, field, value in exact if value}
        if ranks is not None:
            filters["q"] = self._postings.only(ranks)
        return filters

    def _walk(self, query: DistributionQuery, bits: int, ranks: Mapping[str, Rank] | None) -> list[Place]:
        """The places of one page, and of one entry more where there is one."""
        sort = query.sort or (Sort.NAME if ranks is None else Sort.RELEVANCE)
        if sort is Sort.RELEVANCE and ranks is not None:
            order = sorted((float(rank), name) for name, rank in ranks.items())
        else:
            order = self._orders[Sort.NAME if sort is Sort.RELEVANCE else sort]
        start = bisect_right(order, read_cursor(query.cursor)) if query.cursor else 0
        found: list[Place] = []
        for at in range(start, len(order)):
            if self._postings.has(bits, order[at][1]):
                found.append(order[at])
                if len(found) > query.limit:
                    break
        return found

    def _read(self, record: DistributionRecord) -> None:
        learned = self._learned.get(record.name, _UNKNOWN)
        labels = (part for label in record.labels for part in label)
        told = (record.version, record.description, *record.packages, *labels, *_licenses(record, learned))
        self._words.put(record.name, text_of(record.name, *told, *learned.components))
        self._postings.put(record.name, self._values(record))

    def _values(self, record: DistributionRecord) -> Values:
        status = self._status_of(record)
        return {
            "platform": frozenset(str(target.platform) for target in record.targets),
            "license": _licenses(record, self._learned.get(record.name, _UNKNOWN)),
            "state": states_of(record, status),
            "sync": frozenset({status.sync.value}),
            "health": frozenset({status.health.value}),
            "label": frozenset(f"{key}={value}" for key, value in record.labels),
            "label_key": frozenset(key for key, _ in record.labels),
            "package": frozenset(record.packages),
            "package_end": frozenset(package.rsplit("/", 1)[-1] for package in record.packages),
            _RETIRED: frozenset({_RETIRED} if record.retired else ()),
        }

    def _forget(self, name: str) -> bool:
        """Take a distribution out of what is found by other things than its values."""
        old = self._records.get(name)
        if old is None:
            return False
        for sort, order in self._orders.items():
            del order[bisect_left(order, _place(sort, old))]
        for target in old.targets:
            asking = self._asking[target.build]
            asking.discard(name)
            if not asking:
                del self._asking[target.build]
        return True


def states_of(record: DistributionRecord, status: Status) -> frozenset[str]:
    """The words that a distribution's state is found by: what is withdrawn or gone is never called healthy."""
    if record.retired:
        return frozenset({_STATE_RETIRED})
    withdrawn = record.withdrawn is not None and record.withdrawn.covers(record.version)
    return frozenset({status.sync.value, "Withdrawn" if withdrawn else status.health.value})


def _licenses(record: DistributionRecord, learned: Learned) -> frozenset[str]:
    return learned.licenses | ({record.license} if record.license else set())


def _place(sort: Sort, record: DistributionRecord) -> Place:
    return (-record.date.timestamp() if sort is Sort.UPDATED else 0.0, record.name)
