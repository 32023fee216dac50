"""The definition of a manifest: every field, once. Schema, validation and editor help all come from here."""

from __future__ import annotations

import re
from typing import Final

from wombat_gitops.domain import grammar
from wombat_gitops.domain.manifest.kinds import Field, Flag, ListOf, Record, Text, TextMap
from wombat_gitops.domain.model import COMPONENTS_FOLDER, CORE_MODULE, DEFAULT_TOOLCHAIN, Platform, supported_platforms

API_VERSION: Final = "wombat/v1"
KIND: Final = "Distribution"
KINDS: Final = (KIND,)
"""Kinds of manifest that this version reads."""

DEFAULT_PLATFORMS: Final = ("linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64")


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
    return "write an exact version with all three numbers, such as `v4.76.0`; ranges, branches and `latest` are not"


def _suggest_toolchain(text: str) -> str:
    bare = text.removeprefix("go").removeprefix("v")
    if grammar.matches(grammar.TOOLCHAIN, bare):
        return f"write `{bare}`"
    return f"write the exact release with all three numbers, such as `{DEFAULT_TOOLCHAIN}`"


def _suggest_name(text: str) -> str:
    bare = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if grammar.matches(grammar.NAME, bare):
        return f"write `{bare}`; names have lower-case letters, digits and dashes"
    return ""


def _suggest_package(text: str) -> str:
    package, at, _version = text.partition("@")
    if at:
        return f"write `{package}`; its module's version stands in `benthos` or under `modules`"
    if text.startswith(f"{COMPONENTS_FOLDER}/"):
        return f"write `{text.removeprefix(f'{COMPONENTS_FOLDER}/')}`"
    return ""


def _suggest_homepage(text: str) -> str:
    return "" if "://" in text else f"write the whole address, `https://{text}`" if text.isascii() else ""


def _complete(numbers: str) -> str:
    parts = [str(int(part)) for part in numbers.split(".")]
    return ".".join([*parts, "0", "0"][:3])


_DNS_LABEL: Final = "lower-case letters, digits and dashes, at most 63, not beginning or ending with a dash"
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

_MODULE: Final = Record(
    (
        Field(
            "module",
            Text(
                pattern=grammar.MODULE_PATH,
                longest=200,
                expected="a module path, such as `github.com/redpanda-data/connect/v4`",
            ),
            "Module path",
            "Path of the Go module as its go.mod says it, with `/vN` for major versions from 2.",
            required=True,
            examples=("github.com/redpanda-data/connect/v4",),
        ),
        Field(
            "version",
            MODULE_VERSION,
            "Module version",
            "Exact version of the module. Ranges, branches and `latest` are not versions.",
            required=True,
            examples=("v4.105.0",),
        ),
        Field(
            "packages",
            ListOf(PACKAGE, least=1, most=500),
            "Packages",
            f"Packages of this module: folders below its `{COMPONENTS_FOLDER}/`, or full import paths inside it. "
            "Without any, the module is only held at its version.",
            examples=(["kafka", "nats"],),
        ),
    )
)

_MAINTAINER: Final = Record(
    (
        Field(
            "name",
            Text(pattern=_LINE, longest=100, expected="one line"),
            "Name",
            "Name of a person or a team.",
            required=True,
            examples=("Data Platform",),
        ),
        Field(
            "email",
            Text(format="email", longest=254, expected="an address such as `data@example.org`"),
            "Email",
            "Where to write to.",
            examples=("data@example.org",),
        ),
        Field(
            "github",
            Text(
                pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$",
                expected="a user, or a team as `organisation/team`, without `@`",
            ),
            "GitHub",
            "User, or team as `organisation/team`.",
            examples=("octocat",),
        ),
    )
)

