"""The rows of lists as JSON, made once: what two lists have in common is most of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from wombat_gitops.api.answers import answer, written
from wombat_gitops.api.sparse import dump, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastapi import Request, Response

    from wombat_gitops.api.views.base import View
    from wombat_gitops.services.catalog import Catalog

LIMIT: Final = 64 * 1024**2
"""Bytes of all rows of one kind that are kept: some more than 10,000 builds with many packages have."""

_OVERHEAD: Final = 1024
"""Bytes that a row takes beside its JSON, with what it is compared to."""

_NO_ITEMS: Final = b'"items":[]'

Record = TypeVar("Record")
Around = TypeVar("Around")


@dataclass(slots=True)
class _Row(Generic[Record, Around]):
    """JSON of a record, with what it was made from, and the catalogue's version at which that was so still."""

    record: Record
    around: Around
    data: bytes
    version: int


class Rows(Generic[Record, Around]):
    """Rows of one kind of list.

    A row is made from its record and from what is around it in the catalogue, and from nothing else. Both are compared
    before it is told again, unless the catalogue is as it was then.

    Args:
        key: names a record among those of its kind.
        around: what a row tells beside its record.
        row: a row of both.
        ages: whether time alone may change what is around a record.
        limit: bytes of all rows that are kept; those that were asked for longest ago go first.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        key: Callable[[Record], str],
        around: Callable[[Catalog, Record], Around],
        row: Callable[[Record, Around], View],
        ages: Callable[[Record], bool],
        limit: int = LIMIT,
    ) -> None:
        self._catalog = catalog
        self._key = key
        self._around = around
        self._row = row
        self._ages = ages
        self._limit = limit
        self._rows = OrderedDict[str, _Row[Record, Around]]()
        self.size = 0

    def answer(self, request: Request, frame: View, records: Iterable[Record], *, next_page: str | None) -> Response:
        """A page of a list, as `answers.answer`.

        Args:
            frame: the page without its items.
        """
        if wanted(request):
            items = [self._row(record, self._around(self._catalog, record)) for record in records]
            return answer(request, frame.model_copy(update={"items": items}), next_page=next_page, kept=True)
        before, _, behind = dump(frame, "").partition(_NO_ITEMS)
        body = b"".join((before, b'"items":[', b",".join(map(self.json, records)), b"]", behind))
        return written(request, body, next_page=next_page, kept=True)

    def json(self, record: Record) -> bytes:
        """One row as it is now."""
        key, version = self._key(record), self._catalog.version
        known = self._rows.get(key)
        if known is None or known.record is not record:
            return self._make(key, record, self._around(self._catalog, record))
        if known.version != version or self._ages(record):
            around = self._around(self._catalog, record)
            if around != known.around:
                return self._make(key, record, around)
            known.version = version
        self._rows.move_to_end(key)
        return known.data

    def _make(self, key: str, record: Record, around: Around) -> bytes:
        data = dump(self._row(record, around), "")
        old = self._rows.pop(key, None)
        if old is not None:
            self.size -= _OVERHEAD + len(old.data)
        self._rows[key] = _Row(record, around, data, self._catalog.version)
        self.size += _OVERHEAD + len(data)
        while self.size > self._limit:
            _, gone = self._rows.popitem(last=False)
            self.size -= _OVERHEAD + len(gone.data)
        return data
