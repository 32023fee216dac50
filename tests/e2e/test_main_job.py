"""From a commit to a program that runs: the system as its users run it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.system import System


def download(url: str, target: Path) -> Path:
    """Fetch a program and make it runnable."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        target.write_bytes(answer.read())
    target.chmod(target.stat().st_mode | stat.S_IXUSR)
    return target


def pids_with(text: str) -> list[int]:
    """Processes whose command line holds *text*."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if text.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def test_commit_becomes_a_download(system: System, tmp_path: Path) -> None:
    """A committed manifest is built for all its platforms and can be downloaded, verified and run."""
    system.write(platforms=["linux/amd64", "windows/amd64"])
    system.commit()
    up = system.start("up")
    builds = await system.until_state("tiny", "succeeded")
    assert {build["platform"] for build in builds} == {"linux/amd64", "windows/amd64"}
    assert {build["artifact"]["file_name"] for build in builds} == {
        "tiny_1.0.0_linux_amd64",
        "tiny_1.0.0_windows_amd64.exe",
    }
    artifact = next(build["artifact"] for build in builds if build["platform"] == "linux/amd64")
    program = download(system.api + artifact["url"], tmp_path / "tiny")
    assert hashlib.sha256(program.read_bytes()).hexdigest() == artifact["sha256"]
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True, timeout=10).stdout
    assert said == "Version: 1.0.0\nDate: 2026-10-01T10:00:00Z\n"
    shown = system.get("/api/v1/distributions/tiny")
    assert (shown["sync"], shown["health"]) == ("Synced", "Healthy")

    # The program has said what it holds, and so the website knows without running it.
    component = system.get("/api/v1/components/processor/pure")
    assert (component["summary"], component["distributions"]) == ("About pure.", ["tiny"])
    assert component["package"] == "github.com/redpanda-data/benthos/v4/public/components/pure"
    assert [field["path"] for field in component["fields"]] == ["address"]
    assert set(system.get("/api/v1/distributions/tiny/config-schema")["properties"]) == {"input", "output"}

    # People can ask which of what is published runs their pipeline.
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text("input: {io: {}}\npipeline: {processors: [{pure: {}}]}\n")
    answer = system.run("check-config", "--published", "-o", "json", str(pipeline))
    assert answer.returncode == 0, answer.stderr
    assert {(item["name"], item["platform"], item["complete"]) for item in json.loads(answer.stdout)["items"]} == {
        ("tiny", "linux/amd64", True),
        ("tiny", "windows/amd64", True),
    }

    # Editing and committing is all it takes.
    system.write(version="1.1.0")
    system.commit()
    await system.until_state("tiny", "succeeded", version="1.1.0")
    assert await system.until(
        lambda: system.get("/api/v1/distributions/tiny")["version"] == "1.1.0", "the new version on the page"
    )
    assert up.stop() == 0
    assert not pids_with(str(system.data)), "everything has stopped"


async def test_second_start_builds_nothing(system: System) -> None:
    """What was built before is there after a restart, unchanged."""
    system.write()
    system.commit()
    first = system.start("up")
    before = await system.until_state("tiny", "succeeded")
    assert first.stop() == 0
    system.start("up")
    after = await system.until_state("tiny", "succeeded")
    assert await system.until(lambda: system.get("/api/v1/distributions/tiny")["sync"] == "Synced", "synced")
    assert [build["attempts"] for build in after] == [build["attempts"] for build in before]


async def test_local_run_gives_the_same_ids_and_bytes(system: System, tmp_path: Path) -> None:
    """`apply --local` and the service produce the same build id and the same bytes, in different folders."""
    system.write()
    system.commit()
    out = tmp_path / "out"
    local = system.run("apply", "--local", "--output-dir", str(out), WOMBAT_DATA=str(tmp_path / "other"))
    assert local.returncode == 0, local.stderr
    system.start("up")
    (build,) = await system.until_state("tiny", "succeeded")
    local_bytes = (out / "tiny_1.0.0_linux_amd64").read_bytes()
    assert hashlib.sha256(local_bytes).hexdigest() == build["artifact"]["sha256"]
    planned = system.run("plan", "-o", "json")
    assert planned.returncode == 0, planned.stderr
    assert build["id"] in planned.stdout


async def test_bad_manifest_stops_nobody(system: System) -> None:
    """A broken manifest is reported with its place, and the others are built."""
    system.write("good")
    system.write("bad")
    manifest = system.repo / "manifests/bad.yaml"
    manifest.write_text(manifest.read_text().replace("benthos:", "bentos:"))
    system.commit()
    system.start("up")
    await system.until_state("good", "succeeded")

    def reported() -> Any:
        text = json.dumps(system.get("/api/v1/status")["sources"])
        return "manifests/bad.yaml:5:1" in text and "bentos" in text

    await system.until(reported, "the diagnostic on the source")


async def test_broken_package_is_named(system: System) -> None:
    """A build that cannot compile names the package and the first error, and keeps its log."""
    system.proxy.add_benthos(
        "v4.81.0", extra={"public/components/broken/broken.go": "package broken\n\nvar x int = undefinedName\n"}
    )
    system.write("broken", packages=["pure", "broken"], core="v4.81.0")
    system.commit()
    system.start("up")
    (build,) = await system.until_state("broken", "failed")
    failure = build["failure"]
    assert failure["reason"] == "CompileError"
    assert failure["culprit"].endswith("public/components/broken")
    assert "undefinedName" in failure["message"]
    assert len(build["attempts"]) == 1
    with urllib.request.urlopen(system.api + build["log_url"] + "?tail=50", timeout=10) as answer:  # noqa: S310
        assert "undefined: undefinedName" in answer.read().decode()


async def test_removed_manifest_keeps_its_artifacts(system: System, tmp_path: Path) -> None:
    """Removing a manifest retires the distribution; what was built can still be had."""
    system.write("stays")
    system.write("goes")
    system.commit()
    system.start("up")
    await system.until_state("stays", "succeeded")
    (build,) = await system.until_state("goes", "succeeded")
    (system.repo / "manifests/goes.yaml").unlink()
    system.commit()
    await system.until(lambda: system.get("/api/v1/distributions/goes")["retired"], "retired")
    program = download(system.api + build["artifact"]["url"], tmp_path / "goes")
    assert hashlib.sha256(program.read_bytes()).hexdigest() == build["artifact"]["sha256"]


async def test_port_that_is_taken(system: System) -> None:
    """An occupied port is said at once, with what to do."""
    system.write()
    system.commit()
    system.start("up")
    address = await system.until(lambda: system.api, "an address")
    port = address.rpartition(":")[2]
    second = system.run("up", "--port", port, WOMBAT_DATA=str(system.folder / "second"))
    assert second.returncode == 6
    assert "--port" in second.stderr


async def test_two_on_one_folder(system: System) -> None:
    """A second `wombat up` on the same folder is refused before it touches anything."""
    system.write()
    system.commit()
    system.start("up")
    await system.until(lambda: system.api, "an address")
    second = system.run("up")
    assert second.returncode == 6
    assert "in use" in second.stderr


async def test_interrupted_start_leaves_nothing(system: System) -> None:
    """Ctrl-C in the middle of a build stops the compiler and the broker, and the build is done next time."""
    system.write()
    system.commit()
    up = system.start("up")
    await system.until(
        lambda: any(build["state"] != "queued" for build in system.get("/api/v1/builds")["items"]), "a start"
    )
    up.signal(signal.SIGINT)
    assert up.process.wait(30) == 0
    assert not pids_with(str(system.data))
    system.start("up")
    await system.until_state("tiny", "succeeded")


async def test_commands_against_a_running_system(system: System, tmp_path: Path) -> None:
    """Plan, apply, list, get, logs, download and retry talk to what runs, in a form that programs can read."""
    system.proxy.add_benthos(
        "v4.82.0", extra={"public/components/broken/broken.go": "package broken\n\nvar x int = undefinedName\n"}
    )
    system.write("broken", packages=["broken"], core="v4.82.0")
    system.write()
    system.commit()
    system.start("up")
    await system.until_state("tiny", "succeeded")
    (failed,) = await system.until_state("broken", "failed")

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return system.run(*args)

    assert run("plan", "--detailed-exitcode").returncode == 0, "a failed build is not pending"
    applied = run("apply", "--yes", "-o", "json", "tiny")
    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout)["schema_version"] == 1
    again = run("apply", "--yes", "--retry", "broken")
    assert again.returncode == 1
    assert "undefinedName" in again.stderr
    listed = json.loads(run("list", "-o", "json").stdout)
    assert {item["name"] for item in listed["items"]} == {"tiny", "broken"}
    assert failed["id"][:12] in run("list", "builds").stdout
    assert "CompileError" in run("get", "build", failed["id"][:12]).stdout
    followed = run("logs", "-f", failed["id"])
    assert followed.returncode == 0, followed.stderr
    assert "undefined: undefinedName" in followed.stdout
    retried = run("retry", failed["id"])
    assert retried.returncode == 0, retried.stderr
    await system.until_state("broken", "failed")
    assert run("cancel", failed["id"]).returncode == 6, "an ended build cannot be cancelled"
    assert run("get", "build", "f" * 64).returncode == 4
    got = run("download", "tiny@1.0.0", "--platform", "linux/amd64", "--dir", str(tmp_path))
    assert got.returncode == 0, got.stderr
    assert os.access(got.stdout.strip(), os.X_OK)
