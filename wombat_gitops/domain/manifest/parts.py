"""The parts of manifests: records inside of them, and the fields that several kinds share."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.kinds import Field, Flag, ListOf, Number, Record, Text, TextMap
from wombat_gitops.domain.manifest.texts import (
    BLOCK,
    HOMEPAGE,
    LABEL,
    LICENSE,
    LICENSE_PATTERN,
    LINE,
    MODULE_PATH,
    MODULE_VERSION,
    PACKAGE,
    PATH_PATTERN,
    PLATFORM,
    PLATFORM_PATTERN,
    PLATFORMS,
    SIZE,
    TAGS,
    TOOLCHAIN,
    TOOLCHAIN_PATTERN,
    VERSION,
)
from wombat_gitops.domain.model import COMPONENTS_FOLDER, DEFAULT_TOOLCHAIN

DEFAULT_PLATFORMS: Final = ("linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64")

EXACT: Final = (
    Field(
        "module",
        MODULE_PATH,
        "Module path",
        "Path of the module.",
        required=True,
        examples=("github.com/Jeffail/keyring",),
    ),
    Field(
        "version",
        MODULE_VERSION,
        "Module version",
        "Exact version of the module.",
        required=True,
        examples=("v1.2.3",),
    ),
)

MODULE: Final = Record(
    (
        Field(
            "module",
            MODULE_PATH,
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
        Field(
            "tags",
            TAGS,
            "Build tags",
            "Go build tags that these packages need. They hold for the whole program, as all build tags do.",
            examples=(["x_benthos_extra"],),
        ),
        Field(
            "replace",
            Record(EXACT),
            "Replacement",
            "Another module, at an exact version, that is used in place of this one; never a folder.",
            examples=({"module": "github.com/example/connect-fork/v4", "version": "v4.105.1"},),
        ),
    )
)

MAINTAINER: Final = Record(
    (
        Field(
            "name",
            LINE,
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

REPLACE: Final = Record(
    (
        Field(
            "module",
            MODULE_PATH,
            "Module path",
            "Path of the module that is replaced.",
            required=True,
            examples=("github.com/99designs/keyring",),
        ),
        Field(
            "version",
            MODULE_VERSION,
            "Module version",
            "The only version that is replaced. Without it, every one is.",
            examples=("v1.2.1",),
        ),
        Field(
            "with",
            Record(EXACT),
            "Replacement",
            "The module, at an exact version, that is used instead; never a folder.",
            required=True,
            examples=({"module": "github.com/Jeffail/keyring", "version": "v1.2.3"},),
        ),
    )
)

EXCLUSION: Final = Record(
    (
        Field(
            "platforms",
            ListOf(PLATFORM_PATTERN, least=1),
            "Platforms",
            "Where: `os`, `os/arch` (with every variant) or `os/arch/variant`.",
            required=True,
            examples=(["windows", "linux/arm"],),
        ),
        Field(
            "packages",
            ListOf(PACKAGE, least=1, most=500),
            "Packages",
            "What is left out there, written as in the lists of packages. Without any, the platforms themselves are "
            "left out of the distribution.",
            examples=(["tigerbeetle"],),
        ),
        Field("reason", LINE, "Reason", "Why, for people who read the page.", examples=("needs cgo",)),
    )
)

TEST: Final = Record(
    (
        Field("name", LINE, "Name", "What the test shows.", required=True, examples=("copies lines",)),
        Field(
            "config",
            BLOCK,
            "Pipeline",
            "A whole pipeline in YAML that reads standard input and writes standard output.",
            required=True,
            examples=("input: {stdin: {}}\noutput: {stdout: {}}\n",),
        ),
        Field("input", BLOCK, "Input", "What the pipeline gets on standard input.", examples=("hello\n",)),
        Field(
            "expect",
            BLOCK,
            "Expected output",
            "What it has to write on standard output, line ends at the end aside. Without it, ending well is enough.",
            examples=("HELLO\n",),
        ),
    )
)


def _selection(item: Text, title: str, description: str, allow: str, deny: str) -> Record:
    lists = ListOf(item, least=1, most=500)
    return Record(
        (
            Field("allow", lists, f"Allowed {title}", f"Only these {description}.", examples=([allow],)),
            Field(
                "deny",
                lists,
                f"Denied {title}",
                f"Never these, whatever is allowed: {description}.",
                examples=([deny],),
            ),
        )
    )


LIMITS: Final = (
    Field(
        "modules",
        _selection(
            PATH_PATTERN,
            "modules",
            "modules of a lock, by path; `*` is one element, `...` at the end all below",
            "github.com/redpanda-data/...",
            "github.com/example/*",
        ),
        "Modules",
        "Which modules may be compiled into a program, those that modules require included.",
        examples=({"allow": ["github.com/redpanda-data/...", "github.com/nats-io/..."]},),
    ),
    Field(
        "packages",
        _selection(
            PATH_PATTERN,
            "packages",
            "packages, by full import path; `*` is one element, `...` at the end all below",
            "github.com/redpanda-data/...",
            "github.com/redpanda-data/connect/v4/public/components/kafka/enterprise",
        ),
        "Packages",
        "Which packages a distribution may list.",
        examples=({"deny": ["github.com/redpanda-data/connect/v4/public/components/kafka/enterprise"]},),
    ),
    Field(
        "licenses",
        _selection(
            LICENSE_PATTERN,
            "licences",
            "SPDX identifiers",
            "Apache-2.0",
            "LicenseRef-Redpanda-Community-License",
        ),
        "Licences",
        "Licences of the files that are compiled in, as the modules themselves state them. `NOASSERTION` stands for "
        "those that could not be told.",
        examples=({"allow": ["Apache-2.0", "MIT"], "deny": ["LicenseRef-Redpanda-Community-License"]},),
    ),
    Field(
        "platforms",
        _selection(PLATFORM_PATTERN, "platforms", "platforms", "linux", "windows"),
        "Platforms",
        "What may be built for.",
        examples=({"allow": ["linux", "darwin/arm64"]},),
    ),
    Field(
        "toolchains",
        _selection(TOOLCHAIN_PATTERN, "Go releases", "Go releases", "1.26.*", "1.26.0"),
        "Go releases",
        "Which releases of the Go toolchain may be used.",
        examples=({"allow": ["1.26.*"]},),
    ),
    Field("maxSize", SIZE, "Largest size", "How large one program may be.", examples=("80MiB",)),
)
"""What a policy can say; a distribution may narrow it for itself."""

_NATIVE_PATHS: Final = "packages or modules, by path; `*` is one element, `...` at the end all below"

NATIVE: Final = (
    Field(
        "syso",
        _selection(PATH_PATTERN, "object files", _NATIVE_PATHS, "github.com/example/resources", "*/..."),
        "Object files",
        "Which packages may have `.syso` files, which Go links into a program as they are. None may unless a policy "
        "allows it.",
        examples=({"allow": ["github.com/example/resources"]},),
    ),
    Field(
        "cgo",
        _selection(PATH_PATTERN, "C code", _NATIVE_PATHS, "github.com/pebbe/zmq4", "github.com/mattn/..."),
        "C code",
        "Which packages may have C code, in distributions with `cgo: true`. None may unless a policy allows it.",
        examples=({"allow": ["github.com/pebbe/zmq4"]},),
    ),
)
"""What only a manifest of kind `Policy` can say: it allows what is refused without it."""

SHARED: Final = (
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
        ListOf(PLATFORM, least=1, most=len(PLATFORMS)),
        "Platforms",
        "What to build for: `os/arch` or `os/arch/variant`, as Go spells them.",
        default=list(DEFAULT_PLATFORMS),
        examples=(["linux/amd64", "linux/arm/7"],),
    ),
    Field("tags", TAGS, "Build tags", "Go build tags.", examples=(["x_benthos_extra"],)),
    Field(
        "cgo",
        Flag(),
        "C code",
        "Compile C code too. Needs a builder with a C compiler for the platform.",
        default=False,
    ),
    Field(
        "homepage",
        HOMEPAGE,
        "Home page",
        "Where to read more.",
        examples=("https://example.org/kafka-edge",),
    ),
    Field(
        "license",
        LICENSE,
        "Licence",
        "Licence of the distribution, as an SPDX expression.",
        examples=("Apache-2.0", "Apache-2.0 AND MIT"),
    ),
    Field(
        "maintainers",
        ListOf(MAINTAINER),
        "Maintainers",
        "Whom to ask.",
        examples=([{"name": "Data Platform", "email": "data@example.org", "github": "example/data"}],),
    ),
    Field(
        "labels",
        TextMap(LABEL, LINE),
        "Labels",
        "Free texts to find and group distributions by.",
        examples=({"team": "data", "tier": "production"},),
    ),
    Field(
        "retention",
        Record(
            (
                Field("versions", Number(1, 10_000), "Versions", "How many versions to keep.", examples=(5,)),
                Field("days", Number(1, 36_500), "Days", "For how many days to keep a version.", examples=(90,)),
                Field(
                    "pin",
                    ListOf(VERSION, least=1, most=500),
                    "Pinned versions",
                    "Versions that are kept whatever the other fields, or a quota, say.",
                    examples=(["1.2.0"],),
                ),
            )
        ),
        "Retention",
        "What to keep when artifacts are cleared away; what one of the fields keeps stays, and what a manifest asks "
        "for now always does. Without any bound, here or by the operator, everything is kept.",
        examples=({"versions": 5, "days": 90, "pin": ["1.2.0"]},),
    ),
    Field(
        "needs",
        Record(
            (
                Field("memory", SIZE, "Memory", "Memory that a builder gives one build at least.", examples=("4GiB",)),
                Field(
                    "labels",
                    TextMap(LABEL, LABEL, most=20),
                    "Labels",
                    "Labels that the builder has, each with this value.",
                    examples=({"disk": "ssd"},),
                ),
            )
        ),
        "Needs",
        "Which builders may build it. Nothing of the program changes with it.",
        examples=({"memory": "4GiB", "labels": {"disk": "ssd"}},),
    ),
)
"""What manifests can have in common: fields of a distribution, and of `Defaults` for all in a folder."""
