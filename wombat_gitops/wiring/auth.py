"""Makes what a broker with access control needs: keys of all users, certificates, and its configuration.

What is there is kept: a second run adds users, and makes the configuration anew from the keys in the folder. Stopped
halfway, each file is whole or not there, and the next run adds the rest. No secret is ever told.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters import certificates
from wombat_gitops.adapters import credentials as keys
from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.domain.access import Role, User, accounts
from wombat_gitops.domain.errors import Refused
from wombat_gitops.wiring import machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CONFIG: Final = "access.conf"
AUTHORITY: Final = "ca.crt"
_AUTHORITY_KEY: Final = "ca.key"
_SERVER: Final = "server.crt"
_SERVER_KEY: Final = "server.key"
_ENDING: Final = ".nk"
_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DOMAIN_LINE: Final = re.compile(rf"# domain: ({_DOMAIN.pattern})\n")
_HOST: Final = re.compile(r"[A-Za-z0-9:.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Made:
    """What a run did: names of files that are new, were made anew, or were there."""

    new: tuple[str, ...]
    renewed: tuple[str, ...]
    kept: tuple[str, ...]


def init(folder: Path, builders: Sequence[str], hosts: Sequence[str], domain: str = "") -> Made:
    """Make keys and certificates that *folder* lacks, and the broker's configuration.

    Args:
        builders: names of builders that are to have a key of their own.
        hosts: names and addresses at which the broker is reached.
        domain: JetStream domain of the broker, where roles connect to its leaf nodes; "": that of an earlier run.

    Raises:
        Refused: a name that cannot be, or a file that is not what it should be.
    """
    for host in hosts:
        if not _HOST.fullmatch(host):
            msg = f"`{host}` is no name or address of a host"
            raise Refused(msg)
    wanted = [User(role) for role in Role if role is not Role.BUILDER] + [User(Role.BUILDER, name) for name in builders]
    new: list[str] = []
    kept: list[str] = []
    renewed = [CONFIG]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for user in wanted:
        file = folder / f"{user.label}{_ENDING}"
        (kept if file.exists() else new).append(file.name)
        if not file.exists():
            replace_bytes(file, keys.file_text(user, keys.new_seed()).encode())
    if (folder / AUTHORITY).exists():
        kept.append(AUTHORITY)
    else:
        certificates.make_authority(folder / AUTHORITY, folder / _AUTHORITY_KEY, machine.now())
        new.append(AUTHORITY)
    known = certificates.hosts_of(folder / _SERVER)
    if set(hosts) <= set(known):
        kept.append(_SERVER)
    else:
        (renewed if known else new).append(_SERVER)
        authority = (folder / AUTHORITY, folder / _AUTHORITY_KEY)
        every = sorted({*hosts, *known})
        certificates.make_server(folder / _SERVER, folder / _SERVER_KEY, authority, every, machine.now())
    if domain and not _DOMAIN.fullmatch(domain):
        msg = f"`{domain}` is no JetStream domain"
        raise Refused(msg, hint="a domain has 1 to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`")
    config = _config(folder, _users(folder), domain or _domain_of(folder / CONFIG))
    replace_bytes(folder / CONFIG, config.encode())
    return Made(tuple(sorted(new)), tuple(sorted(renewed)), tuple(sorted(set(kept) - set(new))))


def _users(folder: Path) -> dict[User, str]:
    """Every user with a key in *folder*, and the public part of it."""
    found = {}
    for file in sorted(folder.glob(f"*{_ENDING}")):
        user = User.parse(file.name.removesuffix(_ENDING))
        read = keys.read_credentials(file)
        if read.user != user:
            msg = f"`{file}` holds the key of somebody else"
            raise Refused(msg, hint="each file is named for the user whose key it holds")
        found[user] = keys.public_key(read.seed)
    return found


def _domain_of(config: Path) -> str:
    """The domain that an earlier run wrote; "" for none."""
    try:
        found = _DOMAIN_LINE.match(config.read_text())
    except OSError:
        return ""
    return found[1] if found else ""


def _config(folder: Path, users: dict[User, str], domain: str) -> str:
    """What nats-server.conf includes; JSON is valid there, without the braces around it all."""
    place = folder.resolve()
    settings = {
        **accounts(users, domain),
        "tls": {"cert_file": str(place / _SERVER), "key_file": str(place / _SERVER_KEY), "timeout": 5},
    }
    head = f"# domain: {domain}\n" if domain else ""
    return head + "".join(f"{name}: {json.dumps(value, indent=2)}\n" for name, value in _sorted(settings.items()))


def _sorted(items: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    return sorted(items)
