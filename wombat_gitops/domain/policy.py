"""What policies say of a distribution, a request, a program's contents and its size.

Every place that acts judges for itself: the pull request, the watcher, the service and the builder. A
pattern of paths is compared element by element; `*` stands for any text inside one element, and `...` at
the end for everything below, the path itself included. `deny` wins over `allow`; of several policies each
has to hold, so one more policy never allows more.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.licenses import UNKNOWN
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import outward
from wombat_gitops.domain.model import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wombat_gitops.domain.contents import Contents
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.gomod import GoMod
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.model import BuildSpec, Distribution, Module, Selection
    from wombat_gitops.domain.platforms import Platform


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that a policy does not allow.

    Attributes:
        pointer: JSON Pointer of the field of the manifest that is to blame, or `package` or `module` and its path.
    """

    rule: rules.Rule
    policy: Policy
    message: str
    pointer: str
    hint: str

    def __str__(self) -> str:
        return f"policy `{self.policy.name}`: {self.message}"


def matches_path(pattern: str, path: str) -> bool:
    """Whether a pattern of module paths or packages means *path*."""
    wanted, elements = pattern.split("/"), path.split("/")
    if wanted[-1] == "...":
        wanted = wanted[:-1]
        elements = elements[: len(wanted)]
    return len(wanted) == len(elements) and all(
        fnmatchcase(element, each) for each, element in zip(wanted, elements, strict=True)
    )


def judge(
    policies: Iterable[Policy],
    *,
    modules: Iterable[Module] = (),
    packages: Iterable[str] = (),
    platforms: Iterable[Platform] = (),
    toolchain: str = "",
) -> Iterator[Violation]:
    """Everything that is known before a build. `modules` are those whose source is compiled."""
    modules, packages, platforms = tuple(modules), tuple(packages), tuple(platforms)
    for policy in policies:
        for module in modules:
            if _refused(policy.modules, matches_path, module.path):
                message, hint = f"module `{module}` is not allowed", "leave out what needs it"
                yield Violation(rules.POLICY_MODULE, policy, message, f"module {module.path}", hint)
        for package in packages:
            if _refused(policy.packages, matches_path, package):
                message, hint = f"package `{package}` is not allowed", "leave it out"
                yield Violation(rules.POLICY_PACKAGE, policy, message, f"package {package}", hint)
        for platform in platforms:
            if _refused(policy.platforms, _matches_platform, platform):
                message, hint = f"platform `{platform}` is not allowed", "leave it out of `platforms`"
                yield Violation(rules.POLICY_PLATFORM, policy, message, "/platforms", hint)
        if toolchain and _refused(policy.toolchains, _matches_text, toolchain):
            message, hint = f"Go `{toolchain}` is not allowed", _allowed("a release", policy.toolchains)
            yield Violation(rules.POLICY_TOOLCHAIN, policy, message, "/go", hint)


def judge_distribution(distribution: Distribution, go_mod: GoMod | None) -> tuple[Violation, ...]:
    """A distribution against the policies that hold for it; without a lock only its own modules are known."""
    if not distribution.policies:
        return ()
    return tuple(
        judge(
            distribution.policies,
            modules=go_mod.used() if go_mod is not None else distribution.modules,
            packages=distribution.packages,
            platforms=distribution.platforms,
            toolchain=distribution.toolchain,
        )
    )


def judge_spec(policies: Iterable[Policy], spec: BuildSpec, go_mod: GoMod) -> tuple[Violation, ...]:
    """One build against policies."""
    return tuple(
        judge(
            policies,
            modules=go_mod.used(),
            packages=spec.packages,
            platforms=(spec.platform,),
            toolchain=spec.toolchain,
        )
    )


def about_contents(policies: Iterable[Policy]) -> bool:
    """Whether one of them says something that only the contents of a program can tell."""
    return any(each.licenses.allow or each.licenses.deny for each in policies)


