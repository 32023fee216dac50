"""Who connects to the broker: the credentials that the settings name, or those of a running `wombat up`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters import credentials as keys
from wombat_gitops.adapters.credentials import Credentials
from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.adapters.nats import infrastructure
from wombat_gitops.adapters.nats.connection import Connection, connect
from wombat_gitops.adapters.nats.infrastructure import Sizes
from wombat_gitops.domain.access import ACCOUNT, Role
from wombat_gitops.domain.errors import Refused
from wombat_gitops.wiring.addresses import broker_address, broker_domain, noted_credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from wombat_gitops.settings import Settings

_ALLOWED: Mapping[str, frozenset[Role]] = {
    "service": frozenset({Role.SERVICE}),
    "builder": frozenset({Role.BUILDER}),
    "watcher": frozenset({Role.WATCHER}),
    "api": frozenset({Role.API}),
    "cli": frozenset({Role.CLI, Role.ADMIN}),
    "rebuild": frozenset({Role.ADMIN, Role.BUILDER}),
}
"""Whose credentials a role takes; any where it is not named."""

_KEEPERS: Final = frozenset({"service", "up"})
"""Roles whose settings say how much is kept; others must not lift a limit that they have not heard of."""


def credentials_for(settings: Settings, role: str) -> Credentials | None:
    """The credentials of a role, or None where nothing is said about any.

    Raises:
        NotFound: a file cannot be read.
        Refused: it holds no credentials, or those of another role.
    """
    if not settings.nats and (noted := noted_credentials(settings)) is not None:
        return keys.read_credentials(noted)
    file = settings.credentials
    tls = keys.tls_context(settings.ca, file)
    if file is None:
        return Credentials(tls=tls) if tls is not None else None
    found = keys.read_credentials(file)
    allowed = _ALLOWED.get(role)
    if found.user is not None and allowed is not None and found.user.role not in allowed:
        wanted = " or ".join(sorted(f"`{each}`" for each in allowed))
        msg = f"`{file}` holds the credentials of `{found.user.label}`, not of {wanted}"
        raise Refused(msg, hint="WOMBAT_CREDENTIALS names the file of the role that runs")
    return Credentials(found.user, found.seed, tls)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The key of a broker that serves one person only."""

    file: Path
    public: str
    credentials: Credentials


def private_key(file: Path) -> PrivateKey:
    """A new key in *file*, which only its owner can read."""
    seed = keys.new_seed()
    replace_bytes(file, f"{seed}\n".encode())
    return PrivateKey(file.absolute(), keys.public_key(seed), Credentials(seed=seed))


def preparation(
    settings: Settings, role: str, credentials: Credentials | None
) -> Callable[[Connection], Awaitable[None]]:
    """What a role does about buckets and streams when it has connected: create them, or wait for who may."""
    user = credentials.user if credentials is not None else None
    if user is not None and user.account != ACCOUNT:
        return infrastructure.until_there
    return partial(infrastructure.ensure, replicas=settings.replicas, sizes=sizes(settings, role))


def sizes(settings: Settings, role: str) -> Sizes:
    """How large the streams may be that a role creates; only a keeper lifts a limit."""
    limit = int(settings.artifacts_limit)
    return Sizes(limit if role in _KEEPERS else limit or None, int(settings.bucket_limit))


def named_builder(settings: Settings) -> Settings:
    """The settings of a builder with the name that its credentials give it.

    Raises:
        NotFound: the credentials cannot be read.
        Refused: they belong to somebody else.
    """
    known = credentials_for(settings, "builder")
    name = known.user.name if known is not None and known.user is not None else ""
    if not name:
        return settings
    if settings.builder_name not in {"", name}:
        msg = f"this builder is called `{settings.builder_name}`, and its credentials are those of `{name}`"
        raise Refused(msg, hint="leave WOMBAT_BUILDER_NAME out, or make credentials with `wombat auth init --builder`")
    return settings.model_copy(update={"builder_name": name})


@asynccontextmanager
async def connected(settings: Settings, role: str, *, seconds: float = 5.0) -> AsyncIterator[Connection]:
    """Connect for a command, which neither creates streams nor waits for them.

    Raises:
        Unreachable: there is no broker, or nobody said where it is.
        Denied: it does not let this user in.
        Refused: the credentials are not those of this role.
    """
    address, known = broker_address(settings), credentials_for(settings, role)
    domain = broker_domain(settings)
    async with connect(address, role=role, seconds=seconds, credentials=known, domain=domain) as connection:
        yield connection


async def prepare(settings: Settings) -> None:
    """Create all buckets and streams, or bring them in line, with the credentials of an admin or a service.

    Raises:
        Unreachable: there is no broker.
        Refused: the credentials are those of somebody who may not.
    """
    address, known = broker_address(settings), credentials_for(settings, "prepare")
    if known is not None and known.user is not None and known.user.account != ACCOUNT:
        msg = f"user `{known.user.label}` may not create streams"
        raise Refused(msg, hint="use the credentials of `admin` or `service`")
    async with connect(address, role="prepare", credentials=known, domain=broker_domain(settings)) as connection:
        await infrastructure.ensure(connection, replicas=settings.replicas, sizes=sizes(settings, "prepare"))
