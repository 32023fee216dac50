"""What is told of packages and programs that break a rule, by Go's own listing and to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.golang.support import Log
from tests.support.goproxy import BENTHOS, component
from tests.support.manifests import SMALL, kept_picture, picture
from wombat_gitops.adapters.golang.inspector import GoInspector
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.domain import inspection, policy
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.model import Module

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.goproxy import GoProxy
    from wombat_gitops.domain.contents import Inspection
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest import Reading

HEADER = "// Licensed as a Redpanda Enterprise file under the Redpanda Community\n// License.\n\n"
FILES = {
    "public/components/some/some.go": component("some"),
    "public/components/again/again.go": component("some"),
    "public/components/tool/main.go": "package main\n\nfunc main() {}\n",
    "public/components/desk/doc.go": "package desk\n",
    "public/components/desk/desk.go": f"//go:build !arm\n\n{component('desk')}",
    "public/components/quiet/quiet.go": "package quiet\n",
    "public/components/paid/paid.go": HEADER + component("paid"),
    "public/components/blob/blob.go": component("blob"),
    "public/components/blob/blob_linux_amd64.syso": "",
    "public/components/withc/withc.go": component("withc").replace("import", 'import "C"\nimport', 1),
}
TEXT = f"""{SMALL}platforms: [linux/amd64, linux/arm/7]
modules:
  - module: example.org/rules
    version: v1.0.0
    packages: [{{packages}}]
policy:
  licenses: {{{{allow: [Apache-2.0, MIT, NOASSERTION]}}}}
  maxSize: 80MiB
"""


async def read(packages: str, proxy: GoProxy, data: Path, more: str = "") -> tuple[Reading, Inspection]:
    """A manifest with these packages of the module, and what Go says of it."""
    made = proxy.add("example.org/rules", "v1.0.0", FILES)
    reading = read_manifest("manifests/example.yaml", (TEXT.format(packages=packages) + more).encode())
    assert reading.distribution is not None
    lock = proxy.lock([made, Module(BENTHOS, "v4.76.0")])
    inspector = GoInspector(Toolchains(data, ""), data, GoNetwork(proxy.environment))
    return reading, await inspector.inspect(reading.distribution, lock, Log())


def check(name: str, problems: Iterable[Diagnostic]) -> None:
    found = list(problems)
    assert {problem.rule for problem in found} == {name[:7]}
    assert picture(name, found) == kept_picture(name)


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("WOM-070-package-missing", "sme, some"),
        ("WOM-071-package-stub", "desk"),
        ("WOM-072-package-refused", "tool"),
        ("WOM-073-package-empty", "quiet"),
        ("WOM-074-package-clash", "some, again"),
    ],
)
async def test_a_package_that_breaks_a_rule(name: str, packages: str, go_proxy: GoProxy, go_data: Path) -> None:
    """It is told at its place in the manifest, with what helps."""
    reading, found = await read(packages, go_proxy, go_data)
    check(name, inspection.diagnose(reading, found))


async def test_a_licence_that_is_not_allowed(go_proxy: GoProxy, go_data: Path) -> None:
    """It is told at the package that brings it, with the file that is under it."""
    reading, found = await read("some, paid", go_proxy, go_data)
    assert reading.distribution is not None
    violations = [
        each for _, one in found.platforms for each in policy.judge_contents(reading.distribution.policies, one)
    ]
    check("WOM-082-policy-license", policy.diagnose(reading, violations))


@pytest.mark.parametrize(
    ("name", "package", "more"),
    [("WOM-088-policy-syso", "blob", ""), ("WOM-089-policy-cgo", "withc", "cgo: true\n")],
)
async def test_native_code_that_no_policy_allows(
    name: str, package: str, more: str, go_proxy: GoProxy, go_data: Path
) -> None:
    """It is told at its package, with the files and with what to write."""
    reading, found = await read(f"some, {package}", go_proxy, go_data, more)
    assert reading.distribution is not None
    violations = [
        each for _, one in found.platforms for each in policy.judge_contents(reading.distribution.policies, one)
    ]
    check(name, policy.diagnose(reading, violations))


async def test_a_program_that_is_too_large(go_proxy: GoProxy, go_data: Path) -> None:
    """It is told with both sizes."""
    reading, _ = await read("some", go_proxy, go_data)
    assert reading.distribution is not None
    check(
        "WOM-085-policy-size", policy.diagnose(reading, policy.judge_size(reading.distribution.policies, 100_000_000))
    )
