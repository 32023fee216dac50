"""Rules about `Defaults`, `Library` and `Policy`, 090 to 099."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

REPEATED_DEFAULTS: Final = Rule(
    "WOM-090",
    "repeated-defaults",
    "a folder has one `Defaults`",
    "of two, nobody could say which value holds",
    "put all values into one of them, and remove the other",
    "apiVersion: wombat/v1\nkind: Defaults\ngo: 1.26.6",
)
UNKNOWN_LIBRARY: Final = Rule(
    "WOM-091",
    "unknown-library",
    "every library that is named is declared, and can be used",
    "its packages would be left out without a word",
    "correct the name, mend the library's file, or declare the library in a manifest of kind `Library`",
    "libraries: [streaming]",
)
LIBRARY_VERSIONS: Final = Rule(
    "WOM-092",
    "library-versions",
    "libraries agree on the version of a module, or the distribution decides",
    "a program has one version of a module",
    "name the module with a version in the distribution's own `modules`",
    "libraries: [streaming, storage]\nmodules:\n  - module: github.com/redpanda-data/connect/v4\n    version: v4.105.0",
)
