"""What a module proxy, a disk and a log do to a build: real compiler, real HTTP, real full disks.

Expected: the failure says whose it is, only the network's is tried again, nothing half is left that a later build
could take for whole, and the next try is well.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Built, build, spec_of, tiny
from tests.support.factories import NOW
from tests.support.faultlog import note
from tests.support.goproxy import GoProxy, tamper
from tests.support.hostile import programs_in
from tests.support.smalldisk import small_disk
from wombat_gitops.adapters.files import remove_tree
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.memory import MemoryLogs
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain import lifecycle
from wombat_gitops.domain.identity import build_id
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildState, FailureKind, Origin, StepFailed
from wombat_gitops.services.joblog import JobLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wombat_gitops.domain.records import BuildRecord, Failure


@dataclass
class ModuleServer:
    """A module proxy over HTTP; `trouble` as a status, "hang", "half" or ""."""

    folder: Path
    address: str = ""
    trouble: str = ""
    well: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str) -> bytes:
        file = self.folder / path.lstrip("/")
        if self.trouble.isdigit():
            phrase = HTTPStatus(int(self.trouble)).phrase
            return f"HTTP/1.1 {self.trouble} {phrase}\r\nContent-Length: 0\r\n\r\n".encode()
        if not file.is_file():
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        data = file.read_bytes()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data)
        return head + (data[: len(data) // 2] if self.trouble == "half" else data)


@contextmanager
def module_server(folder: Path) -> Iterator[ModuleServer]:
    server = ModuleServer(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if server.trouble == "hang":
                server.well.wait()
            else:
                self.wfile.write(server.answer(self.path))
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.address = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.well.set()
        http.shutdown()
        http.server_close()
        thread.join()


def compiler_at(address: str, data: Path, limits: Limits = UNLIMITED) -> GoCompiler:
    return GoCompiler(Toolchains(data, ""), data, GoNetwork({"GOPROXY": address, "GOSUMDB": "off"}), limits)


async def failure_of(compiler: GoCompiler, proxy: GoProxy, root: Path) -> Failure:
    wanted, lock = tiny(proxy)
    with pytest.raises(StepFailed) as caught:
        await build(compiler, wanted, lock, root)
    return caught.value.failure


async def built_with(compiler: GoCompiler, proxy: GoProxy, root: Path) -> Built:
    wanted, lock = tiny(proxy)
    return await build(compiler, wanted, lock, root)


def running(proxy: GoProxy) -> BuildRecord:
    spec = spec_of(*tiny(proxy))
    queued = lifecycle.queued(build_id(spec), spec, Origin(), 0, NOW)
    return lifecycle.claimed(queued, "builder.1", "claim", NOW)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("503", "ModuleProxyUnavailable"),
        ("429", "ModuleProxyUnavailable"),
        ("hang", "SilentTimeout"),
        ("half", "NetworkError"),
        ("nowhere", "NetworkError"),
        ("unknown host", "NetworkError"),
    ],
)
async def test_a_module_proxy_in_trouble(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, trouble: str, reason: str
) -> None:
    """The network's fault: tried again with the same folder, which holds nothing half, and then it is well."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "cache").symlink_to(go_data / "cache")  # what is compiled is not the matter here
    (go_data / "cache").mkdir(exist_ok=True)
    with module_server(go_proxy.folder) as server:
        server.trouble = trouble
        address = {"nowhere": "http://127.0.0.1:9", "unknown host": "http://proxy.invalid"}.get(trouble, server.address)
        failure = await failure_of(compiler_at(address, data, Limits(silence=1)), go_proxy, tmp_path / "first")

        assert (failure.reason, failure.kind) == (reason, FailureKind.TRANSIENT), failure.tail
        assert failure.hint
        assert not programs_in(tmp_path)
        server.trouble = ""
        begun = time.monotonic()
        await built_with(compiler_at(server.address, data), go_proxy, tmp_path / "second")
        note(f"module proxy: {trouble}", time.monotonic() - begun)
    remove_tree(data / "mod")


async def test_trouble_is_tried_three_times_and_then_a_person_is_asked(go_proxy: GoProxy, tmp_path: Path) -> None:
    """Each try waits longer; after the third the build has failed, with the reason; a retry begins anew."""
    failure = await failure_of(compiler_at("http://127.0.0.1:9", tmp_path / "data"), go_proxy, tmp_path / "w")
    record = running(go_proxy)
    waits = []
    for _ in range(MAX_ATTEMPTS - 1):
        record = lifecycle.failed(record, failure, None, NOW)
        assert record.state is BuildState.QUEUED
        assert record.not_before is not None
        waits.append((record.not_before - NOW).total_seconds())
        record = lifecycle.claimed(record, "builder.1", "claim", NOW)
    record = lifecycle.failed(record, failure, None, NOW)

    assert waits == sorted(waits)
    assert waits[0] < waits[-1]
    assert record.state is BuildState.FAILED
    assert record.failure is not None
    assert record.failure.reason == "NetworkError"
    assert lifecycle.retried(record, NOW).state is BuildState.QUEUED


async def test_a_module_that_was_changed_is_never_tried_again(go_proxy: GoProxy, tmp_path: Path) -> None:
    """A sum that does not match ends the build at once: the next answer may be worse."""
    wanted, lock = tiny(go_proxy)
    tamper(go_proxy, wanted.core)
    with pytest.raises(StepFailed) as caught:
        await build(compiler_at(go_proxy.url, tmp_path / "data"), wanted, lock, tmp_path / "w")
    record = lifecycle.failed(running(go_proxy), caught.value.failure, None, NOW)

    assert record.state is BuildState.FAILED
    assert record.failure is not None
    assert record.failure.reason == "ChecksumMismatch"
    remove_tree(tmp_path / "data" / "mod")


async def test_a_disk_that_is_full_while_compiling(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """The machine's fault, with what to do; no program is left; with room again the same build is well."""
    compiler = compiler_at(go_proxy.url, go_data)
    with small_disk(tmp_path / "disk", "600k") as disk:
        failure = await failure_of(compiler, go_proxy, disk.folder / "w")
        assert (failure.reason, failure.kind) == ("DiskFull", FailureKind.INTERNAL)
        assert failure.hint == "free space in the data folder"
        assert not programs_in(disk.folder)

        disk.resize("64m")
        begun = time.monotonic()
        made = await built_with(compiler, go_proxy, disk.folder / "again")
        note("disk full while compiling", time.monotonic() - begun)
        assert made.binary.stat().st_size > 600_000


async def test_a_log_on_a_full_disk_ends_no_build(tmp_path: Path) -> None:
    """Lines that do not fit are lost, those before are kept and published; writing, ending and reading go on."""
    stream = MemoryLogs()
    with small_disk(tmp_path / "disk", "64k") as disk:
        log = JobLog(disk.folder / "log", stream, "b" * 64, 1)
        publishing = asyncio.create_task(log.publish())
        await log.write(b"first\n")
        for number in range(5_000):
            await log.write(b"line %d of a log that is larger than its disk\n" % number)
        await log.say("last")
        assert log.tail(1)[0].startswith("line ")
        log.end()
        async with asyncio.timeout(60):
            await publishing
        kept = (disk.folder / "log").read_bytes()
    text = "".join([chunk.text async for chunk in stream.read("b" * 64, 1)])

    assert text.startswith("first\nline 0 of")
    assert text.encode() == kept
    assert 16_000 < len(kept) <= 64 * 1024
