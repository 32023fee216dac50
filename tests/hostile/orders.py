"""What the program of probes is ordered to try: a name, a trick of `probes.go`, and what it is tried on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ALIKE = ("ended", "limits", "processors", "nice", "scheduler", "io")
"""What of the victim must be the same before and after."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the planted things are."""

    folder: Path
    secret: str

    @property
    def abstract(self) -> str:
        """The name of a socket that is in no folder."""
        return f"wombat-{self.secret}"


NETWORK = (
    "dial", "udp", "ask a name server", "unix socket", "abstract socket", "vsock", "packet socket", "raw socket",
)  # fmt: skip
READING = (
    "environment of the parent", "environment of process 1", "environment of another process",
    "environment of any process", "a key of the data folder", "the home folder", "a file beside it",
    "find a planted file", "users of the machine", "passwords", "the kernel's own memory", "the name server",
    "list the data folder", "run a shell", "run a shell of the system", "memory of another process",
)  # fmt: skip
WRITING = (
    "append", "truncate", "remove", "rename", "hard link in", "hard link out", "make a folder", "create a file", "mode",
    "mode of an open file", "owner", "label", "block device", "create in /", "create in /etc",
    "create in /dev", "fill shared memory", "fill /run", "its own program", "mode of its own program",
    "the name of its program",
)  # fmt: skip
PROCESSES = (
    "signal another process", "queue a signal", "limit another process", "pin another process",
    "renice another process", "idle another process", "input and output of another process", "ptrace another process",
)  # fmt: skip
WITHOUT_EFFECT = ("signal the parent", "signal all", "times")
"""The kernel may say yes to these and does nothing: what counts is that everybody lives and no time is another."""
CALLS = {
    "namespace": "unshare", "user namespace": "clone-user", "another namespace": "setns", "mount": "mount",
    "mount anew": "remount", "unmount": "unmount", "another root": "chroot", "turn the root": "pivot",
    "io_uring": "io_uring", "key": "add_key", "keyring": "keyctl", "userfaultfd": "userfaultfd", "bpf": "bpf",
    "performance counter": "perf", "file handle": "handle", "memory file": "memfd", "shared memory": "shared-memory",
    "message queue": "message-queue", "POSIX queue": "posix-queue", "kernel module": "module",
    "type into a terminal": "terminal", "type into a console": "console", "type with high bits": "terminal-64-bit",
    "name of the host": "hostname", "clock": "clock", "log of the kernel": "syslog",
}  # fmt: skip
"""System calls that are refused with EPERM, by their trick."""
UNKNOWN_CALLS = {"clone3": "clone3", "x32 interface": "x32"}
"""Those that the kernel is made to know nothing of."""
TOLD = ("environment", "descriptors", "user")

DEEDS = (
    "dial", "udp", "unix socket", "abstract socket", "environment of another process", "environment of any process",
    "a key of the data folder", "users of the machine", "run a shell of the system", "append", "mode", "times",
    "hard link out", "signal another process", "limit another process", "renice another process", "environment",
)  # fmt: skip
"""What is tried without a sandbox, where all of it must succeed: these probes can tell."""


def orders(places: Places, tcp: int, udp: int, victim: int) -> list[tuple[str, ...]]:
    """Every order, in the order in which they are tried."""
    key, beside = places.folder / "data" / "access" / "builder.nk", places.folder / "beside.txt"
    made = places.folder / "made"
    return [
        ("dial", "tcp", str(tcp)),
        ("udp", "udp", str(udp)),
        ("ask a name server", "udp", "53"),
        ("unix socket", "unix", str(places.folder / "socket")),
        ("abstract socket", "unix", f"@{places.abstract}"),
        ("vsock", "vsock"),
        ("packet socket", "packet"),
        ("raw socket", "raw"),
        ("environment of the parent", "read", "/proc/%ppid/environ"),
        ("environment of process 1", "read", "/proc/1/environ"),
        ("environment of another process", "read", f"/proc/{victim}/environ"),
        ("environment of any process", "environs", places.secret),
        ("a key of the data folder", "read", str(key)),
        ("the home folder", "read", str(places.folder / "home" / ".netrc")),
        ("a file beside it", "read", str(beside)),
        ("find a planted file", "find", "builder.nk"),
        ("users of the machine", "read", "/etc/passwd"),
        ("passwords", "read", "/etc/shadow"),
        ("the kernel's own memory", "read", "/proc/kcore"),
        ("the name server", "read", "/etc/resolv.conf"),
        ("list the data folder", "list", str(key.parent)),
        ("run a shell", "run", "/bin/sh", "-c", "echo hello"),
        ("run a shell of the system", "run", "/usr/bin/env", "echo", "hello"),
        ("memory of another process", "read-memory", str(victim)),
        ("append", "append", str(beside)),
        ("truncate", "truncate", str(beside)),
        ("remove", "remove", str(key)),
        ("rename", "rename", str(beside), str(made)),
        ("hard link in", "link", str(beside), "link"),
        ("hard link out", "link", "orders.txt", str(made)),
        ("make a folder", "mkdir", str(made)),
        ("create a file", "create", str(made)),
        ("mode", "chmod", str(beside)),
        ("mode of an open file", "open-and-chmod", str(beside)),
        ("owner", "chown", str(beside), "65534"),
        ("times", "touch", str(beside)),
        ("label", "label", str(beside)),
        ("block device", "device", "device"),
        ("create in /", "create", "/hostile-made"),
        ("create in /etc", "create", "/etc/hostile-made"),
        ("create in /dev", "create", "/dev/hostile-made"),
        ("fill shared memory", "fill", "/dev/shm"),  # noqa: S108 - it is attacked
        ("fill /run", "fill", "/run"),
        ("its own program", "append", "%program"),
        ("mode of its own program", "chmod", "%program"),
        ("the name of its program", "rename", "%program", "renamed"),
        ("limit another process", "limit", str(victim)),
        ("pin another process", "pin", str(victim)),
        ("renice another process", "renice", str(victim)),
        ("idle another process", "idle", str(victim)),
        ("input and output of another process", "ioprio", str(victim)),
        ("ptrace another process", "ptrace", str(victim)),
        *((name, trick, str(places.folder / "empty")) for name, trick in CALLS.items()),
        *((name, trick) for name, trick in UNKNOWN_CALLS.items()),
        ("environment", "environ"),
        ("descriptors", "fds"),
        ("user", "user"),
        ("become root", "become-root"),
        ("signal another process", "signal", str(victim), "23"),
        ("queue a signal", "signal-later", str(victim)),
        ("signal the parent", "signal-parent"),
        ("signal all", "signal-all"),
    ]
