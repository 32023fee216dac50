"""`wombat download`: an artifact as a verified file, also in several goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wombat_gitops.api.views.distributions import DistributionView
from wombat_gitops.cli import text
from wombat_gitops.cli.client import ApiClient
from wombat_gitops.domain.errors import CorruptData, NotFound, Unreachable, UserError, Withdrawn
from wombat_gitops.services.engine import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from wombat_gitops.api.views.base import ArtifactView
    from wombat_gitops.settings import Settings

_ROUNDS: Final = 5
"""How often a download that breaks off is taken up again in one run."""

_PARTIAL: Final = 206


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file as the API records it: where it is, its SHA-256 (lower-case hex), size in bytes and name."""

    url: str
    sha256: str
    size: int
    file_name: str


def download(settings: Settings, words: str, platform: str, folder: Path, output: text.Output) -> None:
    """Download `NAME[@VERSION]` into *folder* and print the path.

    Raises:
        NotFound: there is no such artifact.
        Withdrawn: there is, and it must not be downloaded any more.
        CorruptData: the bytes are not the recorded ones; nothing is left under the file's name.
    """
    from wombat_gitops.wiring.addresses import api_address

    client = ApiClient(api_address(settings))
    name, _, version = words.partition("@")
    wanted = _choose(client.get(f"/api/v1/distributions/{name}", DistributionView), version, platform or _here())
    target = folder / safe_name(wanted.file_name)
    if not folder.is_dir():
        msg = f"there is no folder `{folder}`"
        raise NotFound(msg)
    if target.is_file() and file_digest(target) == (wanted.sha256, wanted.size):
        text.note(f"`{target}` is there already, verified")
    else:
        text.note(f"downloading {wanted.file_name}, {text.size(wanted.size)}")
        fetch(client, wanted, target)
        text.note(f"verified sha256 {wanted.sha256}")
    if not target.name.endswith(".exe"):
        target.chmod(target.stat().st_mode | 0o111)
    data = {"path": str(target), "sha256": wanted.sha256, "size": wanted.size, "file_name": wanted.file_name}
    text.emit(data, output, lambda: str(target))


def fetch(client: ApiClient, wanted: Wanted, target: Path) -> None:
    """Bring the file to *target*, which appears only when its digest is right.

    An incomplete download stays beside it as a hidden `.part` file named for its digest, and the next
    one goes on behind it.

    Raises:
        CorruptData: size or digest is another one.
        Unreachable: the server went away again and again.
    """
    part = target.parent / f".{target.name}.{wanted.sha256[:16]}.part"
    resumed = part.exists() and 0 < part.stat().st_size <= wanted.size
    _complete(client, wanted, part)
    problem = _difference(part, wanted)
    if problem and resumed:
        part.unlink()
        text.note("what was left of an earlier download does not fit, so it begins anew")
        _complete(client, wanted, part)
        problem = _difference(part, wanted)
    if problem:
        part.unlink(missing_ok=True)
        msg = f"`{wanted.file_name}` was not saved: {problem}"
        raise CorruptData(
            msg, hint="the bytes are not those that the builder recorded; try again, and tell who runs the server"
        )
    part.replace(target)


def safe_name(name: str) -> str:
    """A file name from the server, which must not lead out of the folder. Raises `CorruptData`."""
    if not name or name != os.path.basename(name) or name.startswith(".") or "\\" in name or not name.isprintable():  # noqa: PTH119
        msg = f"the server names a file `{name[:80]!a}`"
        raise CorruptData(msg)
    return name


def _complete(client: ApiClient, wanted: Wanted, part: Path) -> None:
    for left in reversed(range(_ROUNDS)):
        have = part.stat().st_size if part.exists() else 0
        if have >= wanted.size and part.exists():
            return
        try:
            _go_on(client, wanted, part, have)
        except Unreachable:
            progressed = part.exists() and part.stat().st_size > have
            if not left or not progressed:
                raise
    if part.exists() and part.stat().st_size >= wanted.size:
        return
    msg = f"the download of `{wanted.file_name}` broke off {_ROUNDS} times"
    raise Unreachable(msg, hint="run the command again, it goes on where it stopped")


def _go_on(client: ApiClient, wanted: Wanted, part: Path, have: int) -> None:
    headers = {"Range": f"bytes={have}-", "If-Range": f'"sha256-{wanted.sha256}"'} if have else {}
    if have:
        text.note(f"going on behind {text.size(have)}")
    with client.open(wanted.url, headers=headers) as body:
        follows = body.status == _PARTIAL and body.headers.get("content-range", "").startswith(f"bytes {have}-")
        with part.open("ab" if follows else "wb") as file:
            count = have if follows else 0
            for block in body.blocks:
                file.write(block)
                count += len(block)
                if count > wanted.size:
                    return


def _difference(part: Path, wanted: Wanted) -> str:
    sha256, size = file_digest(part)
    if size != wanted.size:
        return f"it has {size} bytes{' or more' if size > wanted.size else ''}, recorded are {wanted.size}"
    return "" if sha256 == wanted.sha256 else f"its SHA-256 is `{sha256}`, recorded is `{wanted.sha256}`"


def _choose(distribution: DistributionView, version: str, platform: str) -> Wanted:
    name = distribution.name
    version = "" if version == "latest" else version
    found = _of_version(distribution, version) if version else _latest(distribution)
    artifact = found.get(platform)
    if artifact is not None:
        if artifact.withdrawn:
            msg = f"`{name}`{f' {version}' if version else ''} is withdrawn: {artifact.withdrawn}"
            raise Withdrawn(msg, hint=f"`wombat get distribution {name}` shows the other versions")
        if not version and not _is_current(distribution, platform):
            text.warning(
                f"git declares `{name}` {distribution.version}, which has no file for `{platform}` yet; "
                f"downloading `{artifact.file_name}`"
            )
        return Wanted(artifact.url, artifact.sha256, artifact.size, artifact.file_name)
    what = f"`{name}`{f' {version}' if version else ''}"
    msg = f"{what} has no artifact for `{platform}`"
    others = ", ".join(f"`{other}`" for other in sorted(found))
    raise NotFound(
        msg, hint=f"it has {others} (`--platform`)" if others else f"`wombat get distribution {name}` tells why"
    )


def _latest(distribution: DistributionView) -> dict[str, ArtifactView]:
    found = {
        each.platform: each.artifact if each.artifact and _is_free(each.artifact) else each.last_good or each.artifact
        for each in distribution.platforms
    }
    return {platform: artifact for platform, artifact in found.items() if artifact is not None}


def _is_current(distribution: DistributionView, platform: str) -> bool:
    current = (each.artifact for each in distribution.platforms if each.platform == platform)
    return any(artifact is not None and _is_free(artifact) for artifact in current)


def _is_free(artifact: ArtifactView) -> bool:
    return not artifact.withdrawn


def _of_version(distribution: DistributionView, version: str) -> dict[str, ArtifactView]:
    for each in distribution.versions:
        if each.version == version:
            return each.artifacts
    known = ", ".join(f"`{each.version}`" for each in distribution.versions[:5])
    msg = f"`{distribution.name}` has no version `{version}` with artifacts"
    raise NotFound(msg, hint=f"it has {known}" if known else "")


def _here() -> str:
    from wombat_gitops.wiring.machine import native_platform

    try:
        return str(native_platform())
    except ValueError as error:
        msg = "nothing is built for machines like this one"
        raise UserError(msg, hint="name a platform with `--platform`") from error
