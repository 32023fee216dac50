"""What CI runs, and what a developer runs: `nox` alone does everything, in this order."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "page", "tests"]
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
SIDE_BY_SIDE = ("--numprocesses=logical", "--maxprocesses=4", "--dist=loadfile")
"""A worker for each processor; a file stays whole, as its tests share servers and browsers."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def group(name: str) -> list[str]:
    """Return the requirements of one dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, the import contract and the workflows."""
    session.install("-e", ".", *group("lint"), *group("test"), "nox")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("zizmor", "--offline", "--quiet", ".github")
    session.run("go", "run", ACTIONLINT, external=True, env={"GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"})


@nox.session
def page(session: nox.Session) -> None:
    """Types and units of the website, with Node from PATH or from a wheel."""
    session.install("hatchling", *group("page"))
    session.run("python", "wombat_gitops/ui/hatch_build.py", "test")


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, against the package as users install it; arguments go to pytest."""
    ensure_chromium(session)
    session.install("-e", ".", *group("test"))
    session.run("pytest", *SIDE_BY_SIDE, *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks; they print ratios and judge nothing."""
    session.install("-e", ".", *group("test"), *group("bench"))
    for script in sorted((ROOT / "tests" / "bench").glob("bench_*.py")):
        session.run("python", str(script), *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """The fault suite in its long form; arguments go to pytest, `WOMBAT_SOAK_BUILDS` sets the size of the soak."""
    session.install("-e", ".", *group("test"))
    session.run("pytest", "tests/faults", "--timeout=3600", *session.posargs, env={"WOMBAT_FAULTS": "long"})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Look for input that breaks a law; arguments go to the search, such as `-- --seconds 600`."""
    session.install("-e", ".", *group("test"), *group("fuzz"))
    session.run("python", "-m", "tests.fuzz.manifests", *session.posargs)


def ensure_chromium(session: nox.Session) -> None:
    """Browser tests drive a real Chromium; on Debian and Ubuntu it is installed if it is not there."""
    if any(shutil.which(name) for name in CHROMIUM):
        return
    if shutil.which("apt-get") is None:
        session.error("the browser tests need Chromium on PATH")
    become_root = [] if os.geteuid() == 0 else ["sudo"]
    session.run(*become_root, "apt-get", "update", "-qq", external=True)
    session.run(*become_root, "apt-get", "install", "-y", "-qq", "chromium", external=True)
