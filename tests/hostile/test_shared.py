"""What builds share, the module store and the compile cache: no build can change it, and damage does not spread.

Injected: a package that writes there when it is started, and damage by hand. Expected: not a byte has changed, or what
was changed is thrown away and fetched or compiled again; other distributions have the same bytes as ever.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.packages import compiler_at, hostile, outcome, publish
from tests.integration.golang.support import Log, build, tiny
from tests.support.goproxy import component
from wombat_gitops.adapters.golang.environment import find_c_compiler
from wombat_gitops.domain.capability import SandboxLevel

if TYPE_CHECKING:
    from tests.support.goproxy import GoProxy

WRITES = """
var targets = []string{%s}

func init() {
	for _, target := range targets {
		os.Chmod(target, 0o666)
		os.Chmod(target[:strings.LastIndex(target, "/")], 0o777)
		file, err := os.OpenFile(target, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err == nil {
			file.WriteString("\\nfunc init() { println(\\"backdoor\\") }\\n")
			file.Close()
			if os.Args[1] == "--version" {
				println("WRITTEN", target)
				os.Exit(9)
			}
		}
	}
}
"""


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder, and the modes of all."""
    found = {}
    for path in sorted(folder.rglob("*")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = f"{path.lstat().st_mode:o} {digest}"
    return found


async def sha256_of_tiny(proxy: GoProxy, data: Path, root: Path) -> tuple[str, str]:
    """Digest of the distribution of `pure` and `io`, and the log of its build."""
    log = Log()
    built = await build(compiler_at(None, proxy, data), *tiny(proxy), root, log)
    return hashlib.sha256(built.binary.read_bytes()).hexdigest(), log.text


async def test_a_package_cannot_write_into_what_others_are_built_from(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, level: SandboxLevel
) -> None:
    """It once could: the next distribution was published with a stranger's code in it, and verified."""
    clean, _ = await sha256_of_tiny(go_proxy, go_data, tmp_path / "first")
    shared = "github.com/redpanda-data/benthos/v4@v4.76.0/public/components/io/io.go"
    some = next((go_data / "compiled").glob("??/*-d"))
    targets = [
        go_data / "mod" / shared, go_data / "mod" / "added.go", some, go_data / "compiled" / "wombat-index.json",
        go_data / "fetched" / "added.json", go_data / "verified" / "added", go_data / "added",
        Path("/mod") / shared, Path("/mod/added.go"), Path("/cache") / some.parent.name / some.name,
        Path("/cache/added"), Path("/go/bin/go"), Path("/config/added"), Path("/src/go.mod"), Path("/out/hostile"),
    ]  # fmt: skip
    source = WRITES % ", ".join(f'"{target}"' for target in targets)
    wanted = publish(go_proxy, hostile(source, "os", "strings"))
    watched = (go_data / "compiled", go_data / "mod" / shared.partition("/public")[0])
    before = [contents(folder) for folder in watched]

    log, failure = await outcome(
        compiler_at(level, go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "hostile"
    )

    assert failure is None, failure
    assert "WRITTEN" not in log
    after = [contents(folder) for folder in watched]
    assert before[1] == after[1]
    # Its own packages were compiled and taken over; nothing that was there has changed, but the list of it all.
    changed = {path for path, state in before[0].items() if after[0].get(path) != state}
    assert changed <= {str(go_data / "compiled" / "wombat-index.json")}
    assert not (go_data / "added").exists()
    assert (await sha256_of_tiny(go_proxy, go_data, tmp_path / "second"))[0] == clean


async def test_a_module_that_was_changed_by_hand_is_fetched_again(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path
) -> None:
    """Also where its time was set back, and where a file was added."""
    clean, _ = await sha256_of_tiny(go_proxy, go_data, tmp_path / "first")
    folder = go_data / "mod" / "github.com/redpanda-data/benthos/v4@v4.76.0/public/components/io"
    file = folder / "io.go"
    times = file.stat()
    file.chmod(0o644)
    with file.open("a") as source:
        source.write('\nfunc init() { println("backdoor") }\n')
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    changed, log = await sha256_of_tiny(go_proxy, go_data, tmp_path / "second")
    folder.chmod(0o755)
    (folder / "added.go").write_text('package io\n\nfunc init() { println("backdoor") }\n')
    added, log_of_added = await sha256_of_tiny(go_proxy, go_data, tmp_path / "third")

    assert (changed, added) == (clean, clean)
    for text in (log, log_of_added):
        assert "github.com/redpanda-data/benthos/v4 v4.76.0" in text.replace("@", " ")
        assert "its files are not what go.sum says, fetched again" in text


@pytest.mark.parametrize("kind", ["d", "a"])
async def test_a_compile_cache_that_was_changed_by_hand_gives_equal_bytes(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, kind: str
) -> None:
    """Go takes what is there unseen. Every tenth file is changed, its size and time stay; strange ones are added."""
    clean, _ = await sha256_of_tiny(go_proxy, go_data, tmp_path / "first")
    compiled = go_data / "compiled"
    victims = sorted(compiled.glob(f"??/*-{kind}"))[::10]
    for file in victims:
        data, status = bytearray(file.read_bytes()), file.stat()
        if data:
            data[len(data) // 2] ^= 1
        file.chmod(0o644)
        file.write_bytes(data)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    planted = compiled / "ab" / f"{'ab' * 32}-{kind}"
    planted.write_bytes(b"planted")
    link = compiled / "ac" / f"{'ac' * 32}-{kind}"
    link.symlink_to(tmp_path)
    sorted(compiled.glob("??/*-d"))[5].unlink()
    folder = compiled / "ad" / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("x")

    again, _ = await sha256_of_tiny(go_proxy, go_data, tmp_path / "second")

    assert victims
    assert again == clean
    assert not planted.exists()
    assert not link.is_symlink()
    assert not folder.exists()
    assert tmp_path.is_dir()
    for file in compiled.glob("??/*-d"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name[:64]


@pytest.mark.skipif(find_c_compiler() is None, reason="there is no C compiler")
async def test_nothing_of_a_build_with_c_is_kept(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, level: SandboxLevel
) -> None:
    """C that is compiled can be made to write anything into its layer. Of it, too, nothing of the machine is read."""
    secret = tmp_path / "secret.h"
    secret.write_text('#define SECRET "CANARY-C"\n')
    # Where paths lead somewhere and are refused, the compiler ends at once.
    unseen = f'__has_include("{secret}") || __has_include("/etc/passwd")' if level is SandboxLevel.BUBBLEWRAP else "0"
    head = f'#if {unseen}\n#error "read"\n#endif\nint one() {{ return 1; }}'
    source = component("bad", extra="func init() { if C.one() != 1 { panic(1) } }\n")
    source = source.replace("package bad\n\n", f'package bad\n\n/*\n{head}\n*/\nimport "C"\n')
    wanted = replace(publish(go_proxy, {"bad.go": source}), cgo=True)
    before = contents(go_data / "compiled")

    log, failure = await outcome(
        compiler_at(level, go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w"
    )

    assert failure is None, log
    assert contents(go_data / "compiled") == before
