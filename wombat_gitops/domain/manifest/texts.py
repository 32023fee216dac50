"""The texts that manifests are made of: the form of each, and what to say of one that has another."""

from __future__ import annotations

import re
from typing import Final

from wombat_gitops.domain import grammar
from wombat_gitops.domain.manifest.kinds import ListOf, Text
from wombat_gitops.domain.model import COMPONENTS_FOLDER, DEFAULT_TOOLCHAIN
from wombat_gitops.domain.platforms import Platform, supported_platforms


def _accepted_platforms() -> tuple[str, ...]:
    """Every spelling of every supported platform: `linux/arm` is accepted for `linux/arm/7`."""
    spellings = set[str]()
    for name in supported_platforms():
        base = "/".join(name.split("/")[:2])
        for spelling in (name, base, f"{base}/v1"):
            try:
                Platform.parse(spelling)
            except ValueError:
                continue
            spellings.add(spelling)
    return tuple(sorted(spellings))


PLATFORMS: Final = _accepted_platforms()


def _suggest_version(text: str) -> str:
    numbers = re.fullmatch(r"v?(\d{1,9}(?:\.\d{1,9}){0,2})(-[0-9A-Za-z.-]+)?", text, re.ASCII)
    if numbers is None:
        return ""
    return f"write `{_complete(numbers[1])}{numbers[2] or ''}`"


def _suggest_module_version(text: str) -> str:
    exact = re.fullmatch(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]+)?)", text, re.ASCII)
    if exact is not None and grammar.matches(grammar.MODULE_VERSION, f"v{exact[1]}"):
        return f"write `v{exact[1]}`"
    return "write an exact version with all three numbers, such as `v4.76.0`; no range, no branch, not `latest`"


def _suggest_toolchain(text: str) -> str:
    bare = text.removeprefix("go").removeprefix("v")
    if grammar.matches(grammar.TOOLCHAIN, bare):
        return f"write `{bare}`"
    return f"write the exact release with all three numbers, such as `{DEFAULT_TOOLCHAIN}`"


def _suggest_name(text: str) -> str:
    bare = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if grammar.matches(grammar.NAME, bare):
        return f"write `{bare}`; names have lower-case letters, digits and dashes"
    if grammar.matches(grammar.DEVICE, bare):
        return f"write another name, such as `{bare}-1`: Windows keeps `{bare}` for a device and has no such file"
    return ""


def _suggest_package(text: str) -> str:
    package, at, _version = text.partition("@")
    if at:
        return f"write `{package}`; its module's version stands in `benthos` or under `modules`"
    if text.startswith(f"{COMPONENTS_FOLDER}/"):
        return f"write `{text.removeprefix(f'{COMPONENTS_FOLDER}/')}`"
    return _suggest_lower_package(text)


def _suggest_lower_package(text: str) -> str:
    bare = text.lower()
    return f"write `{bare}`" if bare != text and grammar.matches(grammar.SHORT_PACKAGE, bare) else ""


def _suggest_module_path(text: str) -> str:
    bare, at, _version = re.sub(r"^[a-z]+://", "", text).partition("@")
    bare = bare.strip("/").removesuffix(".git")
    if bare == text or not grammar.matches(grammar.MODULE_PATH, bare):
        return ""
    return f"write `{bare}`{', and what stands behind `@` as `version`' if at else ''}"


def _platform_of_others(text: str) -> str:
    """What other tools call a platform, as Go spells it; "" where that is not known."""
    system, *rest = text.lower().split("/")
    names = [_SYSTEMS.get(system, system)]
    if rest:
        names += _ARCHITECTURES.get("/".join(rest), _ARCHITECTURES.get(rest[0], rest[0])).split("/")
    if rest[1:] and names[1:] == ["arm"]:
        names.append(rest[1].removeprefix("v"))
    elif rest[1:] and names[1:] == ["amd64"]:
        names.append(rest[1])
    name = "/".join(names)
    return name if name in PLATFORM_NAMES else ""


def _suggest_platform(text: str) -> str:
    name = _platform_of_others(text)
    return f"write `{name}`" if "/" in name else ""


def _suggest_platform_pattern(text: str) -> str:
    name = _platform_of_others(text)
    return f"write `{name}`" if name else ""


_SYSTEMS: Final = {
    **dict.fromkeys(("macos", "mac", "osx", "macosx", "apple"), "darwin"),
    **dict.fromkeys(("win", "win32", "win64"), "windows"),
}
_ARCHITECTURES: Final = {
    **dict.fromkeys(("x86_64", "x86-64", "x64"), "amd64"),
    **dict.fromkeys(("aarch64", "armv8", "arm64v8", "arm/8", "arm/v8"), "arm64"),
    **dict.fromkeys(("i386", "i686", "x86"), "386"),
    **dict.fromkeys(("armhf", "armv7", "armv7l", "arm32v7"), "arm/7"),
    **dict.fromkeys(("armv6", "armv6l", "arm32v6"), "arm/6"),
    **dict.fromkeys(("armel", "armv5", "armv5l", "arm32v5"), "arm/5"),
}
"""Names that container images, packages and kernels have for what Go calls otherwise."""


