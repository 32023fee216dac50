"""What a configuration needs of a program beyond components: code that a package links in and registers nowhere.

Such a requirement is a `Component` of a kind of its own, so that packages which meet it are found as all others are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import yaml

from wombat_gitops.domain.configuration import fields_of
from wombat_gitops.domain.contents import Component

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wombat_gitops.domain.platforms import Platform
    from wombat_gitops.domain.providers import Provider

_CONNECT: Final = "github.com/redpanda-data/connect/v4/public/components"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value in a component's configuration that needs more than the component.

    Attributes:
        names: components, of whatever kind; none stands for all.
        field: path below the component; a list counts as its items.
        value: the text of the field that matters; "" stands for each.
        need: what it needs; a name of "" stands for the field's text.
        source: where that is said, in Connect v4.105.0.
    """

    names: frozenset[str]
    field: tuple[str, ...]
    value: str
    need: Component
    source: str


SETTINGS: Final = (
    Setting(
        frozenset({"sql", "sql_raw", "sql_select", "sql_insert"}),
        ("driver",),
        "",
        Component("sql-driver", ""),
        "internal/impl/sql/conn_fields.go",
    ),
    Setting(
        frozenset(), ("sasl", "mechanism"), "AWS_MSK_IAM", Component("aws-auth", "kafka"), "internal/impl/kafka/sasl.go"
    ),
    Setting(
        frozenset({"opensearch"}),
        ("aws", "enabled"),
        "true",
        Component("aws-auth", "opensearch"),
        "internal/impl/opensearch/output.go",
    ),
    Setting(
        frozenset({"postgres_cdc", "pg_stream"}),
        ("aws", "enabled"),
        "true",
        Component("aws-auth", "postgres_cdc"),
        "internal/impl/postgresql/input_pg_stream.go",
    ),
    Setting(
        frozenset({"mysql_cdc"}),
        ("aws", "enabled"),
        "true",
        Component("aws-auth", "mysql_cdc"),
        "internal/impl/mysql/input_mysql_stream.go",
    ),
)

_DRIVERS: Final = [
    "clickhouse",
    "databricks",
    "gocosmos",
    "mssql",
    "mysql",
    "oracle",
    "pgx",
    "postgres",
    "spanner",
    "trino",
]
_SQLITE: Final = frozenset(
    [
        "darwin/amd64",
        "darwin/arm64",
        "freebsd/amd64",
        "freebsd/arm64",
        "linux/386",
        "linux/amd64",
        "linux/arm",
        "linux/arm64",
        "linux/riscv64",
        "windows/amd64",
        "windows/arm64",
    ]
)
"""The build constraint of `public/components/sql/sqlite.go`."""


def needs_of(name: str, body: yaml.Node) -> Iterator[tuple[Component, yaml.Node]]:
    """What the configuration of a component needs besides it, with the value that says so."""
    for setting in SETTINGS:
        if setting.names and name not in setting.names:
            continue
        for node in _values(body, setting.field):
            if setting.value in {"", str(node.value).lower() if setting.value == "true" else node.value}:
                yield Component(setting.need.kind, setting.need.name or str(node.value)), node


def _values(node: yaml.Node, path: tuple[str, ...]) -> Iterator[yaml.ScalarNode]:
    """The scalars at a path; of a list those of each item."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _values(item, path) if not isinstance(item, yaml.SequenceNode) else ()
    elif isinstance(node, yaml.MappingNode) and path:
        below = dict(fields_of(node)).get(path[0])
        if below is not None:
            yield from _values(below, path[1:])
    elif isinstance(node, yaml.ScalarNode) and not path:
        yield node


def met_by(package: str, platform: Platform) -> frozenset[Component]:
    """The requirements that a package meets on a platform.

    Sources, in Connect v4.105.0: the imports of `public/components/aws/package.go` (its packages `kafka/aws`,
    `mysql/aws`, `opensearch/aws` and `postgresql/aws`), and of `package.go`, `snowflake.go` and `sqlite.go` in
    `public/components/sql`; `all` and `community` import both, `cloud/package.go` imports aws and four drivers.
    """
    folder = package.removeprefix(f"{_CONNECT}/") if package.startswith(f"{_CONNECT}/") else ""
    met = set[Component]()
    if folder in {"aws", "cloud", *_WHOLE}:
        met |= {Component("aws-auth", name) for name in ("kafka", "mysql_cdc", "opensearch", "postgres_cdc")}
    if folder in {"sql", *_WHOLE}:
        system = "/".join(str(platform).split("/")[:2])
        names = [*_DRIVERS, *(["sqlite"] if system in _SQLITE else [])]
        names += ["snowflake"] if not system.endswith("/arm") else []
        met |= {Component("sql-driver", name) for name in names}
    if folder == "cloud":
        met |= {Component("sql-driver", name) for name in ("clickhouse", "mysql", "oracle", "postgres")}
    return frozenset(met)


_WHOLE: Final = frozenset({"all", "community"})

_CGO: Final = Component("input", "zmq4")
"""What needs C though the source of Connect does not say so: `internal/impl/zeromq` imports github.com/pebbe/zmq4."""


def complete(providers: Iterable[Provider], platform: Platform) -> tuple[Provider, ...]:
    """Packages as they were read from source, with what that source does not tell."""
    return tuple(
        replace(
            each,
            components=each.components | met_by(each.package, platform),
            cgo=each.cgo or (_CGO in each.components and each.package.startswith(f"{_CONNECT}/")),
        )
        for each in providers
    )
