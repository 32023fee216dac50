"""What can be wrong with the branch and the folder of a source, in the words that every command uses."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import UnusableSource
from wombat_gitops.domain.neighbours import nearest
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class SourceProblem(StrEnum):
    """Why a branch or a folder cannot be used: reasons of conditions."""

    REF_NOT_FOUND = "RefNotFound"
    REF_IS_TAG = "RefIsTag"
    REF_IS_COMMIT = "RefIsCommit"
    EMPTY = "RepositoryEmpty"
    FOLDER_NOT_FOUND = "FolderNotFound"
    FOLDER_IS_LINK = "FolderIsLink"
    FOLDER_IS_SUBMODULE = "FolderIsSubmodule"
    FOLDER_IS_FILE = "FolderIsFile"


_FOLDERS: Final = {
    SourceProblem.FOLDER_NOT_FOUND: (
        "there is no folder {folder}",
        "put it back, or name the folder with the manifests: `folder` in the list of sources, or WOMBAT_FOLDER",
    ),
    SourceProblem.FOLDER_IS_LINK: (
        "{part} is a symbolic link, which is not followed",
        "commit the folder itself, or name the folder that the link leads to",
    ),
    SourceProblem.FOLDER_IS_SUBMODULE: (
        "{part} is a submodule: its files are in another repository",
        "watch that repository as a source of its own, or move the manifests into this one",
    ),
    SourceProblem.FOLDER_IS_FILE: ("{part} is a file and not a folder", "name the folder with the manifests"),
}


def unusable_folder(folder: str, part: str, problem: SourceProblem, revision: str = "") -> UnusableSource:
    """The error for a folder that cannot be read.

    Args:
        folder: as the settings name it.
        part: the folder itself, or the one around it that is the problem.
        revision: the commit that was looked at; "" for a work tree.
    """
    words, hint = _FOLDERS[problem]
    shown, culprit = (f"`{visible_line(each)}`" for each in (folder, part))
    told = culprit if part == folder else f"{culprit}, which {shown} is in,"
    where = f" at commit `{revision[:12]}`" if revision else ""
    return UnusableSource(
        f"{words.format(folder=shown, part=told)}{where}", reason=problem.value, revision=revision, hint=hint
    )


def unusable_ref(url: str, name: str, branches: Sequence[str], tags: Collection[str], default: str) -> UnusableSource:
    """The error for a branch that a repository does not have.

    Args:
        name: what was asked for as a branch.
        branches: short names of those that there are.
        tags: short names, likewise.
        default: the branch that `HEAD` of the repository names, or "".
    """
    shown = f"`{visible_line(name)}`"
    if not branches and not tags:
        return UnusableSource(
            f"`{url}` is empty: it has no commit yet",
            reason=SourceProblem.EMPTY.value,
            hint=f"push a commit to the branch {shown}",
        )
    offer = f"set `branch` to a branch of the repository, such as `{default or branches[0]}`" if branches else ""
    tag = name.removeprefix("refs/tags/").removeprefix("tags/")
    if tag in tags:
        return UnusableSource(
            f"`{visible_line(tag)}` is a tag of `{url}`; only branches are followed",
            reason=SourceProblem.REF_IS_TAG.value,
            hint=offer,
        )
    if is_commit_id(name):
        return UnusableSource(
            f"{shown} is the id of a commit; only branches are followed, and `{url}` has none of that name",
            reason=SourceProblem.REF_IS_COMMIT.value,
            hint=offer,
        )
    meant = next((each for each in _meant(name, default) if each in branches), "")
    hint = f"did you mean `{meant}`?" if meant else nearest(name, branches) or offer
    return UnusableSource(
        f"`{url}` has no branch {shown}",
        reason=SourceProblem.REF_NOT_FOUND.value,
        hint=f"{hint}; nothing is removed because a branch is missing",
    )


def is_commit_id(text: str) -> bool:
    """Whether a text is the full id of a commit, by SHA-1 or SHA-256."""
    return len(text) in {40, 64} and all(character in "0123456789abcdef" for character in text)


def _meant(name: str, default: str) -> list[str]:
    """Branches that people mean who write the name of a ref that is none."""
    plain = name.removeprefix("refs/remotes/").removeprefix("remotes/")
    found = [plain.partition("/")[2]] if "/" in plain else []
    usual = {"main", "master", "trunk", "HEAD"}
    return [*found, default] if name in usual else found
