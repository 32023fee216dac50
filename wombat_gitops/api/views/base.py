"""What all answers of the API are made from: snake_case, RFC 3339 UTC, sizes in bytes."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it

from pydantic import BaseModel, ConfigDict, Field


class View(BaseModel):
    """Base of all answers; readers must accept fields they do not know."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class ParameterProblem(View):
    """What is wrong with one parameter of a request."""

    parameter: str
    detail: str


class Problem(View):
    """An error (RFC 9457, `application/problem+json`)."""

    type: str = Field(examples=["/docs/problems#not-found"])
    title: str
    status: int
    code: str
    detail: str
    instance: str = ""
    hint: str = ""
    request_id: str = Field("", description="also in the header `X-Request-Id`")
    errors: list[ParameterProblem] = Field(default_factory=list, description="which parameters are wrong, and how")


class ValueView(View):
    """A value to filter by, and how many entries have it of those that every other filter leaves."""

    value: str
    count: int


class ConditionView(View):
    """A named fact about a source or a distribution."""

    type: str
    status: bool
    reason: str
    message: str
    revision: str
    since: datetime


class ModuleView(View):
    """A Go module at an exact version."""

    path: str
    version: str


class ArtifactView(View):
    """A file to download."""

    sha256: str
    size: int
    file_name: str
    url: str = Field(examples=["/dl/tiny/1.0.0/tiny_1.0.0_linux_amd64"])
    withdrawn: str = Field("", description="why it is not handed out any more (`url` answers 410); empty where it is")


class ArtifactInfo(ArtifactView):
    """A file to download, and the build that made it."""

    name: str
    version: str
    platform: str
    build: str
    build_url: str
    digest_url: str = Field(description="where these very bytes stay", examples=["/dl/sha256/5f70…"])
    checksum_url: str = Field(description="a line for `sha256sum -c`")
