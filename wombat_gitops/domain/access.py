"""Who may do what on the broker: its users, the subjects that each needs, and the broker's accounts as data.

Permissions on subjects alone do not part the users of one account: the broker sends its own answers wherever the
asker wants them, also into a stream or to the service, with bytes that the asker may have chosen. So the streams and
the service are in the account `WOMBAT`, and every other user is alone in an account of its own, which reaches exactly
the subjects that are named here and gets its answers nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from wombat_gitops.domain import subjects
from wombat_gitops.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ACCOUNT: Final = "WOMBAT"
"""The account that holds the streams and the service."""
SYSTEM: Final = "SYS"
"""The broker's own account."""

_NAME: Final = re.compile(r"[a-z0-9-]{1,40}")
_ANSWER_TIME: Final = "10s"
"""How long the broker remembers where an answer of many messages goes; the asker waits for 3 s at most."""


class Role(StrEnum):
    """What a user of the broker is there for."""

    ADMIN = "admin"
    SERVICE = "service"
    BUILDER = "builder"
    WATCHER = "watcher"
    API = "api"
    CLI = "cli"


_CORE: Final = frozenset({Role.ADMIN, Role.SERVICE})
"""Roles in the account of the streams; whoever may create streams there can write whatever they hold."""


@dataclass(frozen=True, slots=True, order=True)
class User:
    """A user of the broker: one for each role, and one for each builder.

    Attributes:
        name: of the builder; "" for the other roles.
    """

    role: Role
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse names that are no single token of a subject."""
        if bool(self.name) != (self.role is Role.BUILDER) or (self.name and not _NAME.fullmatch(self.name)):
            msg = f"`{self.name}` cannot be the name of a {self.role.value}"
            raise Refused(msg, hint="a builder's name has 1 to 40 of `a-z`, `0-9` and `-`; other roles have none")

    @classmethod
    def parse(cls, label: str) -> User:
        """The user that is written `api` or `builder.one`. Raises `Refused`."""
        role, _, name = label.partition(".")
        if role not in set(Role):
            msg = f"there is no role `{role}`"
            raise Refused(msg, hint=f"the roles are {', '.join(Role)}; a builder is written `builder.<name>`")
        return cls(Role(role), name)

    @property
    def label(self) -> str:
        """`api`, or `builder.one`."""
        return f"{self.role.value}.{self.name}" if self.name else self.role.value

    @property
    def inbox(self) -> str:
        """What the subjects begin with on which this user gets its answers."""
        return f"_INBOX.{self.label}"

    @property
    def account(self) -> str:
        """The account this user is in."""
        return ACCOUNT if self.role in _CORE else self.label

    def jetstream(self, domain: str = "") -> str:
        """What the subjects begin with on which this user asks about streams of a domain."""
        return subjects.jetstream(domain) if self.role in _CORE else subjects.FLEET_JETSTREAM


@dataclass(frozen=True, slots=True)
class Grants:
    """The subjects that a user may publish to and subscribe to, as the account of the streams names them."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


_BUCKETS: Final = (subjects.BUILDS, subjects.INPUTS, subjects.LEASES, subjects.SOURCES, subjects.DISTRIBUTIONS)
STREAMS: Final = (*(subjects.kv_stream(bucket) for bucket in _BUCKETS), subjects.OBJECT_STREAM, subjects.LOGS)
"""Every stream there is."""

_ASKED: Final = (
    subjects.SERVICE_REQUEST,
    subjects.SERVICE_LIST,
    subjects.SERVICE_GET,
    subjects.SERVICE_CANCEL,
    subjects.SERVICE_RETRY,
)
_ORDERED: Final = (subjects.SERVICE_COLLECT, subjects.BUILDER_DRAIN, subjects.BUILDER_RESUME)
_VERBS: Final = ("claim", "step", "end")
_MONITORING: Final = "$SRV.>"
_ALL: Final = ">"


def grants(user: User) -> Grants:
    """The fewest subjects with which *user* can do its work."""
    asked, told = _GRANTS[user.role](user)
    return Grants(tuple(dict.fromkeys(asked)), (*dict.fromkeys(told), f"{user.inbox}.>"))


