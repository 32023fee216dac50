"""Locks that are only made for programs that can be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.domain import inspection

if TYPE_CHECKING:
    from wombat_gitops.domain.gomod import Offer
    from wombat_gitops.domain.model import Distribution, Lock
    from wombat_gitops.ports import Inspector, Output, Resolver


class InspectedResolver:
    """`ports.Resolver` that looks into what it resolved: what is of no use is found here, and not by a build."""

    def __init__(self, resolver: Resolver, inspector: Inspector) -> None:
        self._resolver = resolver
        self._inspector = inspector

    async def resolve(self, distribution: Distribution, output: Output) -> Lock:
        """See `ports.Resolver`; also raises `UselessPackages`, which is a `LockError`."""
        lock = await self._resolver.resolve(distribution, output)
        inspection.refuse(await self._inspector.inspect(distribution, lock, output))
        return lock

    async def offers(self, distribution: Distribution, lock: Lock) -> tuple[Offer, ...]:
        """See `ports.Resolver`."""
        return await self._resolver.offers(distribution, lock)
