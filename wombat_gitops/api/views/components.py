"""Components as the JSON of the API: what programs say themselves of what they hold."""

from __future__ import annotations

from pydantic import Field

from wombat_gitops.api.views.base import ValueView, View


class ComponentEntry(View):
    """A component as one program describes it."""

    kind: str = Field(examples=["input", "rate-limit", "bloblang-method"])
    name: str = Field(examples=["kafka_franz"])
    summary: str = Field(description="Markdown")
    status: str = Field(examples=["stable", "beta", "experimental", "deprecated"])
    version: str = Field(description="the release of Benthos it came with, or empty")
    categories: list[str]
    support: str = Field(description="a word of whoever publishes it, or empty", examples=["certified"])
    package: str = Field(description="full import path of the package that registers it; empty where not known")
    url: str = Field(examples=["/api/v1/components/input/kafka_franz"])
    html_url: str = Field(examples=["/components/input/kafka_franz"])


class ComponentSummary(ComponentEntry):
    """A component, and which distributions have it."""

    distributions: list[str]


class FacetsView(View):
    """For each filter the values that would find something, counted over the other filters."""

    kind: list[ValueView]
    status: list[ValueView]
    distribution: list[ValueView]


class ComponentList(View):
    """A page of components; `next` is the URL of the next page or null."""

    items: list[ComponentSummary]
    next: str | None
    total: int
    facets: FacetsView
    complete: bool = Field(description="false while what some distributions have is still being read")


class OptionView(View):
    """A value that a field may have."""

    value: str
    description: str


class FieldView(View):
    """A field of a component's configuration; those of an object follow it."""

    path: str = Field(
        description="where it is below the component; empty where the component is this one value",
        examples=["tls.client_certs[].cert"],
    )
    name: str
    type: str = Field(examples=["string", "int", "object", "processor"])
    kind: str = Field(examples=["scalar", "array", "2darray", "map"])
    description: str = Field(description="Markdown")
    default: str | None = Field(description="JSON text; null where there is none")
    optional: bool = Field(description="it may be left out although it has no default")
    required: bool = Field(
        description="it may not be left out: it has no default, nor has everything below it, where there is something"
    )
    advanced: bool
    deprecated: bool
    interpolated: bool = Field(description="it may hold `${! … }`, which is worked out for each message")
    bloblang: bool = Field(description="it holds a mapping")
    secret: bool
    options: list[OptionView]
    examples: list[str]
    version: str


class ResultView(View):
    """What a mapping makes of an input."""

    input: str
    output: str


class ComponentExample(View):
    """How a component is used."""

    title: str
    summary: str
    config: str = Field(description="YAML, or for Bloblang a mapping")
    results: list[ResultView]


class ParameterView(View):
    """A parameter of a Bloblang function or method."""

    name: str
    type: str
    description: str
    default: str | None = Field(description="JSON text; null where there is none")
    optional: bool


class VariantView(View):
    """A distribution that has the component."""

    distribution: str
    version: str
    build: str
    url: str = Field(description="the component as this distribution has it")
    same_as_first: bool = Field(description="it says the same as the first of these")


class ComponentDetail(ComponentSummary):
    """Everything about a component, as one distribution describes it."""

    distribution: str = Field(description="whose description this is")
    description: str = Field(description="Markdown")
    footnotes: str = Field(description="Markdown")
    examples: list[ComponentExample]
    fields: list[FieldView]
    signature: str = Field(description="how Bloblang calls it, or empty", examples=[".slice(low, [high])"])
    params: list[ParameterView]
    impure: bool = Field(description="it reads from the world outside of the message")
    variants: list[VariantView] = Field(description="those with the newest Benthos first")


class BuildComponents(View):
    """Every component of one build's program, in its own words."""

    build: str
    items: list[ComponentEntry]
    config_schema_url: str | None = Field(description="JSON Schema of its configuration; null where it tells none")
