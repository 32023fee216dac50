"""Which fields of a component may not be left out."""

from __future__ import annotations

from wombat_gitops.domain.reference import Field, required_paths

HTTP_CLIENT = (
    Field("url", "url", "string"),
    Field("headers", "headers", "string", "map", default="{}"),
    Field("oauth", "oauth", "object"),
    Field("oauth.enabled", "enabled", "bool", default="false"),
    Field("oauth.consumer_key", "consumer_key", "string", default='""'),
    Field("tls", "tls", "object", optional=True),
    Field("tls.key", "key", "string"),
)
"""As in Benthos: `oauth` has no default, and everything in it has."""


def test_an_object_whose_fields_have_defaults_may_be_left_out() -> None:
    """It was marked as required, and a configuration is fine without it."""
    assert required_paths(HTTP_CLIENT) == {"url", "tls.key"}


def test_an_object_is_required_for_what_is_required_in_it() -> None:
    """However deep, and through arrays and maps."""
    fields = (
        Field("redis", "redis", "object"),
        Field("redis.master", "master", "object"),
        Field("redis.master.urls", "urls", "object", "array"),
        Field("redis.master.urls[].host", "host", "string"),
        Field("redis.timeout", "timeout", "string", default='"5s"'),
        Field("cases", "cases", "object", "array"),
        Field("cases[].check", "check", "string", default='""'),
        Field("queries", "queries", "object", "map"),
        Field("queries.<name>.sql", "sql", "string"),
        Field("queries_default", "queries_default", "object"),
        Field("queries_default.sql", "sql", "string", default='""'),
    )

    assert required_paths(fields) == {
        "redis",
        "redis.master",
        "redis.master.urls",
        "redis.master.urls[].host",
        "queries",
        "queries.<name>.sql",
    }


def test_a_component_that_is_one_value_needs_it() -> None:
    """Its path is empty, which is not the holder of others."""
    assert required_paths((Field("", "", "string", bloblang=True),)) == {""}
    assert required_paths((Field("", "", "string", default='""'), Field("x", "x", "string"))) == {"x"}
