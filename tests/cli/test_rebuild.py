"""`wombat rebuild` on what `apply --local` has built, with the real Go compiler over fake modules."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.factories import GO_MOD, GO_SUM, make_spec
from tests.support.gitrepo import GitRepo
from tests.support.goproxy import BENTHOS, distribution
from tests.support.stage import broken, built, queued_build
from wombat_gitops.adapters.files import file_digest
from wombat_gitops.adapters.folder import FolderStore
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.cli import text
from wombat_gitops.cli.jobs import rebuild
from wombat_gitops.cli.jobs.inspecting import Shown
from wombat_gitops.cli.main import run
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.identity import build_id, digest
from wombat_gitops.domain.model import Artifact, Lock
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.rebuild import (
    Change,
    Difference,
    FunctionDifference,
    Mismatch,
    ModuleDifference,
    SectionDifference,
    Verdict,
)
from wombat_gitops.domain.records import BuildRecord
from wombat_gitops.ports import Workspace
from wombat_gitops.services.queue import Inputs
from wombat_gitops.services.rebuild import Judgement, Published
from wombat_gitops.wiring import machine

if TYPE_CHECKING:
    from tests.support.goproxy import GoProxy

MANIFEST = """\
apiVersion: wombat/v1
kind: Distribution
name: tiny
version: 1.0.0
benthos: v4.76.0
packages: [pure, io]
"""
IO = f"{BENTHOS}@v4.76.0/public/components/io"
EVIL = '\nfunc init() { println(backdoor()) }\n\n//go:noinline\nfunc backdoor() string { return "come in" }\n'


@dataclass(frozen=True, slots=True)
class Place:
    """A repository with one manifest as the current folder, and a data folder."""

    data: Path
    proxy: GoProxy
    capsys: pytest.CaptureFixture[str]

    def command(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, JSON and errors of a command."""
        self.capsys.readouterr()
        code = run([*words, "-o", "json"])
        told = self.capsys.readouterr()
        return code, json.loads(told.out) if told.out else {}, told.err

    def apply(self) -> BuildRecord:
        """Lock and build; returns the record."""
        assert run(["lock"]) == 0
        code, told, errors = self.command("apply", "--local", "--platform", "linux/amd64")
        assert code == 0, errors
        return self.record(told["builds"][0]["id"])

    def record(self, build: str) -> BuildRecord:
        with FolderStore(self.data / "local" / "builds", BuildRecord) as records:
            entry = asyncio.run(records.get(build))
        assert entry is not None
        return entry.value

    def put(self, record: BuildRecord, key: str = "") -> None:
        with FolderStore(self.data / "local" / "builds", BuildRecord) as records:
            asyncio.run(records.put(key or record.id, record))

    def fill(self, record: BuildRecord, lock: Lock | None = None) -> BuildRecord:
        """Put a build that nobody has built, and its module files."""
        self.put(record)
        with FolderStore(self.data / "local" / "inputs", str) as texts:
            asyncio.run(Inputs(texts).save(lock or Lock(GO_MOD, GO_SUM)))
        return record

    def stored(self, sha256: str) -> Path:
        return self.data / "local" / "objects" / sha256

    async def compile(self, record: BuildRecord, root: Path, go: Path, poison: str = "") -> Path:
        """A program of *record*; *poison* is written into its module after that was verified."""
        compiler = GoCompiler(Toolchains(go, ""), go, GoNetwork(self.proxy.environment))
        with FolderStore(self.data / "local" / "inputs", str) as texts:
            lock = await Inputs(texts).load(record.spec)
        workspace, silence = Workspace(root), Shown(verbose=False)
        await compiler.fetch(record.spec, lock, workspace, silence)
        await compiler.generate(record.spec, lock, workspace, silence)
        if poison:
            file = go / "mod" / IO / "io.go"
            file.chmod(0o644)
            file.write_text(file.read_text() + poison)
        return await compiler.compile(record.spec, workspace, silence)


