"""Resident memory of `wombat up` at rest, without its broker, over that of a bare Python with the same web server.

Counts the process itself; the broker and everything it starts are processes of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
BARE = "import fastapi, uvicorn, nats, time; print('up', flush=True); time.sleep(60)"
AIM = 200
"""MiB that all roles together may take."""


def resident(pid: int) -> float:
    """Resident memory of a process, MiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        repo, data = Path(folder) / "repo", Path(folder) / "data"
        (repo / "manifests").mkdir(parents=True)
        env = {**os.environ, "WOMBAT_DATA": str(data), "WOMBAT_PORT": "0", "PYTHONPATH": str(CHECKOUT)}
        up = subprocess.Popen(
            [sys.executable, "-m", "wombat_gitops", "up", "--repo", str(repo), "--no-live"],
            env=env,
            cwd=repo,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        bare = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 60
            while not (data / "up.json").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            api = json.loads((data / "up.json").read_text())["api"]
            for path in ("/api/v1/distributions", "/api/v1/builds", "/api/v1/status", "/") * 25:
                urllib.request.urlopen(api + path, timeout=10).read()  # noqa: S310
            time.sleep(15)  # a few polls, heartbeats and resyncs
            assert bare.stdout is not None
            bare.stdout.readline()
            used, peer = resident(up.pid), resident(bare.pid)
            print(
                f"wombat up: {used:.0f} MiB (aim {AIM})   the libraries alone: {peer:.0f} MiB   ratio {used / peer:.2f}"
            )
        finally:
            up.terminate()
            bare.kill()
            up.wait(30)
            bare.wait()


main()
