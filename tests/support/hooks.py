"""Messages as git hosts send them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

SECRET = "correct horse battery staple"  # noqa: S105 - of no host
URL = "https://git.example.invalid/team/catalogue.git"


def push_body(host: str, url: str = URL, ref: str = "refs/heads/main", **more: Any) -> bytes:
    """The parts of a push message that matter, in the host's own form."""
    bare = url.removesuffix(".git")
    if host == "gitlab":
        place = {"git_http_url": url, "web_url": bare, "git_ssh_url": "git@git.example.invalid:team/catalogue.git"}
        return json.dumps({"object_kind": "push", "ref": ref, "project": place, **more}).encode()
    place = {"clone_url": url, "html_url": bare, "ssh_url": "ssh://git@git.example.invalid:22/team/catalogue.git"}
    return json.dumps({"ref": ref, "repository": place, **more}).encode()


def signed(host: str, body: bytes, *, secret: str = SECRET, delivery: str = "d-1", event: str = "") -> dict[str, str]:
    """The headers of a message."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    common = {"Content-Type": "application/json"}
    match host:
        case "github":
            own = {"X-GitHub-Event": event or "push", "X-GitHub-Delivery": delivery}
            return {**common, **own, "X-Hub-Signature-256": f"sha256={digest}"}
        case "gitea":
            own = {"X-Gitea-Event": event or "push", "X-Gitea-Delivery": delivery}
            return {**common, **own, "X-Gitea-Signature": digest}
        case _:
            own = {"X-Gitlab-Event": event or "Push Hook", "X-Gitlab-Event-UUID": delivery}
            return {**common, **own, "X-Gitlab-Token": secret}


def signed_by_token(body: bytes, key: bytes, *, at: int, delivery: str = "d-1") -> dict[str, str]:
    """The headers of a GitLab message with a signing token."""
    content = f"{delivery}.{at}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "X-Gitlab-Event": "Push Hook",
        "Content-Type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }
