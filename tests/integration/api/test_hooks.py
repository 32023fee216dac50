"""Messages of git hosts over HTTP: what makes a source be looked at, and what does not."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.support.api import served
from tests.support.factories import ManualClock
from tests.support.hooks import SECRET, URL, push_body, signed, signed_by_token
from tests.support.stage import Stage
from wombat_gitops.domain.errors import Refused, Unreachable
from wombat_gitops.domain.sources import Host
from wombat_gitops.domain.webhooks import MAX_BYTES, Hook
from wombat_gitops.services.webhooks import WebhookReceiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    import httpx

ANOTHER, WRONG = "another one", "a guess"
KEY = b"a signing key of 24 byte"
TOKEN = f"whsec_{base64.b64encode(KEY).decode()}"
HOOKS = (
    *(Hook(f"on-{host}", host, URL, "main", lambda: SECRET) for host in Host),
    Hook("on-github-too", Host.GITHUB, URL.removesuffix(".git"), "main", lambda: SECRET),
    Hook("other-branch", Host.GITHUB, URL, "release", lambda: SECRET),
    Hook("other-secret", Host.GITHUB, URL, "main", lambda: ANOTHER),
    Hook("token", Host.GITLAB, URL, "main", lambda: TOKEN),
)


class Watchers:
    """What was asked of the watchers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    async def refresh(self, source: str) -> None:
        if self.away:
            raise Unreachable("there is no connection to the broker")
        self.asked.append(source)


class Site:
    """An API with webhooks, its clock and the watchers behind it."""

    def __init__(self, client: httpx.AsyncClient, clock: ManualClock, watchers: Watchers) -> None:
        self.client = client
        self.clock = clock
        self.watchers = watchers

    async def send(self, source: str, body: bytes, headers: dict[str, str]) -> int:
        answer = await self.client.post(f"/api/v1/hooks/{source}", content=body, headers=headers)
        return answer.status_code


@asynccontextmanager
async def site_of(folder: Path, hooks: Sequence[Hook]) -> AsyncIterator[Site]:
    clock, watchers = ManualClock(), Watchers()
    receiver = WebhookReceiver(hooks, watchers, lambda: clock().timestamp(), clock.monotonic)
    async with served(Stage(folder), hooks=receiver) as client:
        yield Site(client, clock, watchers)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(tmp_path, HOOKS) as made:
        yield made


@pytest.mark.parametrize("host", ["github", "gitlab", "gitea"])
async def test_a_push_refreshes(site: Site, host: str) -> None:
    """A message of each host makes its source be looked at, once; a repetition does nothing."""
    body = push_body(host)
    assert await site.send(f"on-{host}", body, signed(host, body)) == 202
    asked = list(site.watchers.asked)
    assert f"on-{host}" in asked
    assert await site.send(f"on-{host}", body, signed(host, body)) == 204
    assert await site.send(f"on-{host}", body, signed(host, body, delivery="d-2")) == 204

    assert site.watchers.asked == asked


@pytest.mark.parametrize("host", ["github", "gitlab", "gitea"])
async def test_a_foreign_message_is_refused(site: Site, host: str) -> None:
    """Wrong secret, changed body, no signature at all: 401 and nothing follows."""
    body = push_body(host)
    unsigned = {name: value for name, value in signed(host, body).items() if "Sign" not in name and "Token" not in name}

    assert await site.send(f"on-{host}", body, signed(host, body, secret=WRONG)) == 401
    assert await site.send(f"on-{host}", body, unsigned) == 401
    if host != "gitlab":
        assert await site.send(f"on-{host}", body + b" ", signed(host, body)) == 401
    assert site.watchers.asked == []


async def test_only_what_is_concerned_is_refreshed(site: Site) -> None:
    """Sources of that repository, branch and secret; a message for another branch or repository does nothing."""
    body = push_body("github")
    await site.send("on-github", body, signed("github", body))
    assert sorted(site.watchers.asked) == ["on-gitea", "on-github", "on-github-too", "on-gitlab"]
    site.watchers.asked.clear()
    for other in (
        push_body("github", ref="refs/heads/feature"),
        push_body("github", ref="refs/tags/main"),
        push_body("github", url="https://elsewhere.invalid/team/catalogue.git"),
    ):
        assert await site.send("other-secret", other, signed("github", other, secret=ANOTHER)) in {202, 204}
    assert site.watchers.asked == []