def local(user: User, subject: str, domain: str = "") -> tuple[str, ...]:
    """How *user* names a subject of the account of the streams: directly, and from a leaf node of *domain*."""
    if subject.startswith(f"{subjects.JETSTREAM}."):
        method = subject.removeprefix(subjects.JETSTREAM)
        return tuple(dict.fromkeys(f"{user.jetstream(each)}{method}" for each in ("", domain)))
    if domain and subject.startswith("$KV."):
        return subject, f"{user.jetstream(domain)}.{subject}"
    return (subject,)


def accounts(keys: Mapping[User, str], domain: str = "") -> dict[str, Any]:
    """The broker's accounts with their users, as a part of its configuration.

    Args:
        keys: the users, each with its public nkey.
        domain: JetStream domain of the broker, where users connect through its leaf nodes; "": none do.
    """
    fleet = sorted(user for user in keys if user.account != ACCOUNT)
    core = sorted(user for user in keys if user.account == ACCOUNT)
    found: dict[str, Any] = {
        SYSTEM: {},
        ACCOUNT: {
            "jetstream": "enabled",
            "users": [_user(user, keys[user], domain) for user in core],
            "exports": _exports(fleet),
        },
    }
    for user in fleet:
        found[user.account] = {"users": [_user(user, keys[user], domain)], "imports": _imports(user, domain)}
    return {"system_account": SYSTEM, "accounts": found}


def _user(user: User, key: str, domain: str) -> dict[str, Any]:
    granted = grants(user)
    return {
        "nkey": key,
        "permissions": {
            "publish": {"allow": [each for subject in granted.publish for each in local(user, subject, domain)]},
            "subscribe": {"allow": list(granted.subscribe)},
        },
    }


def _imports(user: User, domain: str) -> list[dict[str, Any]]:
    granted = grants(user)
    asked: list[dict[str, Any]] = [
        {"service": {"account": ACCOUNT, "subject": subject}, "to": each}
        for subject in granted.publish
        for each in local(user, subject, domain)
    ]
    told = [{"stream": {"account": ACCOUNT, "subject": subject}} for subject in _events(granted)]
    return asked + told


def _exports(fleet: Iterable[User]) -> list[dict[str, Any]]:
    """What the accounts of the fleet may reach, each of them only what is granted to its user."""
    services: dict[str, list[str]] = {}
    streams: dict[str, list[str]] = {}
    for user in fleet:
        granted = grants(user)
        for subject in granted.publish:
            services.setdefault(subject, []).append(user.account)
        for subject in _events(granted):
            streams.setdefault(subject, []).append(user.account)
    asked = [
        {"service": subject, "accounts": users} | (_MANY if _has_many_answers(subject) else {})
        for subject, users in services.items()
    ]
    return [*asked, *({"stream": subject, "accounts": users} for subject, users in streams.items())]


_MANY: Final = {"response_type": "stream", "threshold": _ANSWER_TIME}


def _has_many_answers(subject: str) -> bool:
    return subject.startswith(f"{subjects.JETSTREAM}.DIRECT.GET.")


def _events(granted: Grants) -> list[str]:
    return [subject for subject in granted.subscribe if not subject.startswith("_INBOX.")]


def _api(method: str, *streams: str) -> tuple[str, ...]:
    return tuple(f"{subjects.JETSTREAM}.{method}.{stream}" for stream in streams)


def _reading(*streams: str) -> tuple[str, ...]:
    """What it takes to read streams and to follow them. No consumer: it would deliver to any subject."""
    return (*_api("DIRECT.GET", *streams), *_api("STREAM.MSG.GET", *streams))


def _kv(bucket: str, *keys: str) -> tuple[str, ...]:
    return tuple(subjects.kv_subject(bucket, key) for key in keys)


def _changes(*buckets: str) -> tuple[str, ...]:
    return tuple(subjects.event_subject(bucket, _ALL) for bucket in buckets)


_Subjects = tuple[tuple[str, ...], tuple[str, ...]]


