"""Downloads: whole, in parts, not again, and never anything but the right bytes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.api import QUICK, served
from tests.support.smalldisk import small_disk
from tests.support.stage import Stage, broken, built, declared, queued_build
from wombat_gitops.adapters.memory import MemoryObjects
from wombat_gitops.domain.errors import DiskFailed, NotFound, TimedOut
from wombat_gitops.domain.identity import digest
from wombat_gitops.domain.model import Withdrawal
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.services.downloads import Downloads

DATA = bytes(range(256)) * 4000
BUILD = built(queued_build(), DATA)
NAMED = "/dl/tiny/1.0.0/tiny_1.0.0_linux_amd64"
DIGEST = f"/dl/sha256/{digest(DATA)}"


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.store(DATA)
    await stage.put(BUILD, declared(BUILD))
    return stage


@pytest.mark.parametrize("path", [NAMED, DIGEST])
async def test_a_download_is_the_artifact(stage: Stage, path: str) -> None:
    """Bytes, name, digest and strong tag are the artifact's, and bytes named by digest never change."""
    async with stage.running(), served(stage) as client:
        answer = await client.get(path)
        head = await client.head(path)

    assert answer.content == DATA
    assert answer.headers["etag"] == f'"sha256-{digest(DATA)}"'
    sha256 = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{sha256}:"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"tiny_1.0.0_linux_amd64\"; filename*=UTF-8''tiny_1.0.0_linux_amd64"
    )
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("immutable" in answer.headers["cache-control"]) is (path == DIGEST)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(DATA)))
    assert head.headers["etag"] == answer.headers["etag"]


async def test_a_download_can_go_on_where_it_stopped(stage: Stage) -> None:
    """Range and If-Range work with the tag; a client that has the bytes gets 304."""
    async with stage.running(), served(stage) as client:
        etag = f'"sha256-{digest(DATA)}"'
        rest = await client.get(NAMED, headers={"Range": "bytes=1000-", "If-Range": etag})
        other = await client.get(NAMED, headers={"Range": "bytes=1000-", "If-Range": '"sha256-old"'})
        beyond = await client.get(NAMED, headers={"Range": f"bytes={len(DATA)}-"})
        known = await client.get(NAMED, headers={"If-None-Match": etag})

    assert (rest.status_code, rest.content) == (206, DATA[1000:])
    assert rest.headers["content-range"] == f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"
    assert (other.status_code, other.content) == (200, DATA)
    assert beyond.status_code == 416
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("path", [NAMED, DIGEST])
async def test_a_checksum_file_goes_with_every_download(stage: Stage, path: str) -> None:
    """`.sha256` is a line that `sha256sum -c` understands."""
    async with stage.running(), served(stage) as client:
        answer = await client.get(f"{path}.sha256")
    assert answer.text == f"{digest(DATA)}  tiny_1.0.0_linux_amd64\n"


async def test_what_is_missing_is_named(stage: Stage) -> None:
    """An unknown name, an unknown version, an unknown file and one without an artifact are told apart."""
    bad = broken(queued_build(5, name="other"))
    await stage.put(bad, declared(bad))
    async with stage.running(), served(stage) as client:
        hints = {}
        for path in ("tinny/1.0.0/x", "tiny/9.9.9/x", "tiny/1.0.0/tiny_1.0.0_linux_arm64", "other/1.0.0/x"):
            answer = await client.get(f"/dl/{path}")
            assert answer.status_code == 404
            hints[path] = answer.json()["hint"]

    assert hints == {
        "tinny/1.0.0/x": "did you mean `tiny`?",
        "tiny/9.9.9/x": "the newest is `1.0.0`",
        "tiny/1.0.0/tiny_1.0.0_linux_arm64": "did you mean `tiny_1.0.0_linux_amd64`?",
        "other/1.0.0/x": "its builds are failed",
    }


async def test_a_record_without_its_object_is_not_found(stage: Stage) -> None:
    """The record alone gives no download."""
    gone = built(queued_build(5, name="gone"), b"nowhere")
    await stage.put(gone)
    async with stage.running(), served(stage) as client:
        answer = await client.get("/dl/gone/1.0.0/gone_1.0.0_linux_amd64")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_damaged_bytes_are_never_sent(stage: Stage) -> None:
    """An object whose bytes changed in the store is a 502 and nothing of it goes out."""
    (stage.folder / "objects" / digest(DATA)).write_bytes(b"x" + DATA[1:])
    async with stage.running(), served(stage) as client:
        answer = await client.get(NAMED)
    assert (answer.status_code, answer.json()["code"]) == (502, "corrupt-data")
    assert answer.headers["content-type"] == "application/problem+json"


