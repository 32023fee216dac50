"""Credentials of the broker's users: nkeys, what their files look like, and the certificates around them.

A credentials file holds the seed of an nkey, as every NATS tool reads it, below a comment that says whose it is.
Beside it may stand a certificate of that user, with the same name and the endings `.crt` and `.key`.
"""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import nkeys

from wombat_gitops.domain.access import User
from wombat_gitops.domain.errors import NotFound, Refused

if TYPE_CHECKING:
    from pathlib import Path

_MARK: Final = "# wombat user: "
_SEED_BYTES: Final = 58
_KEY_BYTES: Final = 32
_LARGEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who connects to the broker, and whom it must be.

    Attributes:
        user: whose key it is; None where the file does not say it, or where there is no key.
        seed: the secret part of the nkey; "" for none.
        tls: how the connection is encrypted; None: as the broker's address says.
    """

    user: User | None = None
    seed: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None

    def options(self) -> dict[str, Any]:
        """Options of the library's `connect`."""
        found: dict[str, Any] = {}
        if self.seed:
            found["nkeys_seed_str"] = self.seed
        if self.tls is not None:
            found["tls"] = self.tls
        return found


def new_seed() -> str:
    """The seed of a new nkey of a user."""
    return str(nkeys.encode_seed(secrets.token_bytes(_KEY_BYTES), nkeys.PREFIX_BYTE_USER).decode())


def public_key(seed: str) -> str:
    """The public part of an nkey. Raises `Refused` where *seed* is no seed of a user."""
    try:
        pair = nkeys.from_seed(bytearray(seed.encode()))
        found = str(pair.public_key.decode())
        pair.wipe()
    except (nkeys.NkeysError, ValueError) as error:
        raise _no_seed() from error
    if not found.startswith("U"):
        raise _no_seed()
    return found


def file_text(user: User, seed: str) -> str:
    """What stands in the credentials file of *user*."""
    return f"{_MARK}{user.label}\n{seed}\n"


def read_credentials(file: Path) -> Credentials:
    """The user and the seed in *file*.

    Raises:
        NotFound: it cannot be read.
        Refused: it holds no seed, or names a user that cannot be.
    """
    try:
        with file.open(encoding="utf-8", errors="replace") as handle:
            lines = [line.strip() for line in handle.read(_LARGEST).splitlines()]
    except OSError as error:
        msg = f"the credentials `{file}` cannot be read: {error.strerror}"
        raise NotFound(msg, hint="WOMBAT_CREDENTIALS names the file; `wombat auth init` makes it") from error
    seeds = [line for line in lines if line.startswith("SU") and len(line) == _SEED_BYTES]
    if len(seeds) != 1:
        msg = f"`{file}` holds no credentials: there is not exactly one seed in it"
        raise Refused(msg, hint="`wombat auth init` makes such files, one for each user")
    public_key(seeds[0])
    user = next((User.parse(line.removeprefix(_MARK)) for line in lines if line.startswith(_MARK)), None)
    return Credentials(user, seeds[0])


def tls_context(authority: Path | None, credentials: Path | None) -> ssl.SSLContext | None:
    """How to encrypt: by the certificates in *authority*, and with the one beside *credentials*; None for neither.

    Raises:
        NotFound: a file cannot be read.
        Refused: it holds no certificate, or the key of another one.
    """
    certificate = credentials.with_suffix(".crt") if credentials is not None else None
    own = certificate if certificate is not None and certificate.exists() else None
    if authority is None and own is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority is not None else None)
    except OSError as error:
        raise _bad_file(authority, error) from error
    if own is not None:
        try:
            context.load_cert_chain(own, own.with_suffix(".key"))
        except OSError as error:
            raise _bad_file(own, error) from error
    return context


def _bad_file(file: Path | None, error: OSError) -> NotFound | Refused:
    if isinstance(error, ssl.SSLError):
        return Refused(f"`{file}` holds no certificate that can be used", hint="it is a file in the form PEM")
    return NotFound(f"the certificate `{file}` or its key cannot be read: {error.strerror}")


def _no_seed() -> Refused:
    return Refused("that is no seed of a user", hint="it begins with `SU` and has 58 characters")
