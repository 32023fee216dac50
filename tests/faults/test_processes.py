"""Roles die, sleep and go astray, each a real process: another one goes on, and nothing is done twice or left over."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.api import events
from tests.support.enclosed import enclosed_processes
from tests.support.faultlog import note
from tests.support.fleet import History
from tests.support.ports import free_port
from tests.support.smalldisk import small_disk
from tests.support.system import COMMITS, SECONDS
from wombat_gitops.adapters.nats import jetstream
from wombat_gitops.adapters.nats.infrastructure import kv_stream
from wombat_gitops.adapters.nats.stores import NatsStore
from wombat_gitops.domain import subjects
from wombat_gitops.domain.catalogue import Condition, DistributionRecord, SourceRecord
from wombat_gitops.domain.model import Artifact
from wombat_gitops.domain.records import MAX_ATTEMPTS, BuildState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.fleet import Fleet
    from tests.support.system import Role

MOMENTS = ("fetch", "generate", "check", "smoke", "upload", "end")
REQUESTS = 200
MANIFESTS = 300


def workspaces(fleet: Fleet) -> set[str]:
    """Names of the folders of builders that are there."""
    return {folder.name for folder in (fleet.system.data / "work").iterdir()}


async def writes(fleet: Fleet, bucket: str) -> int:
    """How often something was written into a bucket."""
    return (await jetstream.stream_info(fleet.connection, kv_stream(bucket))).last_sequence


COMPILE, SLOW = "/go/pkg/tool/", "components/slow"


def is_compiler(pid: int) -> bool:
    """Whether a process is there and compiles; it has another parent once its builder is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(COMPILE.encode())
    return False


async def compilers(fleet: Fleet) -> dict[int, str]:
    """Wait until the package `slow` is compiled; what does that, as command lines by process id."""

    def look() -> dict[int, str]:
        return {pid: line for pid, line in enclosed_processes().items() if line.startswith(COMPILE) and SLOW in line}

    found: dict[int, str] = await fleet.system.until(look, "a compiler")
    return found


async def test_builders_killed_at_every_step(fleet: Fleet, tmp_path: Path) -> None:
    """Kill -9 just as a step has begun, and between upload and end → other builders finish; exactly one result each.

    Every attempt of a killed builder ends `lost`, and the folders of the dead are gone once a new builder has started.
    """
    fleet.start("service")
    async with History(fleet.records).kept():
        dying = [fleet.trapped("builder", TRAP=f"kill:{moment}") for moment in MOMENTS]
        builds = [await fleet.request("tiny", f"1.0.{number}") for number in range(len(MOMENTS))]
        for role in dying:
            assert await asyncio.to_thread(role.process.wait, 80) == -signal.SIGKILL, role.said
        left = workspaces(fleet)
        assert len(left) == len(MOMENTS)
        fleet.start("builder")
        records = [await fleet.until_ended(build) for build in builds]
        for record in records:
            *lost, last = [attempt.ended_as for attempt in record.attempts]
            assert (record.state, last, set(lost) <= {"lost"}) == (BuildState.SUCCEEDED, "succeeded", True)
        assert Counter(attempt.ended_as for record in records for attempt in record.attempts) == {
            "lost": len(MOMENTS),
            "succeeded": len(builds),
        }
        assert not left & workspaces(fleet)
        await fleet.verify(records, tmp_path)


async def test_builder_killed_in_the_compiler(fleet: Fleet) -> None:
    """Kill -9 of a builder while it compiles → its compilers end with it, before another builder starts.

    The build is made once more elsewhere, and succeeds with one attempt lost.
    """
    fleet.start("service")
    core = fleet.slow()
    first = fleet.start("builder")
    build = await fleet.request("slow", packages=["slow"], core=core)
    running = await compilers(fleet)
    first.kill()
    begun = time.monotonic()
    await fleet.system.until(lambda: not any(map(is_compiler, running)), "the end of its compilers")
    fleet.start("builder")
    record = await fleet.until_ended(build)
    note("builder killed in the compiler: built by another one, lease 3 s", time.monotonic() - begun)
    assert [attempt.ended_as for attempt in record.attempts] == ["lost", "succeeded"]


