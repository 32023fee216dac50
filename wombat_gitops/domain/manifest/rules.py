"""Every rule a manifest or its lock can break, as data: what it is, why it is there, how to mend it.

Ids are stable for ever: a rule that goes leaves its number unused. 001 to 019 are about the file as YAML,
020 to 029 about its fields, 030 to 039 about what they mean together, 040 to 049 about files in the folder,
050 to 059 about the lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: `WOM-009`.
        slug: the rule in a few words, for file names and addresses.
        title: one line.
        why: what would go wrong without it.
        fix: what to do.
        example: a piece of a manifest as it should be.
    """

    id: str
    slug: str
    title: str
    why: str
    fix: str
    example: str


TOO_LARGE: Final = Rule(
    "WOM-001",
    "too-large",
    "a manifest is at most 256 KiB",
    "a manifest is written by people; a larger file is something else, and reading it costs every watcher time",
    "split the distribution, or remove what does not belong into a manifest",
    "packages: [pure, io]",
)
NOT_UTF8: Final = Rule(
    "WOM-002",
    "not-utf8",
    "a manifest is UTF-8",
    "bytes in another encoding mean different text on different machines",
    "save the file as UTF-8",
    "description: Größe in Bytes",
)
BYTE_ORDER_MARK: Final = Rule(
    "WOM-003",
    "byte-order-mark",
    "a manifest has no byte order mark",
    "the mark is invisible, and other tools read it as part of the first key",
    "save the file as UTF-8 without a byte order mark",
    "apiVersion: wombat/v1",
)
TAB: Final = Rule(
    "WOM-004",
    "tab",
    "a manifest has no tabs",
    "YAML forbids tabs in indentation, and elsewhere they only look like spaces",
    "use spaces",
    "packages:\n  - pure",
)
FORBIDDEN_CHARACTER: Final = Rule(
    "WOM-005",
    "forbidden-character",
    "a manifest has no control characters",
    "control characters, unusual line ends and marks that turn the writing direction hide what a text says",
    "remove the character",
    "description: plain text",
)
EMPTY: Final = Rule(
    "WOM-006",
    "empty",
    "a manifest declares something",
    "an empty file declares nothing and is usually left over",
    "write the distribution, or remove the file",
    "apiVersion: wombat/v1\nkind: Distribution",
)
SYNTAX: Final = Rule(
    "WOM-007",
    "syntax",
    "a manifest is well-formed YAML",
    "a file that cannot be parsed cannot be built",
    "mend the line; most often a colon, a quote or the indentation is missing",
    "name: tiny",
)
MANY_DOCUMENTS: Final = Rule(
    "WOM-008",
    "many-documents",
    "a file is one manifest",
    "the file's name is the distribution's name, so a file declares one",
    "move each document to a file of its own",
    "name: tiny",
)
DUPLICATE_KEY: Final = Rule(
    "WOM-009",
    "duplicate-key",
    "a key occurs once",
    "YAML readers silently take one of the values, and not all take the same",
    "remove one of them",
    "version: 1.0.0",
)
ALIAS: Final = Rule(
    "WOM-010",
    "alias",
    "a manifest has no anchors and aliases",
    "they hide what a manifest says, and a few lines of them can stand for gigabytes",
    "write the value out",
    "tags: [timetzdata]",
)
TAG: Final = Rule(
    "WOM-011",
    "yaml-tag",
    "a manifest has no YAML tags",
    "tags change what a value is, and some readers run code for them",
    "remove the tag; put text in quotes where its type matters",
    'version: "1.0.0"',
)
MERGE_KEY: Final = Rule(
    "WOM-012",
    "merge-key",
    "a manifest has no merge keys",
    "`<<` is not part of YAML 1.2, and readers differ in what wins",
    "write the fields out",
    "labels:\n  team: data",
)
TOO_DEEP: Final = Rule(
    "WOM-013",
    "too-deep",
    "a manifest is nested at most 32 levels deep",
    "no field needs it, and deep nesting exhausts readers",
    "remove the brackets that are too many",
    "packages: [pure, io]",
)
TOO_MANY_VALUES: Final = Rule(
    "WOM-014",
    "too-many-values",
    "a manifest has at most 10,000 values",
    "no distribution needs it, and checking them costs every watcher time",
    "split the distribution",
    "packages: [pure, io]",
)
COMPLEX_KEY: Final = Rule(
    "WOM-015",
    "complex-key",
    "a key is a text",
    "fields have names; lists, maps and nothing are no names",
    "write the field's name",
    "name: tiny",
)
DIRECTIVE: Final = Rule(
    "WOM-016",
    "directive",
    "a manifest has no YAML directives",
    "`%YAML` and `%TAG` lines change how the rest is read",
    "remove the line",
    "apiVersion: wombat/v1",
)
TOO_MANY_PROBLEMS: Final = Rule(
    "WOM-017",
    "too-many-problems",
    "at most 100 problems of a file are shown",
    "a longer list is read by nobody",
    "mend those that are shown, and validate again",
    "packages: [pure, io]",
)
NOT_A_MAP: Final = Rule(
    "WOM-020",
    "not-a-map",
    "a manifest is a map of fields",
    "a list or a text has no fields",
    "write `field: value` lines",
    "apiVersion: wombat/v1\nkind: Distribution",
)
UNSUPPORTED_API_VERSION: Final = Rule(
    "WOM-021",
    "api-version",
    "`apiVersion` is one this version of the program reads",
    "a later version may give fields another meaning",
    "write `apiVersion: wombat/v1`, or use a newer version of the program",
    "apiVersion: wombat/v1",
)
UNSUPPORTED_KIND: Final = Rule(
    "WOM-022",
    "kind",
    "`kind` is one this version of the program reads",
    "fields of another kind cannot be checked",
    "write `kind: Distribution`",
    "kind: Distribution",
)
UNKNOWN_FIELD: Final = Rule(
    "WOM-023",
    "unknown-field",
    "every field is known",
    "a misspelt field would be ignored without a word",
    "correct the name, or remove the field",
    "packages: [pure, io]",
)
MISSING_FIELD: Final = Rule(
    "WOM-024",
    "missing-field",
    "every required field is there",
    "nothing can be built without them, and no default could be right",
    "add the field",
    "benthos: v4.76.0",
)
WRONG_TYPE: Final = Rule(
    "WOM-025",
    "wrong-type",
    "every value has its field's type",
    "a list of one is not a text, and `yes` is not `true`",
    "write the value as the field wants it",
    "packages: [pure]\nsuspend: true",
)
BAD_VALUE: Final = Rule(
    "WOM-026",
    "bad-value",
    "every value has its field's form",
    "names, versions and paths reach file names, module files and source code, so each has a strict form",
    "write it as the hint says; versions are exact, with all their numbers",
    "version: 1.20.0\nbenthos: v4.76.0\ngo: 1.26.6",
)
TOO_LONG: Final = Rule(
    "WOM-027",
    "too-long",
    "every text fits its field",
    "texts are shown in tables and on pages",
    "shorten it",
    "description: Kafka in, Postgres out",
)
ITEM_COUNT: Final = Rule(
    "WOM-028",
    "item-count",
    "every list and map has a sensible number of items",
    "an empty list would build nothing",
    "name at least one, or leave the field out where it is optional",
    "platforms: [linux/amd64]",
)
REPEATED_ITEM: Final = Rule(
    "WOM-029",
    "repeated-item",
    "an item is listed once",
    "a repetition is usually a mistake for something else",
    "remove one of them",
    "packages: [pure, io]",
)
UNSUPPORTED_PLATFORM: Final = Rule(
    "WOM-030",
    "platform",
    "every platform is one that can be built",
    "the Go compiler has a fixed list of targets",
    "write `os/arch` or `os/arch/variant` as Go spells them",
    "platforms: [linux/amd64, linux/arm/7]",
)
MAJOR_VERSION: Final = Rule(
    "WOM-031",
    "major-version",
    "a module's path and version agree on the major version",
    "in Go, `v2` and later are part of the module's path; no such module exists otherwise",
    "add `/vN` to the path, or take a version of the path's major",
    "modules:\n  - module: github.com/redpanda-data/connect/v4\n    version: v4.105.0",
)
FOREIGN_PACKAGE: Final = Rule(
    "WOM-032",
    "foreign-package",
    "every package lies in a declared module",
    "only declared modules have an exact version that a person chose",
    "declare the package's module under `modules`",
    "modules:\n  - module: github.com/redpanda-data/connect/v4\n    version: v4.105.0\n    packages: [kafka]",
)
REPEATED_MODULE: Final = Rule(
    "WOM-033",
    "repeated-module",
    "a module is declared once",
    "a program has one version of a module; the one of Benthos is `benthos`",
    "keep one entry",
    "benthos: v4.76.0",
)
UNLIKELY_PACKAGE: Final = Rule(
    "WOM-034",
    "unlikely-package",
    "Benthos itself is not known to have this package",
    "most components live in other modules; the build would fail with a missing package (a warning: versions differ)",
    "correct the name, or name the package under its module",
    "packages: [pure, io]",
)
INTERNAL_PACKAGE: Final = Rule(
    "WOM-035",
    "internal-package",
    "a package can be imported from outside of its module",
    "the Go compiler refuses packages below a folder `internal`",
    "take the package that the module offers to others",
    "packages: [github.com/redpanda-data/benthos/v4/public/components/pure]",
)
FILE_NAME: Final = Rule(
    "WOM-040",
    "file-name",
    "a manifest's file is named for its distribution",
    "so that everybody finds it, and its lock beside it",
    "rename the file or the distribution",
    "name: tiny    # in tiny.yaml",
)
NAME_CONFLICT: Final = Rule(
    "WOM-041",
    "name-conflict",
    "a distribution is declared by one manifest",
    "two manifests would replace each other's builds; neither is used",
    "rename one of them",
    "name: tiny",
)
NOT_A_FILE: Final = Rule(
    "WOM-042",
    "not-a-file",
    "manifests and locks are regular files",
    "symbolic links and submodules lead out of the folder, and are never followed",
    "put the file itself there",
    "manifests/tiny.yaml",
)
ODD_PATH: Final = Rule(
    "WOM-043",
    "odd-path",
    "a path is plain text",
    "names with control characters, backslashes or `..` mean different files to different programs",
    "rename the file",
    "manifests/tiny.yaml",
)
LOCK_MISSING: Final = Rule(
    "WOM-050",
    "lock-missing",
    "a manifest has a lock beside it",
    "the lock says which modules a build gets, so that it is the same build on every day",
    "run `wombat lock`, and commit what it writes",
    "manifests/tiny.lock/go.mod\nmanifests/tiny.lock/go.sum",
)
LOCK_UNREADABLE: Final = Rule(
    "WOM-051",
    "lock-unreadable",
    "a lock is as `wombat lock` wrote it",
    "an edited or half-merged lock builds something that nobody resolved",
    "run `wombat lock` again",
    "// Code generated by `wombat lock`; DO NOT EDIT.",
)
LOCK_DIRECTIVE: Final = Rule(
    "WOM-052",
    "lock-directive",
    "a lock only requires modules",
    "`replace`, `exclude`, `tool` and `toolchain` lines would make it build what no manifest names",
    "run `wombat lock` again",
    "require github.com/redpanda-data/benthos/v4 v4.76.0",
)
LOCK_MODULES: Final = Rule(
    "WOM-053",
    "lock-modules",
    "a lock requires the manifest's modules at the manifest's versions",
    "otherwise the build would have other versions than the manifest says",
    "run `wombat lock`",
    "require github.com/redpanda-data/benthos/v4 v4.76.0",
)
LOCK_STALE: Final = Rule(
    "WOM-054",
    "lock-stale",
    "a lock was made for the manifest's packages, tags, platforms and toolchain",
    "other packages or platforms may need modules that the lock does not have",
    "run `wombat lock`",
    "// toolchain: 1.26.6",
)
LOCK_GO: Final = Rule(
    "WOM-055",
    "lock-go",
    "the toolchain is new enough for the modules",
    "a module says which Go release it needs, and an older compiler refuses it",
    "raise `go`",
    "go: 1.26.6",
)

RULES: Final[dict[str, Rule]] = {rule.id: rule for rule in tuple(globals().values()) if isinstance(rule, Rule)}
"""Every rule by its id, in order."""
