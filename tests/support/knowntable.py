"""Writes the table of known packages anew: `python -m tests.support.knowntable FOLDER`, with a folder for Go's caches.

It reads the source of the modules for every platform, which takes minutes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from wombat_gitops.cli.jobs.inspecting import Shown
from wombat_gitops.domain.known import Read
from wombat_gitops.domain.model import DEFAULT_TOOLCHAIN, Module
from wombat_gitops.domain.platforms import Platform, supported_platforms
from wombat_gitops.domain.providers import KNOWN_MODULES
from wombat_gitops.services import known_table
from wombat_gitops.settings import Settings
from wombat_gitops.wiring.machine import go_tools


async def table(data: Path) -> str:
    """The text of the table."""
    platforms = [Platform.parse(name) for name in supported_platforms()]
    tools = await go_tools(Settings(data=data))
    found = await tools.packages.providers(KNOWN_MODULES, platforms, DEFAULT_TOOLCHAIN, Shown(verbose=False))
    return known_table.render([Read(module, _requires(data, module)) for module in KNOWN_MODULES], platforms, found)


def _requires(data: Path, module: Module) -> dict[str, str]:
    """What a module needs of the other known ones."""
    path = data / "go" / "mod" / "cache" / "download" / module.path / "@v" / f"{module.version}.mod"
    lines = [line.split() for line in path.read_text().replace("require ", "").splitlines()]
    known = {each.path for each in KNOWN_MODULES}
    return {line[0]: line[1] for line in lines if len(line) > 1 and line[0] in known}


if __name__ == "__main__":
    target = Path(known_table.__file__).parent / known_table.FILE
    target.write_text(asyncio.run(table(Path(sys.argv[1]))))
