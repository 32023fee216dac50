"""Backup, restore, verification and move of what a broker holds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from wombat_gitops import __version__
from wombat_gitops.adapters.nats import archive, archive_restore, archive_verify, infrastructure
from wombat_gitops.adapters.nats.connection import connect
from wombat_gitops.domain.errors import Refused
from wombat_gitops.wiring import machine
from wombat_gitops.wiring.access import connected, credentials_for
from wombat_gitops.wiring.addresses import broker_address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from wombat_gitops.adapters.nats.archive import Saved
    from wombat_gitops.adapters.nats.archive_restore import Restored
    from wombat_gitops.adapters.nats.archive_verify import Verified
    from wombat_gitops.adapters.nats.connection import Connection
    from wombat_gitops.settings import Settings

_ROLE: Final = "admin"
_SECONDS: Final = 10.0
_CLUSTER: Final = 3


async def backup(settings: Settings, target: Path) -> Saved:
    """Write what the broker holds into a file. Raises as `adapters.nats.archive.backup` does."""
    async with connected(settings, _ROLE, seconds=_SECONDS) as connection:
        about = {"created_at": machine.now().isoformat(), "wombat": __version__}
        return await archive.backup(connection, target, about)


async def restore(settings: Settings, source: Path, *, merge: bool) -> Restored:
    """Bring an archive into the broker. Raises as `adapters.nats.archive_restore.restore` does."""
    async with _writing(settings, settings.replicas) as connection:
        return await archive_restore.restore(connection, source, merge=merge)


async def verify(settings: Settings) -> Verified:
    """Look at everything that the broker holds. Raises as `adapters.nats.archive_verify.verify` does."""
    async with connected(settings, _ROLE, seconds=_SECONDS) as connection:
        return await archive_verify.verify(connection)


async def move(settings: Settings, target: str, *, replicas: int | None, merge: bool) -> tuple[Restored, Verified]:
    """Copy what the broker holds to the one at *target*, and verify it there.

    Both take the credentials that are set, but the broker of a `wombat up` here has its own.

    Args:
        target: `nats://host:port`, several with commas between.
        replicas: copies of each stream there; None: three where *target* names three servers, else the setting.

    Raises:
        Refused: it is the same broker, or it holds other records.
    """
    present = broker_address(settings)
    if set(present.split(",")) & set(target.split(",")):
        msg = f"`{target}` is the broker to move from"
        raise Refused(msg)
    named = len(target.split(","))
    copies = replicas or max(settings.replicas, _CLUSTER if named >= _CLUSTER else 1)
    there = settings.model_copy(update={"nats": target})
    async with connected(settings, _ROLE, seconds=_SECONDS) as old, _writing(there, copies) as new:
        _, restored = await archive_restore.move(old, new, merge=merge)
        return restored, await archive_verify.verify(new)


@asynccontextmanager
async def _writing(settings: Settings, replicas: int) -> AsyncIterator[Connection]:
    prepare = partial(infrastructure.ensure, replicas=replicas)
    address, known = broker_address(settings), credentials_for(settings, _ROLE)
    async with connect(address, role=_ROLE, seconds=_SECONDS, prepare=prepare, credentials=known) as connection:
        yield connection
