"""What the hostile tests share: the program of probes, built once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.packages import PROBES, compiler_at, hostile, publish
from tests.integration.golang.support import build
from tests.support.goproxy import GoProxy, make_proxy
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.domain.capability import SandboxLevel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def probes(go_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The program of probes, in a folder that every user can reach."""
    proxy: GoProxy = make_proxy(tmp_path_factory.mktemp("probe-proxy"))
    wanted = publish(proxy, {"probes.go": PROBES})
    built = asyncio.run(
        build(compiler_at(None, proxy, go_data), wanted, proxy.lock(wanted.modules), tmp_path_factory.mktemp("probe"))
    )
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    folder.chmod(0o755)
    program = Path(shutil.copy(built.binary, folder / "probes"))
    program.chmod(0o755)
    yield program
    remove_tree(folder)


@pytest.fixture(params=[SandboxLevel.BUBBLEWRAP, SandboxLevel.LANDLOCK], ids=str)
def level(request: pytest.FixtureRequest) -> SandboxLevel:
    """Each level that contains anything."""
    return SandboxLevel(request.param)


__all__ = ["hostile", "level", "probes"]
