"""`wombat plan` on real repositories: what a change means, and what is published already."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.git.test_watching import manifest
from tests.support.factories import NOW
from tests.support.gitrepo import GitRepo
from tests.support.goproxy import BENTHOS, distribution
from tests.support.system import CHECKOUT
from wombat_gitops.adapters.git.revision import RevisionSource
from wombat_gitops.cli import exits
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.model import Artifact, Module
from wombat_gitops.domain.records import BuildState, Origin
from wombat_gitops.services.manifests import ManifestReader
from wombat_gitops.settings import Settings
from wombat_gitops.wiring import roles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.broker import TestBroker
    from tests.support.goproxy import GoProxy


class Work:
    """A repository in which somebody works, and the command in it."""

    def __init__(self, root: Path) -> None:
        self.repo = GitRepo(root / "repo")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "PYTHONPATH": str(CHECKOUT),
            "NO_COLOR": "1",
            "WOMBAT_DATA": str(root / "data"),
        }

    def plan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `wombat plan`; options that stand before the command are told in the environment."""
        argv = [sys.executable, "-m", "wombat_gitops", "plan", *arguments]
        return subprocess.run(
            argv, cwd=self.repo.path, env=self.env, capture_output=True, text=True, timeout=60, check=False
        )

    def changes(self, *arguments: str) -> dict[str, Any]:
        """The report as other programs read it."""
        done = self.plan("--base", "main", "-o", "json", *arguments)
        assert done.returncode in {exits.OK, exits.INVALID}, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def edit(self, name: str, before: str, after: str) -> None:
        """Change a manifest of the work tree."""
        path = self.repo.path / "manifests" / f"{name}.yaml"
        path.write_text(path.read_text().replace(before, after))


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """`a` and `b` on main, and `topic`, on which the work goes on, checked out."""
    made = Work(tmp_path)
    made.repo.commit({**manifest("a"), **manifest("b")})
    made.repo.git("switch", "--quiet", "--create", "topic")
    return made


def test_every_form_tells_the_same(work: Work) -> None:
    """Text for people, JSON and YAML for programs with all fields, Markdown for reviewers."""
    work.edit("a", "1.0.0", "1.1.0")
    text, data, as_yaml, markdown = (
        work.plan("--base", "main", *form) for form in ((), ("-o", "json"), ("-o", "yaml"), ("--format", "markdown"))
    )
    assert text.stdout.startswith("~ a 1.0.0 → 1.1.0 (changed)\n    version: 1.0.0 → 1.1.0\n")
    assert "1 changed; 4 to build; 1 distribution unchanged" in text.stderr
    report = json.loads(data.stdout)
    assert report == yaml.safe_load(as_yaml.stdout)
    assert (report["schema_version"], report["problems"], report["unchanged"]) == (1, [], 1)
    assert "| `a` | changed | `1.0.0 → 1.1.0` | 4 | 0 | 0 | 0 |" in markdown.stdout


def test_one_distribution_can_be_asked_for(work: Work) -> None:
    """One that is gone too; what neither side has is not found."""
    work.edit("a", "1.0.0", "1.1.0")
    work.repo.git("rm", "--quiet", "-r", "manifests/b.yaml", "manifests/b.lock")
    assert [each["name"] for each in work.changes("a")["distributions"]] == ["a"]
    assert [each["name"] for each in work.changes("b")["distributions"]] == ["b"]
    assert work.plan("--base", "main", "c").returncode == exits.NOT_FOUND


def test_what_would_be_built_has_an_exit_code(work: Work) -> None:
    """As without a base: 10 where there is something, 0 where only words changed, 3 where something is wrong."""
    work.edit("a", "packages:", "description: better\npackages:")
    assert work.plan("--base", "main", "--detailed-exitcode").returncode == exits.OK
    work.edit("a", "1.0.0", "1.1.0")
    assert work.plan("--base", "main", "--detailed-exitcode").returncode == exits.CHANGES
    work.edit("a", "pure, io", "pure")
    assert work.plan("--base", "main", "--detailed-exitcode").returncode == exits.INVALID


def test_another_revision_is_compared_with_where_it_left_the_base(work: Work) -> None:
    """And not with where the work tree left it."""
    work.repo.git("switch", "--quiet", "main")
    work.repo.commit({**manifest("c")})
    work.repo.git("switch", "--quiet", "--create", "late")
    work.repo.commit({**manifest("d")})
    work.repo.git("switch", "--quiet", "topic")
    assert [each["name"] for each in work.changes("--revision", "late")["distributions"]] == ["d"]
    assert work.changes()["distributions"] == []


