"""Components as the JSON of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from wombat_gitops.api.present.base import values
from wombat_gitops.api.present.links import ROOT, build_url
from wombat_gitops.api.views.components import (
    BuildComponents,
    ComponentDetail,
    ComponentEntry,
    ComponentExample,
    ComponentSummary,
    FacetsView,
    FieldView,
    OptionView,
    ParameterView,
    ResultView,
    VariantView,
)
from wombat_gitops.domain.reference import required_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.reference import Entry, Example, Field, Reference
    from wombat_gitops.services.component_search import Facets, Found, Variant


def summary(found: Found) -> ComponentSummary:
    """A component in a list."""
    return ComponentSummary(**dict(_entry(found.entry)), distributions=list(found.distributions))


def detail(chosen: Variant, variants: Sequence[Variant]) -> ComponentDetail:
    """Everything about a component, as *chosen* has it."""
    entry, first = chosen.entry, variants[0].entry
    return ComponentDetail(
        **dict(_entry(entry)),
        distributions=sorted(variant.distribution for variant in variants),
        distribution=chosen.distribution,
        description=entry.description,
        footnotes=entry.footnotes,
        examples=list(map(_example, entry.examples)),
        fields=_fields(entry.fields),
        signature=entry.signature,
        params=[
            ParameterView(
                name=each.name,
                type=each.type,
                description=each.description,
                default=each.default,
                optional=each.optional,
            )
            for each in entry.parameters
        ],
        impure=entry.impure,
        variants=[_variant(each, first) for each in variants],
    )


def of_build(identity: str, reference: Reference) -> BuildComponents:
    """Every component of one program."""
    return BuildComponents(
        build=identity,
        items=list(map(_entry, reference.entries)),
        config_schema_url=f"{build_url(identity)}/config-schema" if reference.config_schema else None,
    )


def facets(given: Facets) -> FacetsView:
    """How many components there are for each value of each filter."""
    return FacetsView(
        kind=values(given.kind.items()),
        status=values(given.status.items()),
        distribution=values(given.distribution.items()),
    )


def _entry(entry: Entry) -> ComponentEntry:
    place = f"components/{quote(entry.kind)}/{quote(entry.name)}"
    return ComponentEntry(
        kind=entry.kind,
        name=entry.name,
        summary=entry.summary,
        status=entry.status,
        version=entry.version,
        categories=list(entry.categories),
        support=entry.support,
        package=entry.package,
        url=f"{ROOT}/{place}",
        html_url=f"/{place}",
    )


def _variant(variant: Variant, first: Entry) -> VariantView:
    entry = variant.entry
    chosen = urlencode({"distribution": variant.distribution})
    return VariantView(
        distribution=variant.distribution,
        version=variant.build.spec.version,
        build=variant.build.id,
        url=f"{_entry(entry).url}?{chosen}",
        same_as_first=entry == first,
    )


def _fields(given: Sequence[Field]) -> list[FieldView]:
    required = required_paths(given)
    return [_field(field, required=field.path in required) for field in given]


def _field(field: Field, *, required: bool) -> FieldView:
    return FieldView(
        path=field.path,
        name=field.name,
        type=field.type,
        kind=field.kind,
        description=field.description,
        default=field.default,
        optional=field.optional,
        required=required,
        advanced=field.advanced,
        deprecated=field.deprecated,
        interpolated=field.interpolated,
        bloblang=field.bloblang,
        secret=field.secret,
        options=[OptionView(value=each.value, description=each.description) for each in field.options],
        examples=list(field.examples),
        version=field.version,
    )


def _example(example: Example) -> ComponentExample:
    return ComponentExample(
        title=example.title,
        summary=example.summary,
        config=example.config,
        results=[ResultView(input=given, output=made) for given, made in example.results],
    )