def judge_contents(policies: Iterable[Policy], contents: Contents) -> tuple[Violation, ...]:
    """The licences of everything that is compiled in; each is told with the package or module that brings it."""
    found = []
    for policy in policies:
        told = set[tuple[str, str]]()
        for package in contents.packages:
            for license_, file in zip_longest(package.licenses, package.license_files):
                if license_ and _refused(policy.licenses, _is_license, license_):
                    told.add((package.module, license_))
                    where = f" (`{file}`)" if file else ""
                    message = f"package `{package.package}` brings {_words(license_)}{where}, which is not allowed"
                    found.append(_license(policy, message, f"package {package.package}"))
        for module in contents.modules:
            for license_ in module.licenses:
                known = {(module.path, license_), (module.replaces, license_)}
                if _refused(policy.licenses, _is_license, license_) and not known & told:
                    message = f"module `{module.path}` is under {_words(license_)}, which is not allowed"
                    found.append(_license(policy, message, f"module {module.path}"))
    return tuple(found)


def judge_size(policies: Iterable[Policy], size: int) -> tuple[Violation, ...]:
    """The size in bytes of one program."""
    return tuple(
        Violation(
            rules.POLICY_SIZE,
            policy,
            f"the program has {size:,} bytes, at most {policy.max_size:,} are allowed",
            "/packages",
            "leave out packages that are not needed",
        )
        for policy in policies
        if policy.max_size and size > policy.max_size
    )


def refuse(violations: Iterable[Violation]) -> None:
    """Stop where a policy does not hold. Raises `Refused`."""
    kept = tuple(violations)
    if kept:
        more = f" (and {len(kept) - 1} more)" if kept[1:] else ""
        msg = f"{kept[0]}{more}"
        raise Refused(msg, hint=kept[0].hint)


def diagnose(reading: Reading, violations: Iterable[Violation]) -> tuple[Diagnostic, ...]:
    """Violations at their places in the manifest."""
    found = []
    for each in violations:
        where = f" ({each.policy.path})" if each.policy.path not in {"", reading.places.path} else ""
        found.append(reading.places.problem(each.rule, f"{each}{where}", _place(reading, each), hint=each.hint))
    return tuple(sorted(set(found)))


def _place(reading: Reading, violation: Violation) -> str:
    """The field that is to blame; where it stands in another manifest, what takes it from there, or the name."""
    pointer = violation.pointer
    kind, _, path = pointer.partition(" ")
    if kind == "package":
        pointer = reading.pointers.get(path, "/packages")
    elif kind == "module":
        own = [module.path for module in reading.distribution.modules] if reading.distribution is not None else []
        index = own.index(path) if path in own else -1
        pointer = "/benthos" if index == 0 else f"/modules/{index - 1}/module" if index > 0 else "/modules"
        if index > 0 and pointer not in reading.places.values:
            pointer = "/libraries"
    known = reading.places.values
    return pointer if any(each in known for each in outward(pointer)) else "/name"


def _refused(selection: Selection, matches: Callable[[str, T], bool], value: T) -> bool:
    if any(matches(pattern, value) for pattern in selection.deny):
        return True
    return bool(selection.allow) and not any(matches(pattern, value) for pattern in selection.allow)


def _matches_platform(pattern: str, platform: Platform) -> bool:
    return platform.matches(pattern)


def _matches_text(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern)


def _is_license(name: str, license_: str) -> bool:
    """Upper and lower case of SPDX identifiers mean the same (SPDX 2.3, annex D.2)."""
    return name.casefold() == license_.casefold()


def _allowed(what: str, selection: Selection) -> str:
    listed = ", ".join(f"`{pattern}`" for pattern in selection.allow[:5])
    return f"take {what} of {listed}" if listed else f"take {what} that is not denied"


def _words(license_: str) -> str:
    return f"a licence that cannot be told (`{UNKNOWN}`)" if license_ == UNKNOWN else f"licence `{license_}`"


def _license(policy: Policy, message: str, pointer: str) -> Violation:
    return Violation(rules.POLICY_LICENSE, policy, message, pointer, "leave the package out, or take another one")