@pytest.mark.parametrize(
    "options",
    [("--base", "main", "--native"), ("--base", "main", "-p", "linux/arm64"), ("--inspect",), ("--format", "json")],
)
def test_options_that_mean_nothing_together_are_refused(work: Work, options: tuple[str, ...]) -> None:
    """Nobody reads a report that is about something else than was asked for."""
    assert work.plan(*options).returncode == exits.USAGE


def test_components_are_compared_with_the_real_toolchain(work: Work, go_proxy: GoProxy, go_data: Path) -> None:
    """What is lost with a package, without building either program."""
    work.env |= {**go_proxy.environment, "WOMBAT_DATA": str(go_data)}
    lock = go_proxy.lock([Module(BENTHOS, "v4.76.0")])

    def declare(version: str, packages: tuple[str, ...]) -> dict[str, str | None]:
        files = render_lock(distribution("a", packages), lock)
        text = (
            f"apiVersion: wombat/v1\nkind: Distribution\nname: a\nversion: {version}\nbenthos: v4.76.0\n"
            f"packages: [{', '.join(packages)}]\nplatforms: [linux/amd64]\n"
        )
        return {
            "manifests/a.yaml": text,
            "manifests/a.lock/go.mod": files.go_mod,
            "manifests/a.lock/go.sum": files.go_sum,
        }

    work.repo.git("switch", "--quiet", "main")
    work.repo.commit(declare("1.0.0", ("io", "pure")))
    work.repo.git("switch", "--quiet", "--create", "work")
    work.repo.commit(declare("1.1.0", ("pure",)))

    (change,) = work.changes("--inspect")["distributions"]

    assert change["known_contents"]
    assert change["components"]["removed"] == ["input io", "output io"]
    assert change["components"]["added"] == []


@asynccontextmanager
async def published(broker: TestBroker, work: Work, sizes: dict[str, int]) -> AsyncIterator[str]:
    """A service that has built everything on main; its address."""
    read = await ManifestReader(RevisionSource(work.repo.path, "main", "manifests")).read()
    settings = Settings(data=work.repo.path.parent / "service")
    stop = asyncio.Event()
    async with roles.backbone(settings, broker.url, "up") as spine:
        for each in read.declared:
            for build in each.builds:
                queued = lifecycle.queued(build.id, build.spec, Origin(), 0, NOW)
                artifact = Artifact("0" * 64, sizes[each.distribution.name], each.distribution.name)
                done = replace(queued, state=BuildState.SUCCEEDED, artifact=artifact)
                await spine.builds.put(build.id, done)
        catalog = spine.catalog()
        async with asyncio.TaskGroup() as group:
            group.create_task(catalog.run(stop))
            await catalog.ready.wait()
            group.create_task(roles.service(spine, settings, catalog, stop))
            try:
                yield broker.url
            finally:
                stop.set()


async def test_the_service_tells_sizes_and_what_is_built_already(work: Work, broker: TestBroker) -> None:
    """A published version that is only described anew keeps its date, so nothing is built for it."""
    work.edit("a", "packages:", "description: better\npackages:")
    work.edit("b", "1.0.0", "1.1.0")
    work.repo.commit()
    async with published(broker, work, {"a": 1_000_000, "b": 2_000_000}) as address:
        work.env["WOMBAT_NATS"] = address
        plan = json.loads((await asyncio.to_thread(work.plan, "-o", "json")).stdout)
        text = (await asyncio.to_thread(work.plan, "--base", "main")).stdout
    assert {(change["name"], change["action"]) for change in plan["changes"]} == {("a", "up_to_date"), ("b", "build")}
    assert text.count(": to be built, 2.0 MB so far\n") == 4
    assert "1.0 MB" not in text


def test_a_service_that_was_named_must_answer(work: Work) -> None:
    """Without a name nobody was meant to, and everything counts as new."""
    work.edit("a", "1.0.0", "1.1.0")
    assert "so nothing counts as built" in work.plan("--base", "main").stderr
    work.env["WOMBAT_SERVER"] = "http://127.0.0.1:1"
    assert work.plan("--base", "main").returncode == exits.UNREACHABLE


def test_a_pull_request_could_give_a_module_two_digests(work: Work) -> None:
    """Two locks that contradict each other are told at both places, also where only one of them is changed."""
    file = work.repo.path / "manifests" / "b.lock" / "go.sum"
    file.write_text(file.read_text().replace("h1:AAA", "h1:ABA"))

    problems = [each for each in work.changes()["problems"] if each["rule"] == "WOM-058"]

    assert {(each["path"], each["line"]) for each in problems} == {
        ("manifests/a.lock/go.sum", 1),
        ("manifests/b.lock/go.sum", 1),
    }
    assert work.plan("--base", "main").returncode == exits.INVALID
    chosen = [each["path"] for each in work.changes("b")["problems"] if each["rule"] == "WOM-058"]
    assert chosen == ["manifests/b.lock/go.sum"]
