"""From a checked document to a `Distribution`: defaults, packages in full, and what fields mean together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.capability import Needs
from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.modules import Modules
from wombat_gitops.domain.manifest.parts import DEFAULT_PLATFORMS
from wombat_gitops.domain.manifest.pipelines import check_tests
from wombat_gitops.domain.manifest.places import shown
from wombat_gitops.domain.manifest.shared import check_licenses, make_policy, size_of
from wombat_gitops.domain.manifest.view import View, record, text, texts
from wombat_gitops.domain.model import (
    DEFAULT_TOOLCHAIN,
    Distribution,
    Exclusion,
    Maintainer,
    PipelineTest,
    Retention,
    Withdrawal,
)
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest.kinds import Json
    from wombat_gitops.domain.manifest.places import Places
    from wombat_gitops.domain.manifest.shared import Shared

_IN_THE_BYTES: Final = ("go", "tags", "cgo")
"""Fields that change programs when their default changes."""


class Meaning:
    """Checks and reads the fields of one distribution, its own and those it shares with others."""

    def __init__(self, value: Mapping[str, Json], places: Places, sound: Callable[[str], bool], shared: Shared) -> None:
        self._shared = shared
        self._uses: list[str] = []
        self._view = View(self._with_defaults(value, places.path), places, sound)
        self._modules = Modules(self._view, shared.libraries, shared.broken)
        self._platforms: tuple[Platform, ...] = ()
        self._exclusions: tuple[Exclusion, ...] = ()

    @property
    def problems(self) -> list[Diagnostic]:
        """Everything that `check` found."""
        return self._view.problems

    @property
    def uses(self) -> tuple[str, ...]:
        """Paths of the other manifests that the programs depend on, sorted."""
        return tuple(sorted({*self._uses, *self._modules.used}))

    def pointers(self) -> dict[str, str]:
        """Where each package is named: full import path to JSON Pointer."""
        return dict(self._modules.packages)

    def check(self) -> None:
        """Find everything that is wrong between fields."""
        self._check_file_name()
        self._modules.check()
        self._excludes = self._modules.excludes()
        self._check_platforms()
        self._check_exclusions()
        check_tests(self._view)
        self._check_policies()

    def distribution(self) -> Distribution:
        """The distribution; only after `check`, and only where nothing was refused."""
        view, name = self._view, self._view.text("name")
        maintainers = view.value.get("maintainers")
        own = record(view.value.get("policy"))
        policies = self._shared.policies_for(view.places.path)
        return Distribution(
            name=name,
            version=view.text("version"),
            modules=tuple(self._modules.modules),
            packages=tuple(sorted(self._modules.packages)),
            platforms=self._platforms,
            toolchain=view.text("go") or DEFAULT_TOOLCHAIN,
            path=view.places.path,
            tags=tuple(sorted(self._modules.tags)),
            binary=view.text("binary") or name,
            description=view.text("description").strip(),
            homepage=view.text("homepage"),
            license=view.text("license"),
            maintainers=tuple(_maintainer(item) for item in maintainers) if isinstance(maintainers, list) else (),
            labels=tuple(sorted((key, text(words)) for key, words in view.record("labels").items())),
            suspend=view.value.get("suspend") is True,
            cgo=view.value.get("cgo") is True,
            replaces=tuple(sorted(self._modules.replaces.values())),
            excludes=self._excludes,
            exclusions=self._exclusions,
            tests=tuple(
                PipelineTest(*(text(test.get(name)) for name in ("name", "config", "input", "expect")))
                for _, test in view.records("tests")
            ),
            withdrawn=_withdrawal(view.record("withdrawn")),
            retention=_retention(view.record("retention")),
            needs=_needs(view.record("needs")),
            policies=(*policies, make_policy(name, own, view.places.path)) if own else policies,
        )

    def _with_defaults(self, value: Mapping[str, Json], path: str) -> dict[str, Json]:
        """The manifest's own fields under today's names, and those of its folders where it has none."""
        whole = dict(value)
        if "toolchain" in whole:
            whole.setdefault("go", whole["toolchain"])
        labels = dict(record(whole.get("labels")))
        for defaults in self._shared.defaults_for(path):
            for name, each in defaults.value.items():
                if name in {"apiVersion", "kind"} or name in whole:
                    continue
                whole[name] = each
                if name in _IN_THE_BYTES:
                    self._uses.append(defaults.path)
            labels = {**record(defaults.value.get("labels")), **labels}
        return {**whole, "labels": labels}

    def _check_file_name(self) -> None:
        name = self._view.text("name")
        file = self._view.places.path.replace("\\", "/").rpartition("/")[2]
        if name and self._view.sound("/name") and file not in {f"{name}.yaml", f"{name}.yml"}:
            message = f"distribution `{name}` is in a file named {shown(file)}"
            hint = f"rename the file to `{name}.yaml`, or the distribution"
            self._view.report(rules.FILE_NAME, message, "/name", hint)

    def _check_policies(self) -> None:
        check_licenses(self._view, self._view.record("policy"), "/policy")
        for path in self._shared.unusable_for(self._view.places.path):
            message = f"the policy `{visible_line(path)}` holds here, and cannot be used"
            self._view.report(
                rules.POLICY_UNUSABLE, message, "/name", "mend that file, and this one can be built again"
            )

    def _check_platforms(self) -> None:
        seen: dict[Platform, str] = {}
        for index, name in enumerate(self._view.texts("platforms") or DEFAULT_PLATFORMS):
            pointer = f"/platforms/{index}"
            if not self._view.sound(pointer):
                continue
            platform = Platform.parse(name)
            first = seen.setdefault(platform, name)
            if first != name:
                message = f"`{name}` is the same platform as `{first}`"
                self._view.report(rules.REPEATED_ITEM, message, pointer, "remove one of them")
        self._platforms = tuple(seen)

    def _check_exclusions(self) -> None:
        view, left = self._view, self._platforms
        kept: list[Exclusion] = []
        for pointer, entry in view.records("exclusions"):
            if not view.sound(pointer):
                continue
            where = self._excluded_platforms(pointer, entry)
            packages = self._excluded_packages(pointer, entry)
            if "packages" not in entry:
                left = tuple(platform for platform in left if platform not in where)
            elif where and packages:
                kept.append(Exclusion(where, packages, text(entry.get("reason"))))
        if not view.sound("/exclusions") or not view.sound("/platforms"):
            return
        if not left:
            hint = "remove an exclusion; to stop building, write `suspend: true`"
            view.report(rules.EXCLUDED_EVERYTHING, "no platform is left after the exclusions", "/exclusions", hint)
        for platform in left:
            out = {package for each in kept if platform in each.platforms for package in each.packages}
            if self._modules.packages and out >= set(self._modules.packages):
                message = f"no package is left for `{platform}` after the exclusions"
                view.report(rules.EXCLUDED_EVERYTHING, message, "/exclusions", "exclude the platform itself instead")
        self._platforms = left
        self._exclusions = tuple(
            Exclusion(where, each.packages, each.reason)
            for each in kept
            if (where := tuple(platform for platform in each.platforms if platform in left))
        )

    def _excluded_platforms(self, pointer: str, entry: Mapping[str, Json]) -> tuple[Platform, ...]:
        found = dict[Platform, None]()
        for index, pattern in enumerate(texts(entry.get("platforms"))):
            meant = [platform for platform in self._platforms if platform.matches(pattern)]
            found.update(dict.fromkeys(meant))
            if not meant and self._view.sound("/platforms"):
                message = f"`{pattern}` is none of the distribution's platforms"
                where = f"{pointer}/platforms/{index}"
                self._view.report(rules.IDLE_EXCLUSION, message, where, "remove it", Severity.WARNING)
        return tuple(found)

    def _excluded_packages(self, pointer: str, entry: Mapping[str, Json]) -> tuple[str, ...]:
        found = set[str]()
        for index, name in enumerate(texts(entry.get("packages"))):
            package = self._modules.full_path(name)
            found.add(package)
            if not package:
                message = f"{shown(name)} is none of the distribution's packages, or more than one"
                hint = "write it as it is listed, or in full"
                where = f"{pointer}/packages/{index}"
                self._view.report(rules.IDLE_EXCLUSION, message, where, hint, Severity.WARNING)
        return tuple(sorted(found - {""}))


def _maintainer(item: Json) -> Maintainer:
    fields = record(item)
    return Maintainer(*(text(fields.get(name)) for name in ("name", "email", "github")))


def _withdrawal(fields: Mapping[str, Json]) -> Withdrawal | None:
    return Withdrawal(text(fields.get("reason")), tuple(texts(fields.get("versions")))) if fields else None


def _retention(fields: Mapping[str, Json]) -> Retention | None:
    versions, days = (number if isinstance(number := fields.get(name), int) else 0 for name in ("versions", "days"))
    return Retention(versions, days, tuple(texts(fields.get("pin")))) if fields else None


def _needs(fields: Mapping[str, Json]) -> Needs:
    labels = sorted((key, text(value)) for key, value in record(fields.get("labels")).items())
    return Needs(size_of(text(fields.get("memory"))), tuple(labels))
