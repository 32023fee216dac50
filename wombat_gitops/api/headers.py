"""What every answer tells a browser, whatever it is an answer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types vue"
)
"""For the website: its own files and nothing inline. `vue` is the one policy that its framework makes."""

DATA_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For everything else, also for plain pages: they load nothing."""

FILE_POLICY: Final = f"{DATA_POLICY}; sandbox"
"""For bytes that other people's builds made: should a browser ever show them, they have no origin and no script."""

_FEATURES: Final = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "usb",
    "xr-spatial-tracking",
)

_SAFE: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": DATA_POLICY,
}

_TRANSPORT: Final = "max-age=31536000"
"""A year; without subdomains, which may be other people's."""


def safe_headers(*, behind_tls: bool = False) -> Mapping[str, str]:
    """The headers of every answer; a route may only replace the policy of its content.

    Args:
        behind_tls: people reach this server by TLS, so browsers are told never to come without.
    """
    return {**_SAFE, "Strict-Transport-Security": _TRANSPORT} if behind_tls else _SAFE


def named(file_name: str, *, how: str = "inline") -> dict[str, str]:
    """The name that what is sent is kept under, in both forms (RFC 6266, appendix D).

    Args:
        how: `inline` for what a browser may show, `attachment` for what it only keeps.
    """
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in file_name)
    return {"Content-Disposition": f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"}
