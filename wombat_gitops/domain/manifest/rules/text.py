"""Rules about a manifest as a YAML file, 001 to 019."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

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
    "a manifest has no control characters and no invisible ones",
    "control characters, unusual line ends, characters without width and marks that turn the writing direction hide "
    "what a text says; YAML takes only plain spaces for blanks",
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
MERGE_CONFLICT: Final = Rule(
    "WOM-018",
    "merge-conflict",
    "a file has no marks of a merge",
    "git writes them where two changes meet; the file then says two things at once",
    "resolve the merge and remove the lines that git added; make a lock again with `wombat lock`",
    "version: 1.1.0",
)
LFS_POINTER: Final = Rule(
    "WOM-019",
    "lfs-pointer",
    "manifests and locks are kept in git itself",
    "with Git LFS, git has a pointer of three lines, and the file is on another server that is never asked",
    "take `*.yaml` or the lock out of .gitattributes, and add the file again",
    "apiVersion: wombat/v1",
)
