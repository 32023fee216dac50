"""The definition of a manifest: every field, once. Schema, validation and editor help all come from here."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.kinds import Field, Flag, ListOf, Record, Text
from wombat_gitops.domain.manifest.parts import EXACT, EXCLUSION, LIMITS, MODULE, NATIVE, REPLACE, SHARED, TEST
from wombat_gitops.domain.manifest.texts import (
    LINE,
    MODULE_VERSION,
    NAME,
    PACKAGE,
    TOOLCHAIN,
    VERSION,
)
from wombat_gitops.domain.model import COMPONENTS_FOLDER, CORE_MODULE, DEFAULT_TOOLCHAIN

API_VERSION: Final = "wombat/v1"
KIND: Final = "Distribution"

MANIFEST: Final = Record(
    (
        Field(
            "apiVersion",
            Text(choices=(API_VERSION,)),
            "API version",
            "Version of this format.",
            required=True,
        ),
        Field("kind", Text(choices=(KIND,)), "Kind", "What this manifest declares.", required=True),
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
            ListOf(MODULE, most=200),
            "Modules",
            "Further Go modules, each at an exact version, and what is taken from them.",
            examples=(
                [{"module": "github.com/redpanda-data/connect/v4", "version": "v4.105.0", "packages": ["kafka"]}],
            ),
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
            "suspend",
            Flag(),
            "Suspend",
            "Build nothing new for this distribution until it is false again. Artifacts stay.",
            default=False,
        ),
        Field(
            "libraries",
            ListOf(NAME, least=1),
            "Libraries",
            "Named groups of packages, each declared by a manifest of kind `Library`.",
            examples=(["streaming"],),
        ),
        Field(
            "replaces",
            ListOf(REPLACE),
            "Replacements",
            "Modules that others are used in place of. The `replace` lines of a dependency's own go.mod do not hold "
            "here, as in every Go program; those that matter have to be repeated.",
            examples=(
                [
                    {
                        "module": "github.com/99designs/keyring",
                        "with": {"module": "github.com/Jeffail/keyring", "version": "v1.2.3"},
                    }
                ],
            ),
        ),
        Field(
            "excludes",
            ListOf(Record(EXACT)),
            "Excluded versions",
            "Versions of modules that must not be chosen; the next higher one that is required is taken instead.",
            examples=([{"module": "github.com/example/broken", "version": "v1.4.0"}],),
        ),
        Field(
            "exclusions",
            ListOf(EXCLUSION),
            "Exclusions",
            "Packages that some platforms go without, or platforms that the distribution goes without.",
            examples=([{"platforms": ["windows"], "packages": ["zeromq"], "reason": "needs cgo"}],),
        ),
        Field(
            "tests",
            ListOf(TEST, most=20),
            "Tests",
            "Pipelines that the built program has to run before it is published.",
            examples=(
                [
                    {
                        "name": "copies lines",
                        "config": "input: {stdin: {}}\noutput: {stdout: {}}\n",
                        "input": "hello\n",
                        "expect": "hello\n",
                    }
                ],
            ),
        ),
        Field(
            "policy",
            Record(LIMITS),
            "Policy",
            "Narrows the policies that hold for this manifest; it never widens them.",
            examples=({"licenses": {"allow": ["Apache-2.0", "MIT"]}},),
        ),
        Field(
            "withdrawn",
            Record(
                (
                    Field(
                        "reason",
                        LINE,
                        "Reason",
                        "Why, for people who come to download it.",
                        required=True,
                        examples=("leaks credentials into its log",),
                    ),
                    Field(
                        "versions",
                        ListOf(VERSION, least=1, most=500),
                        "Versions",
                        "The versions that are withdrawn. Without any, all of them are.",
                        examples=(["1.0.0"],),
                    ),
                )
            ),
            "Withdrawn",
            "Nothing is built or can be downloaded any more; artifacts stay, for the day on which this is removed.",
            examples=({"reason": "leaks credentials into its log", "versions": ["1.0.0"]},),
        ),
        *SHARED,
        Field(
            "toolchain", TOOLCHAIN, "Go release", "The old name of `go`.", renamed="go", examples=(DEFAULT_TOOLCHAIN,)
        ),
    )
)

_HEAD: Final = MANIFEST.fields[0]


def _named(kind: str, name: str, fields: tuple[Field, ...]) -> Record:
    own = Field("kind", Text(choices=(kind,)), "Kind", "What this manifest declares.", required=True)
    named = Field("name", NAME, "Name", name, required=True, examples=("streaming",)) if name else None
    return Record((_HEAD, own, *((named,) if named else ()), *fields))


DEFAULTS: Final = _named("Defaults", "", SHARED)
LIBRARY: Final = _named(
    "Library",
    "Name by which distributions take it, and of this file.",
    (
        Field(
            "packages",
            ListOf(PACKAGE, least=1, most=500),
            "Packages",
            "Packages of Benthos itself.",
            examples=(["pure", "io"],),
        ),
        Field(
            "modules",
            ListOf(MODULE, most=200),
            "Modules",
            "Modules at exact versions, and what is taken from them. A distribution's own version of one wins.",
            examples=(
                [
                    {
                        "module": "github.com/redpanda-data/connect/v4",
                        "version": "v4.105.0",
                        "packages": ["kafka", "nats"],
                    }
                ],
            ),
        ),
        Field(
            "description",
            Text(longest=500),
            "Description",
            "What the packages have in common.",
            examples=("Streaming systems.",),
        ),
    ),
)
POLICY: Final = _named("Policy", "Name of the policy, and of this file.", (*LIMITS, *NATIVE))

RECORDS: Final = {KIND: MANIFEST, "Defaults": DEFAULTS, "Library": LIBRARY, "Policy": POLICY}
"""The fields of each kind of manifest."""

KINDS: Final = tuple(RECORDS)
"""Kinds of manifest that this version reads."""
