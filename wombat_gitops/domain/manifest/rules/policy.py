"""Rules about what policies allow, 080 to 089."""

from __future__ import annotations

from typing import Final

from wombat_gitops.domain.manifest.rules.rule import Rule

_WHY: Final = "the people who answer for this folder decided what may be built from it"

POLICY_MODULE: Final = Rule(
    "WOM-080",
    "policy-module",
    "every module that is compiled in is allowed",
    _WHY,
    "leave out what needs the module, or have the policy changed",
    "modules: {allow: [github.com/redpanda-data/...]}    # in a Policy",
)
POLICY_PACKAGE: Final = Rule(
    "WOM-081",
    "policy-package",
    "every package is allowed",
    _WHY,
    "leave the package out, or have the policy changed",
    "packages: {deny: [github.com/example/...]}    # in a Policy",
)
POLICY_LICENSE: Final = Rule(
    "WOM-082",
    "policy-license",
    "the licence of everything that is compiled in is allowed",
    "some packages of a module are under another licence than the rest of it, and so is the program then",
    "leave the package out (the message names a file that is under the licence), or have the policy changed",
    "licenses: {allow: [Apache-2.0, MIT]}    # in a Policy",
)
POLICY_PLATFORM: Final = Rule(
    "WOM-083",
    "policy-platform",
    "every platform is allowed",
    _WHY,
    "leave the platform out, or have the policy changed",
    "platforms: {allow: [linux]}    # in a Policy",
)
POLICY_TOOLCHAIN: Final = Rule(
    "WOM-084",
    "policy-toolchain",
    "the Go release is allowed",
    "old releases have known defects, which get into every program they build",
    "take a release that is allowed",
    "toolchains: {allow: [1.26.*]}    # in a Policy",
)
POLICY_SIZE: Final = Rule(
    "WOM-085",
    "policy-size",
    "a program is no larger than allowed",
    "somebody has to carry it to where it runs",
    "leave out packages that are not needed",
    "maxSize: 80MiB    # in a Policy",
)
POLICY_UNUSABLE: Final = Rule(
    "WOM-086",
    "policy-unusable",
    "every policy that holds for a manifest can be used",
    "what a policy with an error forbids is not known, so nothing below its folder is built until it is mended",
    "mend the policy's file; `wombat validate` says what is wrong with it",
    "apiVersion: wombat/v1\nkind: Policy\nname: house    # in house.yaml\nlicenses: {allow: [Apache-2.0, MIT]}",
)
POLICY_SYSO: Final = Rule(
    "WOM-088",
    "policy-syso",
    "a policy allows every package with `.syso` files",
    "Go links these object files into a program as they are, even with cgo off, and nobody can review them",
    "leave out what needs the package, or allow the package or its module by name in a manifest of kind `Policy`",
    "syso: {allow: [github.com/example/resources]}    # in a Policy",
)
POLICY_CGO: Final = Rule(
    "WOM-089",
    "policy-cgo",
    "a policy allows every package with C code",
    "C has none of Go's memory safety, and its packages pass flags to the C compiler and the linker",
    "leave out what needs the package, or allow the package or its module by name in a manifest of kind `Policy`",
    "cgo: {allow: [github.com/pebbe/zmq4]}    # in a Policy",
)
POLICY_LICENSE_NAME: Final = Rule(
    "WOM-087",
    "policy-license-name",
    "a licence is named as it is told",
    "a licence that is denied under another name is not denied at all (a warning: modules may use names of their own)",
    "write the identifier of SPDX, or `LicenseRef-…` as the modules' files say it",
    "licenses: {allow: [Apache-2.0, MIT], deny: [LicenseRef-Redpanda-Community-License]}    # in a Policy",
)