def _suggest_license(text: str) -> str:
    upper = re.sub(r"\b(and|or|with)\b", lambda match: match[1].upper(), text, flags=re.IGNORECASE)
    return f"write `{upper}`" if upper != text and grammar.matches(LICENSE.pattern, upper) else ""


def _suggest_homepage(text: str) -> str:
    return "" if "://" in text else f"write the whole address, `https://{text}`" if text.isascii() else ""


def _complete(numbers: str) -> str:
    parts = [str(int(part)) for part in numbers.split(".")]
    return ".".join([*parts, "0", "0"][:3])


_DNS_LABEL: Final = (
    "lower-case letters, digits and dashes, at most 63, not beginning or ending with a dash, "
    "and no device of Windows such as `con` or `com1`"
)
_LINE: Final = r"^[^\r\n]+$"

NAME: Final = Text(pattern=grammar.NAME, expected=_DNS_LABEL, suggest=_suggest_name)
VERSION: Final = Text(
    pattern=grammar.VERSION,
    longest=64,
    expected="a semantic version without `v`, such as `1.20.0` or `2.0.0-rc.1`",
    suggest=_suggest_version,
)
MODULE_VERSION: Final = Text(
    pattern=grammar.MODULE_VERSION,
    longest=128,
    expected="an exact version of the module, such as `v4.76.0`",
    suggest=_suggest_module_version,
)
TOOLCHAIN: Final = Text(
    pattern=grammar.TOOLCHAIN,
    expected=f"an exact Go release, such as `{DEFAULT_TOOLCHAIN}`",
    suggest=_suggest_toolchain,
)
PACKAGE: Final = Text(
    pattern=rf"^({grammar.SHORT_PACKAGE[1:-1]}|{grammar.IMPORT_PATH[1:-1]})$",
    longest=200,
    expected=f"a folder below `{COMPONENTS_FOLDER}/` of the module, such as `pure`, or a full import path",
    suggest=_suggest_package,
)

MODULE_PATH: Final = Text(
    pattern=grammar.MODULE_PATH,
    longest=200,
    expected="a module path, such as `github.com/redpanda-data/connect/v4`",
    suggest=_suggest_module_path,
)
TAGS: Final = ListOf(
    Text(
        pattern=grammar.TAG,
        expected="a Go build tag: letters, digits, `_` and `.`, not beginning with a digit",
    )
)
HOMEPAGE: Final = Text(
    format="uri",
    longest=500,
    expected="an address that begins with `https://` or `http://`",
    suggest=_suggest_homepage,
)
LICENSE: Final = Text(
    pattern=r"^\(*[A-Za-z0-9][A-Za-z0-9.:-]*\+?\)*( (AND|OR|WITH) \(*[A-Za-z0-9][A-Za-z0-9.:-]*\+?\)*)*$",
    longest=200,
    expected="an SPDX expression, such as `Apache-2.0` or `Apache-2.0 AND MIT`",
    suggest=_suggest_license,
)
LABEL: Final = Text(
    pattern=r"^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$",
    expected="lower-case letters, digits, `.`, `_`, `/` and `-`, at most 63",
)
LINE: Final = Text(pattern=_LINE, longest=200, expected="one line")


def _platform_patterns() -> tuple[str, ...]:
    names = {"/".join(name.split("/")[:size]) for name in (*PLATFORMS, *supported_platforms()) for size in (1, 2, 3)}
    return tuple(sorted(names))


PLATFORM_NAMES: Final = frozenset(_platform_patterns())
PLATFORM: Final = Text(choices=PLATFORMS, suggest=_suggest_platform)
PLATFORM_PATTERN: Final = Text(
    choices=tuple(sorted(PLATFORM_NAMES)),
    suggest=_suggest_platform_pattern,
    expected="`os`, `os/arch` or `os/arch/variant`, such as `windows` or `linux/arm`",
)
_PATH_PATTERN: Final = r"^[A-Za-z0-9*][A-Za-z0-9._~*-]*(/[A-Za-z0-9._~*-]+)*$"
PATH_PATTERN: Final = Text(
    pattern=_PATH_PATTERN,
    longest=200,
    expected="a path, in which `*` stands for one element and `...` at the end for all below",
)
LICENSE_PATTERN: Final = Text(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$",
    expected="one SPDX identifier, such as `Apache-2.0`, or `LicenseRef-…`",
)
TOOLCHAIN_PATTERN: Final = Text(
    pattern=r"^1\.(\*|[1-9]\d{0,2}\.(\*|(0|[1-9]\d{0,2})(rc[1-9]\d?)?))$",
    expected="a Go release, such as `1.26.6`, or `1.26.*`",
)
SIZE: Final = Text(
    pattern=r"^[1-9]\d{0,11}(KiB|MiB|GiB)?$",
    expected="a number of bytes, or of `KiB`, `MiB` or `GiB`, such as `80MiB`",
)
BLOCK: Final = Text(longest=16_384, expected="text, most easily as a block that begins with `|`")
