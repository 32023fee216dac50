"""Rules about locks, 050 to 059."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

LOCK_MISSING: Final = Rule(
    "WOM-050",
    "lock-missing",
    "a manifest has a lock beside it",
    "the lock says which modules a build gets, so that it is the same build on every day",
    "run `wombat lock`, and commit what it writes",
    "wombat lock manifests/tiny.yaml\ngit add manifests/tiny.yaml manifests/tiny.lock",
)
LOCK_UNREADABLE: Final = Rule(
    "WOM-051",
    "lock-unreadable",
    "a lock is as `wombat lock` wrote it",
    "an edited or half-merged lock builds something that nobody resolved, or nothing, as Go checks every digest",
    "run `wombat lock` again; where a module is not what it was, find out why first",
    "wombat lock manifests/tiny.yaml",
)
LOCK_DIRECTIVE: Final = Rule(
    "WOM-052",
    "lock-directive",
    "a lock only names modules at exact versions",
    "folders in `replace` lines, `tool` and `toolchain` lines would make it build what no manifest names",
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
    "wombat lock manifests/tiny.yaml",
)
LOCK_GO: Final = Rule(
    "WOM-055",
    "lock-go",
    "the toolchain is new enough for the modules",
    "a module says which Go release it needs, and an older compiler refuses it",
    "raise `go`",
    "go: 1.26.6",
)
LOCK_REPLACES: Final = Rule(
    "WOM-056",
    "lock-replaces",
    "a lock replaces and excludes what the manifest does",
    "a replaced module is other code under the same name, so a person must have written it into the manifest",
    "run `wombat lock`",
    "replaces:\n  - module: github.com/99designs/keyring\n"
    "    with: {module: github.com/Jeffail/keyring, version: v1.2.3}",
)
LOCK_DIGEST: Final = Rule(
    "WOM-058",
    "lock-digest",
    "a module version has one digest, in a lock and in all locks of a repository",
    "a version never changes, so one of two digests is wrong; Go takes either, until the order of lines changes",
    "run `wombat lock` for both; where it writes another digest than was there, find out why first",
    "wombat lock manifests/tiny.yaml",
)
LOCK_REPEATED: Final = Rule(
    "WOM-059",
    "lock-repeated",
    "a line of a lock's go.sum is there once",
    "Go does not mind and keeps it, but it is part of what a build is made of: the same modules are built twice "
    "(a warning)",
    "remove one of the two lines",
    "wombat lock manifests/tiny.yaml",
)
IDLE_REPLACEMENT: Final = Rule(
    "WOM-057",
    "idle-replacement",
    "a module that is replaced is one that is required",
    "Go says nothing of a replacement that never takes place; its path is usually misspelt (a warning)",
    "correct the path or the version, or remove the replacement",
    "replaces:\n  - module: github.com/99designs/keyring\n"
    "    with: {module: github.com/Jeffail/keyring, version: v1.2.3}",
)
