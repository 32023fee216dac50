"""The Go files a distribution is made of, and what a finished binary says of itself.

File name, package name and module name end up in the binary, so they are fixed for all distributions.
Everything a person chose is checked against `domain.grammar` or written as a quoted constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wombat_gitops.domain.errors import CorruptData, Refused
from wombat_gitops.domain.grammar import IMPORT_PATH, MODULE_PATH, MODULE_VERSION, check_spec, matches
from wombat_gitops.domain.identity import utc_text
from wombat_gitops.domain.lock import parse_go_mod
from wombat_gitops.domain.model import CORE_MODULE, Module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wombat_gitops.domain.model import BuildSpec, Replace

MAIN_FILE: Final = "main.go"
MAIN_MODULE: Final = "distribution"
SERVICE_PACKAGE: Final = f"{CORE_MODULE}/public/service"
"""The package that runs what the others registered."""

FIRST_GO_LINE: Final = "1.21"
"""Language version a resolution starts from; Go raises it to what the modules need."""

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str) -> str:
    """A Go string literal of any Unicode text, in printable ASCII.

    Raises:
        Refused: the text holds half of a surrogate pair, which is no character.
    """
    return f'"{"".join(_quoted_character(character) for character in text)}"'


def _quoted_character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    number = ord(character)
    if 0x20 <= number < 0x7F:  # noqa: PLR2004 - printable ASCII
        return character
    if 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004 - surrogates
        msg = f"a text holds the lone surrogate U+{number:04X}"
        raise Refused(msg)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - the basic plane


def main_go(spec: BuildSpec) -> str:
    """The program of a distribution.

    Raises:
        Refused: a field of *spec* is nothing a manifest could have said.
    """
    check_spec(spec)
    name = quoted(spec.binary_name)
    options = (
        f"service.CLIOptSetVersion({quoted(spec.version)}, {quoted(utc_text(spec.date))})",
        f"service.CLIOptSetBinaryName({name})",
        f"service.CLIOptSetProductName({quoted(spec.name)})",
    )
    arguments = "".join(f"\t\t{argument},\n" for argument in ("context.Background()", *options))
    return (
        f'package main\n\nimport (\n\t"context"\n\n\t{quoted(SERVICE_PACKAGE)}\n\n{_blank_imports(spec.packages)})\n\n'
        f"func main() {{\n\tservice.RunCLI(\n{arguments}\t)\n}}\n"
    )


def imports_go(packages: Iterable[str]) -> str:
    """A program that imports what the distribution's program will import, and does nothing.

    Raises:
        Refused: a package is not an import path.
    """
    return f"package main\n\nimport (\n{_blank_imports({SERVICE_PACKAGE, *packages})})\n\nfunc main() {{}}\n"


def _blank_imports(packages: Iterable[str]) -> str:
    for package in packages:
        if not matches(IMPORT_PATH, package):
            msg = f"`{package[:80]}` is not an import path"
            raise Refused(msg)
    return "".join(f"\t_ {quoted(package)}\n" for package in sorted(packages))


def first_go_mod(modules: Iterable[Module], replaces: Iterable[Replace] = (), excludes: Iterable[Module] = ()) -> str:
    """The go.mod a resolution starts from: exactly what was declared.

    Raises:
        Refused: a module has a path or a version that is none.
    """
    required = "".join(f"\t{exact(module)}\n" for module in sorted(modules))
    text = f"module {MAIN_MODULE}\n\ngo {FIRST_GO_LINE}\n\nrequire (\n{required})\n"
    for module in sorted(excludes):
        text += f"\nexclude {exact(module)}\n"
    for each in sorted(replaces):
        old = exact(Module(each.path, each.version or "v0.0.0")).removesuffix("" if each.version else " v0.0.0")
        text += f"\nreplace {old} => {exact(each.by)}\n"
    return text


def exact(module: Module) -> str:
    """`path version` as module files write it. Raises `Refused` where one of them is none."""
    if not (matches(MODULE_PATH, module.path) and matches(MODULE_VERSION, module.version)):
        msg = f"`{str(module)[:120]}` is not a module at an exact version"
        raise Refused(msg)
    return f"{module.path} {module.version}"


def requirements(go_mod: str) -> dict[str, str]:
    """The modules whose source a go.mod pins, path to version, replaced ones as what replaces them.

    Raises:
        LockError: it does more than require modules.
    """
    return {module.path: module.version for module in parse_go_mod(go_mod).used()}


@dataclass(frozen=True, slots=True)
class Dependency:
    """A module inside a binary; `sum` is Go's digest of its content (`h1:…`)."""

    path: str
    version: str
    sum: str


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What a binary says of how it was built.

    Attributes:
        go_version: with the leading `go`, `go1.26.6`.
        path: import path of the main package.
        settings: `GOOS`, `GOARCH`, `CGO_ENABLED`, `-trimpath` and others.
        deps: modules by path, replaced ones as what replaced them.
    """

    go_version: str
    path: str
    settings: dict[str, str]
    deps: tuple[Dependency, ...]


class _Module(BaseModel):
    model_config = ConfigDict(extra="ignore")

    path: str = Field(alias="Path")
    version: str = Field("", alias="Version")
    sum: str = Field("", alias="Sum")
    replace: _Module | None = Field(None, alias="Replace")


class _Setting(BaseModel):
    key: str = Field(alias="Key")
    value: str = Field("", alias="Value")


class _Info(BaseModel):
    model_config = ConfigDict(extra="ignore")

    go_version: str = Field(alias="GoVersion")
    path: str = Field("", alias="Path")
    deps: tuple[_Module, ...] = Field((), alias="Deps")
    settings: tuple[_Setting, ...] = Field((), alias="Settings")


def parse_build_info(text: str | bytes) -> BuildInfo:
    """Read the output of `go version -m -json`.

    Raises:
        CorruptData: it is not such output.
    """
    try:
        info = _Info.model_validate_json(text)
    except ValidationError as error:
        msg = "the build information of a binary cannot be read"
        raise CorruptData(msg) from error
    modules = (module.replace or module for module in info.deps)
    return BuildInfo(
        info.go_version,
        info.path,
        {setting.key: setting.value for setting in info.settings},
        tuple(Dependency(module.path, module.version, module.sum) for module in modules),
    )


def mismatches(info: BuildInfo, spec: BuildSpec, go_mod: str, go_sum: str) -> tuple[str, ...]:
    """Everything in which a binary is not what was asked for, as messages; empty where it is."""
    wanted = {"go": f"go{spec.toolchain}", "main package": MAIN_MODULE} | spec.platform.go_env
    wanted |= {"CGO_ENABLED": "1" if spec.cgo else "0", "-trimpath": "true"}
    actual = {"go": info.go_version, "main package": info.path} | info.settings
    messages = [
        f"`{key}` is `{actual.get(key, '')}`, expected `{value}`"
        for key, value in wanted.items()
        if actual.get(key, "") != value
    ]
    versions = requirements(go_mod)
    sums = set(go_sum.splitlines())
    for dep in info.deps:
        if versions.get(dep.path) != dep.version:
            messages.append(f"module `{dep.path}` is `{dep.version}`, the lock has `{versions.get(dep.path, '')}`")
        elif f"{dep.path} {dep.version} {dep.sum}" not in sums:
            messages.append(f"module `{dep.path}@{dep.version}` has content the lock does not know")
    return tuple(messages)
