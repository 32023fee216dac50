"""The page of a distribution over real builds, and the lines that it tells people to paste, run by a real shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.browser import chromium
from tests.support.pages import PageState, opened, read_through
from tests.support.system import COMMITS, System

pytestmark = pytest.mark.browser


async def line(page: Page, label: str) -> str:
    """The command that stands below *label*."""
    command = page.locator(".command").filter(has=page.get_by_text(label, exact=True)).locator("code")
    return await command.inner_text()


def newest_digest(system: System, version: str) -> str:
    """Of the file that the committed manifest asks for; "" as long as there is none."""
    told = system.get("/api/v1/distributions/tiny")
    artifact = told["platforms"][0]["artifact"]
    return artifact["sha256"] if artifact and told["version"] == version and told["revision"].isalnum() else ""


async def test_a_readme_that_changes_builds_nothing(system: System) -> None:
    """It is shown as it is now; builds, their ids and their dates stay."""
    system.write()
    system.commit()
    system.start("up")
    (build,) = await system.until_state("tiny", "succeeded")
    assert system.get("/api/v1/distributions/tiny")["readme_url"] is None
    (system.repo / "manifests" / "tiny.md").write_text("# Later\n")
    system.commit()
    await system.until(lambda: system.get("/api/v1/distributions/tiny")["readme_url"], "the README")
    known = system.get("/api/v1/builds?name=tiny")
    assert [(each["id"], each["date"]) for each in known["items"]] == [(build["id"], build["date"])]


async def test_what_the_page_says_works(system: System, tmp_path: Path) -> None:
    """Download, verification, `wombat download` and a build of one's own give the file whose digest is shown."""
    system.write(packages=["pure"])
    (system.repo / "manifests" / "tiny.md").write_text("# What it is\n\nSmall.\n")
    system.commit()
    system.start("up", **COMMITS)
    await system.until_state("tiny", "succeeded")
    system.write(version="1.1.0", packages=["pure", "io"])
    system.commit()
    digest = await system.until(lambda: newest_digest(system, "1.1.0"), "the newest version")

    async with chromium() as browser, opened(browser, system.api, PageState("tiny", "/d/tiny"), 1280) as look:
        page = look.page
        await page.get_by_text("More commands: run, always-latest link, rebuild").click()
        lines = [await line(page, label) for label in ("Download", "Verify", "Verify all files of this version")]
        newest = await line(page, "Always the latest version")
        client = await line(page, "Download and verify with wombat")
        reproduced = await line(page, "Rebuild it from the manifest and compare the bytes")
        await read_through(page)
        await expect(page.get_by_role("heading", name="What it is")).to_be_visible()
        await expect(page.get_by_text("Packages").first).to_be_visible()
        assert look.complaints.messages == []

    here, again, cli = (tmp_path / name for name in ("here", "again", "cli"))
    for folder in (here, again, cli):
        folder.mkdir()
    ran = [run(text, here) for text in lines]
    assert [result.stdout.strip().rpartition(": ")[2] for result in ran[1:]] == ["OK", "OK"]
    run(newest, again)
    run(as_module(client), cli, PYTHONPATH=system.env["PYTHONPATH"])
    files = [next(folder.iterdir()) for folder in (here, again, cli)]
    system.run(*shlex.split(reproduced)[1:], WOMBAT_DATA=str(tmp_path / "other"))
    files += [path for path in (system.repo / "built").rglob("*") if path.is_file()]
    assert [sha256(path.read_bytes()).hexdigest() for path in files] == [digest] * 4


def run(command: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of *command*; an error where it fails."""
    return subprocess.run(
        ["bash", "-ec", command], cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=True
    )


def as_module(command: str) -> str:
    """A line with `wombat`, run by this very Python."""
    return f"{shlex.quote(sys.executable)} -m wombat_gitops{command.removeprefix('wombat')}"
