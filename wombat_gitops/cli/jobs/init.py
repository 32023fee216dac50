"""`wombat init`: a repository of manifests to start with, which passes its own checks."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.folder import find_manifests, read_file, refuse_errors, replace_file, write_lock
from wombat_gitops.cli.jobs.inspecting import Shown
from wombat_gitops.domain.errors import LockError, Refused, TransientError, WombatError
from wombat_gitops.domain.lock import lock_paths, render_lock
from wombat_gitops.domain.manifest import read_all
from wombat_gitops.domain.scaffold import INSTALLED, POLICY, TEMPLATES, Scaffold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.lock import LockFiles
    from wombat_gitops.domain.model import Distribution
    from wombat_gitops.settings import Settings

_TEMPLATES: Final = Path(__file__).parent.parent / "scaffold"
"""Their names there have no leading dot, so that git and GitHub take none of them for this repository's own."""


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What to write, and where.

    Attributes:
        lock: lock the distribution too, which needs the module proxy.
        verbose: show what the toolchain prints.
    """

    folder: Path
    scaffold: Scaffold
    lock: bool = True
    verbose: bool = False


class _State(StrEnum):
    """What becomes of one file."""

    WRITTEN = "written"
    SAME = "up to date"
    KEPT = "kept"
    LEFT_OUT = "left out"


_STYLES: Final = {_State.WRITTEN: text.Style.GOOD, _State.KEPT: text.Style.WARN, _State.LEFT_OUT: text.Style.WARN}


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of it.

    Attributes:
        states: by path.
        locked: there is nothing left to lock.
        unreachable: why the lock could not be made.
    """

    options: InitOptions
    states: Mapping[str, _State]
    locked: bool
    unreachable: TransientError | None

    def data(self) -> dict[str, object]:
        """All of it as JSON values."""
        return {
            "folder": self.options.folder.as_posix(),
            "items": [{"path": path, "state": state.value} for path, state in self.states.items()],
            "locked": self.locked,
            "next": list(self.next_steps),
        }

    @property
    def next_steps(self) -> tuple[str, ...]:
        """Commands that lead from here to a commit; none where there is nothing new."""
        folder = self.options.folder
        new = {path.split("/")[0] for path, state in self.states.items() if state is _State.WRITTEN}
        if self.locked and not new:
            return ()
        steps = [] if folder.resolve() == Path.cwd() else [["cd", folder.as_posix()]]
        steps += [] if (folder / ".git").exists() or _outer_repository(folder) else [["git", "init", "-b", "main"]]
        if not self.locked:
            steps += [["wombat", "lock", self.options.scaffold.manifest]]
            new |= {"manifests"}
        steps += [["git", "add", *sorted(new)], ["git", "commit", "-m", "Start with distributions"]]
        return tuple(shlex.join(step) for step in steps)


def init(settings: Settings, options: InitOptions, output: text.Output) -> int:
    """Write the files that are not there yet, and change none that is; returns the exit code.

    Everything is decided before anything is written, the lock included. See `_write` for what happens when
    it fails halfway.
    """
    root, scaffold = options.folder, options.scaffold
    files = scaffold.files(_templates())
    distribution = _distribution(root, scaffold, files)
    _refuse_obstacles(root, files)
    lock_folder = Path(lock_paths(distribution.path)[0]).parent
    ours = _decide(root, scaffold, files)[scaffold.manifest] in {_State.WRITTEN, _State.SAME}
    lock, unreachable = None, None
    if ours and options.lock and not lock_folder.exists():
        lock, unreachable = running.run(_lock(settings, distribution, options))

    states = _decide(root, scaffold, files)
    new = {path: files[path] for path, state in states.items() if state is _State.WRITTEN}
    _write(root, new, (distribution, lock) if lock is not None else None)
    if lock is not None:
        states |= {Path(path).relative_to(root).as_posix(): _State.WRITTEN for path in lock_paths(distribution.path)}
    locked = lock_folder.exists() or states[scaffold.manifest] is _State.LEFT_OUT
    done = _Done(options, dict(sorted(states.items())), locked, unreachable)
    text.emit(done.data(), output, lambda: _table(done.states))
    _tell(done)
    return exits.UNREACHABLE if unreachable is not None else exits.OK


def _templates() -> dict[str, str]:
    return {path: (_TEMPLATES / path.removeprefix(".")).read_text(encoding="utf-8") for path in TEMPLATES}


def _distribution(root: Path, scaffold: Scaffold, files: Mapping[str, str]) -> Distribution:
    """What the manifest among *files* declares.

    Raises:
        InvalidManifests: a Benthos of that version is none that a manifest can name.
    """
    texts = {(root / path).as_posix(): files[path].encode() for path in (scaffold.manifest, POLICY)}
    found = read_all(texts)
    refuse_errors(found.diagnostics)
    return found.distributions[0]


