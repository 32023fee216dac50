"""What operators order of builders, by name: `ports.Builders`.

An order is kept until the next one, whether a builder of that name is at work now or not, so that it outlives every
restart. Builders follow their own; they cannot write it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from wombat_gitops.domain.catalogue import BuilderOrder
from wombat_gitops.domain.errors import CorruptData
from wombat_gitops.domain.messages import BuilderAnswer
from wombat_gitops.domain.subjects import builder_name, builder_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from wombat_gitops.domain.catalogue import BuilderPresence
    from wombat_gitops.ports import Store

_log = structlog.get_logger(__name__)


class Fleet:
    """Writes orders for builders.

    Args:
        builders: those that show signs of life.
    """

    def __init__(
        self,
        orders: Store[BuilderOrder],
        builders: Callable[[], Iterable[BuilderPresence]],
        clock: Callable[[], datetime],
    ) -> None:
        self._orders = orders
        self._builders = builders
        self._clock = clock

    async def drain(self, name: str) -> BuilderAnswer:
        """Let a builder take nothing more; what it has it ends."""
        return await self._order(name, drain=True)

    async def resume(self, name: str) -> BuilderAnswer:
        """Let a builder take builds again."""
        return await self._order(name, drain=False)

    async def _order(self, name: str, *, drain: bool) -> BuilderAnswer:
        key, wanted = builder_order(name), BuilderOrder(drain, self._clock())
        while True:
            try:
                entry = await self._orders.get(key)
                before = entry.value.drain if entry is not None else False
                # Written also where it is no news: a builder may have missed what was lost with a broker's store.
                written = await (self._orders.replace(entry, wanted) if entry else self._orders.create(key, wanted))
            except CorruptData:
                before, written = not drain, await self._orders.put(key, wanted)
            if written is not None:
                break
        if drain:
            _log.info("drain_ordered", builder=name)
        else:
            _log.info("resume_ordered", builder=name)
        present = tuple(builder.id for builder in self._builders() if builder_name(builder.id) == name)
        return BuilderAnswer(name, drain, before is not drain, present)
