"""From choices to a manifest, with everything that can be told of it before anything is built.

Whatever was chosen, the text holds exactly that: each value is written so that YAML reads it back, and what a manifest
cannot hold is told by the rules of manifests, at its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain import inspection, policy
from wombat_gitops.domain.contents import Contents, Inspection, PackageContents, Presence
from wombat_gitops.domain.diagnostics import Diagnostic, Severity
from wombat_gitops.domain.grammar import MODULE_VERSION, NAME, matches
from wombat_gitops.domain.known import Fact, Known, Outlook, Verdict
from wombat_gitops.domain.manifest import read_manifest, rules
from wombat_gitops.domain.manifest.format import format_manifest
from wombat_gitops.domain.manifest.modules import CONNECT_MODULE, CONNECT_PACKAGES, CORE_PACKAGES
from wombat_gitops.domain.manifest.parts import DEFAULT_PLATFORMS
from wombat_gitops.domain.model import COMPONENTS_FOLDER, CORE_MODULE, DEFAULT_TOOLCHAIN, Module, Policy
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.versions import version_key
from wombat_gitops.domain.visible import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wombat_gitops.domain.manifest import Reading

FIRST_VERSION: Final = "0.1.0"
_UNNAMED: Final = "distribution"
"""The name of the file of a distribution that has no usable name yet."""
_FLOW: Final = 90
"""Characters of a list up to which it stands in one line."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./~+-]*(?: [A-Za-z0-9][A-Za-z0-9_./~+-]*)*", re.ASCII)
_VERSION: Final = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?", re.ASCII)
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose, as it was given: nothing of it was checked.

    Attributes:
        modules: other modules than Benthos, each once.
        packages: short names or full import paths; see `placed`.
        platforms: none leaves the field out.
        exclusions: packages that platforms go without: a package as it is in `packages`, and a platform.
    """

    name: str = ""
    version: str = FIRST_VERSION
    benthos: str = ""
    modules: tuple[Module, ...] = ()
    packages: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    exclusions: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    cgo: bool = False
    license: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What is known besides the choices.

    Attributes:
        policies: those that hold.
        taken: where distributions are declared, by their names.
        together: versions of Benthos that modules were built with.
    """

    known: Known
    policies: tuple[Policy, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)
    together: Mapping[Module, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Composed:
    """One chosen package.

    Attributes:
        package: full import path.
        module: the module it is in; None where none of the chosen ones can have it.
        fact: what tells most of it, maybe of another version; None where nothing is known.
        outlooks: what it will be on each platform.
    """

    package: str
    name: str
    module: Module | None
    fact: Fact | None
    outlooks: tuple[tuple[Platform, Verdict], ...]

    @property
    def exact(self) -> bool:
        """What is known is known of the very version."""
        return self.fact is not None and self.fact.module == self.module


@dataclass(frozen=True, slots=True)
class Composition:
    """A manifest, and what there is to say about it.

    Attributes:
        path: of the file in its repository.
        diagnostics: as validation tells them, sorted by place.
    """

    manifest: str
    path: str
    diagnostics: tuple[Diagnostic, ...]
    packages: tuple[Composed, ...]

    @property
    def blocked(self) -> bool:
        """A check would refuse it as it is."""
        return any(each.severity is Severity.ERROR for each in self.diagnostics)

    @property
    def licenses(self) -> tuple[str, ...]:
        """What the packages bring in from their own modules, as far as it is known; sorted."""
        return tuple(sorted({name for each in self.packages if each.fact for name in each.fact.licenses}))


def compose(choices: Choices, folder: str, around: Around) -> Composition:
    """Write the manifest and find everything that is wrong with it. Never raises, whatever was chosen.

    Args:
        folder: of the manifests in the repository.
    """
    stem = choices.name if matches(NAME, choices.name) else _UNNAMED
    path = "/".join(part for part in (folder.strip("/"), f"{stem}.yaml") if part)
    text = manifest_text(choices, around.known)
    reading = read_manifest(path, text.encode())
    packages = tuple(_composed(choices, around.known))
    found = {
        *reading.diagnostics,
        *_conflicts(choices, around, reading),
        *inspection.diagnose(reading, _inspection(packages)),
        *policy.diagnose(reading, _violations(choices, packages, around.policies)),
    }
    if choices.name in around.taken:
        message = f"distribution `{choices.name}` is there already, in `{around.taken[choices.name]}`"
        hint = "choose another name; to change that one, change its manifest"
        found.add(reading.places.problem(rules.NAME_CONFLICT, message, "/name", hint=hint))
    return Composition(text, path, tuple(sorted(found)), packages)


def manifest_text(choices: Choices, known: Known) -> str:
    """The manifest in the form of `wombat fmt`."""
    own, others = placed(choices, known)
    lines = ["apiVersion: wombat/v1", "kind: Distribution"]
    lines += [f"name: {_scalar(choices.name)}", f"version: {_scalar(choices.version)}"]
    lines += [f"benthos: {_scalar(choices.benthos)}", *_list("packages", own)]
    lines += ["modules:"] if choices.modules else []
    for module in choices.modules:
        lines += [f"  - module: {_scalar(module.path)}", f"    version: {_scalar(module.version)}"]
        lines += _list("packages", others[module.path], "    ") if others[module.path] else []
    lines += [f"description: {_quoted(choices.description)}"] if choices.description else []
    lines += _exclusions(choices, known)
    lines += _list("platforms", choices.platforms) if choices.platforms else []
    lines += [f"license: {_scalar(choices.license)}"] if choices.license else []
    lines += _list("tags", choices.tags) if choices.tags else []
    lines += ["cgo: true"] if choices.cgo else []
    text = "\n".join(lines) + "\n"
    return format_manifest("", text.encode()).text or text


def placed(choices: Choices, known: Known) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The packages as they are written below Benthos and below each module, sorted.

    A full import path belongs to the module with the longest path that holds it. A short name is Benthos' own, unless
    Benthos is not known to have it and one of the chosen modules is.
    """
    own, others = set[str](), {module.path: set[str]() for module in choices.modules}
    for name in choices.packages:
        home = _home(name, choices, known)
        others.get(home, own).add(_written(name, home))
    return tuple(sorted(own)), {path: tuple(sorted(names)) for path, names in others.items()}


def _exclusions(choices: Choices, known: Known) -> list[str]:
    """The field of exclusions: packages that the same platforms go without stand together."""
    where: dict[str, list[str]] = {}
    for name, platform in choices.exclusions:
        where.setdefault(_written(name, _home(name, choices, known)), []).append(platform)
    together: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(where):
        together.setdefault(tuple(where[name]), []).append(name)
    lines = ["exclusions:"] if together else []
    for platforms, names in together.items():
        first, *rest = _list("platforms", platforms, "    ")
        lines += [f"  - {first.lstrip()}", *rest, *_list("packages", names, "    ")]
    return lines


def _written(name: str, home: str) -> str:
    """A package as it stands below the module that has it."""
    return name.removeprefix(f"{home or CORE_MODULE}/{COMPONENTS_FOLDER}/")


def full_path(name: str, choices: Choices, known: Known) -> str:
    """The import path that a chosen package means."""
    home = _home(name, choices, known)
    return name if _is_full(name) else f"{home or CORE_MODULE}/{COMPONENTS_FOLDER}/{name}"


def _home(name: str, choices: Choices, known: Known) -> str:
    """The path of the module that a package is in; "" for Benthos, and where none of the chosen ones has it."""
    paths = [module.path for module in choices.modules]
    if _is_full(name):
        holding = [path for path in (CORE_MODULE, *paths) if f"{name}/".startswith(f"{path}/")]
        longest = max(holding, key=len, default="")
        return "" if longest == CORE_MODULE else longest
    if name in CORE_PACKAGES:
        return ""
    if CONNECT_MODULE in paths and name in CONNECT_PACKAGES:
        return CONNECT_MODULE
    return next((path for path in paths if known.facts(f"{path}/{COMPONENTS_FOLDER}/{name}")), "")


def _is_full(name: str) -> bool:
    return "." in name.partition("/")[0]


def _composed(choices: Choices, known: Known) -> Iterator[Composed]:
    core = Module(CORE_MODULE, choices.benthos)
    modules = {module.path: module for module in (core, *choices.modules)}
    platforms = tuple(_platforms(choices.platforms or DEFAULT_PLATFORMS))
    whole = {full_path(name, choices, known): name for name in choices.packages}
    for package in sorted(whole):
        module = modules.get(_home(whole[package], choices, known) or CORE_MODULE)
        if module is None or not package.startswith(f"{module.path}/"):
            yield Composed(package, package, None, None, ())
            continue
        fact = known.best(package, module, choices.tags, cgo=choices.cgo)
        out = {place for name, place in choices.exclusions if full_path(name, choices, known) == package}
        left = set(_platforms(out))
        judged = known.judge(package, module, platforms, choices.tags, cgo=choices.cgo)
        outlooks = tuple((each, LEFT_OUT if each in left else verdict) for each, verdict in judged)
        name = package.removeprefix(f"{module.path}/{COMPONENTS_FOLDER}/")
        yield Composed(package, name, module, fact, outlooks)


def _platforms(names: Iterable[str]) -> Iterator[Platform]:
    """Those that are platforms, each once; what the others are is told by validation."""
    seen = set[Platform]()
    for name in names:
        try:
            platform = Platform.parse(name)
        except ValueError:
            continue
        if platform not in seen:
            seen.add(platform)
            yield platform


LEFT_OUT: Final = Verdict(Outlook.EXCLUDED)

_PRESENCES: Final = {Outlook.STUB: Presence.STUB, Outlook.MISSING: Presence.MISSING}


def _inspection(packages: Sequence[Composed]) -> Inspection:
    """What an inspection would find, of the packages of which that is known."""
    by_platform = dict[Platform, list[PackageContents]]()
    for each in packages:
        path = each.module.path if each.module is not None else ""
        for platform, verdict in each.outlooks:
            kept = by_platform.setdefault(platform, [])
            presence = _PRESENCES.get(verdict.outlook)
            if presence is not None:
                kept.append(PackageContents(each.package, path, presence, verdict.reason, verdict.hint))
    return Inspection(tuple((platform, Contents(tuple(found))) for platform, found in by_platform.items()))


def _violations(
    choices: Choices, packages: Sequence[Composed], policies: tuple[Policy, ...]
) -> tuple[policy.Violation, ...]:
    known = tuple(
        PackageContents(each.package, each.fact.module.path, Presence.PRESENT, licenses=each.fact.licenses)
        for each in packages
        if each.fact is not None
    )
    return (
        *policy.judge(
            policies,
            modules=(Module(CORE_MODULE, choices.benthos), *choices.modules),
            packages=[each.package for each in packages],
            platforms=tuple(_platforms(choices.platforms or DEFAULT_PLATFORMS)),
            toolchain=DEFAULT_TOOLCHAIN,
        ),
        *policy.judge_contents(policies, Contents(known)),
    )


def _conflicts(choices: Choices, around: Around, reading: Reading) -> Iterator[Diagnostic]:
    """Modules that do not go together: what one requires, and what was never built with a version that is so old."""
    chosen = {module.path: module.version for module in (Module(CORE_MODULE, choices.benthos), *choices.modules)}
    places = ["/benthos", *(f"/modules/{index}/version" for index in range(len(choices.modules)))]
    pointers = dict(zip(chosen, places, strict=True)) if len(chosen) == len(places) else {}
    for module in choices.modules:
        needed = around.known.requires(module)
        for path, version in needed.items():
            if path in chosen and _is_older(chosen[path], version):
                message = f"`{module}` requires `{path}` at `{version}` or later, and this asks for `{chosen[path]}`"
                hint = f"take `{version}`, or an older version of `{module.path}`"
                yield reading.places.problem(rules.LOCK_MODULES, message, pointers.get(path, ""), hint=hint)
        seen = around.together.get(module, frozenset())
        oldest = min(seen, key=version_key, default="")
        if oldest and CORE_MODULE not in needed and _is_older(choices.benthos, oldest):
            message = f"`{module}` was never built with a Benthos older than `{oldest}`"
            hint = f"take `{oldest}`; `wombat lock` tells whether `{choices.benthos}` is new enough"
            place, severity = pointers.get(CORE_MODULE, ""), Severity.WARNING
            yield reading.places.problem(rules.LOCK_MODULES, message, place, hint=hint, severity=severity)


def _is_older(one: str, other: str) -> bool:
    both = matches(MODULE_VERSION, one) and matches(MODULE_VERSION, other)
    return both and version_key(one) < version_key(other)


def _list(name: str, items: Sequence[str], indent: str = "") -> list[str]:
    """A field with a list of texts, in one line where that is short."""
    words = [_scalar(item, flow=True) for item in items]
    if sum(len(word) + 2 for word in words) <= _FLOW:
        return [f"{indent}{name}: [{', '.join(words)}]"]
    return [f"{indent}{name}:", *(f"{indent}  - {word}" for word in words)]


def _scalar(text: str, *, flow: bool = False) -> str:
    """A text as YAML, in quotes where it would be something else without."""
    plain = _VERSION.fullmatch(text) or (_PLAIN.fullmatch(text) and text.casefold() not in _WORDS)
    return text if plain and not (flow and " " in text) else _quoted(text)


def _quoted(text: str) -> str:
    """A text in double quotes, with an escape for everything that is no plain character (YAML 1.1, 5.6)."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else escape(character)
