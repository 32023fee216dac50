"""The sources that the settings name: one of them, or all in the list of sources."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

from wombat_gitops.adapters.git.address import Address, check_branch, check_folder, redact, source_id
from wombat_gitops.adapters.git.remote import RemoteSource
from wombat_gitops.adapters.git.signatures import GpgVerifier, SshVerifier
from wombat_gitops.adapters.git.verified import VerifiedSource
from wombat_gitops.adapters.git.worktree import WorkTreeSource
from wombat_gitops.domain.commitstatus import StatusTarget
from wombat_gitops.domain.errors import InvalidSources, NotFound, Refused, UserError
from wombat_gitops.domain.hostlinks import public_host, repository_of
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.sources import Host, Secret, SourceEntry, Status, Verify, Webhook, read_sources
from wombat_gitops.domain.webhooks import Hook
from wombat_gitops.ports import ManifestSource
from wombat_gitops.wiring.sources import is_remote, manifest_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.adapters.git.signatures import Verifier
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.sources import SourcesReading
    from wombat_gitops.settings import Settings

_DEFAULT_BRANCH: Final = "main"
_LARGEST_SECRET: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Watched:
    """One source and how it is watched.

    Attributes:
        interval: seconds between two looks.
        signer: who signed its newest commit; None where no signature is demanded.
        status: where to write how its builds went, or None.
        host: software of its git host, where the list of sources says it.
    """

    source: ManifestSource
    interval: float
    signer: Callable[[], str] | None = None
    status: StatusTarget | None = None
    host: Host | None = None


def watched_sources(settings: Settings) -> list[Watched]:
    """Every source that is to be watched.

    Raises:
        InvalidSources: the list of sources is wrong; carries what and where.
        NotFound, Refused: the one source of the settings cannot be had.
    """
    if settings.sources is None:
        return [Watched(manifest_source(settings), settings.interval)]
    reading = _Reading.of(settings.sources)
    found = [reading.watched(index, entry, settings) for index, entry in enumerate(reading.entries)]
    reading.end()
    return [item for item in found if item is not None]


def is_alone(settings: Settings) -> bool:
    """Whether the list of sources says that nobody watches any other.

    Raises:
        InvalidSources: the list of sources is wrong; carries what and where.
    """
    return settings.sources is not None and _Reading.of(settings.sources).alone


def webhooks(settings: Settings) -> tuple[Hook, ...]:
    """The webhooks of all sources that have one.

    Raises:
        InvalidSources: the list of sources is wrong; carries what and where.
    """
    if settings.sources is None:
        return ()
    reading = _Reading.of(settings.sources)
    found = [reading.hook(index, entry) for index, entry in enumerate(reading.entries)]
    reading.end()
    return tuple(hook for hook in found if hook is not None)


def told_hosts(settings: Settings) -> dict[str, Host]:
    """Which software git hosts run, by host name, as the list of sources says it. Raises as `webhooks` does."""
    if settings.sources is None:
        return {}
    entries = _Reading.of(settings.sources).entries
    told = ((entry.url, given.host) for entry in entries for given in (entry.status, entry.webhook) if given)
    return {place[0].partition(":")[0]: host for url, host in told if host and (place := repository_of(url))}


class _Reading:
    """The entries of one file, and what is found to be wrong while they are looked at."""

    def __init__(self, file: Path, found: SourcesReading) -> None:
        self._folder = file.absolute().parent
        self.entries = found.entries
        self.alone = found.alone
        self._places = found.places
        self._problems: list[Diagnostic] = []
        self._ids: dict[str, int] = {}

    @classmethod
    def of(cls, file: Path) -> _Reading:
        """Read *file*. Raises `InvalidSources`, or `NotFound` where it cannot be read."""
        try:
            data = file.read_bytes()
        except OSError as error:
            msg = f"the list of sources `{file}` cannot be read: {error.strerror}"
            raise NotFound(msg, hint="`--sources` or WOMBAT_SOURCES names it") from error
        reading = read_sources(str(file), data)
        if reading.diagnostics:
            raise InvalidSources(reading.diagnostics)
        return cls(file, reading)

    def end(self) -> None:
        """Raise `InvalidSources` where anything was wrong."""
        if self._problems:
            raise InvalidSources(tuple(sorted(self._problems)))

    def watched(self, index: int, entry: SourceEntry, settings: Settings) -> Watched | None:
        """One source ready to be read, or None where a problem was noted."""
        try:
            source, signer = self._source(entry, settings)
            self._claim(source.id, index)
            status = self._status(entry, source) if entry.status else None
        except _Wrong as wrong:
            self._note(index, wrong)
            return None
        told = (part.host for part in (entry.status, entry.webhook) if part is not None)
        host = next((host for host in told if host is not None), None)
        return Watched(source, entry.interval or settings.interval, signer, status, host)

    def hook(self, index: int, entry: SourceEntry) -> Hook | None:
        """The webhook of one source, or None where it has none or a problem was noted."""
        if entry.webhook is None:
            return None
        try:
            url, branch, folder = self._place(entry)
            if not branch:
                raise _Wrong(field="webhook", message="a work tree gets no webhooks: it is watched by itself")  # noqa: TRY301 - noted
            identity = source_id(url, branch, folder)
            secret = self._secret(entry.webhook.secret, "webhook/secret")
            return Hook(identity, _host(entry.webhook, entry.url, "webhook"), url, branch, secret)
        except _Wrong as wrong:
            self._note(index, wrong)
            return None

    def _source(self, entry: SourceEntry, settings: Settings) -> tuple[ManifestSource, Callable[[], str] | None]:
        url, branch, folder = self._place(entry)
        if not branch:
            if entry.verify is not None:
                raise _Wrong(
                    field="verify",
                    message="a work tree has no signature",
                    hint="name the `branch` that is to be watched",
                )
            try:
                return WorkTreeSource(Path(url), folder), None
            except (NotFound, Refused) as error:
                raise _Wrong(field="url", message=error.message, hint=error.hint) from error
        mirror = settings.data / "mirrors" / f"{source_id(redact(url), branch, folder)}.git"
        remote = RemoteSource(self._signed_in(url, entry), branch, folder, mirror)
        if entry.verify is None:
            return remote, None
        verified = VerifiedSource(remote, self._verifier(entry.verify))
        return verified, lambda: verified.signer

    def _place(self, entry: SourceEntry) -> tuple[str, str, str]:
        """URL or absolute path, branch ("" for a work tree) and folder, each of which git may be given."""
        remote = is_remote(entry.url)
        url = entry.url if remote or "::" in entry.url else str((self._folder / entry.url).resolve())
        try:
            address = Address.parse(url)
        except Refused as error:
            raise _Wrong(field="url", message=error.message, hint=error.hint) from error
        if address.authorization:
            raise _Wrong(
                field="url", message="a URL in this file may hold no password", hint="name it under `credentials`"
            )
        branch = entry.branch or (_DEFAULT_BRANCH if remote else "")
        try:
            branch = check_branch(branch).removeprefix("refs/heads/") if branch else ""
        except Refused as error:
            raise _Wrong(field="branch", message=error.message, hint=error.hint) from error
        try:
            return url, branch, check_folder(entry.folder)
        except Refused as error:
            raise _Wrong(field="folder", message=error.message, hint=error.hint) from error

    def _signed_in(self, url: str, entry: SourceEntry) -> str:
        if entry.credentials is None:
            return url
        parts = urlsplit(url)
        if parts.scheme != "https":
            raise _Wrong(
                field="credentials", message="only an https URL takes a password", hint="ssh finds keys by its agent"
            )
        password = self._secret(entry.credentials.password, "credentials/password")()
        who = f"{quote(entry.credentials.user, safe='')}:{quote(password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{who}@{parts.netloc}"))

    def _verifier(self, verify: Verify) -> Verifier:
        if verify.ssh is not None:
            revoked = self._file(verify.ssh.revoked, "verify/ssh/revoked") if verify.ssh.revoked else None
            return SshVerifier(self._file(verify.ssh.allowed_signers, "verify/ssh/allowed_signers"), revoked)
        keys = verify.gpg.keys if verify.gpg is not None else ()
        return GpgVerifier(tuple(self._file(key, f"verify/gpg/keys/{index}") for index, key in enumerate(keys)))

    def _status(self, entry: SourceEntry, source: ManifestSource) -> StatusTarget | None:
        status = entry.status
        if status is None:
            return None
        host = _host(status, entry.url, "status")
        place = repository_of(source.url)
        if place is None:
            raise _Wrong(field="status", message=f"`{source.url}` is not a repository on a git host")
        name, path = place
        api = status.api or _api_of(host, name)
        if urlsplit(api).scheme != "https" and (urlsplit(api).hostname or "") not in {"127.0.0.1", "localhost", "::1"}:
            raise _Wrong(field="status/api", message="a token is only sent over https", hint="write an https address")
        return StatusTarget(
            source.id, host, api.rstrip("/"), path, status.context, self._secret(status.token, "status/token")
        )

    def _secret(self, secret: Secret, field: str) -> Callable[[], str]:
        """Reads the secret anew each time, since files change while we run; it is tried once now."""
        file = self._folder / secret.file if secret.file else None

        def read() -> str:
            if file is None:
                found = os.environ.get(secret.env, "")
                where = f"variable `{secret.env}`"
            else:
                where = f"file `{secret.file}`"
                try:
                    with file.open("rb") as handle:
                        found = handle.read(_LARGEST_SECRET).decode(errors="replace").strip("\r\n")
                except OSError as error:
                    msg = f"the {where} with a secret cannot be read: {error.strerror}"
                    raise Refused(msg) from error
            if not found or not found.isprintable():
                msg = f"the {where} holds no secret"
                raise Refused(msg)
            return found

        try:
            read()
        except UserError as error:
            raise _Wrong(field=field, message=error.message) from error
        return read

    def _file(self, name: str, field: str) -> Path:
        path = self._folder / name
        if not os.access(path, os.R_OK):
            raise _Wrong(
                field=field,
                message=f"the file `{name}` cannot be read",
                hint="paths count from the folder of this file",
            )
        return path

    def _claim(self, identity: str, index: int) -> None:
        first = self._ids.setdefault(identity, index)
        if first != index:
            raise _Wrong(
                field="url", message=f"the same repository, branch and folder stand in entry {first + 1} already"
            )

    def _note(self, index: int, wrong: _Wrong) -> None:
        pointer = f"/sources/{index}/{wrong.field}"
        self._problems.append(self._places.problem(rules.BAD_VALUE, wrong.message, pointer, hint=wrong.hint))


class _Wrong(Exception):
    """A field of an entry cannot be used."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.hint = hint


def _host(given: Status | Webhook, url: str, field: str) -> Host:
    if given.host is not None:
        return given.host
    known = public_host(url)
    if known is None:
        raise _Wrong(
            field=field,
            message="nobody said which software the host runs",
            hint="add `host: github`, `gitlab` or `gitea`",
        )
    return known


def _api_of(host: Host, name: str) -> str:
    """Where a host's API is by default."""
    if host is Host.GITHUB:
        return "https://api.github.com" if name == "github.com" else f"https://{name}/api/v3"
    paths: Mapping[Host, str] = {Host.GITLAB: "/api/v4", Host.GITEA: "/api/v1"}
    return f"https://{name}{paths[host]}"
