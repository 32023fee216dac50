"""Removing Go's module cache, whose files and folders are read-only."""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove *folder* and everything in it, read-only folders too; no error where it is not there."""
    if not folder.exists():
        return
    for root, _, _ in os.walk(folder):
        os.chmod(root, stat.S_IRWXU)  # noqa: PTH101 - walk gives texts
    shutil.rmtree(folder)
