"""Every message between roles, and the one codec for messages and stored values.

Requests refuse unknown fields; answers and records ignore them, so that an older reader can live
beside a newer writer. JSON is only ever made from these values, never from text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from wombat_gitops.domain.capability import NO_NEEDS, Needs
from wombat_gitops.domain.errors import CorruptData, Refused
from wombat_gitops.domain.model import Artifact, BuildSpec, Policy
from wombat_gitops.domain.platforms import PlatformField
from wombat_gitops.domain.records import BuildRecord, BuildState, Failure, Origin, Step, StoredLog

T = TypeVar("T")

_STRICT: Final = ConfigDict(extra="forbid")

BuildId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the build's inputs")]


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """Ask for one binary. Equal requests are one build, whoever sends them and however often."""

    __pydantic_config__ = _STRICT

    spec: BuildSpec
    go_mod: str
    go_sum: str
    origin: Origin = Origin()
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    policies: Annotated[tuple[Policy, ...], Field(max_length=20)] = ()
    needs: Needs = NO_NEEDS


@dataclass(frozen=True, slots=True)
class SourceRefresh:
    """Look at a source now. Asked often, it is looked at once."""

    __pydantic_config__ = _STRICT

    source: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


@dataclass(frozen=True, slots=True)
class BuildAnswer:
    """A build, and whether this request made it."""

    build: BuildRecord
    created: bool = False


@dataclass(frozen=True, slots=True)
class BuildQuery:
    """Which builds to list; every filter that is set must hold. Newest first.

    Attributes:
        q: words that must all occur in name, version, platform, packages, state or revision.
        package: a full import path or the last part of one.
        revision: a commit or its beginning.
        cursor: the `next` of the page before.
    """

    __pydantic_config__ = _STRICT

    q: Annotated[str, Field(max_length=200)] = ""
    name: str = ""
    version: str = ""
    platform: PlatformField | None = None
    package: str = ""
    state: BuildState | None = None
    revision: str = ""
    cursor: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@dataclass(frozen=True, slots=True)
class BuildPage:
    """One page of builds; `next` is "" on the last one."""

    items: tuple[BuildRecord, ...]
    next: str = ""
    total: int = 0


@dataclass(frozen=True, slots=True)
class BuildRef:
    """Name one build, to get or to retry it."""

    __pydantic_config__ = _STRICT

    id: BuildId


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Stop a build; with `superseded` only while it is queued, because its manifest moved on.

    Attributes:
        source: who asks for it no more; the build is superseded where nobody else does.
    """

    __pydantic_config__ = _STRICT

    id: BuildId
    superseded: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """A builder has written all chunks of an object and asks the service to publish it.

    Attributes:
        sha256: digest of the whole object, which is also its name.
        nuid: the id its chunks were written under, below the builder's name where it has one on the broker.
        ranges: acknowledged stream sequences of the chunks, as inclusive runs in order.
    """

    __pydantic_config__ = _STRICT

    sha256: BuildId
    size: Annotated[int, Field(ge=0)]
    nuid: Annotated[str, Field(pattern=r"^([a-z0-9-]{1,40}\.)?[A-Za-z0-9]{22}$")]
    chunks: Annotated[int, Field(ge=0)]
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CommitAnswer:
    """An object that can be read; `created` is false where equal bytes were there before."""

    sha256: str
    size: int
    created: bool


BuilderId = Annotated[
    str,
    Field(pattern=r"^[a-z0-9-]{1,40}\.[a-z0-9-]{1,40}$", description="name of the builder, a dot, and its start"),
]


BuilderName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$", description="what a builder is called")]


@dataclass(frozen=True, slots=True)
class BuilderRef:
    """Name one builder, to drain it or to let it work again."""

    __pydantic_config__ = _STRICT

    name: BuilderName


@dataclass(frozen=True, slots=True)
class BuilderAnswer:
    """What a builder was told.

    Attributes:
        changed: False where it had been told so before.
        present: ids of the builders of that name that are at work; the order also holds for one that starts later.
    """

    name: str
    drain: bool
    changed: bool = False
    present: tuple[str, ...] = ()


class AttemptOutcome(StrEnum):
    """How an attempt ends, in the words of `records.Attempt.ended_as`."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class AttemptClaim:
    """A builder wants to start an attempt of a queued build.

    Attributes:
        claim: random text, unique for this attempt; it proves later that the attempt is the builder's own.
        sandbox: how the builder contains foreign code (`capability.SandboxLevel`).
    """

    __pydantic_config__ = _STRICT

    build: BuildId
    builder: BuilderId
    claim: Annotated[str, Field(min_length=8, max_length=64)]
    sandbox: Annotated[str, Field(max_length=20)] = ""


@dataclass(frozen=True, slots=True)
class AttemptStep:
    """A builder begins a step of its attempt."""

    __pydantic_config__ = _STRICT

    build: BuildId
    builder: BuilderId
    claim: str
    step: Step


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """A builder ends its attempt: with an artifact where it succeeded, with a failure where it failed.

    One that is released for something its builder lacks has a failure too.
    """

    __pydantic_config__ = _STRICT

    build: BuildId
    builder: BuilderId
    claim: str
    outcome: AttemptOutcome
    artifact: Artifact | None = None
    contents: StoredLog | None = None
    failure: Failure | None = None
    log: StoredLog | None = None
    reference: StoredLog | None = None


@dataclass(frozen=True, slots=True)
class AttemptAnswer:
    """The record after what a builder asked for.

    Attributes:
        build: None where there is no such build, or somebody else has it.
        holds: the attempt is the builder's, and what was asked is done.
    """

    build: BuildRecord | None = None
    revision: int = 0
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """The sign of life of one attempt: it counts that the value changes, not what it says."""

    builder: str
    claim: str
    beat: int = 0


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """A problem in an answer: the fields of RFC 9457 that a program or a person needs."""

    code: str
    detail: str
    hint: str = ""
    errors: tuple[Mapping[str, str], ...] = ()


def encode(value: object) -> bytes:
    """JSON of a message or record; fields that hold their default are left out."""
    return _adapter(type(value)).dump_json(value, exclude_defaults=True)


def as_json(value: object) -> dict[str, Any]:
    """A value as the JSON object that programs outside read: every field is there, whatever it holds."""
    found: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return found


def decode(kind: type[T], data: bytes) -> T:
    """Read a stored value or an answer.

    Raises:
        CorruptData: the bytes are not such a value.
    """
    try:
        return _adapter(kind).validate_json(data)
    except ValidationError as error:
        msg = f"stored {kind.__name__} cannot be read: {_first(error)}"
        raise CorruptData(msg) from error


def decode_request(kind: type[T], data: bytes) -> T:
    """Read a request from outside; an empty body is a request with every default.

    Raises:
        Refused: the bytes are not such a request; the message names the first wrong field.
    """
    try:
        return _adapter(kind).validate_json(data or b"{}")
    except ValidationError as error:
        raise Refused(_first(error), hint=f"see the schema of {kind.__name__}") from error


def json_schema(kind: type[object]) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a message."""
    return _adapter(kind).json_schema()


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    adapter = _adapters.get(kind)
    if adapter is None:
        adapter = _adapters[kind] = TypeAdapter(kind)
    return adapter


_adapters: dict[type, TypeAdapter[Any]] = {}


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"`{place}`: {first['msg'].lower()}" if place else first["msg"].lower()
