"""A disk of a few megabytes that a test fills, and that grows when it is told to."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class SmallDisk:
    """A file system in memory, mounted at a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, size: str) -> None:
        """Make it another size, such as `64m`."""
        _run("mount", "-o", f"remount,size={size}", str(self.folder))

    def fill(self) -> None:
        """Leave no byte on it."""
        with (self.folder / "filling").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                return


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[SmallDisk]:
    """Mount one, which takes root or `sudo` without a password; the test is skipped where there is neither."""
    folder.mkdir()
    owner = f"uid={os.getuid()},gid={os.getgid()}"
    if sys.platform != "linux" or not _run("mount", "-t", "tmpfs", "-o", f"size={size},{owner}", "tmpfs", str(folder)):
        pytest.skip("no file system can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> bool:
    become_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    done = subprocess.run([*become_root, *command], capture_output=True, check=False, timeout=30)
    return done.returncode == 0
