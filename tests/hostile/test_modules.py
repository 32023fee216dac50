"""Modules made to do harm while they are fetched, listed, compiled and linked.

Injected: what can be written into a module, its zip and its source. Expected: Go or this package refuses it, or takes
it for something harmless; the log has nothing of this machine, and nothing is written elsewhere.
"""

from __future__ import annotations

import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.packages import EVIL, compiler_at, hostile, outcome, publish, publish_module, publish_zip
from tests.support.enclosed import enclosed_programs
from tests.support.goproxy import component
from wombat_gitops.adapters.golang import compiler as compiler_module
from wombat_gitops.adapters.watchdog import Limits

if TYPE_CHECKING:
    from tests.support.goproxy import GoProxy
    from wombat_gitops.domain.capability import SandboxLevel

ASSEMBLED = """\
#include "{path}"

TEXT ·nothing(SB), 4, $0
\tRET
"""
MIB = 1 << 20


@pytest.mark.parametrize("what", ["planted", "users", "environment"])
async def test_the_assembler_reads_no_file_of_this_machine(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, level: SandboxLevel, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """`#include` takes any path; its words once were in a public log."""
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY-ONE canary_two\n")
    monkeypatch.setenv("WOMBAT_CREDENTIALS", "CANARY-ONE")
    path = {"planted": str(secret), "users": "/etc/passwd", "environment": "/proc/self/environ"}[what]
    wanted = publish(
        go_proxy,
        {
            "bad.go": component("bad", extra="func nothing()\n"),
            "bad.s": ASSEMBLED.format(path=path),
            "key.go": f"package bad\n// {secrets.token_hex(4)}\n",
        },
    )

    log, failure = await outcome(
        compiler_at(level, go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w"
    )

    if what != "environment":
        assert failure is not None
        assert failure.reason == "CompileError"
        assert failure.culprit.endswith("/bad")
    text = f"{log}{failure}"
    for word in ("CANARY", "canary_two", "root:", "nologin", "WOMBAT_"):
        assert word not in text


async def test_what_modules_say_to_go_is_not_done(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Of a dependency: generators, tools, workspaces, replacements and another toolchain are all left alone."""
    planted = tmp_path / "planted"
    planted.mkdir()
    go_mod = (
        f"module {EVIL}\n\ngo 1.21\n\ntoolchain go1.99.0\n\n"
        f"replace github.com/redpanda-data/benthos/v4 => {planted}\n\ntool {EVIL}/bad\n"
    )
    files = {
        "bad/generate.go": f"package bad\n\n//go:generate touch {planted}/generated\n",
        "go.work": f"go 1.21\n\nuse {planted}\n",
        "bad/go.work": f"go 1.21\n\nuse {planted}\n",
        "vendor/modules.txt": "# evil\n",
        ".envrc": f"touch {planted}/direnv\n",
        "Makefile": f"all:\n\ttouch {planted}/made\n",
    }
    wanted, lock = publish_module(go_proxy, "v1.1.0", files, go_mod)

    log, failure = await outcome(compiler_at(None, go_proxy, go_data), wanted, lock, tmp_path / "w")

    assert failure is None
    assert "2 modules as locked" in log
    assert list(planted.iterdir()) == []


@pytest.mark.parametrize(
    ("extra", "files", "said"),
    [
        ("//go:embed ../../../../../../etc/passwd\nvar data string\n", {}, "invalid pattern"),
        ("//go:embed /etc/passwd\nvar data string\n", {}, "invalid pattern"),
        (
            "//go:linkname pull runtime.gcController\nvar pull int\n\nfunc init() { pull = 1 }\n",
            {},
            "invalid reference",
        ),
        ('//go:cgo_ldflag "-fplugin=/tmp/x.so"\nfunc flag() {}\n', {}, "cgo_ldflag"),
        ('import "internal/poll"\n\nvar poll poll.FD\n', {}, "internal"),
        ("", {"c.go": 'package bad\n\n// #cgo LDFLAGS: -fplugin=/x.so\nimport "C"\n'}, ""),
        ("", {"bad_amd64.syso": "no object file"}, ""),
        ("type T[P any] struct { next *T[T[P]] }\n\nvar endless T[int]\n", {}, "cycle"),
    ],
    ids=["embed above", "embed absolute", "linkname", "cgo_ldflag", "internal", "cgo", "syso", "endless generics"],
)
async def test_what_source_may_not_say(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, extra: str, files: dict[str, str], said: str
) -> None:
    """Each is refused with Go's own words, or left out; the log has no line of a file of this machine."""
    head = ""
    if extra.startswith("//go:embed"):
        head = 'import _ "embed"\n'
    elif extra.startswith("//go:linkname"):
        head = 'import _ "unsafe"\n'
    elif extra.startswith("import"):
        head, _, extra = extra.partition("\n")
        head += "\n"
    source = component("bad", extra=extra).replace("package bad\n\n", f"package bad\n\n{head}")
    wanted = publish(go_proxy, {"bad.go": source, **files})

    log, failure = await outcome(
        compiler_at(None, go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w"
    )

    if "c.go" in files:
        assert failure is None  # without C the file is not built, and nothing of it counts
    else:
        assert failure is not None
        assert said in f"{log}{failure}"
    assert "root:" not in f"{log}{failure}"


async def test_a_module_that_wants_a_newer_go_is_refused(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """No toolchain is downloaded for it."""
    wanted, lock = publish_module(go_proxy, "v1.2.0", {}, f"module {EVIL}\n\ngo 1.99\n")

    log, failure = await outcome(compiler_at(None, go_proxy, go_data), wanted, lock, tmp_path / "w")

    assert failure is not None
    assert "1.99" in f"{log}{failure}"
    assert not list((go_data / "mod").glob("golang.org/toolchain@*1.99*"))


@pytest.mark.parametrize(
    ("entries", "prefix"),
    [
        ({"//" + f"{EVIL}@v1.3.0/../../../../hostile-made": b"x"}, ""),
        ({"//../../hostile-made": b"x"}, ""),
        ({"///hostile-made": b"x"}, ""),
        ({"bad/Same.go": b"package bad\n", "bad/same.go": b"package bad\n"}, ""),
        ({}, "other.example/module@v1.0.0/"),
        ({"bad/con.go": b"package bad\n", "bad/a\\b.go": b"package bad\n"}, ""),
    ],
    ids=["slip", "slip from the root", "absolute", "case collision", "wrong module", "bad names"],
)
async def test_a_zip_that_is_not_of_its_module_is_refused(
    go_proxy: GoProxy, go_data: Path, tmp_path: Path, entries: dict[str, bytes], prefix: str
) -> None:
    """Though its digest is that of go.sum; nothing of it is extracted."""
    version = "v1.3.0"
    wanted, lock = publish_zip(go_proxy, version, entries, prefix=prefix)

    log, failure = await outcome(compiler_at(None, go_proxy, go_data), wanted, lock, tmp_path / "w")
    _forget(go_data, version)

    assert failure is not None
    assert failure.reason != "ChecksumMismatch", log
    assert not list(go_data.parent.rglob("hostile-made"))
    assert not Path("/hostile-made").exists()
    assert not (go_data / "mod" / f"{EVIL}@{version}").exists()


async def test_a_file_named_as_an_option_is_a_file(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Go refuses it, or compiles it under its name; it is never an option."""
    wanted, lock = publish_zip(go_proxy, "v1.4.0", {"bad/-toolexec=sh.go": b"package bad\n"})

    log, failure = await outcome(compiler_at(None, go_proxy, go_data), wanted, lock, tmp_path / "w")

    assert failure is None or "-toolexec=sh.go" in f"{log}{failure}"


async def test_a_link_in_a_zip_is_a_text(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """What is embedded is where the link leads to, not what is there."""
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY-LINK")
    entries = {
        "bad/linked.txt": str(secret).encode(),
        "bad/embed.go": b'package bad\n\nimport _ "embed"\n\n//go:embed linked.txt\nvar linked string\n\n'
        b'func init() { println("embedded: " + linked) }\n',
    }
    wanted, lock = publish_zip(go_proxy, "v1.5.0", entries, links=["bad/linked.txt"])

    _, failure = await outcome(compiler_at(None, go_proxy, go_data), wanted, lock, tmp_path / "w")

    extracted = go_data / "mod" / f"{EVIL}@v1.5.0" / "bad" / "linked.txt"
    if failure is None or extracted.exists():
        assert stat.S_ISREG(extracted.lstat().st_mode)
        assert extracted.read_text() == str(secret)
        assert b"CANARY-LINK" not in (tmp_path / "w" / "out" / wanted.name).read_bytes()


async def test_a_zip_bomb_is_refused_unpacked(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """Half a megabyte that would be 520: Go takes 500 at most."""
    wanted, lock = publish_zip(go_proxy, "v1.6.0", {"bad/zeros.bin": bytes(520 * MIB)})

    log, failure = await outcome(compiler_at(None, go_proxy, go_data), wanted, lock, tmp_path / "w")
    _forget(go_data, "v1.6.0")

    assert failure is not None
    assert "too large" in f"{log}{failure}"
    assert not (go_data / "mod" / f"{EVIL}@v1.6.0").exists()


def deep(letter: str) -> str:
    """A type of 8^9 numbers, and a comparison of all of them."""
    fields = "a, b, c, d, e, f, g, h"
    types = [f"type {letter}0 struct{{ {fields} int }}"]
    types += [f"type {letter}{level} struct{{ {fields} {letter}{level - 1} }}" for level in range(1, 9)]
    return "\n".join([*types, f"func Same{letter}(x, y *{letter}8) bool {{ return *x == *y }}", ""])


@pytest.mark.parametrize(
    ("extra", "limits", "seconds", "reason"),
    [
        ("".join(map(deep, "klmnopqrst")), Limits(), 3.0, "TimedOut"),
        ("\nvar Large = [1900 << 20]byte{1}\n\nfunc init() { if Large[5] == 1 { println() } }\n",
         Limits(space=128 * MIB), 60.0, "OutputLimit"),
    ],
    ids=["deep type", "huge array"],
)  # fmt: skip
async def test_a_compile_bomb_is_ended(
    go_proxy: GoProxy,
    go_data: Path,
    tmp_path: Path,
    level: SandboxLevel,
    monkeypatch: pytest.MonkeyPatch,
    extra: str,
    limits: Limits,
    seconds: float,
    reason: str,
) -> None:
    """Its compiler is ended with all that it has started, and nothing of the half work is kept."""
    monkeypatch.setattr(compiler_module, "COMPILE_SECONDS", seconds)
    wanted = publish(go_proxy, hostile(extra))

    _, failure = await outcome(
        compiler_at(level, go_proxy, go_data, limits), wanted, go_proxy.lock(wanted.modules), tmp_path / "w"
    )

    assert failure is not None
    assert failure.reason == reason
    assert not enclosed_programs()
    assert not (tmp_path / "w" / "compile").exists()


async def test_forged_build_information_is_not_believed(go_proxy: GoProxy, go_data: Path, tmp_path: Path) -> None:
    """A string that looks like build information, for who searches for it; the toolchain tells the truth."""
    forged = (
        "\\xff Go buildinf:\\x08\\x02"
        + "\\x00" * 16
        + "\\x0ago1.99.0\\x40path\\tinnocent\\nmod\\tinnocent\\t(devel)\\t\\n"
    )
    extra = f'\nvar Forged = "{forged * 4}"\n\nfunc init() {{ if len(Forged) == 1 {{ println(Forged) }} }}\n'
    wanted = publish(go_proxy, hostile(extra))

    log, failure = await outcome(
        compiler_at(None, go_proxy, go_data), wanted, go_proxy.lock(wanted.modules), tmp_path / "w"
    )

    assert failure is None
    assert "1 modules as locked" in log
    assert "1.99" not in log


def _forget(data: Path, version: str) -> None:
    """Remove a bad download, which would be in the way of the next test's."""
    for path in (data / "mod" / "cache" / "download" / EVIL / "@v").glob(f"{version}.*"):
        path.unlink()