def _admin(_: User) -> _Subjects:
    asked = (
        f"{subjects.JETSTREAM}.INFO",
        *_api("STREAM.CREATE", *STREAMS),
        *_api("STREAM.UPDATE", *STREAMS),
        *_api("STREAM.INFO", *STREAMS),
        *_reading(*STREAMS),
        # To bring a backup in.
        *(key for bucket in _BUCKETS for key in _kv(bucket, _ALL)),
        subjects.META_SUBJECTS,
        subjects.chunk_subject(_ALL),
        subjects.LOG_SUBJECTS,
        *_ASKED,
        *_ORDERED,
        _MONITORING,
    )
    return asked, _changes(*_BUCKETS)


def _service(_: User) -> _Subjects:
    asked = (
        f"{subjects.JETSTREAM}.INFO",
        *_api("STREAM.CREATE", *STREAMS),
        *_api("STREAM.UPDATE", *STREAMS),
        *_api("STREAM.INFO", *STREAMS),
        *_reading(*STREAMS),
        *_api("STREAM.PURGE", subjects.OBJECT_STREAM),
        *_kv(subjects.BUILDS, _ALL),
        *_kv(subjects.INPUTS, _ALL),
        *_kv(subjects.LEASES, subjects.builder_order("*"), subjects.keeper_note()),
        *_kv(subjects.LEASES, subjects.role_lease(Role.SERVICE.value, _ALL)),
        subjects.META_SUBJECTS,
        # Answers: to the fleet through the broker, which hides where they go, and to those in the same account.
        "_R_.>",
        "_INBOX.>",
    )
    told = (
        *_ASKED,
        *_ORDERED,
        *(subjects.attempt_subject("*", verb) for verb in _VERBS),
        subjects.OBJECT_COMMIT,
        subjects.ARTIFACT_SUSPECT,
        _MONITORING,
        *_changes(*_BUCKETS),
    )
    return asked, told


def _builder(user: User) -> _Subjects:
    name = user.name
    asked = (
        *_api("STREAM.INFO", *STREAMS),
        *_reading(*(subjects.kv_stream(bucket) for bucket in (subjects.BUILDS, subjects.INPUTS, subjects.LEASES))),
        *_reading(subjects.OBJECT_STREAM),
        *(subjects.attempt_subject(name, verb) for verb in _VERBS),
        *_kv(subjects.LEASES, subjects.build_lease(name, _ALL), f"{subjects.builder_lease(name)}.{_ALL}"),
        subjects.chunk_subject(f"{name}.*"),
        subjects.OBJECT_COMMIT,
        subjects.LOG_SUBJECTS,
    )
    watched = (subjects.builder_order(_ALL), subjects.builder_lease(_ALL))
    return asked, (*_changes(subjects.BUILDS), *(subjects.event_subject(subjects.LEASES, key) for key in watched))


def _watcher(_: User) -> _Subjects:
    buckets = (subjects.BUILDS, subjects.LEASES, subjects.SOURCES, subjects.DISTRIBUTIONS)
    asked = (
        *_api("STREAM.INFO", *STREAMS),
        *_reading(*(subjects.kv_stream(bucket) for bucket in buckets)),
        *_kv(subjects.SOURCES, _ALL),
        *_kv(subjects.DISTRIBUTIONS, _ALL),
        *_kv(subjects.LEASES, subjects.source_look(_ALL), subjects.source_status(_ALL)),
        *_kv(subjects.LEASES, subjects.role_lease(Role.WATCHER.value, _ALL)),
        *_ASKED,
    )
    return asked, (*_changes(*buckets), subjects.SOURCE_REFRESH)


def _site(_: User) -> _Subjects:
    buckets = (subjects.BUILDS, subjects.LEASES, subjects.SOURCES, subjects.DISTRIBUTIONS)
    streams = (*(subjects.kv_stream(bucket) for bucket in buckets), subjects.OBJECT_STREAM, subjects.LOGS)
    asked = (
        *_api("STREAM.INFO", *STREAMS),
        *_reading(*streams),
        subjects.SOURCE_REFRESH,
        subjects.ARTIFACT_SUSPECT,
    )
    return asked, (*_changes(*buckets), f"ev.{subjects.LOG_SUBJECTS}")


def _cli(_: User) -> _Subjects:
    return _ASKED, ()


_GRANTS: Final = {
    Role.ADMIN: _admin,
    Role.SERVICE: _service,
    Role.BUILDER: _builder,
    Role.WATCHER: _watcher,
    Role.API: _site,
    Role.CLI: _cli,
}
