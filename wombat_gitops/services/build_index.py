"""All builds in memory, found by filter, by words and by what they published.

Every distinct word of every field points at the builds that have it. Fields repeat a great deal (a
few hundred packages, a handful of platforms and states), so a search looks at the distinct words and
never at the builds: `tests/bench/test_catalog.py` holds the figures.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from wombat_gitops.domain.errors import NotFound, Refused
from wombat_gitops.domain.messages import BuildPage
from wombat_gitops.domain.neighbours import did_you_mean
from wombat_gitops.domain.records import BuildRecord, BuildState

if TYPE_CHECKING:
    from wombat_gitops.domain.messages import BuildQuery

_OrderKey = tuple[datetime, str]
_Key = TypeVar("_Key", tuple[datetime, str], str)

SHORTEST_PREFIX: Final = 8
"""Hex digits of a build id that are enough where no other build begins with them."""

_NEAR: Final = 5
"""Digits that an id shares with one that does not exist to be proposed instead."""

_SHOWN: Final = 12
"""Digits of an id in messages."""

_FEW: Final = 2000
"""Up to so many matches are sorted; more are found by walking all builds in order."""


@dataclass(frozen=True, slots=True)
class Published:
    """What one distribution has published; of equal places the newest build counts.

    Attributes:
        files: by version and file name.
        versions: by version and platform.
    """

    files: Mapping[tuple[str, str], BuildRecord]
    versions: Mapping[str, Mapping[str, BuildRecord]]


_NOTHING: Final = Published({}, {})


class BuildIndex:
    """Builds by id, with the orders and indexes that lists, searches and downloads need."""

    def __init__(self) -> None:
        self._records: dict[str, BuildRecord] = {}
        self._order: list[_OrderKey] = []
        self._ids: list[str] = []
        self._postings: dict[str, dict[str, set[str]]] = {field: {} for field in _FIELDS}
        self._published: defaultdict[str, set[str]] = defaultdict(set)
        self._digests: defaultdict[str, set[str]] = defaultdict(set)
        self._summaries: dict[str, Published] = {}
        self._packages: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._records)

    @property
    def records(self) -> Mapping[str, BuildRecord]:
        """Every build by its id."""
        return self._records

    def put(self, record: BuildRecord) -> None:
        """Take a new build, or the new state of a known one."""
        shared = self._packages.setdefault(record.spec.packages, record.spec.packages)
        if shared is not record.spec.packages:
            record = replace(record, spec=replace(record.spec, packages=shared))
        old = self._records.get(record.id)
        self._records[record.id] = record
        if old is None:
            insort(self._ids, record.id)
        if old is None or old.requested_at != record.requested_at:
            if old is not None:
                _discard(self._order, _order_key(old))
            insort(self._order, _order_key(record))
        self._move_words(record.id, _words(old) if old else _NO_WORDS, _words(record))
        self._move_published(old, record)

    def remove(self, identity: str) -> None:
        """Forget a build; nothing happens where it is not known."""
        old = self._records.pop(identity, None)
        if old is None:
            return
        _discard(self._ids, identity)
        _discard(self._order, _order_key(old))
        self._move_words(identity, _words(old), _NO_WORDS)
        self._move_published(old, None)

    def find(self, text: str) -> BuildRecord:
        """The build with this id, or the only one whose id begins so.

        Raises:
            NotFound: there is none, or *text* is too short to say.
            Refused: there are several.
        """
        exact = self._records.get(text)
        if exact is not None:
            return exact
        start = bisect_left(self._ids, text)
        found = [identity for identity in self._ids[start : start + 2] if identity.startswith(text)]
        if len(text) < SHORTEST_PREFIX or not found:
            msg = f"there is no build `{text[:64]}`"
            near = [identity[:_SHOWN] for identity in self._beginning_with(text[:_NEAR])]
            hint = did_you_mean(near) or f"give the whole id or at least its first {SHORTEST_PREFIX} digits"
            raise NotFound(msg, hint=hint)
        if len(found) > 1:
            msg = f"several builds begin with `{text}`"
            raise Refused(msg, hint="give more digits of the id")
        return self._records[found[0]]

    def _beginning_with(self, text: str) -> list[str]:
        """The first ids that begin so; none for a text that is too short to mean one."""
        start = bisect_left(self._ids, text)
        found = [identity for identity in self._ids[start : start + 3] if identity.startswith(text)]
        return found if len(text) == _NEAR else []

    def page(self, query: BuildQuery) -> BuildPage:
        """Builds that match, newest first. Raises `Refused` for a cursor that is not one of ours."""
        matches = self._matches(query)
        before = _read_cursor(query.cursor) if query.cursor else None
        end = bisect_left(self._order, before) if before else len(self._order)
        if matches is None:
            keys = self._order[max(end - query.limit - 1, 0) : end][::-1]
        elif len(matches) <= _FEW:
            keys = sorted((_order_key(self._records[identity]) for identity in matches), reverse=True)
            keys = [key for key in keys if before is None or key < before][: query.limit + 1]
        else:
            keys = self._walk(matches, end, query.limit + 1)
        items = tuple(self._records[identity] for _, identity in keys[: query.limit])
        more = len(keys) > query.limit
        total = len(self._records) if matches is None else len(matches)
        return BuildPage(items, _make_cursor(_order_key(items[-1])) if more else "", total)

    def count(self, state: BuildState) -> int:
        """How many builds are in *state*."""
        return len(self._postings["state"].get(state.value, ()))

    @property
    def platforms(self) -> list[str]:
        """Every platform that some build is for."""
        return list(self._postings["platform"])

    def in_state(self, state: BuildState) -> list[BuildRecord]:
        """All builds in *state*, in no order."""
        return [self._records[identity] for identity in self._postings["state"].get(state.value, ())]

    def published(self, name: str) -> Published:
        """What the distribution *name* has published."""
        summary = self._summaries.get(name)
        if summary is None and name in self._published:
            summary = self._summaries[name] = self._summarize(name)
        return summary or _NOTHING

    def by_digest(self, sha256: str) -> BuildRecord | None:
        """The newest build that produced these bytes."""
        made = [self._records[identity] for identity in self._digests.get(sha256, ())]
        return max(made, key=_age, default=None)

    def _walk(self, matches: set[str], end: int, limit: int) -> list[_OrderKey]:
        found = list[_OrderKey]()
        for place in range(end - 1, -1, -1):
            if self._order[place][1] in matches:
                found.append(self._order[place])
                if len(found) == limit:
                    break
        return found

    def _matches(self, query: BuildQuery) -> set[str] | None:
        """Ids that pass every filter, or None where there is no filter."""
        wanted: list[set[str]] = []
        exact = {
            "name": query.name,
            "version": query.version,
            "platform": str(query.platform) if query.platform else "",
            "package" if "/" in query.package else "package_end": query.package,
            "state": query.state.value if query.state else "",
        }
        wanted.extend(self._postings[field].get(word.lower(), set()) for field, word in exact.items() if word)
        if query.revision:
            wanted.append(self._beginning("revision", query.revision.lower()))
        wanted.extend(self._holding(word) for word in query.q.lower().split())
        if not wanted:
            return None
        wanted.sort(key=len)
        return wanted[0].intersection(*wanted[1:]) if len(wanted) > 1 else wanted[0]

    def _beginning(self, field: str, start: str) -> set[str]:
        postings = self._postings[field]
        return set().union(*(ids for word, ids in postings.items() if word.startswith(start)))

    def _holding(self, part: str) -> set[str]:
        found = [ids for field in _TEXT_FIELDS for word, ids in self._postings[field].items() if part in word]
        return set().union(*found)

    def _move_words(self, identity: str, old: _Words, new: _Words) -> None:
        for field in _FIELDS:
            if old[field] == new[field]:
                continue
            postings = self._postings[field]
            for word in old[field].difference(new[field]):
                ids = postings[word]
                ids.discard(identity)
                if not ids:
                    del postings[word]
            for word in new[field].difference(old[field]):
                postings.setdefault(word, set()).add(identity)

    def _move_published(self, old: BuildRecord | None, new: BuildRecord | None) -> None:
        for record, add in ((old, False), (new, True)):
            if record is None or record.state is not BuildState.SUCCEEDED or record.artifact is None:
                continue
            self._summaries.pop(record.spec.name, None)
            for ids in (self._published[record.spec.name], self._digests[record.artifact.sha256]):
                (ids.add if add else ids.discard)(record.id)
            if not self._published[record.spec.name]:
                del self._published[record.spec.name]
            if not self._digests[record.artifact.sha256]:
                del self._digests[record.artifact.sha256]

    def _summarize(self, name: str) -> Published:
        files: dict[tuple[str, str], BuildRecord] = {}
        versions: defaultdict[str, dict[str, BuildRecord]] = defaultdict(dict)
        for record in sorted((self._records[identity] for identity in self._published[name]), key=_age):
            files[record.spec.version, record.spec.file_name] = record
            versions[record.spec.version][str(record.spec.platform)] = record
        return Published(files, versions)


_Words = dict[str, frozenset[str]]

_TEXT_FIELDS: Final = ("name", "version", "platform", "package", "state", "revision")
_FIELDS: Final = (*_TEXT_FIELDS, "package_end")
_NO_WORDS: Final[_Words] = dict.fromkeys(_FIELDS, frozenset())


def _words(record: BuildRecord) -> _Words:
    spec = record.spec
    packages = frozenset(package.lower() for package in spec.packages)
    return {
        "name": frozenset({spec.name.lower()}),
        "version": frozenset({spec.version.lower()}),
        "platform": frozenset({str(spec.platform)}),
        "package": packages,
        "package_end": frozenset(package.rsplit("/", 1)[-1] for package in packages),
        "state": frozenset({record.state.value}),
        "revision": frozenset({record.origin.revision.lower()} - {""}),
    }


def _order_key(record: BuildRecord) -> _OrderKey:
    return (record.requested_at, record.id)


def _age(record: BuildRecord) -> tuple[datetime, str]:
    return (record.changed_at, record.id)


def _discard(ordered: list[_Key], key: _Key) -> None:
    place = bisect_left(ordered, key)
    if place < len(ordered) and ordered[place] == key:
        del ordered[place]


def _make_cursor(key: _OrderKey) -> str:
    moment, identity = key
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {identity}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> _OrderKey:
    try:
        padded = text + "=" * (-len(text) % 4)
        moment, _, identity = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(" ")
        return (datetime.fromisoformat(moment).astimezone(UTC), identity)
    except (binascii.Error, ValueError, OverflowError) as error:
        msg = "`cursor` is not one that a list gave"
        raise Refused(msg, hint="use the `next` of the page before as it is") from error