MANIFEST: Final = Record(
    (
        Field(
            "apiVersion",
            Text(choices=(API_VERSION,)),
            "API version",
            "Version of this format.",
            required=True,
        ),
        Field("kind", Text(choices=KINDS), "Kind", "What this manifest declares.", required=True),
        Field(
            "name",
            NAME,
            "Name",
            "Name of the distribution, and of this file: `<name>.yaml`.",
            required=True,
            examples=("kafka-edge",),
        ),
        Field(
            "version",
            VERSION,
            "Version",
            "Version of the distribution itself (semantic versioning, without `v`), stamped into the program.",
            required=True,
            examples=("1.0.0", "2.1.0-rc.1"),
        ),
        Field(
            "benthos",
            MODULE_VERSION,
            "Version of Benthos",
            f"Exact version of `{CORE_MODULE}`, the module that every distribution is built around.",
            required=True,
            examples=("v4.76.0",),
        ),
        Field(
            "packages",
            ListOf(PACKAGE, least=1, most=500),
            "Packages",
            f"Packages of Benthos itself: folders below its `{COMPONENTS_FOLDER}/` such as `pure` and `io`. "
            "A full import path may lie in any declared module.",
            required=True,
            examples=(["pure", "io"],),
        ),
        Field(
            "modules",
            ListOf(_MODULE, most=200),
            "Modules",
            "Further Go modules, each at an exact version, and what is taken from them.",
            examples=(
                [{"module": "github.com/redpanda-data/connect/v4", "version": "v4.105.0", "packages": ["kafka"]}],
            ),
        ),
        Field(
            "go",
            TOOLCHAIN,
            "Go release",
            "Exact release of the Go toolchain.",
            default=DEFAULT_TOOLCHAIN,
            examples=(DEFAULT_TOOLCHAIN,),
        ),
        Field(
            "platforms",
            ListOf(Text(choices=PLATFORMS), least=1, most=len(PLATFORMS)),
            "Platforms",
            "What to build for: `os/arch` or `os/arch/variant`, as Go spells them.",
            default=list(DEFAULT_PLATFORMS),
            examples=(["linux/amd64", "linux/arm/7"],),
        ),
        Field(
            "tags",
            ListOf(
                Text(
                    pattern=grammar.TAG,
                    expected="a Go build tag: letters, digits, `_` and `.`, not beginning with a digit",
                )
            ),
            "Build tags",
            "Go build tags.",
            examples=(["x_benthos_extra"],),
        ),
        Field(
            "binary",
            NAME,
            "Program name",
            "File name of the program, without `.exe`. By default the name of the distribution.",
            examples=("benthos",),
        ),
        Field(
            "description",
            Text(longest=500),
            "Description",
            "What the distribution is for, in a sentence or two.",
            examples=("Kafka in, Postgres out.",),
        ),
        Field(
            "homepage",
            Text(
                format="uri",
                longest=500,
                expected="an address that begins with `https://` or `http://`",
                suggest=_suggest_homepage,
            ),
            "Home page",
            "Where to read more.",
            examples=("https://example.org/kafka-edge",),
        ),
        Field(
            "license",
            Text(
                pattern=r"^[A-Za-z0-9(][A-Za-z0-9.+:() -]{0,199}$",
                expected="an SPDX expression, such as `Apache-2.0`",
            ),
            "Licence",
            "Licence of the distribution, as an SPDX expression.",
            examples=("Apache-2.0", "Apache-2.0 AND MIT"),
        ),
        Field("maintainers", ListOf(_MAINTAINER), "Maintainers", "Whom to ask."),
        Field(
            "labels",
            TextMap(
                Text(
                    pattern=r"^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$",
                    expected="lower-case letters, digits, `.`, `_`, `/` and `-`, at most 63",
                ),
                Text(pattern=_LINE, longest=200, expected="one line"),
            ),
            "Labels",
            "Free texts to find and group distributions by.",
            examples=({"team": "data", "tier": "production"},),
        ),
        Field(
            "suspend",
            Flag(),
            "Suspend",
            "Build nothing new for this distribution until it is false again. Artifacts stay.",
            default=False,
        ),
    )
)