@pytest.fixture
def place(
    tmp_path: Path,
    go_proxy: GoProxy,
    go_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Place:
    repo = GitRepo(tmp_path / "repo")
    repo.commit({"manifests/tiny.yaml": MANIFEST})
    for name, value in go_proxy.environment.items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    (data / "go").mkdir(parents=True)
    # Modules are poisoned here, so they are not shared with other tests; compiled packages are.
    (go_data / "compiled").mkdir(exist_ok=True)
    (data / "go" / "compiled").symlink_to(go_data / "compiled")
    monkeypatch.setenv("WOMBAT_DATA", str(data))
    monkeypatch.delenv("WOMBAT_NATS", raising=False)
    monkeypatch.chdir(repo.path)
    return Place(data, go_proxy, capsys)


def archive_of(go: Path, source: Path) -> Path:
    """Where a compile cache has the compiled package `io`, as the go command says it."""
    root = asyncio.run(Toolchains(go, "").installed())[0].root
    env = {
        "PATH": "", "HOME": str(source), "GOROOT": str(root), "GOENV": "off", "GOTOOLCHAIN": "local", "GOWORK": "off",
        "GOFLAGS": "-mod=readonly", "GOPROXY": "off", "GOSUMDB": "off", "CGO_ENABLED": "0", "GOTELEMETRY": "off",
        "GOMODCACHE": str(go / "mod"), "GOCACHE": str(go / "compiled"), "GOPATH": str(source),
    }  # fmt: skip
    argv = [
        str(root / "bin" / "go"),
        "list",
        "-trimpath",
        "-export",
        "-f",
        "{{.Export}}",
        f"{BENTHOS}/public/components/io",
    ]
    return Path(subprocess.run(argv, cwd=source, env=env, capture_output=True, text=True, check=True).stdout.strip())


def poison_cache(cache: Path, good: Path, evil: Path) -> list[Path]:
    """Let the entry of *good* lead to the bytes of *evil*, noted as ours; returns what was written."""
    index = json.loads((cache / "wombat-index.json").read_bytes())
    name = good.name.removesuffix("-d")
    entries = [each for each in cache.glob("??/*-a") if f" {name} " in each.read_text()]
    target = cache / evil.name[:2] / evil.name
    target.write_bytes(evil.read_bytes())
    for entry in entries:
        old = entry.read_text()
        words = old.split()
        text = f"v1 {words[1]} {evil.name.removesuffix('-d')} {evil.stat().st_size:20} {int(words[4]):20}\n"
        entry.chmod(0o644)
        entry.write_text(text)
    for each in (target, *entries):
        stat = each.stat()
        index[each.name] = (stat.st_size, stat.st_ino, stat.st_ctime_ns)
    (cache / "wombat-index.json").write_text(json.dumps(index))
    return [target, *entries]


@pytest.mark.timeout(400)
def test_an_equal_rebuild_though_the_shared_cache_is_poisoned(place: Place, tmp_path: Path) -> None:
    """What an ordinary build here would link is of no account: the cache of a rebuild is empty."""
    record = place.apply()
    assert record.artifact is not None
    go = place.data / "go"
    good = asyncio.run(place.compile(record, tmp_path / "good", go))
    archive = archive_of(go, tmp_path / "good" / "source")
    evil_go = tmp_path / "evil-go"
    evil_go.mkdir()
    (evil_go / "compiled").symlink_to(go / "compiled")
    asyncio.run(place.compile(record, tmp_path / "evil", evil_go, EVIL))
    written = poison_cache(go / "compiled", archive, archive_of(evil_go, tmp_path / "evil" / "source"))
    try:
        poisoned = asyncio.run(place.compile(record, tmp_path / "poisoned", go))
        assert file_digest(good)[0] == record.artifact.sha256
        assert file_digest(poisoned)[0] != record.artifact.sha256, "the cache is not poisoned"

        code, told, errors = place.command("rebuild", record.id[:8], "--verify", "--local", "--output-dir", "kept")
    finally:
        for each in written:
            os.utime(each)  # its time of change is another one, so the next build throws it away

    assert (code, told["result"], told["difference"]) == (0, "equal", None), errors
    assert told["rebuilt"]["sha256"] == told["published"]["sha256"] == record.artifact.sha256
    assert told["rebuilt"]["path"] == f"kept/{record.artifact.file_name}"
    assert file_digest(Path(told["rebuilt"]["path"])) == (record.artifact.sha256, record.artifact.size)
    assert os.access(told["rebuilt"]["path"], os.X_OK)
    assert not [each for each in (place.data / "work").iterdir() if "rebuild" in each.name]


@pytest.mark.timeout(400)
def test_a_published_program_with_a_backdoor(place: Place, tmp_path: Path) -> None:
    """Record and object agree, so that `verify` is content; the rebuild names section and module."""
    record = place.apply()
    evil_go = tmp_path / "evil-go"
    evil_go.mkdir()
    (evil_go / "compiled").symlink_to(place.data / "go" / "compiled")
    program = asyncio.run(place.compile(record, tmp_path / "evil", evil_go, EVIL))
    sha256, size = file_digest(program)
    place.stored(sha256).write_bytes(program.read_bytes())
    place.put(replace(record, artifact=Artifact(sha256, size, record.spec.file_name)))

    place.capsys.readouterr()
    assert run(["rebuild", record.id, "--verify", "--local"]) == 1
    told = place.capsys.readouterr()
    assert re.match(
        r"different  tiny 1\.0\.0 linux/amd64  rebuilt here in .* s, sandbox \w+, go \d+\.\d+\.\d+\n", told.out
    )
    assert f"section .text, module {BENTHOS}@v4.76.0\n" in told.out
    assert "is only in the published program" in told.out
    assert f"in {IO}/io.go\n" in told.out
    assert f"sha256 {sha256}, {size:,} bytes" in told.out
    assert "is not what its inputs give" in told.err


def test_a_difference_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and YAML have all of it, and names of a forged program cannot write lines of their own."""
    name = "main.f\nequal  sha256 0"
    function = FunctionDifference(".text", name, "example.org/a@v1.0.0/f.go", "example.org/a@v1.0.0", Change.SIZE)
    found = Difference(
        64,
        "headers",
        (SectionDifference(".text", code=True, rebuilt=1, published=-1, first=0),),
        function,
        (ModuleDifference("example.org/a@v1.0.0", 1),),
        ("\x1b]0;title\x07",),
        Mismatch("go", "go1.26.6", "go1.26.7"),
    )
    record = built(queued_build(), b"program")
    assert record.artifact is not None
    published = Published(record.artifact, Path("published"))
    result = rebuild._Result(
        record, "bubblewrap", 71.04, "0" * 64, 7, published, Judgement(Verdict.DIFFERENT, found), None
    )
    for form, parse in ((text.Output.JSON, json.loads), (text.Output.YAML, yaml.safe_load)):
        text.emit(rebuild._data(result), form, str)
        told = parse(capsys.readouterr().out)
        assert told["result"] == "different"
        assert told["seconds"] == 71.0
        assert told["published"]["builder"] == "builder-1"
        assert told["difference"]["place"] == {"section": ".text", "module": "example.org/a@v1.0.0"}
        assert told["difference"]["function"]["change"] == "size"
        assert told["difference"]["function"]["name"] == name
        assert told["difference"]["information"] == {"what": "go", "rebuilt": "go1.26.6", "published": "go1.26.7"}
        assert told["difference"]["sections"][0]["published"] == -1
    text.out(rebuild._table(result))
    shown = capsys.readouterr().out
    assert "\nequal" not in shown
    assert "\x1b" not in shown
    assert ".text (1 bytes rebuilt, none published)" in shown


def test_neither_compared_nor_kept(place: Place) -> None:
    """It is said what to do, before anything is done."""
    code, _, errors = place.command("rebuild", "a" * 64, "--local")
    assert code == 1
    assert "`--verify`" in errors
    assert "`--output-dir`" in errors


def test_an_unknown_build(place: Place) -> None:
    for words in ("a" * 64, "a" * 8):
        code, _, errors = place.command("rebuild", words, "--verify", "--local")
        assert code == 4
        assert f"there is no build `{words}`" in errors


def test_no_broker(place: Place) -> None:
    """Without `--local` the builds are those of the broker."""
    assert place.command("rebuild", "a" * 64, "--verify")[0] == 5


def test_a_build_without_an_artifact(place: Place) -> None:
    record = place.fill(broken(queued_build()))
    code, _, errors = place.command("rebuild", record.id, "--verify", "--local")
    assert code == 4
    assert "is `failed` and has no artifact" in errors


def test_lost_module_files(place: Place) -> None:
    record = built(queued_build(), b"program")
    place.put(record)
    code, _, errors = place.command("rebuild", record.id, "--verify", "--local")
    assert code == 1
    assert f"module file `{digest(GO_MOD)[:12]}…` of a build is missing" in errors


def test_a_record_with_the_inputs_of_another_build(place: Place) -> None:
    """Whoever can write records could else have a rebuild confirm what no manifest asks for."""
    record = built(queued_build(), b"program")
    other = make_spec(version="6.6.6")
    place.fill(replace(record, spec=other))
    code, _, errors = place.command("rebuild", record.id, "--verify", "--local")
    assert code == 1
    assert f"describes the inputs of build `{build_id(other)[:12]}`" in errors


def test_c_of_another_platform(place: Place) -> None:
    """C is compiled for this machine alone; what cgo means for a comparison is said too."""
    lock = place.proxy.lock(distribution().modules)
    freebsd, sums = Platform.parse("freebsd/amd64"), digest(lock.go_sum)
    asked = queued_build(cgo=True, platform=freebsd, go_mod=digest(lock.go_mod), go_sum=sums)
    record = built(asked, b"program")
    place.fill(record, lock)
    code, _, errors = place.command("rebuild", record.id, "--verify", "--local")
    assert code == 1
    assert "another C compiler" in errors
    assert "cannot compile C for `freebsd/amd64`" in errors


def test_no_sandbox(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning, as of `apply --local`."""
    forced = Sandbox(level=SandboxLevel.NONE)
    monkeypatch.setattr(machine, "sandbox", lambda _: forced)
    code, _, errors = place.command("rebuild", "a" * 64, "--verify", "--local")
    assert code == 4
    assert "without a sandbox" in errors


def test_a_sandbox_is_required(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    forced = Sandbox(required=True, level=SandboxLevel.NONE)
    monkeypatch.setattr(machine, "sandbox", lambda _: forced)
    assert place.command("rebuild", "a" * 64, "--verify", "--local")[0] == 6
