"""The shared compile cache: what is taken over from a build's layer, and what is thrown away before the next build."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from wombat_gitops.adapters.golang.compiled import CompileCache

ACTION = hashlib.sha256(b"action").hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> CompileCache:
    found = CompileCache(tmp_path / "compiled")
    found.sound()
    return found


def place(folder: Path, name: str) -> Path:
    path = folder / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def output(layer: Path, data: bytes) -> str:
    """An output as Go writes it; returns its name."""
    name = f"{hashlib.sha256(data).hexdigest()}-d"
    place(layer, name).write_bytes(data)
    return name


def entry(layer: Path, target: str, size: int, action: str = ACTION) -> str:
    """An entry as Go writes it; returns its name."""
    place(layer, f"{action}-a").write_text(f"v1 {action} {target[:64]} {size:20} {1_700_000_000_000_000_000:20}\n")
    return f"{action}-a"


def names(cache: CompileCache) -> set[str]:
    return {path.name for path in cache.folder.rglob("*-[ad]")}


def test_what_go_has_written_is_taken_over(cache: CompileCache, tmp_path: Path) -> None:
    """An output and the entry that names it; nobody can write to them afterwards, and Go leaves their time alone."""
    layer = tmp_path / "up"
    made = output(layer, b"object")
    named = entry(layer, made, 6)

    assert cache.promote(layer) == 2
    assert names(cache) == {made, named}
    assert cache.sound() == 0
    assert cache.promote(layer) == 0
    for name in (made, named):
        status = place(cache.folder, name).stat()
        assert status.st_mode & 0o777 == 0o444
        assert status.st_mtime > 4_000_000_000


def test_what_is_not_what_it_says_is_left_behind(cache: CompileCache, tmp_path: Path) -> None:
    """Other bytes under an output's name, entries of missing outputs or wrong sizes, other names, links and folders."""
    layer, secret = tmp_path / "up", tmp_path / "secret"
    secret.write_bytes(b"secret")
    made = output(layer, b"object")
    place(layer, made).write_bytes(b"poison")
    other = output(layer, b"other")
    entry(layer, made, 6)
    entry(layer, other, 4, hashlib.sha256(b"wrong size").hexdigest())
    place(layer, "00notes.txt").write_text("x")
    linked = f"{hashlib.sha256(b'secret').hexdigest()}-d"
    place(layer, linked).symlink_to(secret)
    place(layer, f"{'ab' * 32}-d").mkdir()
    (layer / "zz").mkdir()

    assert cache.promote(layer) == 1
    assert names(cache) == {other}
    assert secret.stat().st_mode & 0o200


def test_an_entry_of_another_action_is_left_behind(cache: CompileCache, tmp_path: Path) -> None:
    """An entry stands under the action it names, or Go would give its output for another one."""
    layer = tmp_path / "up"
    made = output(layer, b"object")
    place(layer, f"{'cd' * 32}-a").write_bytes(place(layer, entry(layer, made, 6)).read_bytes())

    cache.promote(layer)

    assert f"{'cd' * 32}-a" not in names(cache)


def test_nothing_there_is_written_over(cache: CompileCache, tmp_path: Path) -> None:
    """The first entry of an action stays, whatever a later build says."""
    first, second = tmp_path / "first", tmp_path / "second"
    named = entry(first, output(first, b"object"), 6)
    cache.promote(first)
    kept = place(cache.folder, named).read_bytes()
    entry(second, output(second, b"other!"), 6)

    cache.promote(second)

    assert place(cache.folder, named).read_bytes() == kept


@pytest.mark.parametrize("keeps_times", [False, True])
def test_a_changed_file_is_thrown_away(cache: CompileCache, tmp_path: Path, *, keeps_times: bool) -> None:
    """Also where its size, and the times that a program can set, are as before."""
    layer = tmp_path / "up"
    made = output(layer, b"object")
    named = entry(layer, made, 6)
    cache.promote(layer)
    path = place(cache.folder, made)
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"poison")
    if keeps_times:
        path.chmod(0o444)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert cache.sound() == 2
    assert named not in names(cache)  # Go would not find its own packages any more
    assert cache.sound() == 0


def test_what_nobody_took_over_is_thrown_away(cache: CompileCache, tmp_path: Path) -> None:
    """Planted files, folders and links go; what they lead to stays."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    output(cache.folder, b"planted")
    (cache.folder / "00" / "folder" / "deeper").mkdir(parents=True)
    (cache.folder / "00" / "link").symlink_to(elsewhere)

    assert cache.sound() == 3
    assert not names(cache)
    assert elsewhere.read_text() == "mine"


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"x": 5}', b'{"x": [1, 2]}', b"\xff"])
def test_a_damaged_index_costs_the_cache_and_nothing_else(cache: CompileCache, tmp_path: Path, damage: bytes) -> None:
    """What cannot be vouched for is compiled again."""
    layer = tmp_path / "up"
    output(layer, b"object")
    cache.promote(layer)
    (cache.folder / "wombat-index.json").write_bytes(damage)

    assert cache.sound() == 1
    assert not names(cache)
    again = tmp_path / "again"
    made = output(again, b"object")
    assert cache.promote(again) == 1
    assert names(cache) == {made}


def test_the_oldest_go_first_where_there_is_too_much(tmp_path: Path) -> None:
    """The bound holds for all files together."""
    cache = CompileCache(tmp_path / "compiled", most_bytes=250)
    made = []
    for number in range(3):
        layer = tmp_path / str(number)
        made.append(output(layer, bytes([number]) * 100))
        cache.promote(layer)

    assert names(cache) == set(made[1:])
    assert cache.sound() == 0
