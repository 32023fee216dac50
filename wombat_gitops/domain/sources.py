"""The list of watched sources: a YAML file with positions, read into values.

Secrets never stand in it: each is named by the file or the environment variable that holds it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from wombat_gitops.domain.diagnostics import Diagnostic
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.document import parse_document
from wombat_gitops.domain.manifest.places import Places, child, did_you_mean
from wombat_gitops.domain.manifest.validation import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCHEMA_ID: Final = "urn:wombat:schema:sources:v1"

_DURATION: Final = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(s|m|h|)", re.ASCII)
_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_MOST_SOURCES: Final = 1000


class Host(StrEnum):
    """Software of a git host, which decides the forms of its API and of its webhooks."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"


def _seconds(value: object) -> object:
    """`30`, `30s`, `5m` or `1h` in seconds."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value)
    if match is None:
        msg = "write a time such as `30s`, `5m` or `1h`"
        raise ValueError(msg)
    return float(match[1]) * _UNITS[match[2]]


def _flag(value: object) -> object:
    """`true` or `false` as it stands in the text; nothing else is either of them."""
    return {"true": True, "false": False}.get(str(value), value)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(_Model):
    """Where a secret is: exactly one of the two."""

    file: Annotated[str, Field(max_length=4096)] = Field("", description="File that holds it; ends of lines are cut.")
    env: Annotated[str, Field(max_length=200)] = Field("", description="Name of the environment variable with it.")

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if bool(self.file) == bool(self.env):
            msg = "name either a `file` or a variable with `env`"
            raise ValueError(msg)
        return self


class SshKeys(_Model):
    """Who may sign with SSH keys."""

    allowed_signers: str = Field(min_length=1, description="File in the form of ssh-keygen's ALLOWED SIGNERS.")
    revoked: str = Field("", description="File with public keys, or a key revocation list, that are never accepted.")


class GpgKeys(_Model):
    """Who may sign with OpenPGP keys."""

    keys: tuple[str, ...] = Field(min_length=1, description="Files with public keys, armoured or not.")


class Verify(_Model):
    """Which signature the newest commit must carry: exactly one of the two."""

    ssh: SshKeys | None = None
    gpg: GpgKeys | None = None

    @model_validator(mode="after")
    def _one(self) -> Verify:
        if (self.ssh is None) == (self.gpg is None):
            msg = "name either `ssh` or `gpg`"
            raise ValueError(msg)
        return self


class Credentials(_Model):
    """How to sign in at an https URL."""

    user: str = Field("git", min_length=1, max_length=200, description="Name of the account; many hosts take any.")
    password: Secret = Field(description="Password or token.")


class Status(_Model):
    """Writes how the builds of a commit went back to the host."""

    host: Host | None = Field(None, description="Software of the host; known for the large public ones.")
    token: Secret = Field(description="Token that may write commit statuses.")
    api: str = Field("", pattern=r"^(https?://[^\s@]+)?$", description="Address of the host's API where it is unusual.")
    context: str = Field("wombat", min_length=1, max_length=100, description="Name under which statuses appear.")


class Webhook(_Model):
    """Lets the host tell that something was pushed."""

    host: Host | None = Field(None, description="Software of the host; known for the large public ones.")
    secret: Secret = Field(description="Secret that the host signs its messages with.")


class SourceEntry(_Model):
    """One repository, branch and folder."""

    url: str = Field(min_length=1, max_length=2000, description="https or ssh URL of the repository, or a path.")
    branch: str = Field("", max_length=500, description="Branch; of a URL by default main, of a path the work tree.")
    folder: str = Field("manifests", max_length=1000, description="Folder in the repository that holds the manifests.")
    interval: Annotated[float, BeforeValidator(_seconds), Field(ge=1, le=86400)] | None = Field(
        None, description="Time between two looks, such as `30s` or `5m`."
    )
    credentials: Credentials | None = None
    verify: Verify | None = None
    status: Status | None = None
    webhook: Webhook | None = None


class SourceFile(_Model):
    """The whole file."""

    api_version: Literal["wombat/v1"] = Field(alias="apiVersion")
    kind: Literal["Sources"]
    alone: Annotated[bool, BeforeValidator(_flag), Field(strict=True)] = Field(
        default=False,
        description="Nobody watches any other source, so that names of sources that are not listed any more are free.",
    )
    sources: tuple[SourceEntry, ...] = Field(min_length=1, max_length=_MOST_SOURCES)


@dataclass(frozen=True, slots=True)
class SourcesReading:
    """What became of the file; no entries where there are diagnostics."""

    entries: tuple[SourceEntry, ...]
    diagnostics: tuple[Diagnostic, ...]
    places: Places
    alone: bool = False


def read_sources(path: str, data: bytes) -> SourcesReading:
    """Read a list of sources. Never raises, whatever the bytes are."""
    document = parse_document(path, data)
    if document.root is None or document.diagnostics:
        return SourcesReading((), document.diagnostics, document.places)
    try:
        found = SourceFile.model_validate(plain_value(document.root, None))
    except ValidationError as error:
        problems = {_problem(document.places, item) for item in _told(error.errors(include_url=False))}
        return SourcesReading((), tuple(sorted(problems)), document.places)
    return SourcesReading(found.sources, (), document.places, found.alone)


def render_sources_schema() -> str:
    """The text of `schemas/sources.schema.json`."""
    schema = SourceFile.model_json_schema(mode="validation")
    interval = schema["$defs"]["SourceEntry"]["properties"]["interval"]
    interval["anyOf"] = [{"type": "string", "pattern": f"^{_DURATION.pattern}$"}, {"type": "number"}, {"type": "null"}]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return json.dumps({**head, **schema, "title": "Sources"}, indent=2, ensure_ascii=False) + "\n"


def _told(errors: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Those that mean something: a list whose items are all wrong is not empty."""
    for error in errors:
        place = error["loc"]
        below = (other for other in errors if len(other["loc"]) > len(place) and other["loc"][: len(place)] == place)
        if error["type"] != "too_short" or not any(below):
            yield error


