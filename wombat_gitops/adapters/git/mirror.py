"""A bare mirror of one branch: fetched under a lock, mended after a kill, thrown away where mending fails."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from wombat_gitops.adapters.git.address import redact
from wombat_gitops.adapters.git.command import local_failure, no_room, remote_failure
from wombat_gitops.domain.errors import CorruptData, TooLarge, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from wombat_gitops.adapters.git.address import Address
    from wombat_gitops.adapters.git.command import Git
    from wombat_gitops.adapters.process import Captured

HEAD: Final = "refs/wombat/head"
"""Where the mirror keeps the branch; in a namespace of its own, so that no branch name can collide with it."""

_LEFTOVERS: Final = ("*.lock", "**/*.lock", "objects/pack/tmp_*", "objects/pack/.tmp-*", "objects/*/tmp_obj_*")
_PACKS: Final = 40
"""Packs after which the mirror is packed into one."""
LARGEST: Final = 4 * 1024**3
"""Bytes of the packs of one mirror; a repository of 10,000 manifests and their history has a few megabytes."""
_MEASURE_SECONDS: Final = 0.25
_LOCK_POLL: Final = 0.05


class Mirror:
    """The mirror at *path*; a cache: everything in it can be fetched again.

    History is fetched whole, because the dates of manifests need it, and because a killed shallow
    fetch leaves a lock behind that makes all later ones fail.
    """

    def __init__(self, git: Git, path: Path, address: Address, branch: str, limit: int = LARGEST) -> None:
        self._git = git
        self._path = path
        self._address = address
        self._branch = branch
        self._limit = limit
        self._swept = False

    @property
    def path(self) -> Path:
        """The git directory."""
        return self._path

    async def fetch(self, *, afresh: bool = False, wide: bool = False) -> None:
        """Bring the branch up to date.

        Args:
            afresh: throw away what is there: it was found broken.
            wide: the repository names its objects by SHA-256; takes git 2.29.

        Raises:
            NotFound: the branch does not exist.
            Refused: access was denied.
            TooLarge: there is more than a mirror may hold.
            Unreachable: the host, the disk or another process that holds the mirror does not let us.
            CorruptData: what the host sends cannot be stored, not even in a new mirror.
        """
        async with self._locked():
            if afresh:
                await self._discard()
            if not self._swept:
                await asyncio.to_thread(self._sweep)
            self._swept = True
            for repair in (self._sweep, self._remove):
                try:
                    await self._fetch_once(wide=wide)
                except CorruptData:
                    await asyncio.to_thread(repair)
                else:
                    await self._pack()
                    return
            await self._fetch_once(wide=wide)

    async def _fetch_once(self, *, wide: bool) -> None:
        if not (self._path / "HEAD").is_file() or not (self._path / "objects").is_dir():
            await self._create(wide=wide)
        # a branch that was renamed from `a` to `a/b` is no trouble: the target is always the same ref
        command = [
            f"--git-dir={self._path}",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--no-write-fetch-head",
            "--update-shallow",  # a host may itself have only a part of the history
            "--",
            self._address.url,
            f"+{self._branch}:{HEAD}",
        ]
        captured = await self._within_limit(self._git.run(command, cwd=self._path.parent, address=self._address))
        if captured.status != 0:
            raise remote_failure(captured, self._address)

    async def _within_limit(self, fetch: Coroutine[None, None, Captured]) -> Captured:
        """Run a fetch, and end it as soon as the mirror has become too large for the disk to be shared."""
        fetching = asyncio.ensure_future(fetch)
        try:
            while True:
                await asyncio.wait({fetching}, timeout=_MEASURE_SECONDS)
                if await asyncio.to_thread(self._size) > self._limit:
                    break
                if fetching.done():
                    return fetching.result()
        finally:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)
        await self._discard()
        msg = f"`{redact(self._address.url)}` holds more than {self._limit:,} bytes"
        raise TooLarge(msg, hint="keep manifests in a repository of their own")

    def _size(self) -> int:
        """Bytes of what was fetched, also of a pack that is still coming."""
        total = 0
        for pack in (self._path / "objects" / "pack").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                total += pack.stat().st_size
        return total

    async def _create(self, *, wide: bool) -> None:
        await self._discard()
        form = ["--object-format=sha256"] if wide else []  # older versions of git do not know the option
        command = ["init", "--quiet", "--bare", "--template=", *form, "--", str(self._path)]
        captured = await self._git.run(command, cwd=self._path.parent)
        if captured.status != 0:
            raise local_failure(captured)

    async def _pack(self) -> None:
        packs = await asyncio.to_thread(lambda: len(list((self._path / "objects" / "pack").glob("*.pack"))))
        loose = await asyncio.to_thread(lambda: len(list((self._path / "objects").glob("??"))))
        if packs > _PACKS or (loose == 256 and packs):  # noqa: PLR2004 - every folder of loose objects is in use
            command = [f"--git-dir={self._path}", "gc", "--quiet", "--prune=now"]
            await self._git.run(command, cwd=self._path.parent, seconds=self._git.seconds * 10)

    def _sweep(self) -> None:
        """Remove what a killed git left; under our lock nothing of it can be in use."""
        for pattern in _LEFTOVERS:
            for leftover in self._path.glob(pattern):
                leftover.unlink(missing_ok=True)

    def _remove(self) -> None:
        if self._path.is_dir() and not self._path.is_symlink():
            shutil.rmtree(self._path)
        else:
            self._path.unlink(missing_ok=True)

    async def _discard(self) -> None:
        await asyncio.to_thread(self._remove)

    def prepare(self) -> None:
        """Make the folder around the mirror.

        Raises:
            Unreachable: the disk is full, or does not let us.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise no_room(error.strerror or str(error), redact(self._address.url)) from error

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Hold the mirror against other processes; the lock ends with the process that holds it."""
        self.prepare()
        name = self._path.with_name(f"{self._path.name}.lock")
        try:
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise no_room(error.strerror or str(error), redact(self._address.url)) from error
        try:
            try:
                async with asyncio.timeout(self._git.seconds):
                    while not _try_lock(handle):  # noqa: ASYNC110 - another process holds it
                        await asyncio.sleep(_LOCK_POLL)
            except TimeoutError as error:
                msg = f"the mirror `{self._path.name}` is in use by another process"
                raise Unreachable(msg) from error
            yield
        finally:
            os.close(handle)


def _try_lock(handle: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
