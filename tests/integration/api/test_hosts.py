"""Which host a request may name: a website that points its own name at this server must not read it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tests.integration.api.test_connections import dial, site
from tests.support.api import in_process
from tests.support.stage import Stage
from wombat_gitops.api.context import Edge
from wombat_gitops.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = ["localhost", "localhost:8080", "LocalHost:1", "127.0.0.1", "127.0.0.1:8080", "127.9.8.7", "[::1]:8080"]
NEVER = [
    "rebound.example",
    "rebound.example:8080",
    "localhost.rebound.example",
    "127.0.0.1.rebound.example",
    "127.0.0.1@rebound.example",
    "localhost:8080.rebound.example",
    "localhost, rebound.example",
    "localhost:port",
    "[::1].rebound.example",
    "[localhost",
    "",
]
LAN = ["192.0.2.7:8080", "[2001:db8::7]:8080"]


@pytest.mark.parametrize(
    ("edge", "allowed", "refused"),
    [
        (Edge(), LOOPBACK, [*NEVER, *LAN, "0.0.0.0:8080", "intranet"]),
        (Edge(listen="::1"), LOOPBACK, [*NEVER, *LAN]),
        (Edge(listen="::"), [*LOOPBACK, *LAN, socket.gethostname()], [*NEVER, "intranet"]),
        (Edge(listen="buildbox.example"), [*LOOPBACK, *LAN, "buildbox.example:8080"], [*NEVER, "other.example"]),
        (Edge(allowed_hosts=("Intranet",)), [*LOOPBACK, "intranet:8080", "INTRANET"], [*NEVER, "intranet.example"]),
        (Edge(public_url="https://wombat.example"), [*LOOPBACK, *LAN, *NEVER], []),
    ],
    ids=["loopback", "loopback6", "everywhere", "by-name", "listed", "public"],
)
async def test_a_website_could_rebind_its_name_and_read_a_local_server(
    tmp_path: Path, edge: Edge, allowed: list[str], refused: list[str]
) -> None:
    """A request for another host is misdirected, also one for data; with a public address there is no other host."""
    stage = Stage(tmp_path)
    async with stage.running(), in_process(stage, edge=edge) as client:
        for host in allowed:
            assert (await client.get("/api/v1/builds", headers={"Host": host})).status_code == 200, host
        for host in refused:
            for path in ("/api/v1/builds", "/", "/feed.atom", "/docs/api", "/nothing"):
                answer = await client.get(path, headers={"Host": host})
                assert (answer.status_code, answer.json()["code"]) == (421, "wrong-host"), (host, path)
                assert answer.headers["content-type"] == "application/problem+json"
                assert "WOMBAT_ALLOWED_HOSTS" in answer.json()["hint"]
                assert "rebound" not in answer.text


async def test_health_is_told_under_any_name(tmp_path: Path) -> None:
    """Probes name an address or whatever the platform calls this server."""
    stage = Stage(tmp_path)
    async with stage.running(), in_process(stage) as client:
        for host in ("10.1.2.3:8080", "pod.example", ""):
            for path in ("/healthz", "/readyz"):
                assert (await client.get(path, headers={"Host": host})).status_code == 200, (host, path)


async def test_a_refused_message_ends_its_connection(tmp_path: Path) -> None:
    """So that neither a body that stays unread nor another request of that website follows."""
    hidden = b"GET /api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /api/v1/hooks/main HTTP/1.1\r\nHost: rebound.example\r\nContent-Length: 9999\r\n\r\n"
    for asked in (head, b"GET /api/v1 HTTP/1.1\r\nHost: rebound.example\r\n\r\n"):
        async with site(tmp_path) as client, dial(client) as wire:
            await wire.say(asked + hidden)
            await wire.refused(421, "wrong-host")


async def test_an_old_client_names_no_host(tmp_path: Path) -> None:
    """HTTP/1.0 need not, and no browser speaks it; links lead to this machine."""
    async with site(tmp_path) as client, dial(client) as wire:
        await wire.say(b"GET /robots.txt HTTP/1.0\r\n\r\n")
        status, _, body = await wire.one()
        assert (status, b"http://localhost/sitemap.xml" in body) == (200, True)


def test_an_allowed_host_has_neither_scheme_nor_port() -> None:
    """It would never be equal to a host that is named."""
    assert Settings(allowed_hosts="wombat.example.org, intranet").allowed_hosts
    for wrong in ("http://intranet", "intranet:8080", "*", "a b"):
        with pytest.raises(ValidationError, match="is not the name of a host"):
            Settings(allowed_hosts=wrong)