class SlowObjects(MemoryObjects):
    """Counts transfers and holds them until told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fetched: list[str] = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def fetch(self, sha256: str, size: int, target: Path) -> None:
        self.fetched.append(sha256)
        self.begun.set()
        await self.go_on.wait()
        await super().fetch(sha256, size, target)


async def test_a_store_that_does_not_answer_is_a_time_out(stage: Stage) -> None:
    """A transfer that hangs ends as a problem, not as an open connection."""
    slow = SlowObjects(stage.folder / "objects")
    downloads = Downloads(slow, stage.folder / "downloads", seconds=0.05)
    async with stage.running(), served(stage, downloads=downloads) as client:
        answer = await client.get(NAMED)
    assert (answer.status_code, answer.json()["code"]) == (504, "timed-out")


async def test_concurrent_downloads_share_one_transfer(stage: Stage) -> None:
    """Of ten readers at once one transfer is made; a reader that leaves does not end it for the others."""
    slow = SlowObjects(stage.folder / "objects")
    downloads = Downloads(slow, stage.folder / "downloads")
    async with asyncio.timeout(60), stage.running(), served(stage, downloads=downloads) as client:
        first = asyncio.create_task(client.get(NAMED))
        await slow.begun.wait()
        others = [asyncio.create_task(client.get(DIGEST)) for _ in range(9)]
        first.cancel()
        slow.go_on.set()
        answers = await asyncio.gather(*others)

    assert all(answer.content == DATA for answer in answers)
    assert slow.fetched == [digest(DATA)]


async def test_a_full_server_says_so(stage: Stage) -> None:
    """Beyond the limit of open downloads the answer is 503 with Retry-After, and the place is given back."""
    slow = SlowObjects(stage.folder / "objects")
    downloads = Downloads(slow, stage.folder / "downloads")
    limits = replace(QUICK, downloads=1)
    async with asyncio.timeout(60), stage.running(), served(stage, downloads=downloads, limits=limits) as client:
        first = asyncio.create_task(client.get(NAMED))
        await slow.begun.wait()
        refused = await client.get(NAMED)
        slow.go_on.set()
        assert (await first).content == DATA
        while (again := await client.get(NAMED)).status_code == 503:
            pass  # a client may have its last byte a moment before the server notices
        assert again.content == DATA

    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert int(refused.headers["retry-after"]) > 0


async def test_the_cache_is_bounded_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    """The copy that was not used for longest goes first; one that is being read stays."""
    stage = Stage(tmp_path)
    names = [await stage.store(bytes([number]) * 100) for number in range(3)]
    downloads = Downloads(stage.objects, tmp_path / "cache", limit=250)
    async with downloads.hold(names[0], 100) as held:
        async with downloads.hold(names[1], 100):
            pass
        async with downloads.hold(names[2], 100):
            assert held.exists()
        assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted([names[0], names[2]])
    async with downloads.hold(names[1], 100):
        pass
    assert downloads.size == 200


async def test_a_full_disk_costs_the_copies_that_nobody_reads(tmp_path: Path) -> None:
    """There is room for two: the third takes that of the one that is not read; a fourth beside two readers waits."""
    stage = Stage(tmp_path)
    names = [await stage.store(bytes([number]) * (2 << 20)) for number in range(4)]
    with small_disk(tmp_path / "disk", "5m") as disk:
        downloads = Downloads(stage.objects, disk.folder / "cache")
        await downloads.read(names[0], 2 << 20)
        async with downloads.hold(names[1], 2 << 20), downloads.hold(names[2], 2 << 20) as third:
            assert third.read_bytes() == b"\x02" * (2 << 20)
            with pytest.raises(DiskFailed, match="No space left"):
                await downloads.read(names[3], 2 << 20)
        assert await downloads.read(names[3], 2 << 20) == b"\x03" * (2 << 20)
        assert downloads.size == sum(path.stat().st_size for path in (disk.folder / "cache").iterdir())


async def test_the_cache_outlives_the_process(tmp_path: Path) -> None:
    """A copy that is there is used without asking the store; one that was cut short is fetched again."""
    stage = Stage(tmp_path)
    name = await stage.store(b"x" * 100)
    async with Downloads(stage.objects, tmp_path / "cache").hold(name, 100):
        pass
    (tmp_path / "objects" / name).rename(tmp_path / "hidden")
    async with Downloads(stage.objects, tmp_path / "cache").hold(name, 100) as path:
        assert path.read_bytes() == b"x" * 100
        path.write_bytes(b"x")
    with pytest.raises(NotFound):
        async with Downloads(stage.objects, tmp_path / "cache").hold(name, 100):
            pass
    (tmp_path / "hidden").rename(tmp_path / "objects" / name)
    async with Downloads(stage.objects, tmp_path / "cache").hold(name, 100) as path:
        assert path.read_bytes() == b"x" * 100


async def test_first_readers_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is read once, before any transfer: later looks met files that transfers were just renaming."""
    stage = Stage(tmp_path)
    names = [await stage.store(bytes([number])) for number in range(8)]
    downloads, looks, scan = Downloads(stage.objects, tmp_path / "cache"), list[Path](), os.scandir

    def counted(folder: Path) -> object:
        looks.append(folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", counted)
    got = await asyncio.gather(*(downloads.read(name, 1) for name in names))
    assert got == [bytes([number]) for number in range(8)]
    assert looks == [tmp_path / "cache"]
    assert downloads.size == 8


async def test_a_failed_transfer_is_tried_again(tmp_path: Path) -> None:
    """A time-out is not remembered."""
    stage = Stage(tmp_path)
    name = await stage.store(b"x")
    slow = SlowObjects(tmp_path / "objects")
    downloads = Downloads(slow, tmp_path / "cache", seconds=0.05)
    with pytest.raises(TimedOut):
        async with downloads.hold(name, 1):
            pass
    slow.go_on.set()
    async with downloads.hold(name, 1) as path:
        assert path.read_bytes() == b"x"


async def test_a_windows_program_keeps_its_ending(stage: Stage) -> None:
    """The name in the address is the name on disk, `.exe` included."""
    build: BuildRecord = built(queued_build(3, platform=Platform.parse("windows/amd64")), DATA)
    await stage.put(build)
    async with stage.running(), served(stage) as client:
        answer = await client.get("/dl/tiny/1.0.0/tiny_1.0.0_windows_amd64.exe")
    assert 'filename="tiny_1.0.0_windows_amd64.exe"' in answer.headers["content-disposition"]


LATER = built(queued_build(100, version="1.1.0"), DATA + b"later")
LATER_NAMED = "/dl/tiny/1.1.0/tiny_1.1.0_linux_amd64"
LATER_DIGEST = f"/dl/sha256/{digest(DATA + b'later')}"


@pytest.mark.parametrize("versions", [(), ("1.1.0",)])
async def test_what_is_withdrawn_is_gone_by_every_address(stage: Stage, versions: tuple[str, ...]) -> None:
    """Name, digest and checksum answer 410 with the reason, also to clients that have it; other versions stay."""
    await stage.store(DATA + b"later")
    await stage.put(LATER, declared(LATER, withdrawn=Withdrawal("leaks credentials", versions)))
    async with stage.running(), served(stage) as client:
        for path in (LATER_NAMED, LATER_DIGEST, f"{LATER_NAMED}.sha256", f"{LATER_DIGEST}.sha256"):
            answer = await client.get(path, headers={"If-None-Match": f'"sha256-{digest(DATA + b"later")}"'})
            assert (answer.status_code, answer.json()["code"]) == (410, "withdrawn"), path
            assert "leaks credentials" in answer.json()["detail"]
        before = await client.get(NAMED)
        shown = (await client.get("/api/v1/distributions/tiny")).json()
        build = (await client.get(f"/api/v1/builds/{LATER.id}")).json()

    assert before.status_code == (200 if versions else 410)
    assert shown["withdrawn"] == {"reason": "leaks credentials", "versions": list(versions)}
    (platform,) = shown["platforms"]
    assert platform["artifact"]["withdrawn"] == build["artifact"]["withdrawn"] == "leaks credentials"
    assert (platform["last_good"] or {}).get("url") == (NAMED if versions else None)
    told = {entry["version"]: entry["artifacts"]["linux/amd64"]["withdrawn"] for entry in shown["versions"]}
    assert told == {"1.1.0": "leaks credentials", "1.0.0": "" if versions else "leaks credentials"}
