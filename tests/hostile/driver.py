"""Runs the program of probes once, as a builder would, and reports what it said and what it changed.

A process of its own: its environment holds a secret, as a builder's does, and it can give up root first. Everything
that the probes attack is planted here and belongs to the user who runs this.
"""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures.thread  # noqa: F401 - while root can still read it
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.hostile.orders import ALIKE, DEEDS, Places, orders
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.domain.capability import SandboxLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_VARIABLE = "WOMBAT_CREDENTIALS"  # noqa: S105 - its name
_SECONDS = 60.0
_VICTIM = """
import signal, sys, time
def caught(number, frame):
    print("signal", number, flush=True)
    sys.exit(3)
signal.signal(signal.SIGURG, caught)
print("ready", flush=True)
time.sleep(300)
"""


@dataclass
class Listener:
    """Servers on loopback and on sockets with names. The kernel takes what comes; it is counted afterwards."""

    streams: list[socket.socket]
    packets: socket.socket

    @property
    def tcp(self) -> int:
        """The port of TCP."""
        return int(self.streams[0].getsockname()[1])

    @property
    def udp(self) -> int:
        """The port of UDP."""
        return int(self.packets.getsockname()[1])

    def heard(self) -> int:
        """How many connections and datagrams have come."""
        count = 0
        for each in (*self.streams, self.packets):
            each.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    if each is self.packets:
                        each.recv(100)
                    else:
                        each.accept()[0].close()
                    count += 1
        return count


@contextlib.contextmanager
def listening(folder: Path, abstract: str) -> Iterator[Listener]:
    """Listen at TCP, UDP, a socket in *folder*, and an abstract one."""
    with contextlib.ExitStack() as opened:
        streams = [opened.enter_context(socket.socket(family)) for family in (socket.AF_INET, *[socket.AF_UNIX] * 2)]
        packets = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        streams[0].bind(("127.0.0.1", 0))
        streams[1].bind(str(folder / "socket"))
        streams[2].bind(f"\0{abstract}")
        for each in streams:
            each.listen()
        packets.bind(("127.0.0.1", 0))
        (folder / "socket").chmod(0o777)
        yield Listener(streams, packets)


@contextlib.contextmanager
def victim(secret: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process of this user, with a secret in its environment."""
    env = {SECRET_VARIABLE: secret}
    with subprocess.Popen([sys.executable, "-I", "-c", _VICTIM], env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            process.kill()


def state_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What others can do to a process, as far as it shows."""
    pid = process.pid
    pending = re.search(r"^ShdPnd:\s*([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if pending is not None and int(pending[1], 16) >> (signal.SIGKILL - 1) & 1:
        process.wait(30)  # a machine that is busy lets it die later
    if process.poll() is not None:
        return {"ended": process.returncode}
    return {
        "ended": None,
        "limits": Path(f"/proc/{pid}/limits").read_text(),
        "processors": sorted(os.sched_getaffinity(pid)),
        "nice": os.getpriority(os.PRIO_PROCESS, pid),
        "scheduler": os.sched_getscheduler(pid),
        "io": subprocess.run(["/usr/bin/ionice", "-p", str(pid)], capture_output=True, check=False).stdout.decode(),
    }


def state_of_files(folder: Path) -> dict[str, Any]:
    """Every file below a folder: owner, mode, links, times, labels, content."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        labels = os.listxattr(path, follow_symlinks=False)
        text = path.read_text() if path.is_file() else ""
        facts = (status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns, labels, text)
        found[str(path)] = repr(facts)
    return found


def planted(folder: Path, secret: str) -> Places:
    """Files with the secret: beside the program, in a home, and one that looks like a key of the data folder."""
    for name in ("data/access/builder.nk", "home/.netrc", "beside.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{secret}\n", encoding="utf-8")
    (folder / "empty").mkdir()
    return Places(folder, secret)


async def report(job: dict[str, Any]) -> dict[str, Any]:
    """Plant, run, compare."""
    secret = os.environ[SECRET_VARIABLE]
    level = SandboxLevel(job["level"])
    folder = Path(job["folder"])
    with tempfile.TemporaryDirectory(dir=folder) as name, contextlib.ExitStack() as around:
        outside = Path(name) / "outside"
        outside.mkdir()
        sandbox = Sandbox(os.environ["PATH"], level=None if level is SandboxLevel.BUBBLEWRAP else level)
        assert (await sandbox.strength()).level is level, await sandbox.strength()
        places = planted(outside, secret)
        heard = around.enter_context(listening(outside, places.abstract))
        process = around.enter_context(victim(secret))
        wanted = orders(places, heard.tcp, heard.udp, process.pid)
        if level is SandboxLevel.NONE:  # harmless ones, all of them on what is planted here
            wanted = [order for order in wanted if order[0] in DEEDS]
        before = (state_of(process), state_of_files(outside))
        own = Path(shutil.copy(job["program"], Path(name) / "program"))
        program = BuiltProgram(own, Path(name) / "place", sandbox)
        text = "".join("\t".join(order) + "\n" for order in wanted)
        answer = await program.run(["--version"], seconds=_SECONDS, limit=1 << 20, files={"orders.txt": text})
        after = (state_of(process), state_of_files(outside))
        lines = [line.split("\t") for line in answer.stdout.decode().splitlines() if line.startswith("@")]
        return {
            "status": answer.status,
            "errors": answer.stderr.decode(errors="replace"),
            "output": answer.stdout.decode(errors="replace"),
            "answers": {line[0][1:]: (line[1], ast.literal_eval(line[2])) for line in lines},
            "asked": [order[0] for order in wanted],
            "heard": heard.heard(),
            "changed": [key for key in ALIKE if before[0][key] != after[0].get(key)],
            "files": sorted(path for path in {*before[1], *after[1]} if before[1].get(path) != after[1].get(path)),
            "left": sorted(path.name for path in (Path(name) / "place").iterdir()),
            "program": oct(own.stat().st_mode & 0o7777),
            "user": os.geteuid(),
        }


def main() -> None:
    """Read a job from standard input, give up root where it says so, write the report."""
    job = json.load(sys.stdin)
    if job["uid"] != os.geteuid():
        # The interpreter of the tests may be where only root can reach it; everything is imported by now.
        sys.executable = shutil.which("python3", path="/usr/bin") or sys.executable
        os.setgroups([])
        os.setresgid(job["uid"], job["uid"], job["uid"])
        os.setresuid(job["uid"], job["uid"], job["uid"])
    json.dump(asyncio.run(report(job)), sys.stdout)


if __name__ == "__main__":
    main()
