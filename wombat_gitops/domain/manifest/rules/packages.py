"""Rules about packages in their modules, 070 to 079; only Go's own listing can tell."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

PACKAGE_MISSING: Final = Rule(
    "WOM-070",
    "package-missing",
    "every package is in its module at that version",
    "the build would fail after everything was downloaded",
    "correct the name, or choose a version that has the package",
    "packages: [pure, io]",
)
PACKAGE_STUB: Final = Rule(
    "WOM-071",
    "package-stub",
    "every package registers something on every platform",
    "such a build succeeds, and the program lacks what the manifest names",
    "add the build tag, switch cgo on, or exclude the package on that platform",
    "tags: [x_benthos_extra]\nexclusions:\n  - platforms: [linux/arm]\n    packages: [couchbase]",
)
PACKAGE_REFUSED: Final = Rule(
    "WOM-072",
    "package-refused",
    "every package can be imported on every platform",
    "Go does not import programs, internal packages, and packages without a file for the platform",
    "take the package that the module offers to others, or exclude it on that platform",
    "packages: [pure, io]",
)
PACKAGE_EMPTY: Final = Rule(
    "WOM-073",
    "package-empty",
    "every package is known to register a component",
    "a package that registers nothing only makes the program larger (a warning: names made at run time are not seen)",
    "remove the package, or take the one that registers the component",
    "packages: [pure, io]",
)
