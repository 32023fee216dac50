"""Three real brokers as one cluster, on the configuration that docs/cluster.md shows: killed, frozen, restarted."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.support.ports import free_port
from wombat_gitops.adapters.broker import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE: Final = Path(__file__).parents[2] / "docs" / "cluster.md"
NODES: Final = 3
_SECONDS: Final = 60.0
_POLL: Final = 0.02


def documented_config() -> str:
    """The configuration of the first server as the page shows it."""
    blocks = re.findall(r"^```\n(server_name: .*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, "docs/cluster.md shows one configuration"
    return str(blocks[0])


class Node:
    """One broker of a cluster, on a store and ports of its own that stay when it is started again."""

    def __init__(self, folder: Path, number: int, routes: list[int]) -> None:
        self.name = f"nats-{number}"
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self.port, self.monitor = free_port(), free_port()
        config = documented_config()
        for old, new in (
            ("server_name: nats-1", f"server_name: {self.name}"),
            ("listen: 0.0.0.0:4222", f"listen: 127.0.0.1:{self.port}"),
            ("http: 127.0.0.1:8222", f"http: 127.0.0.1:{self.monitor}"),
            ("/var/lib/nats", json.dumps(str(self.folder / "store"))),
            ("listen: 0.0.0.0:6222", f"listen: 127.0.0.1:{routes[number - 1]}"),
            *((f"nats-{other}:6222", f"127.0.0.1:{port}") for other, port in enumerate(routes, 1)),
        ):
            assert old in config, f"docs/cluster.md shows no `{old}`"
            config = config.replace(old, new)
        (self.folder / "nats-server.conf").write_text(config)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (self.folder / "log").open("ab")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        assert self._process is None
        argv = [str(find_program()), "--config", str(self.folder / "nats-server.conf")]
        self._process = subprocess.Popen(
            argv, env={}, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does: it hands its leaderships over first."""
        self._end(signal.SIGUSR2)

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def lose_store(self) -> None:
        """Forget everything that was stored; only while it is not running."""
        assert self._process is None
        shutil.rmtree(self.folder / "store")

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        self._log.close()

    @property
    def healthy(self) -> bool:
        """Whether it has caught up with everything that it keeps, by its own word."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/healthz", timeout=2) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except (OSError, ValueError):
            return False

    def look(self, page: str) -> dict[str, Any]:
        """A page of its monitoring."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/{page}", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        if number is signal.SIGKILL:
            self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        self._process = None


class Cluster:
    """Three brokers; nothing of them is left at the end.

    Its methods wait for processes by polling them, in the calling thread: call them by `asyncio.to_thread` where
    something else is to go on meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        routes = [free_port() for _ in range(NODES)]
        self.nodes = [Node(folder, number, routes) for number in range(1, NODES + 1)]

    @property
    def url(self) -> str:
        return ",".join(node.url for node in self.nodes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.close()

    def start(self) -> Self:
        """Start those that do not run, and wait until all are well."""
        for node in self.nodes:
            if not node.running:
                node.start()
        self.until_healthy()
        return self

    def until_healthy(self, nodes: Iterable[Node] = ()) -> None:
        """Wait until *nodes*, or all, have a leader among them and have caught up."""
        wanted = list(nodes) or self.nodes
        _until(
            lambda: all(node.healthy for node in wanted) and any(node.name == self._meta(wanted) for node in wanted),
            lambda: "\n".join(f"--- {node.name}\n{node.said[-3000:]}" for node in self.nodes),
        )

    def leader(self, stream: str) -> Node:
        """The broker that leads a stream, as soon as there is one."""
        found: list[Node] = []

        def look() -> bool:
            found[:] = [node for node in self.nodes if node.running and self._led(stream, node) == node.name]
            return bool(found)

        _until(look, lambda: f"no leader of {stream}")
        return found[0]

    def replicas(self, stream: str) -> set[str]:
        """Names of the brokers that have a copy of a stream, and are current with it."""
        info = self.leader(stream).look("jsz?streams=true&accounts=true")
        for detail in info["account_details"][0]["stream_detail"]:
            if detail["name"] == stream:
                cluster = detail["cluster"]
                current = {each["name"] for each in cluster.get("replicas", []) if each["current"]}
                return {cluster["leader"], *current}
        return set()

    def _meta(self, nodes: list[Node]) -> str:
        return str((nodes[0].look("jsz").get("meta_cluster") or {}).get("leader", ""))

    def _led(self, stream: str, node: Node) -> str:
        try:
            details = node.look("jsz?streams=true&accounts=true")["account_details"]
        except OSError:
            return ""
        for account in details:
            for detail in account.get("stream_detail") or ():
                if detail["name"] == stream:
                    return str((detail.get("cluster") or {}).get("leader", ""))
        return ""


def _until(happened: Any, told: Any) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            if happened():
                return
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(_POLL)
    raise TimeoutError(told())