async def test_other_events_do_nothing(site: Site) -> None:
    """Pings and events nobody knows are answered, and no more."""
    for event in ("ping", "repository", "x" * 100):
        assert await site.send("on-github", b"{}", signed("github", b"{}", event=event)) == 204
    assert site.watchers.asked == []


async def test_what_is_not_configured_is_not_there(site: Site, tmp_path: Path) -> None:
    """A source without a webhook, and an API without any, answer 404."""
    body = push_body("github")
    assert await site.send("nobody", body, signed("github", body)) == 404
    async with site_of(tmp_path / "empty", ()) as empty:
        assert await empty.send("on-github", body, signed("github", body)) == 404
    assert (await site.client.get("/api/v1/hooks/on-github")).status_code == 404


async def test_a_large_body_is_not_read(site: Site) -> None:
    """More than a message may have is refused, told beforehand or not, and the server lives on."""
    body = b"x" * (MAX_BYTES + 1)
    assert await site.send("on-github", body, signed("github", b"")) == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BYTES // 65536 + 2):
            yield b"x" * 65536

    answer = await site.client.post("/api/v1/hooks/on-github", content=chunks())
    assert answer.status_code == 413
    good = push_body("github")
    assert await site.send("on-github", good, signed("github", good)) == 202


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[]", b"{}", b'{"ref": 1}', b'{"ref": "x", "repository": []}', b"[" * 100_000, b"\xff\xfe"]
)
async def test_nonsense_that_is_signed_is_refused(site: Site, body: bytes) -> None:
    """A signature does not make a message readable."""
    assert await site.send("on-github", body, signed("github", body)) == 400
    assert site.watchers.asked == []


async def test_a_form_is_read(site: Site) -> None:
    """GitHub can be set to send forms; their bytes are what is signed."""
    body = urlencode({"payload": push_body("github").decode()}).encode()
    headers = {**signed("github", body), "Content-Type": "application/x-www-form-urlencoded"}
    assert await site.send("on-github", body, headers) == 202


async def test_gitlab_signing_tokens(site: Site) -> None:
    """A signing token demands the signature of id, time and body; old and future messages are refused."""
    body, now = push_body("gitlab"), int(site.clock().timestamp())
    assert await site.send("token", body, signed_by_token(body, b"another key", at=now)) == 401
    assert await site.send("token", body, signed_by_token(body, KEY, at=now - 301)) == 401
    assert await site.send("token", body, signed_by_token(body, KEY, at=now + 301)) == 401
    assert await site.send("token", body, {**signed_by_token(body, KEY, at=now), "webhook-id": "d-9"}) == 401
    assert await site.send("token", body, signed("gitlab", body, secret=TOKEN)) == 401
    assert site.watchers.asked == []
    assert await site.send("token", body, signed_by_token(body, KEY, at=now)) == 202
    assert site.watchers.asked == ["token"]


async def test_a_message_that_could_not_be_passed_on_may_come_again(site: Site) -> None:
    """Without watchers to tell, the host is told to try again, and its next try counts."""
    body = push_body("gitea")
    site.watchers.away = True
    assert await site.send("on-gitea", body, signed("gitea", body)) == 503
    site.watchers.away = False
    assert await site.send("on-gitea", body, signed("gitea", body)) == 202


async def test_a_secret_that_cannot_be_read_is_our_trouble(tmp_path: Path) -> None:
    """Where a secret lies is told to nobody outside."""

    def gone() -> str:
        raise Refused("the file `/run/secrets/hook` with a secret cannot be read")

    async with site_of(tmp_path, [Hook("on-github", Host.GITHUB, URL, "main", gone)]) as site:
        answer = await site.client.post("/api/v1/hooks/on-github", content=b"{}")
    assert answer.status_code == 500
    assert "/run/secrets" not in answer.text


async def test_messages_are_remembered_for_an_hour_and_not_without_bound(site: Site) -> None:
    """After the window, and after very many others, a repetition is one more look at the source."""
    body = push_body("gitea")
    assert await site.send("on-gitea", body, signed("gitea", body)) == 202
    site.clock.forward(3601)
    assert await site.send("on-gitea", body, signed("gitea", body)) == 202
