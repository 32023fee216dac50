"""What the broker and TLS say when they do not let somebody in or do something, as errors that tell what to do.

The client tells such things beside the call that they concern: there, they look like a time-out.
"""

from __future__ import annotations

import re
import ssl
from typing import Final

from wombat_gitops.adapters.nats.protocol import NOT_OFFERED
from wombat_gitops.domain.errors import Denied

_PERMISSION: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE)
_NEWER_KEY: Final = "get its credentials from whoever keeps the broker (`wombat auth init`), and name the file in"
_RULES: Final = "each user may do what its role needs, see docs/access.md"

_TEXTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "authorization violation",
        "the broker does not know the credentials of `{user}`",
        f"{_NEWER_KEY} WOMBAT_CREDENTIALS; they may have been revoked or renewed",
    ),
    (
        "authorization failed",
        "the broker does not know the credentials of `{user}`",
        f"{_NEWER_KEY} WOMBAT_CREDENTIALS; they may have been revoked or renewed",
    ),
    (
        "maximum account active connections exceeded",
        "the broker takes no further connection of the account of `{user}` (`max_connections`)",
        "raise `max_connections` in the limits of that account; a role has one connection, and a command has one",
    ),
    ("authentication expired", "the credentials of `{user}` have expired", f"{_NEWER_KEY} WOMBAT_CREDENTIALS"),
    (
        NOT_OFFERED.lower(),
        "the broker does not encrypt, and `{user}` is told to ask for it",
        "give the broker a certificate, or connect with `nats://` and without WOMBAT_CA",
    ),
    (
        "certificate_required",
        "the broker wants a certificate of `{user}`",
        "put it beside the credentials, with the same name and the endings .crt and .key",
    ),
    (
        "certificate required",
        "the broker wants a certificate of `{user}`",
        "put it beside the credentials, with the same name and the endings .crt and .key",
    ),
    ("certificate_expired", "the broker says that the certificate of `{user}` has expired", "renew it"),
    ("certificate expired", "the broker says that the certificate of `{user}` has expired", "renew it"),
    (
        "unknown_ca",
        "the broker does not know who has signed the certificate of `{user}`",
        "use the one that was made together with the broker's",
    ),
    (
        "unknown ca",
        "the broker does not know who has signed the certificate of `{user}`",
        "use the one that was made together with the broker's",
    ),
)


def refusal(error: BaseException, user: str) -> Denied | None:
    """The reason why *user* is not let in, where trying again does not help; else None."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message.rstrip(".") or "it cannot be verified"
        msg = f"the broker's certificate is not accepted: {reason.lower()}"
        return Denied(msg, hint="name the file of those who may vouch for it in WOMBAT_CA, and the broker by its name")
    text = str(error).lower()
    for mark, message, hint in _TEXTS:
        if mark in text:
            return Denied(message.format(user=user), hint=hint)
    return None


def denied(error: BaseException) -> tuple[str, str] | None:
    """What the broker does not allow: `publish` or `subscription`, and the subject in lower case; else None."""
    match = _PERMISSION.search(str(error))
    return (match[1].lower(), match[2].lower()) if match else None


def not_allowed(user: str, kind: str, subject: str) -> Denied:
    """The error for something that the broker does not allow."""
    verb = "publish to" if kind == "publish" else "listen on"
    return Denied(f"the broker does not let user `{user}` {verb} `{subject}`", hint=_RULES)
