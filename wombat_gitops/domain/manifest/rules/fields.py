"""Rules about the fields of a manifest, 020 to 029."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

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
RENAMED_FIELD: Final = Rule(
    "WOM-100",
    "renamed-field",
    "fields have today's names",
    "an old name is still read (this is a hint), and readers of the documentation look for the new one",
    "write the field under its new name",
    "go: 1.26.6",
)