def _refuse_obstacles(root: Path, files: Iterable[str]) -> None:
    """Stop where something else than a folder is in the place of a folder. Raises `Refused`."""
    if root.exists() and not root.is_dir():
        msg = f"`{root}` is not a folder"
        raise Refused(msg)
    folders = {root / parent for path in files for parent in Path(path).parents if parent != Path()}
    for folder in sorted(folders):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            msg = f"`{folder}` is not a folder, and files have to go into it"
            raise Refused(msg, hint="move it away, or choose another folder")


def _decide(root: Path, scaffold: Scaffold, files: Mapping[str, str]) -> dict[str, _State]:
    """What is to become of each file. Beside manifests of others, our policy could refuse what they declare."""
    states = {path: _state(root / path, words) for path, words in files.items()}
    folder = root / "manifests"
    present = [path.relative_to(root).as_posix() for path in find_manifests([], folder)] if folder.is_dir() else []
    if any(states.get(path) is not _State.SAME for path in present):
        ours = {path for path in (scaffold.manifest, POLICY) if states[path] is _State.WRITTEN}
        states |= dict.fromkeys(ours, _State.LEFT_OUT)
    return states


def _state(target: Path, words: str) -> _State:
    if not target.exists() and not target.is_symlink():
        return _State.WRITTEN
    same = target.is_file() and read_file(target) == words.encode()
    return _State.SAME if same else _State.KEPT


async def _lock(
    settings: Settings, distribution: Distribution, options: InitOptions
) -> tuple[LockFiles | None, TransientError | None]:
    """The lock, or why it cannot be made now.

    Raises:
        LockError: it cannot be made at all.
    """
    from wombat_gitops.wiring.machine import resolver

    platforms = text.plural(len(distribution.platforms), "platform")
    text.note(f"{distribution.name}: resolving Benthos {options.scaffold.benthos} for {platforms}")
    try:
        resolved = await (await resolver(settings)).resolve(distribution, Shown(verbose=options.verbose))
    except TransientError as error:
        return None, error
    except LockError as error:
        msg = f"{distribution.name}: {error.message}"
        hint = "nothing was written; `--no-lock` writes everything but the lock"
        raise LockError(msg, hint="; ".join(filter(None, [error.hint, hint]))) from error
    return render_lock(distribution, resolved), None


def _write(root: Path, files: Mapping[str, str], lock: tuple[Distribution, LockFiles] | None) -> None:
    """Write new files, and the lock where there is one.

    A failure, Ctrl-C included, takes all of it away again. After a kill some of the files are there, each of
    them whole, and the next run adds the rest; one hidden file, the part of another, may be left.

    Raises:
        WombatError: something cannot be written.
    """
    made = list[Path]()
    try:
        for path, words in files.items():
            target = root / path
            _make_folder(target.parent, made)
            replace_file(target, words)
            made.append(target)
        if lock is not None:
            folder = write_lock(*lock)
            made += [folder, *folder.iterdir()]
    except BaseException as error:
        for each in reversed(made):
            _take_away(each)
        if isinstance(error, OSError):
            msg = f"cannot write into `{root}`: {(error.strerror or 'unknown reason').lower()}"
            raise WombatError(msg, hint="nothing was written; mend it and run `wombat init` again") from error
        raise


def _make_folder(folder: Path, made: list[Path]) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _take_away(path: Path) -> None:
    """Remove a file, or a folder unless somebody else has put something into it."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError):
        path.rmdir()


def _table(states: Mapping[str, _State]) -> str:
    rows: list[list[text.Cell]] = [[path, (state.value, _STYLES.get(state))] for path, state in states.items()]
    return text.table(["PATH", "FILE"], rows)


def _tell(done: _Done) -> None:
    kept = [f"`{path}`" for path, state in done.states.items() if state is _State.KEPT]
    if kept:
        text.warning(f"there already, and kept as they are: {', '.join(kept)}")
    if _State.LEFT_OUT in done.states.values():
        text.warning("`manifests` has manifests already, so no example and no policy is added")
    outer = _outer_repository(done.options.folder)
    if outer is not None:
        text.warning(f"the repository is `{outer}`, and GitHub reads workflows only at its top")
    if done.unreachable is not None:
        command = shlex.join(["wombat", "lock", done.options.scaffold.manifest])
        hint = f"everything else is written; check the network and GOPROXY, then run `{command}` there"
        text.error(f"{done.options.scaffold.name} is not locked: {done.unreachable.message}", hint)
    if done.next_steps:
        text.note("\n".join(["\nnext:", *(f"  {step}" for step in done.next_steps)]))
    if done.states[INSTALLED] is _State.WRITTEN:
        text.note(f"\nthe workflows install `{done.options.scaffold.requirement}`: what `{INSTALLED}` says")


def _outer_repository(folder: Path) -> Path | None:
    """The repository that a folder is somewhere below the top of."""
    if (folder / ".git").exists():
        return None
    return next((each for each in folder.resolve().parents if (each / ".git").exists()), None)
