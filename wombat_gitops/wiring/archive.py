"""Backup, restore, verification and move of what a broker holds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops import __version__
from wombat_gitops.adapters.nats import archive, archive_restore, archive_verify, infrastructure
from wombat_gitops.adapters.nats.addresses import servers, shown
from wombat_gitops.adapters.nats.connection import connect
from wombat_gitops.domain.errors import Refused
from wombat_gitops.wiring import machine
from wombat_gitops.wiring.access import connected, credentials_for, sizes
from wombat_gitops.wiring.addresses import broker_address, broker_domain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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


@dataclass(frozen=True, slots=True)
class Target:
    """The broker to move to.

    Attributes:
        address: `nats://host:port`, several with commas between.
        credentials: the key of its admin; None: the one that is set.
        ca: the certificates of its authority; None: those that are set.
        domain: the JetStream domain of its streams; "": its own.
    """

    address: str
    credentials: Path | None = None
    ca: Path | None = None
    domain: str = ""


async def move(settings: Settings, target: Target, *, replicas: int | None, merge: bool) -> tuple[Restored, Verified]:
    """Copy what the broker holds to *target*, and verify it there.

    Args:
        replicas: copies of each stream there; None: three where *target* names three servers, else the setting.

    Raises:
        Refused: it is the same broker, or it holds other records.
    """
    present = broker_address(settings)
    named = servers(target.address)
    if set(servers(present)) & set(named) and broker_domain(settings) == target.domain:
        msg = f"`{shown(target.address)}` is the broker to move from"
        raise Refused(msg)
    copies = replicas or max(settings.replicas, _CLUSTER if len(named) >= _CLUSTER else 1)
    there = settings.model_copy(
        update={
            "nats": target.address,
            "nats_domain": target.domain,
            "credentials": target.credentials or settings.credentials,
            "ca": target.ca or settings.ca,
        }
    )
    async with connected(settings, _ROLE, seconds=_SECONDS) as old, _writing(there, copies) as new:
        _, restored = await archive_restore.move(old, new, merge=merge)
        return restored, await archive_verify.verify(new)


@asynccontextmanager
async def _writing(settings: Settings, replicas: int) -> AsyncIterator[Connection]:
    prepare = partial(infrastructure.ensure, replicas=replicas, sizes=sizes(settings, _ROLE))
    address, known = broker_address(settings), credentials_for(settings, _ROLE)
    async with connect(
        address, role=_ROLE, seconds=_SECONDS, prepare=prepare, credentials=known, domain=broker_domain(settings)
    ) as connection:
        yield connection
