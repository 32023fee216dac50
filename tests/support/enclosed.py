"""Processes of sandboxes: those that a test, or a program that it has started, keeps in another pid namespace."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def enclosed_programs(below: int = 0) -> list[str]:
    """Command lines of live processes in other pid namespaces that descend from process *below*, or from this one."""
    return list(enclosed_processes(below).values())


def enclosed_processes(below: int = 0) -> dict[int, str]:
    """The same by process id."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] not in b"ZX":
                parents[int(folder.name)] = int(fields[1])
    own = Path("/proc/self/ns/pid").readlink()
    found = {}
    for pid in parents:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/ns/pid").readlink() != own and _descends(pid, below or os.getpid(), parents):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    return found


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != ancestor:
        pid = parents[pid]
    return pid == ancestor
