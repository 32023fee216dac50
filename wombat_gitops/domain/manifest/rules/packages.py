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
    "platforms: [linux/amd64, linux/arm/7]\n"
    "modules:\n  - module: github.com/redpanda-data/connect/v4\n    version: v4.105.0\n    packages: [couchbase]\n"
    "exclusions:\n  - platforms: [linux/arm]\n    packages: [couchbase]",
)
PACKAGE_REFUSED: Final = Rule(
    "WOM-072",
    "package-refused",
    "every package can be compiled on every platform",
    "Go does not import programs and internal packages, and leaves files out without their tag, platform, or cgo",
    "add the build tag, switch cgo on, exclude the package there, or take the one that the module offers to others",
    "cgo: true\ntags: [x_benthos_extra]\n"
    "modules:\n  - module: github.com/redpanda-data/connect/v4\n    version: v4.105.0\n    packages: [zeromq]",
)
PACKAGE_EMPTY: Final = Rule(
    "WOM-073",
    "package-empty",
    "every package is known to register a component",
    "a package that imports nothing of the core's `public` cannot register (an error); one whose names are made at run "
    "time, or that registers only where no `init` leads, may add nothing (a warning)",
    "remove the package, or take the one that registers the component",
    "packages: [pure, io]",
)
PACKAGE_CLASH: Final = Rule(
    "WOM-074",
    "package-clash",
    "every component is registered by one package",
    "where two packages register one name, the order in which Go starts packages decides which one a pipeline gets",
    "leave one of the packages out, or ask an owner for another name",
    "packages: [pure, io]",
)