def _problem(places: Places, error: Mapping[str, Any]) -> Diagnostic:
    pointer = ""
    for part in error["loc"]:
        pointer = child(pointer, part)
    last = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            hint = did_you_mean(last, _fields_at(error["loc"][:-1]))
            return places.problem(
                rules.UNKNOWN_FIELD, f"there is no field `{last[:60]}`", pointer, hint=hint, at_key=True
            )
        case "missing":
            return places.problem(rules.MISSING_FIELD, f"field `{last}` is missing", pointer.rpartition("/")[0])
        case kind if kind in _TYPES:
            return places.problem(rules.WRONG_TYPE, f"this must be {_TYPES[kind]}", pointer)
        case "too_short":
            return places.problem(rules.ITEM_COUNT, "there must be at least one", pointer)
        case "literal_error":
            return places.problem(
                rules.BAD_VALUE, f"this must be {error['ctx']['expected']}".replace("'", "`"), pointer
            )
        case _:
            return places.problem(rules.BAD_VALUE, _words(error), pointer)


_TYPES: Final = {
    "model_type": "a map of fields",
    "model_attributes_type": "a map of fields",
    "tuple_type": "a list",
    "string_type": "a text",
    "bool_type": "`true` or `false`",
    "float_type": "a time such as `30s`",
}


def _words(error: Mapping[str, Any]) -> str:
    text = str(error["msg"]).removeprefix("Value error, ")
    return (text[:1].lower() + text[1:]).replace("'", "`")


def _fields_at(path: Sequence[str | int]) -> list[str]:
    """The names of the fields of the model at a place."""
    model: type[BaseModel] = SourceFile
    for part in path:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = _MODELS.get(str(part), model) if field is not None else model
    return [field.alias or name for name, field in model.model_fields.items()]


_MODELS: Final[dict[str, type[BaseModel]]] = {
    "sources": SourceEntry,
    "credentials": Credentials,
    "verify": Verify,
    "ssh": SshKeys,
    "gpg": GpgKeys,
    "status": Status,
    "webhook": Webhook,
    "password": Secret,
    "token": Secret,
    "secret": Secret,
}