async def test_stopped_before_it_publishes(fleet: Fleet) -> None:
    """SIGSTOP past the lease between upload and end, then SIGCONT → the late result is refused, no record changes."""
    fleet.start("service")
    zombie = fleet.trapped("builder", TRAP="stop:end")
    build = await fleet.request("tiny")
    await fleet.until_record(build, lambda record: record.step and record.step.step == "upload", "the upload")
    await fleet.system.until(lambda: _is_stopped(zombie), "the stop")
    fleet.start("builder")
    record = await fleet.until_ended(build)
    assert [attempt.ended_as for attempt in record.attempts] == ["lost", "succeeded"]
    zombie.signal(signal.SIGCONT)
    await fleet.system.until(lambda: "build_dropped" in zombie.said, "the zombie noticing")
    assert await fleet.all() == [record]


def _is_stopped(role: Role) -> bool:
    with open(f"/proc/{role.process.pid}/stat") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("victim", ["compile", "go"])
async def test_compiler_ended_for_its_memory(fleet: Fleet, victim: str) -> None:
    """Kill -9 of the compiler, as a machine without memory does → `OutOfMemory`; tried again, and built then."""
    fleet.start("service")
    core = fleet.slow()
    fleet.start("builder")
    build = await fleet.request("slow", packages=["slow"], core=core)
    await compilers(fleet)
    name = {"compile": COMPILE, "go": "/go/bin/go build "}[victim]
    for pid in [pid for pid, line in enclosed_processes().items() if line.startswith(name)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    record = await fleet.until_record(build, lambda record: record.attempts[0].ended_as, "the first attempt's end")
    failure = record.attempts[0].failure
    assert failure is not None
    assert failure.reason == "OutOfMemory"
    record = await fleet.until_ended(build)
    assert [attempt.ended_as for attempt in record.attempts] == ["failed", "succeeded"]


async def test_disk_of_a_builder_full(fleet: Fleet, tmp_path: Path) -> None:
    """No byte left from the start → nothing is claimed, health says so; a start on it too; built once there is room."""
    with small_disk(tmp_path / "disk", "2m") as disk:
        (disk.folder / "go").symlink_to((fleet.system.data / "go").resolve())
        fleet.start("service")
        disk.fill()
        poor = fleet.start("builder", WOMBAT_DATA=str(disk.folder))
        _, address = await fleet.api()
        build = await fleet.request("tiny")
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:

            async def told() -> str:
                health = (await client.get("/api/v1/status")).json()["health"]
                reasons = (each for each in health["reasons"] if each["code"] != "no-watcher")  # there is none here
                return " ".join(f"{reason['code']}: {reason['message']}" for reason in reasons)

            words = await until_told(told, "512 MiB needed in the data folder")
            assert "builder-quarantined: " in words
            assert "free, " in words
            record = await fleet.get(build)
            assert (record.state, record.attempts) == (BuildState.QUEUED, ()), record
            assert poor.process.poll() is None, poor.said
            assert "Traceback" not in poor.said
            (disk.folder / "filling").unlink()
            disk.resize("1g")
            record = await fleet.until_ended(build)
            assert record.state is BuildState.SUCCEEDED, record.failure
            assert len(record.attempts) == 1
            await until_told(told, "")
        poor.kill()


async def test_disk_of_a_builder_fills_up_while_it_builds(fleet: Fleet, tmp_path: Path) -> None:
    """No byte left in the middle of attempts → each is given back, and none is used up; built once there is room."""
    with small_disk(tmp_path / "disk", "64m") as disk:
        (disk.folder / "go").symlink_to((fleet.system.data / "go").resolve())
        fleet.start("service")
        core = fleet.slow()
        poor = fleet.start("builder", WOMBAT_DATA=str(disk.folder), WOMBAT_MIN_FREE="16MiB")
        build = await fleet.request("slow", packages=["slow"], core=core)
        await fleet.running("compile")
        disk.fill()
        record = await fleet.until_record(build, lambda record: record.attempts[0].ended_as, "the attempt's end")
        assert record.attempts[0].ended_as == "released", record
        assert record.attempts[0].failure is not None
        assert record.attempts[0].failure.reason == "DiskFull"
        assert (record.state, record.tries_left) == (BuildState.QUEUED, MAX_ATTEMPTS)
        await fleet.system.until(lambda: "builder_out_of_space" in poor.said, "the pause")
        (disk.folder / "filling").unlink()
        begun = time.monotonic()
        record = await fleet.until_ended(build)
        note("disk of a builder full while it builds", time.monotonic() - begun)
        assert record.state is BuildState.SUCCEEDED, record.failure
        assert [attempt.ended_as for attempt in record.attempts] == ["released", "succeeded"]
        assert poor.process.poll() is None, poor.said
        poor.kill()


async def until_told(told: Callable[[], Awaitable[str]], part: str) -> str:
    """Wait until what is told holds *part*, or is empty where *part* is; returns it."""
    words = ""
    async with asyncio.timeout(SECONDS):
        while part not in (words := await told()) or (not part and words):
            await asyncio.sleep(0.1)
    return words


async def test_disk_of_an_api_full(fleet: Fleet, tmp_path: Path) -> None:
    """No byte left for copies → what needs one is refused for now, everything else is told; well again with room."""
    with small_disk(tmp_path / "disk", "64m") as disk:
        fleet.system.write()
        fleet.system.commit()
        for role in ("service", "builder", "watcher"):
            fleet.start(role)
        (record,) = await fleet.until(BuildState.SUCCEEDED)
        assert record.artifact is not None
        disk.fill()
        api, address = await fleet.api(WOMBAT_DATA=str(disk.folder))
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            await fleet.system.until(lambda: "contents_not_read" in api.said, "the API's look into the build")
            refused = await client.get(f"/dl/sha256/{record.artifact.sha256}")
            assert (refused.status_code, refused.json()["code"]) == (503, "disk-failed")
            assert "retry-after" in refused.headers
            assert (await client.get(f"/api/v1/builds/{record.id}")).json()["state"] == "succeeded"
            (disk.folder / "filling").unlink()
            answer = await client.get(f"/dl/sha256/{record.artifact.sha256}")
            assert hashlib.sha256(answer.content).hexdigest() == record.artifact.sha256
        assert api.process.poll() is None, api.said
        assert "Traceback" not in api.said


async def test_clocks_an_hour_ahead_and_behind(fleet: Fleet) -> None:
    """Builders whose clocks are wrong by an hour → nothing is taken away or waits, and times are the service's."""
    fleet.start("service")
    fleet.trapped("builder", TRAP_CLOCK="3600")
    fleet.trapped("builder", TRAP_CLOCK="-3600")
    core = fleet.slow()
    slow = await fleet.request("slow", packages=["slow"], core=core, priority=1)
    builds = [slow, *[await fleet.request("tiny", f"1.0.{number}") for number in range(5)]]
    records = [await fleet.until_ended(build) for build in builds]
    assert {attempt.ended_as for record in records for attempt in record.attempts} == {"succeeded"}
    assert all(len(record.attempts) == 1 for record in records)
    for record in records:
        begun, ended = record.attempts[0].started_at, record.attempts[0].ended_at
        assert ended is not None
        assert record.requested_at <= begun <= ended == record.changed_at
        assert (ended - begun).total_seconds() < 600


async def test_service_killed_under_requests(fleet: Fleet) -> None:
    """Kill -9 of one service after the other while 200 builds are asked for twice → each is created exactly once.

    Every request is answered in the end, and what was answered is stored.
    """
    dice = random.Random(1)
    services = [fleet.start("service"), fleet.start("service")]
    asked = [fleet.request_for("tiny", f"1.0.{number}") for number in range(REQUESTS)] * 2
    dice.shuffle(asked)
    room = asyncio.Semaphore(8)
    created = Counter[str]()
    done = 0

    async def ask(number: int) -> None:
        nonlocal done
        async with room:
            answer = await fleet.client.request(asked[number])
        created[answer.build.id] += answer.created
        done += 1

    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        await fleet.system.until(lambda: all("role_started" in role.said for role in services), "the services")
        tasks = [group.create_task(ask(number)) for number in range(len(asked))]
        kills = 0
        while not all(task.done() for task in tasks):
            mark = dice.randint(20, 60)
            start = done
            while done - start < mark and not all(task.done() for task in tasks):
                await asyncio.sleep(0.002)
            services[kills % 2].kill()
            services[kills % 2] = fleet.start("service")
            kills += 1
    assert kills >= 4
    records = await fleet.all()
    assert {record.id for record in records} == created.keys()
    assert len(records) == REQUESTS
    assert all(count <= 1 for count in created.values())
    assert await writes(fleet, subjects.BUILDS) == REQUESTS, "every record was written once"


async def test_service_killed_while_it_takes_builds_away(fleet: Fleet) -> None:
    """Kill -9 of the services while they take 40 builds from a dead builder → each is taken once, none is forgotten."""
    dice = random.Random(2)
    services = [fleet.start("service"), fleet.start("service")]
    builds = [await fleet.request("tiny", f"1.0.{number}") for number in range(40)]
    for build in builds:
        await fleet.claim(build)
    async with History(fleet.records).kept() as history, asyncio.timeout(90):
        while any(record.state is BuildState.RUNNING for record in history.seen.values()) or len(history.seen) < 40:
            taken = sum(record.state is BuildState.QUEUED for record in history.seen.values())
            if taken and len(services) < 5:
                victim = services[-2]
                if victim.process.poll() is None and dice.random() < 0.5:
                    victim.kill()
                    services.append(fleet.start("service"))
            await asyncio.sleep(0.005)
    records = await fleet.all()
    assert [[attempt.ended_as for attempt in record.attempts] for record in records] == [["lost"]] * 40
    assert all(record.tries_left == 2 for record in records)


async def test_watcher_killed_in_a_pass(fleet: Fleet) -> None:
    """Kill -9 in the middle of a pass over 300 manifests → the next pass completes it; each build is requested once."""
    for number in range(MANIFESTS):
        fleet.system.write(f"tiny-{number}")
    fleet.system.commit()
    fleet.start("service")
    watcher = fleet.start("watcher")
    async with History(fleet.records).kept() as history:
        await fleet.system.until(lambda: len(history.seen) >= 20, "twenty requests")
        watcher.kill()
        assert len(history.seen) < MANIFESTS, "the fault came too late"
        begun = time.monotonic()
        fleet.start("watcher")
        await fleet.system.until(lambda: len(history.seen) >= MANIFESTS, "all requests")
        note("watcher killed in a pass over 300 manifests: all is requested", time.monotonic() - begun)
        assert await writes(fleet, subjects.BUILDS) == MANIFESTS


async def test_two_watchers_on_one_source(fleet: Fleet) -> None:
    """Two watchers at once, before and after a change → equal requests, and writing stops: no ping-pong."""
    for number in range(20):
        fleet.system.write(f"tiny-{number}")
    fleet.system.commit()
    fleet.start("service")
    fleet.start("watcher", WOMBAT_INTERVAL="0.3", **COMMITS)
    fleet.start("watcher", WOMBAT_INTERVAL="0.3", **COMMITS)
    await _settled(fleet, 20)
    fleet.system.write("tiny-7", version="1.0.1")
    fleet.system.commit()
    await _settled(fleet, 21)


async def _settled(fleet: Fleet, count: int) -> None:
    """Wait until there are *count* builds and nothing was written during ten looks of each watcher."""
    buckets = (subjects.BUILDS, subjects.SOURCES, subjects.DISTRIBUTIONS)
    seen: list[list[int]] = []
    try:
        async with asyncio.timeout(40):
            while not _is_settled(seen, count):
                seen.append([len(await fleet.all()), *[await writes(fleet, bucket) for bucket in buckets]])
                await asyncio.sleep(0.3)
    except TimeoutError:
        pytest.fail(f"it never settles: {seen}\n{fleet.said}")


def _is_settled(seen: list[list[int]], count: int) -> bool:
    last = seen[-10:]
    return len(last) == 10 and all(each == last[0] for each in last) and last[0][0] == count


async def test_api_killed_under_followers_and_downloads(fleet: Fleet, tmp_path: Path) -> None:  # noqa: C901, PLR0915
    """Kill -9 of the API while a log is followed and a file is read → both go on where they were, with the same bytes.

    The follower gives the id of the last event it has seen, the reader the range that it lacks.
    """
    data = random.Random(3).randbytes(24 << 20)
    sha256 = hashlib.sha256(data).hexdigest()
    (tmp_path / "file").write_bytes(data)
    fleet.start("service")
    port = free_port()
    api, address = await fleet.api(port)
    done = await fleet.claim(await fleet.request("done"))
    await fleet.objects.put(tmp_path / "file", sha256, len(data))
    await done.succeed(Artifact(sha256, len(data), "done"), None)
    open_one = await fleet.claim(await fleet.request("open"))

    async def beat() -> None:
        while True:
            await open_one.renew()
            await asyncio.sleep(0.5)

    lines = [f"line {number}" for number in range(1_000)]
    to_write = 300  # each kill releases more, so there are always lines that only the next process can send

    async def write() -> None:
        for index in range(0, len(lines), 20):
            while index >= to_write:
                await asyncio.sleep(0.01)
            text = "".join(f"{line}\n" for line in lines[index : index + 20])
            await fleet.logs.append(open_one.record.id, 1, index // 20, text, end=index + 20 == len(lines))
            await asyncio.sleep(0.05)

    seen: list[str] = []
    read = bytearray()
    broken = Counter[str]()

    async def follow(client: httpx.AsyncClient) -> None:
        last = ""
        while True:
            with suppress(httpx.HTTPError):
                headers = {"Last-Event-ID": last} if last else {}
                path = f"/api/v1/builds/{open_one.record.id}/log/stream"
                async with client.stream("GET", path, headers=headers) as answer:
                    async for event in events(answer):
                        if event.name == "end":
                            return
                        if event.name == "line":
                            seen.extend(event.data["lines"])
                            last = event.id
            broken["log"] += 1
            await asyncio.sleep(0.05)

    async def download(client: httpx.AsyncClient) -> None:
        while len(read) < len(data):
            with suppress(httpx.HTTPError):
                headers = {"Range": f"bytes={len(read)}-", "If-Range": f'"sha256-{sha256}"'}
                async with client.stream("GET", f"/dl/sha256/{sha256}", headers=headers) as answer:
                    if answer.status_code == 206:
                        async for block in answer.aiter_bytes(1 << 16):
                            read.extend(block)
                            await asyncio.sleep(0.005)
            broken["file"] += len(read) < len(data)
            await asyncio.sleep(0.05)

    async with asyncio.timeout(90), httpx.AsyncClient(base_url=address, timeout=10) as client:
        beating = asyncio.create_task(beat())
        jobs = [asyncio.create_task(work) for work in (follow(client), download(client), write())]
        for part in (1, 2):
            while len(seen) < 250 * part or len(read) < (len(data) // 4) * part:
                await asyncio.sleep(0.01)
            api.kill()
            begun = time.monotonic()
            count = len(seen)
            to_write += 350
            api, _ = await fleet.api(port)
            while len(seen) == count:
                await asyncio.sleep(0.01)
            note("API killed: followers of a log go on", time.monotonic() - begun)
        await asyncio.gather(*jobs)
        beating.cancel()
    assert seen == lines
    assert hashlib.sha256(read).hexdigest() == sha256
    assert broken["log"] >= 2
    assert broken["file"] >= 2


async def test_an_unreadable_build_record_stopped_its_source(fleet: Fleet) -> None:
    """Garbage under one build id → told of its distribution and source, others are requested, `retry` repairs it."""
    sources = NatsStore(fleet.connection, subjects.SOURCES, SourceRecord)
    distributions = NatsStore(fleet.connection, subjects.DISTRIBUTIONS, DistributionRecord)

    async def ready() -> Condition | None:
        for key in await sources.keys():
            entry = await sources.get(key)
            found = [each for each in entry.value.conditions if each.type == "Ready"] if entry is not None else []
            return found[0] if found else None
        return None

    async def stalled(name: str) -> list[Condition]:
        entry = await distributions.get(name)
        return [each for each in entry.value.conditions if each.type == "Stalled"] if entry is not None else []

    async def until(what: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(SECONDS):
            while not await what():
                await asyncio.sleep(0.05)

    fleet.start("service")
    for name in ("one", "two"):
        fleet.system.write(name)
    fleet.system.commit()
    watcher = fleet.start("watcher", WOMBAT_INTERVAL="1")
    records = await fleet.until(BuildState.QUEUED, 2)
    watcher.kill()
    victim = next(record.id for record in records if record.spec.name == "one")
    await jetstream.publish(fleet.connection, f"$KV.{subjects.BUILDS}.{victim}", b'{"id": "\xff no record')
    fleet.system.write("three")
    fleet.system.commit()
    fleet.start("watcher", WOMBAT_INTERVAL="1")

    async def told() -> bool:
        condition = await ready()
        return condition is not None and condition.reason == "BuildUnreadable"

    await until(told)
    condition = await ready()
    assert condition is not None
    assert not condition.status
    assert f"`wombat retry {victim}`" in condition.message
    assert [each.reason for each in await stalled("one")] == ["BuildUnreadable"]
    assert victim in (await stalled("one"))[0].message
    assert await stalled("two") == await stalled("three") == []
    assert {record.spec.name for record in await fleet.all()} == {"two", "three"}, "the others are requested"

    done = fleet.system.run("retry", victim, WOMBAT_NATS=fleet.broker.url)
    assert done.returncode == 0, done.stderr
    assert "could not be read, and is removed" in done.stdout

    async def repaired() -> bool:
        condition = await ready()
        return condition is not None and condition.status and not await stalled("one")

    await until(repaired)
    assert (await fleet.get(victim)).state is BuildState.QUEUED
    assert {record.spec.name for record in await fleet.all()} == {"one", "two", "three"}
