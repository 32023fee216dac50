"""`wombat auth`: keys and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wombat_gitops.cli import text
from wombat_gitops.wiring import auth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def init(folder: Path, builders: Sequence[str], hosts: Sequence[str], domain: str) -> None:
    """Make what is missing, and tell what was made; never what is in it."""
    made = auth.init(folder, builders, hosts, domain)
    for word, names in (("new", made.new), ("renewed", made.renewed), ("kept", made.kept)):
        for name in names:
            text.out(f"{word.ljust(8)} {folder / name}")
    text.note(f"\ninclude {auth.CONFIG} from the broker's configuration, and give each role its own file and ca.crt:")
    text.note(f"  WOMBAT_CREDENTIALS={folder / 'service.nk'} WOMBAT_CA={folder / auth.AUTHORITY} wombat service")
