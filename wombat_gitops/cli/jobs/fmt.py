"""`wombat fmt`: manifests in their usual form, each file replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, text
from wombat_gitops.cli.jobs.folder import LARGEST, choose, read_file
from wombat_gitops.cli.jobs.patches import changed_file
from wombat_gitops.domain.errors import Refused, WombatError
from wombat_gitops.domain.manifest.format import format_manifest
from wombat_gitops.domain.manifest.render import render_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.settings import Settings

STDIN: Final = "-"
"""The path that stands for standard input."""


@dataclass(frozen=True, slots=True)
class FmtOptions:
    """What to format, and how.

    Attributes:
        paths: files, folders and names, or `-` alone; the manifests folder where none is named.
        check: write nothing, and fail where something would change.
        diff: write nothing, and print what would change.
    """

    paths: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False

    @property
    def writes(self) -> bool:
        """Whether files are replaced."""
        return not self.check and not self.diff


class _State(Enum):
    """What became of one file."""

    UNCHANGED = auto()
    CHANGED = auto()
    INVALID = auto()
    REFUSED = auto()
    FAILED = auto()


def fmt(settings: Settings, options: FmtOptions) -> int:
    """Format files; one that fails does not keep the others from being done. Returns the exit code."""
    root = Path(settings.repo)
    if options.paths == (STDIN,):
        return _code([_stdin(root, options)], options)
    paths = choose(options.paths, root / settings.folder)
    states = [_file(path, root, options) for path in paths]
    text.note(_summary(states, options))
    return _code(states, options)


def _stdin(root: Path, options: FmtOptions) -> _State:
    data = sys.stdin.buffer.read(LARGEST)
    after = _formatted("stdin", data)
    if after is None:
        return _State.INVALID
    changed = after.encode() != data
    if options.writes:
        text.exact(after)
    elif changed:
        _show("stdin", root, data, after, options)
    return _State.CHANGED if changed else _State.UNCHANGED


def _file(path: Path, root: Path, options: FmtOptions) -> _State:
    try:
        data = read_file(path)
        after = _formatted(path.as_posix(), data)
        if after is None:
            return _State.INVALID
        if after.encode() == data:
            return _State.UNCHANGED
        _refuse_link(path)
        if options.writes:
            _replace(path, after.encode())
        else:
            _show(path.as_posix(), root, data, after, options)
    except WombatError as error:
        text.error(error.message, error.hint)
        return _State.REFUSED if isinstance(error, Refused) else _State.FAILED
    return _State.CHANGED


def _formatted(path: str, data: bytes) -> str | None:
    """The usual form; None where it cannot be read, which is told."""
    found = format_manifest(path, data)
    if found.text is None:
        text.note(text.accented(render_text(found.diagnostics), sys.stderr), always=True)
    return found.text


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        msg = f"`{path}` is a symbolic link, and is left as it is"
        raise Refused(msg, hint="format the file that it points to")


def _replace(path: Path, data: bytes) -> None:
    """Put *data* in the place of a file that keeps its mode.

    Raises:
        WombatError: it cannot be written; the file is what it was.
    """
    from wombat_gitops.adapters.files import replacing

    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with replacing(path) as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
    except OSError as error:
        msg = f"cannot write `{path}`: {(error.strerror or 'unknown reason').lower()}"
        raise WombatError(msg) from error


def _show(path: str, root: Path, before: bytes, after: str, options: FmtOptions) -> None:
    if options.diff:
        text.exact(changed_file(path, root, before.decode(), after))
    else:
        text.out(path)


def _summary(states: Sequence[_State], options: FmtOptions) -> str:
    if not states:
        return "there are no manifests to format"
    changed = text.plural(states.count(_State.CHANGED), "file")
    told = [f"formatted {changed}" if options.writes else f"{changed} would be formatted"]
    told.append(f"{states.count(_State.UNCHANGED)} unchanged")
    left = len(states) - states.count(_State.CHANGED) - states.count(_State.UNCHANGED)
    return ", ".join([*told, f"{left} not formatted"] if left else told)


def _code(states: Sequence[_State], options: FmtOptions) -> int:
    if _State.INVALID in states:
        return exits.INVALID
    if _State.REFUSED in states:
        return exits.REFUSED
    wanting = options.check and _State.CHANGED in states
    return exits.FAILED if wanting or _State.FAILED in states else exits.OK
