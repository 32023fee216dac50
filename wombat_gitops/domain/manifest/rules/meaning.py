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
EXCLUDED_EVERYTHING: Final = Rule(
    "WOM-036",
    "nothing-left",
    "something is left to build after the exclusions",
    "a distribution without a platform, or a platform without a package, builds nothing",
    "remove an exclusion, or the whole manifest",
    "platforms: [linux/amd64, windows/amd64]\nexclusions:\n  - platforms: [windows]",
)
IDLE_EXCLUSION: Final = Rule(
    "WOM-037",
    "idle-exclusion",
    "an exclusion leaves something out",
    "one that means no platform or no listed package is usually misspelt (a warning)",
    "correct the platform or the package, or remove the exclusion",
    "packages: [pure, io]\nexclusions:\n  - platforms: [windows]\n    packages: [io]",
)
REPLACEMENT: Final = Rule(
    "WOM-038",
    "replacement",
    "a module is replaced once, and excluded only where it is not the version that is asked for",
    "Go refuses a module file that says two things about one module",
    "keep one of them",
    "replaces:\n  - module: github.com/99designs/keyring\n"
    "    with: {module: github.com/Jeffail/keyring, version: v1.2.3}",
)
TEST_PIPELINE: Final = Rule(
    "WOM-039",
    "test-pipeline",
    "a test's pipeline is well-formed YAML, and its name is its own",
    "a test that cannot be read would fail after the whole build",
    "mend the pipeline at the line that is shown",
    "tests:\n  - name: copies\n    config: |\n      input: {stdin: {}}\n      output: {stdout: {}}",
)
