"""What git hosts send when something was pushed: whose message it is, and which repository and branch it names.

Forms: GitHub, "Validating webhook deliveries" (`X-Hub-Signature-256`); Gitea and Forgejo, "Webhooks"
(`X-Gitea-Signature`); GitLab, "Webhooks" (`X-Gitlab-Token`, and signing tokens in the form of the
Standard Webhooks specification). Nothing in a message is believed but for choosing what to look at.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.sources import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 4 * 1024 * 1024
"""Bytes of one message; hosts list at most 20 to 2,048 commits in it."""

SIGNED_SECONDS: Final = 300
"""How far the time in a signed message may be from ours (Standard Webhooks, "Verifying webhook authenticity")."""

_KEY_PREFIX: Final = "whsec_"
_EVENTS: Final = {
    Host.GITHUB: ("x-github-event", "push"),
    Host.GITLAB: ("x-gitlab-event", "push hook"),
    Host.GITEA: ("x-gitea-event", "push"),
}
_DELIVERIES: Final = {
    Host.GITHUB: ("x-github-delivery",),
    Host.GITLAB: ("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
    Host.GITEA: ("x-gitea-delivery",),
}
_URL_FIELDS: Final = (
    "clone_url",
    "ssh_url",
    "html_url",
    "git_url",
    "git_http_url",
    "git_ssh_url",
    "http_url",
    "web_url",
)


@dataclass(frozen=True, slots=True)
class Hook:
    """The webhook of one source.

    Attributes:
        source: its id.
        secret: reads the secret.
    """

    source: str
    host: Host
    url: str
    branch: str
    secret: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Message:
    """A request of a host: header names in lower case, and the body's bytes."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Push:
    """What a message says was pushed: the repository by every URL that is told, and the full name of the ref."""

    urls: tuple[str, ...]
    ref: str

    def concerns(self, hook: Hook) -> bool:
        """Whether it is about the source of *hook*."""
        wanted = _bare(hook.url)
        return self.ref == f"refs/heads/{hook.branch}" and any(_bare(url) == wanted for url in self.urls)


def is_authentic(hook: Hook, message: Message, now: float) -> bool:
    """Whether a message was made by somebody who knows the secret; compared in constant time.

    Args:
        now: seconds since 1970.
    """
    secret = hook.secret()
    match hook.host:
        case Host.GITHUB:
            given = message.headers.get("x-hub-signature-256", "").removeprefix("sha256=")
            return _same(given, _hex(secret, message.body))
        case Host.GITEA:
            return _same(message.headers.get("x-gitea-signature", ""), _hex(secret, message.body))
        case Host.GITLAB:
            if "webhook-signature" in message.headers or secret.startswith(_KEY_PREFIX):
                return _is_signed(secret, message, now)
            return _same(message.headers.get("x-gitlab-token", ""), secret)


def delivery_of(hook: Hook, message: Message) -> tuple[bytes, ...]:
    """What marks a message as the same one: the host's id of it, and the digest of its bytes."""
    ids = (message.headers.get(name, "") for name in _DELIVERIES[hook.host])
    known = next((found for found in ids if found), "")
    marks = [hashlib.sha256(message.body).digest()]
    if known:
        marks.append(hashlib.sha256(known.encode(errors="replace")).digest())
    return tuple(marks)


def read_push(hook: Hook, message: Message) -> Push | None:
    """What was pushed, or None for messages about anything else.

    Raises:
        Refused: the body is not what the host sends.
    """
    header, event = _EVENTS[hook.host]
    if message.headers.get(header, "").lower() != event:
        return None
    content = _content(message)
    repository = content.get("project" if hook.host is Host.GITLAB else "repository")
    ref = content.get("ref")
    if not isinstance(repository, dict) or not isinstance(ref, str):
        msg = "the message tells no repository or no branch"
        raise Refused(msg)
    return Push(tuple(_texts(repository)), ref)


def _content(message: Message) -> dict[str, Any]:
    body = message.body
    if message.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            body = parse_qs(body.decode(), max_num_fields=10).get("payload", [""])[0].encode()
        except ValueError as error:
            msg = "the message is not a form"
            raise Refused(msg) from error
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = "the message is not JSON"
        raise Refused(msg) from error
    if not isinstance(content, dict):
        msg = "the message is not a JSON object"
        raise Refused(msg)
    return content


def _texts(repository: Mapping[str, Any]) -> Iterator[str]:
    for name in _URL_FIELDS:
        value = repository.get(name)
        if isinstance(value, str) and value:
            yield value


def _is_signed(secret: str, message: Message, now: float) -> bool:
    """Standard Webhooks: `v1,<base64 of HMAC-SHA256>` of `<id>.<seconds>.<body>`, several with blanks between."""
    identity, time = message.headers.get("webhook-id", ""), message.headers.get("webhook-timestamp", "")
    if not identity or not (time.isascii() and time.isdigit()) or abs(int(time[:15]) - now) > SIGNED_SECONDS:
        return False
    try:
        key = base64.b64decode(secret.removeprefix(_KEY_PREFIX)) if secret.startswith(_KEY_PREFIX) else secret.encode()
    except binascii.Error:
        key = secret.encode()
    signed = f"{identity}.{time}.".encode() + message.body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = message.headers.get("webhook-signature", "").split(" ")[:10]
    return any([_same(one.removeprefix("v1,"), wanted) for one in given if one.startswith("v1,")])  # noqa: C419 - all are compared


def _hex(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _bare(url: str) -> tuple[str, str]:
    """Host and path of a repository, whatever the transport, the user and the port are."""
    try:
        if "://" in url:
            parts = urlsplit(url)
            host, path = parts.hostname or "", parts.path
        else:
            before, colon, after = url.partition(":")
            host, path = (before.rpartition("@")[2], after) if colon else ("", url)
    except ValueError:
        return "", url
    return host.lower(), path.strip("/").removesuffix(".git").lower()
