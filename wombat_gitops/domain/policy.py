"""What policies say of a distribution, a request, a program's contents and its size.

Every place that acts judges for itself: the pull request, the watcher, the service and the builder. A
pattern of paths is compared element by element; `*` stands for any text inside one element, and `...` at
the end for everything below, the path itself included. `deny` wins over `allow`; of several policies each
has to hold, so one more policy never allows more. Machine code that Go's compiler did not make is the one
exception: it is refused without a policy too, so one has to allow it, and none may refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, TypeVar

from wombat_gitops.domain.errors import Refused
from wombat_gitops.domain.licenses import UNKNOWN
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import outward
from wombat_gitops.domain.model import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wombat_gitops.domain.contents import Contents, NativePackage
    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.gomod import GoMod
    from wombat_gitops.domain.manifest import Reading
    from wombat_gitops.domain.model import BuildSpec, Distribution, Module, Selection
    from wombat_gitops.domain.platforms import Platform


T = TypeVar("T")

_NAMED_FILES: Final = 3
"""How many files of a package a message names."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that a policy does not allow.

    Attributes:
        policy: None where it is refused because no policy allows it.
        pointer: JSON Pointer of the field of the manifest that is to blame, or `package` or `module` and its path.
    """

    rule: rules.Rule
    policy: Policy | None
    message: str
    pointer: str
    hint: str

    def __str__(self) -> str:
        return f"policy `{self.policy.name}`: {self.message}" if self.policy is not None else self.message


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


def about_licenses(policies: Iterable[Policy]) -> bool:
    """Whether one of them says something of licences, so that a program without known contents cannot be judged."""
    return any(each.licenses.allow or each.licenses.deny for each in policies)


def judge_contents(policies: Iterable[Policy], contents: Contents) -> tuple[Violation, ...]:
    """The machine code and the licences of everything that is compiled in, each with what brings it."""
    policies = tuple(policies)
    found = [*_judge_native(policies, contents)]
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
        path = each.policy.path if each.policy is not None else ""
        where = f" ({path})" if path not in {"", reading.places.path} else ""
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


def _judge_native(policies: tuple[Policy, ...], contents: Contents) -> Iterator[Violation]:
    """Packages with `.syso` files or C code that a policy refuses, or that no policy allows."""
    listed = {package.package for package in contents.packages}
    for each in contents.native:
        pointer = f"package {each.package}" if each.package in listed else f"module {each.replaces or each.module}"
        if each.syso:
            selections = [(policy, policy.syso) for policy in policies]
            yield from _judge_files(rules.POLICY_SYSO, "syso", f"links {_files(each.syso)}", each, selections, pointer)
        if each.cgo:
            selections = [(policy, policy.cgo) for policy in policies]
            what = f"compiles {_files(each.cgo)} with a C compiler"
            yield from _judge_files(rules.POLICY_CGO, "cgo", what, each, selections, pointer)


def _judge_files(
    rule: rules.Rule,
    field: str,
    what: str,
    package: NativePackage,
    selections: Sequence[tuple[Policy, Selection]],
    pointer: str,
) -> Iterator[Violation]:
    instead = f" in place of `{package.replaces}`" if package.replaces else ""
    message = f"package `{package.package}` of `{package.module}@{package.version}`{instead} {what}"
    refusing = [policy for policy, selection in selections if _refuses_native(selection, package)]
    for policy in refusing:
        hint = f"leave out what needs it, or have `{package.origin}` allowed by `{field}` of that policy"
        yield Violation(rule, policy, f"{message}, which is not allowed", pointer, hint)
    if not refusing and not any(selection.allow for _, selection in selections):
        hint = f"leave out what needs it, or write `{field}: {{allow: [{package.origin}]}}` into a policy file"
        yield Violation(rule, None, f"{message}, which no policy allows", pointer, hint)


def _refuses_native(selection: Selection, package: NativePackage) -> bool:
    """Whether a policy refuses the machine code of a package, by the path of the package or of its module.

    A replacement is only allowed by its own path: the manifest, which names it, could otherwise put any code in the
    place of an allowed module.
    """
    own = (package.origin, package.module)
    if _names(selection.deny, *own, package.package, package.replaces):
        return True
    return bool(selection.allow) and not _names(selection.allow, *own)


def _names(patterns: Iterable[str], *paths: str) -> bool:
    """Whether a pattern means one of the paths of a package and its module."""
    return any(matches_path(pattern, path) for pattern in patterns for path in paths if path)


def _files(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED_FILES} more" if names[_NAMED_FILES:] else ""
    return ", ".join(f"`{name}`" for name in names[:_NAMED_FILES]) + more


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
