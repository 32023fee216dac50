"""What hostile programs leave in places that are read, measured, moved or removed afterwards.

Injected: links to elsewhere, pipes, sockets, devices, unreadable and endlessly nested folders, names of odd bytes.
Expected: they are removed, or not taken over, and nothing that they lead to is touched.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.hostile.driver import state_of_files
from tests.hostile.packages import orders_of, sandbox_at
from wombat_gitops.adapters.golang.compiled import CompileCache
from wombat_gitops.adapters.golang.compiler import _taken_out
from wombat_gitops.adapters.golang.program import BuiltProgram
from wombat_gitops.adapters.watchdog import Limits
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.errors import InternalError

GIB = 1 << 30


async def test_a_mess_is_removed_and_its_links_are_not_followed(
    probes: Path, tmp_path: Path, level: SandboxLevel
) -> None:
    """Also while the folder is being measured. No path to the innermost of 5,000 folders is short enough."""
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "beside.txt").write_text("as it was\n")
    before = state_of_files(outside)
    program = BuiltProgram(probes, tmp_path / "place", sandbox_at(level), Limits(space=GIB, processes=100))

    answer = await program.run(
        ["--version"], seconds=60, limit=1 << 20, files=orders_of(("mess", "mess", str(outside)))
    )

    assert b'@mess\tdone\t"5000"' in answer.stdout, answer
    assert list((tmp_path / "place").iterdir()) == []
    assert state_of_files(outside) == before


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_a_file_is_taken_as_the_program(tmp_path: Path, kind: str) -> None:
    """What the compiler's sandbox leaves under the program's name may lead anywhere."""
    secret, made = tmp_path / "secret", tmp_path / "made"
    secret.write_text("secret")
    match kind:
        case "link":
            made.symlink_to(secret)
        case "pipe":
            os.mkfifo(made)
        case _:
            made.mkdir()

    with pytest.raises(InternalError, match="no file"):
        _taken_out(made, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_nothing_but_sound_entries_is_taken_into_the_compile_cache(tmp_path: Path) -> None:
    """An output is named by its digest, an entry names an output that is there, and both are files."""
    layer, secret = tmp_path / "layer", tmp_path / "secret"
    secret.write_bytes(b"secret")
    good = _put(layer, hashlib.sha256(b"good").hexdigest(), "d", b"good")
    action = "ab" * 32
    entry = _put(layer, action, "a", f"v1 {action} {good.name[:64]} {4:20d} {1:20d}\n".encode())
    lying = _put(layer, "cd" * 32, "d", b"not what its name says")
    dangling = _put(layer, "ef" * 32, "a", f"v1 {'ef' * 32} {'00' * 32} {4:20d} {1:20d}\n".encode())
    of_another = _put(layer, "12" * 32, "a", f"v1 {action} {good.name[:64]} {4:20d} {1:20d}\n".encode())
    wrong_size = _put(layer, "34" * 32, "a", f"v1 {'34' * 32} {good.name[:64]} {5:20d} {1:20d}\n".encode())
    long = _put(layer, "56" * 32, "a", b"v1 " + b"x" * 100_000)
    link = layer / "78" / f"{'78' * 32}-d"
    link.parent.mkdir()
    link.symlink_to(secret)
    pipe = layer / "9a" / f"{'9a' * 32}-d"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    elsewhere = _put(layer, "bc" * 32, "d", b"x").rename(layer / "9a" / f"{'bc' * 32}-d")
    (layer / "00").symlink_to(tmp_path)
    cache = CompileCache(tmp_path / "cache")
    cache.sound()

    assert cache.promote(layer) == 2

    held = sorted(path.name for path in (tmp_path / "cache").glob("??/*"))
    assert held == sorted([good.name, entry.name])
    for refused in (lying, dangling, of_another, wrong_size, long, elsewhere):
        assert refused.exists()
    assert secret.read_bytes() == b"secret"
    assert cache.sound() == 0


def test_a_full_compile_cache_keeps_no_entry_without_its_output(tmp_path: Path) -> None:
    """Builds failed on such entries, for good: Go may not write them anew."""
    cache = CompileCache(tmp_path / "cache", most_bytes=1500)
    for number in range(3):
        layer, action, data = tmp_path / f"layer{number}", f"{number}a" * 32, bytes([number]) * 500
        output = _put(layer, hashlib.sha256(data).hexdigest(), "d", data)
        _put(layer, action, "a", f"v1 {action} {output.name[:64]} {500:20d} {1:20d}\n".encode())
        cache.sound()
        cache.promote(layer)

    held = {path.name for path in (tmp_path / "cache").glob("??/*")}
    outputs = {name[:64] for name in held if name.endswith("-d")}
    named = {path.read_text().split()[2] for path in (tmp_path / "cache").glob("??/*-a")}
    assert outputs == named
    assert 0 < len(outputs) < 3
    assert cache.sound() == 0


def _put(layer: Path, digest: str, kind: str, data: bytes) -> Path:
    path = layer / digest[:2] / f"{digest}-{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
