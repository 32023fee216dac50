"""Finds the repository around a folder, through GitPython: closed at once, and never asked for more than places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wombat_gitops.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the parts of a repository are.

    Attributes:
        root: top of the work tree; the git directory itself where there is none.
        git_dir: holds HEAD and the index.
        common_dir: holds refs and objects; another one than *git_dir* in a linked work tree.
    """

    root: Path
    git_dir: Path
    common_dir: Path

    def folder(self, path: Path, folder: str) -> str:
        """*folder* below *path*, named from the top of the work tree."""
        place = path.resolve()
        if not place.is_relative_to(self.root.resolve()):
            return folder
        prefix = place.relative_to(self.root.resolve()).as_posix()
        return "/".join(part for part in (prefix, folder) if part not in {"", "."})


def find_checkout(path: Path) -> Checkout | None:
    """The repository that *path* lies in, or None.

    Raises:
        NotFound: *path* does not exist, or git is not installed.
    """
    try:
        import git  # noqa: PLC0415 - importing it starts git, which the rest of the program does not need
    except ImportError as error:
        msg = "git cannot be run"
        raise NotFound(msg, hint="install git and put it on PATH") from error
    try:
        with git.Repo(path, search_parent_directories=True, expand_vars=False) as repository:
            git_dir = Path(repository.git_dir).absolute()
            root = Path(repository.working_tree_dir or git_dir).absolute()
            return Checkout(root, git_dir, Path(repository.common_dir).absolute())
    except git.NoSuchPathError as error:
        msg = f"there is no folder `{path}`"
        raise NotFound(msg) from error
    except git.InvalidGitRepositoryError:
        return None
