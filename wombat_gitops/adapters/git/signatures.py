"""Whether a commit is signed by somebody who may: with SSH keys through ssh-keygen, with OpenPGP keys through gpg.

The commit's bytes are parted here and not by git, so that everything but the one signature is what was
signed, and so that only the demanded kind of signature is ever looked at. A key is judged by the time
at which the commit is first looked at, not by the date that the commit claims: whoever holds an expired
key could claim any date.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from wombat_gitops.adapters import process
from wombat_gitops.domain.errors import NotFound, TimedOut, Unreachable, Unverified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.adapters.process import Captured

_SSH: Final = b"-----BEGIN SSH SIGNATURE-----"
_PGP: Final = b"-----BEGIN PGP SIGNATURE-----"
_SECONDS: Final = 30.0
_MOST_PRINCIPALS: Final = 16
_LONGEST_SIGNATURE: Final = 64 * 1024
_STATUS: Final = "[GNUPG:] "
_BAD_STATES: Final = {
    "BADSIG": ("BadSignature", "the signature does not fit the commit"),
    "EXPSIG": ("KeyExpired", "the signature has expired"),
    "EXPKEYSIG": ("KeyExpired", "the key that signed it has expired"),
    "REVKEYSIG": ("KeyRevoked", "the key that signed it was revoked"),
    "NO_PUBKEY": ("UnknownKey", "it is signed by a key that is not among the trusted ones"),
    "ERRSIG": ("BadSignature", "the signature cannot be checked"),
}


class Verifier(Protocol):
    """Checks signatures of one kind against keys in files."""

    def fingerprint(self) -> str:
        """Changes whenever the files with the keys do; "" for a file that cannot be read."""
        ...

    async def verify(self, payload: bytes, signature: bytes) -> str:
        """Who signed *payload*.

        Raises:
            Unverified: nobody who may.
            NotFound: the program that checks is not installed.
            Unreachable: it did not answer in time.
        """
        ...


def part_commit(commit: str, data: bytes) -> tuple[bytes, bytes]:
    """What was signed of a commit object, and the signature ("" where there is none).

    Raises:
        Unverified: it carries several signatures, or is not the object that it is named for.
    """
    sha256 = len(commit) == 64  # noqa: PLR2004 - hex digits of SHA-256
    digest = hashlib.new("sha256" if sha256 else "sha1", b"commit %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    if digest.hexdigest() != commit:
        msg = f"the object `{commit[:12]}` is not the commit of that id"
        raise Unverified(msg, reason="BadSignature", revision=commit)
    marker = b"gpgsig-sha256 " if sha256 else b"gpgsig "
    head, separator, body = data.partition(b"\n\n")
    kept, signature = list[bytes](), list[bytes]()
    found, inside = 0, False
    for line in head.split(b"\n"):
        if line.startswith(marker):
            found, inside = found + 1, True
            signature.append(line.removeprefix(marker))
        elif inside and line.startswith(b" "):
            signature.append(line[1:])
        else:
            inside = False
            kept.append(line)
    if found > 1:
        msg = f"commit `{commit[:12]}` carries {found} signatures"
        raise Unverified(msg, reason="BadSignature", revision=commit, hint="sign it once")
    return b"\n".join(kept) + separator + body, b"\n".join([*signature, b""]) if found else b""


async def verify_commit(commit: str, data: bytes, verifier: Verifier) -> str:
    """Who signed a commit. Raises as `Verifier.verify` does."""
    payload, signature = part_commit(commit, data)
    try:
        if not signature:
            msg = "it is not signed"
            raise Unverified(msg, reason="NotSigned", hint="sign commits with `git commit -S`")  # noqa: TRY301 - told below
        if len(signature) > _LONGEST_SIGNATURE:
            msg = "its signature is larger than any real one"
            raise Unverified(msg, reason="BadSignature")  # noqa: TRY301 - as above
        return await verifier.verify(payload, signature)
    except Unverified as error:
        told = f"commit `{commit[:12]}` is not used: {error.message}"
        raise Unverified(told, reason=error.reason, revision=commit, hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class SshVerifier:
    """Signatures by SSH keys.

    Attributes:
        allowed: file in the form of ssh-keygen's ALLOWED SIGNERS.
        revoked: file with keys that are never accepted, or None.
    """

    allowed: Path
    revoked: Path | None = None
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))

    def fingerprint(self) -> str:
        """See `Verifier.fingerprint`."""
        return _digest([self.allowed, *([self.revoked] if self.revoked else [])])

    async def verify(self, payload: bytes, signature: bytes) -> str:
        """See `Verifier.verify`."""
        _demand(signature, _SSH, "an SSH key")
        _check_readable([self.allowed, *([self.revoked] if self.revoked else [])])
        with tempfile.TemporaryDirectory(prefix="wombat-signature-") as place:
            file = Path(place) / "signature"
            await asyncio.to_thread(file.write_bytes, signature)
            common = ["-s", str(file), "-f", str(self.allowed)]
            found = await self._run(Path(place), ["-Y", "find-principals", *common], b"")
            if found.status != 0:
                raise _ssh_failure(found)
            refused = found
            for line in found.stdout.decode(errors="replace").splitlines()[:_MOST_PRINCIPALS]:
                revoked = ["-r", str(self.revoked)] if self.revoked else []
                # that a key is revoked is only told among the finest messages
                command = ["-vvv", "-Y", "verify", "-n", "git", "-I", line.strip(), *common, *revoked]
                refused = await self._run(Path(place), command, payload)
                if refused.status == 0:
                    return line.strip()
            raise _ssh_failure(refused)

    async def _run(self, place: Path, arguments: Sequence[str], stdin: bytes) -> Captured:
        return await _run(["ssh-keygen", *arguments], place, self.path, stdin)


@dataclass(frozen=True, slots=True)
class GpgVerifier:
    """Signatures by OpenPGP keys; only the keys in *keys* are known, whatever keyrings the machine has."""

    keys: tuple[Path, ...]
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))

    def fingerprint(self) -> str:
        """See `Verifier.fingerprint`."""
        return _digest(self.keys)

    async def verify(self, payload: bytes, signature: bytes) -> str:
        """See `Verifier.verify`."""
        _demand(signature, _PGP, "an OpenPGP key")
        _check_readable(self.keys)
        with tempfile.TemporaryDirectory(prefix="wombat-gpg-") as place:
            home = Path(place)  # made for us alone, as gpg demands
            await asyncio.to_thread((home / "signature").write_bytes, signature)
            keys = [str(key.absolute()) for key in self.keys]
            imported = await self._run(home, ["--import", "--", *keys], b"")
            if imported.status != 0 and b"IMPORT_OK" not in imported.stdout:
                msg = "the files with the trusted keys hold no public key"
                raise Unverified(msg, reason="UnknownKey", hint="export them with `gpg --export --armor`")
            answer = await self._run(home, ["--verify", "--", str(home / "signature"), "-"], payload)
            return _read_gpg(answer)

    async def _run(self, home: Path, arguments: Sequence[str], stdin: bytes) -> Captured:
        options = ["--homedir", str(home), "--batch", "--no-tty", "--no-options", "--no-autostart", "--status-fd", "1"]
        trust = ["--trust-model", "always", "--no-auto-key-retrieve", "--no-auto-key-locate", "--disable-dirmngr"]
        return await _run(["gpg", *options, *trust, *arguments], home, self.path, stdin)


def _read_gpg(answer: Captured) -> str:
    """The signer, from the states that gpg tells; exactly one signature must be good, and none anything else."""
    lines = answer.stdout.decode(errors="replace").splitlines()
    states = [line.removeprefix(_STATUS).split(" ") for line in lines if line.startswith(_STATUS)]
    for state in states:
        if state[0] in _BAD_STATES:
            # ERRSIG comes before NO_PUBKEY, which says more
            unknown = any(other[0] == "NO_PUBKEY" for other in states)
            reason, message = _BAD_STATES["NO_PUBKEY" if unknown else state[0]]
            raise Unverified(message, reason=reason)
    good = [state for state in states if state[0] == "GOODSIG"]
    valid = [state for state in states if state[0] == "VALIDSIG"]
    if answer.status != 0 or len(good) != 1 or len(valid) != 1:
        msg = "the signature cannot be checked"
        raise Unverified(msg, reason="BadSignature")
    fingerprint = valid[0][1]
    return f"{' '.join(good[0][2:])} {fingerprint}".strip()


def _ssh_failure(answer: Captured) -> Unverified:
    text = answer.stderr.decode(errors="replace")
    lowered = text.lower()
    if "key is revoked" in lowered:
        return Unverified("the key that signed it was revoked", reason="KeyRevoked")
    if "key has expired" in lowered or "key is not yet valid" in lowered:
        return Unverified("the key that signed it is not valid now", reason="KeyExpired")
    if "no principal matched" in lowered or "not permitted for use" in lowered:
        hint = "add the key to the file of allowed signers, with the namespace `git` if it names any"
        return Unverified("it is signed by a key that is not among the allowed ones", reason="UnknownKey", hint=hint)
    return Unverified("the signature does not fit the commit", reason="BadSignature")


def _demand(signature: bytes, begin: bytes, kind: str) -> None:
    if not signature.startswith(begin):
        msg = f"it is not signed with {kind}"
        raise Unverified(msg, reason="WrongKind")


def _check_readable(files: Sequence[Path]) -> None:
    for file in files:
        if not os.access(file, os.R_OK):
            msg = f"the file with the trusted keys, `{file}`, cannot be read"
            raise Unverified(msg, reason="UnknownKey", hint="without it no signature can be trusted")


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        try:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError:
            return ""
    return digest.hexdigest()


async def _run(argv: Sequence[str], place: Path, path: str, stdin: bytes) -> Captured:
    env = {"PATH": path, "LC_ALL": "C", "TZ": "UTC", "HOME": str(place)}
    try:
        return await process.capture(argv, cwd=place, env=env, seconds=_SECONDS, stdin=stdin)
    except NotFound as error:
        msg = f"`{argv[0]}` cannot be run, so no signature can be checked"
        raise NotFound(msg, hint=f"install {argv[0]} and put it on PATH") from error
    except TimedOut as error:
        msg = f"`{argv[0]}` did not answer within {_SECONDS:g} s"
        raise Unreachable(msg) from error
