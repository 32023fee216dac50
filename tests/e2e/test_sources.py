"""Roles in processes of their own: a webhook at the API, a watcher that is killed, a list of sources that is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.integration.git.test_watching import manifest
from tests.support.gitrepo import GitRepo
from tests.support.hooks import SECRET, push_body, signed
from tests.support.system import CHECKOUT, Role, System

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.broker import TestBroker


class Fleet(System):
    """Service, watcher and API against a broker; nothing is compiled."""

    def __init__(self, folder: Path, broker: TestBroker, sources: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.roles: list[Role] = []
        self.repo = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "WOMBAT_DATA": str(folder / "data"),
            "WOMBAT_NATS": broker.url,
            "WOMBAT_SOURCES": str(sources),
            "WOMBAT_PORT": "0",
            "WOMBAT_LOG_FORMAT": "json",
            "HOOK_SECRET": SECRET,
            "PYTHONPATH": str(CHECKOUT),
            "NO_COLOR": "1",
        }
        self.address = ""

    def listening(self, role: Role) -> str:
        """The address that an API has logged."""
        lines = [json.loads(line) for line in role.said.splitlines() if line.startswith("{")]
        return next((line["address"] for line in lines if "address" in line), "")

    def names(self) -> list[str]:
        items = self.get("/api/v1/distributions", self.address)["items"]
        return [item["name"] for item in items]

    def source(self, index: int) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/v1/sources", self.address)["items"][index]
        return found

    def push(self, source: str, body: bytes, headers: dict[str, str]) -> int:
        request = urllib.request.Request(f"{self.address}/api/v1/hooks/{source}", body, headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    async def wait(self, found: Callable[[], Any], what: str) -> Any:
        return await self.until(found, what)


async def test_a_webhook_reaches_a_watcher_that_was_killed_and_came_back(tmp_path: Path, broker: TestBroker) -> None:
    """Two repositories, one hour between looks: the host's message alone brings a push in, also after a crash."""
    repos = [GitRepo(tmp_path / name) for name in ("one", "two")]
    for name, repo in zip("ab", repos, strict=True):
        repo.commit(manifest(name))
    sources = tmp_path / "sources.yaml"
    entries = "".join(
        f"- {{url: {repo.url}, branch: main, interval: 1h, webhook: {{host: gitea, secret: {{env: HOOK_SECRET}}}}}}\n"
        for repo in repos
    )
    sources.write_text(f"apiVersion: wombat/v1\nkind: Sources\nsources:\n{entries}")
    with Fleet(tmp_path, broker, sources) as fleet:
        fleet.start("service")
        api = fleet.start("api")
        fleet.address = await fleet.wait(lambda: fleet.listening(api), "the address of the API")
        watcher = fleet.start("watcher")
        await fleet.wait(lambda: fleet.names() == ["a", "b"], "both sources read")

        watcher.kill()
        commit = repos[0].commit(manifest("c"))
        fleet.start("watcher")
        await fleet.wait(lambda: fleet.names() == ["a", "b", "c"], "a push while nobody watched")
        first = next(
            each for each in fleet.get("/api/v1/sources", fleet.address)["items"] if each["url"] == repos[0].url
        )
        await fleet.wait(lambda: commit in json.dumps(fleet.get("/api/v1/sources", fleet.address)), "the look")

        repos[0].commit(manifest("d"))
        body = push_body("gitea", url=repos[0].url)
        assert fleet.push(first["id"], body, signed("gitea", body, secret="x" * 9)) == 401
        assert fleet.push(first["id"], body, signed("gitea", body)) == 202
        await fleet.wait(lambda: fleet.names() == ["a", "b", "c", "d"], "the push that was told")
        await fleet.wait(
            lambda: "webhook" in {each["observed_by"] for each in fleet.get("/api/v1/sources", fleet.address)["items"]},
            "why it was looked at",
        )
        listed = fleet.run("--server", fleet.address, "list", "sources")
        assert listed.returncode == 0, listed.stderr
        assert first["id"] in listed.stdout
        assert " manifests  Ready " in listed.stdout
        told = fleet.run("--server", fleet.address, "get", "source", first["id"])
        assert "state      Ready\n" in told.stdout
        said = "".join(role.said for role in fleet.roles)
        assert SECRET not in said


def test_a_wrong_list_stops_the_start(tmp_path: Path) -> None:
    """The command tells line and caret, and exits as for invalid manifests."""
    (tmp_path / "s.yaml").write_text(
        "apiVersion: wombat/v1\nkind: Sources\nsources:\n- url: ext::sh -c 'touch canary'\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "wombat_gitops", "watcher", "--sources", "s.yaml"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 3
    assert "s.yaml:4:8: WOM-026" in done.stderr
    assert "^" in done.stderr
    assert not (tmp_path / "canary").exists()
