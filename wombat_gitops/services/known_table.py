"""The table of packages that this release knows without having built them: those of `providers.KNOWN_MODULES`.

`python -m tests.support.knowntable` reads the modules' source and writes the table anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.known import Fact, Read
from wombat_gitops.domain.model import Module
from wombat_gitops.domain.platforms import Platform, supported_platforms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wombat_gitops.domain.providers import Provider

FILE: Final = "known_packages.json"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Module(_Model):
    path: str
    version: str
    requires: dict[str, str]


class _Package(_Model):
    """`module` and `components` are places in the table's lists; it registers nothing on the platforms of `not_on`."""

    name: str
    module: int
    licenses: tuple[str, ...]
    components: tuple[int, ...]
    tags: tuple[str, ...] = ()
    cgo: bool = False
    not_on: tuple[str, ...] = ()


class _Table(_Model):
    modules: tuple[_Module, ...]
    components: tuple[str, ...]
    packages: tuple[_Package, ...]


@cache
def known_table() -> tuple[tuple[Fact, ...], tuple[Read, ...]]:
    """The facts of the table, and the modules that they are all of."""
    table = _Table.model_validate_json(files(__package__).joinpath(FILE).read_bytes())
    components = [Component(*text.split(" ", 1)) for text in table.components]
    modules = [Module(each.path, each.version) for each in table.modules]
    everywhere = frozenset(map(Platform.parse, supported_platforms()))
    facts = tuple(
        Fact(
            f"{modules[each.module].path}/{each.name}",
            modules[each.module],
            everywhere - {Platform.parse(name) for name in each.not_on} if each.not_on else None,
            each.tags,
            each.cgo,
            tuple(components[place] for place in each.components),
            each.licenses,
        )
        for each in table.packages
    )
    return facts, tuple(Read(module, each.requires) for module, each in zip(modules, table.modules, strict=True))


def render(read: Sequence[Read], platforms: Sequence[Platform], found: Sequence[Sequence[Provider]]) -> str:
    """The text of the table, one package a line.

    Args:
        found: what `PackageIndex.providers` says for each of *platforms*.
    """
    seen: dict[tuple[Module, str, tuple[str, ...], bool], dict[Platform, Provider]] = defaultdict(dict)
    for platform, providers in zip(platforms, found, strict=True):
        for each in providers:
            seen[each.module, each.package, each.tags, each.cgo][platform] = each
    names = sorted({str(one) for where in seen.values() for each in where.values() for one in each.components})
    places = {name: place for place, name in enumerate(names)}
    modules = [each.module for each in read]
    packages = []
    for (module, package, tags, cgo), where in sorted(seen.items()):
        common = frozenset.intersection(*(each.components for each in where.values()))
        entry: dict[str, object] = {
            "name": package.removeprefix(f"{module.path}/"),
            "module": modules.index(module),
            "licenses": sorted({name for each in where.values() for name in each.licenses}),
            "components": sorted(places[str(one)] for one in common),
            "tags": list(tags),
            "cgo": cgo,
            "not_on": [str(each) for each in platforms if each not in where],
        }
        packages.append(
            {name: value for name, value in entry.items() if value or name not in {"tags", "cgo", "not_on"}}
        )
    heads = [{"path": r.module.path, "version": r.module.version, "requires": dict(r.requires)} for r in read]
    return (
        f'{{\n"modules": {json.dumps(heads)},\n"components": {json.dumps(names)},\n'
        f'"packages": [\n{_lines(packages)}\n]\n}}\n'
    )


def _lines(entries: Iterable[object]) -> str:
    return ",\n".join(json.dumps(each) for each in entries)
