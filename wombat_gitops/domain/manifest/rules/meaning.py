"""Rules about what fields mean together, 030 to 039."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

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
