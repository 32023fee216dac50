"""`wombat backup`, `restore`, `verify` and `move`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.subjects import LOGS
from wombat_gitops.wiring import archive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wombat_gitops.domain.references import Flaw
    from wombat_gitops.settings import Settings
    from wombat_gitops.wiring.archive import Target

_SHOWN: Final = 50
"""Rows of a table of flaws; `--output json` has all."""
_LATER: Final = {LOGS: "log messages"}


def backup(settings: Settings, target: Path, output: text.Output, *, force: bool) -> int:
    """Write an archive; returns the exit code.

    Raises:
        Refused: *target* is there already, and not to be replaced.
    """
    if target.exists() and not force:
        msg = f"`{target}` is there already"
        raise Refused(msg, hint="name another file, or write over it with `--force`")
    saved = running.run(archive.backup(settings, target))
    data = {
        "path": str(target),
        "size": target.stat().st_size,
        "counts": dict(saved.index.counts),
        "bytes": saved.index.bytes,
        "left_out": [asdict(flaw) for flaw in saved.left_out],
    }
    text.emit(data, output, lambda: _table(saved.left_out))
    text.note(f"wrote `{target}`, {text.size(target.stat().st_size)}: {_counts(saved.index.counts)}")
    if saved.left_out:
        text.warning(f"{text.plural(len(saved.left_out), 'object')} could not be read and had to be left out")
    return exits.FAILED if saved.left_out else exits.OK


def restore(settings: Settings, source: Path, output: text.Output, *, merge: bool) -> int:
    """Bring an archive into the broker; returns the exit code."""
    done = running.run(archive.restore(settings, source, merge=merge))
    data = {
        "written": dict(done.written),
        "present": dict(done.present),
        "kept": [asdict(flaw) for flaw in done.kept],
    }
    text.emit(data, output, lambda: _table(done.kept))
    _tell(done.written, done.present, done.kept)
    return exits.OK


def verify(settings: Settings, output: text.Output) -> int:
    """Print every flaw; returns the exit code."""
    found = running.run(archive.verify(settings))
    data = {
        "counts": dict(found.counts),
        "bytes": found.bytes,
        "flaws": [asdict(flaw) for flaw in found.flaws],
    }
    text.emit(data, output, lambda: _table(found.flaws))
    _verdict(found.counts, found.bytes, found.flaws)
    return exits.FAILED if found.flaws else exits.OK


def move(settings: Settings, target: Target, output: text.Output, *, replicas: int | None, merge: bool) -> int:
    """Copy everything to another broker and verify it there; returns the exit code."""
    done, found = running.run(archive.move(settings, target, replicas=replicas, merge=merge))
    data = {
        "written": dict(done.written),
        "present": dict(done.present),
        "kept": [asdict(flaw) for flaw in done.kept],
        "left_out": [asdict(flaw) for flaw in done.left_out],
        "flaws": [asdict(flaw) for flaw in found.flaws],
    }
    wrong = [*done.left_out, *found.flaws]
    text.emit(data, output, lambda: _table([*done.kept, *wrong]))
    _tell(done.written, done.present, done.kept)
    _verdict(found.counts, found.bytes, wrong)
    if not wrong:
        text.note(f"start the roles with WOMBAT_NATS={target.address}; the old broker still has everything")
    return exits.FAILED if wrong else exits.OK


def _tell(written: Mapping[str, int], present: Mapping[str, int], kept: Sequence[Flaw]) -> None:
    text.note(f"wrote {_counts(written)}")
    if present:
        text.note(f"there already: {_counts(present)}")
    if kept:
        text.warning(
            f"{text.plural(len(kept), 'record')} on the broker stayed as they were; the archive has other ones"
        )


def _verdict(counts: Mapping[str, int], size: int, flaws: Sequence[Flaw]) -> None:
    text.note(f"verified {_counts(counts)}, {text.size(size)} of objects")
    if flaws:
        text.error(
            f"{text.plural(len(flaws), 'thing')} missing or damaged", "request the builds again to make them anew"
        )
    else:
        text.note("everything that records name is there, and every stored object has its digest and size")
    text.note(
        "not checked: that programs are what their inputs give (`wombat rebuild ID --verify` does), and who built them"
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {_LATER.get(what, what)}" for what, count in counts.items() if count) or "nothing"


def _table(flaws: Sequence[Flaw]) -> str:
    if not flaws:
        return ""
    rows: list[Sequence[text.Cell]] = [(flaw.kind, flaw.key, (flaw.problem, text.Style.BAD)) for flaw in flaws[:_SHOWN]]
    more = f"\n… and {len(flaws) - _SHOWN} more" if len(flaws) > _SHOWN else ""
    return text.table(("WHERE", "WHAT", "PROBLEM"), rows) + more
