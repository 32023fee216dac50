"""What is known of packages before anything is built: what each registers, where, and what that takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from wombat_gitops.domain.contents import Component
from wombat_gitops.domain.inspection import EXCLUDE, short_name
from wombat_gitops.domain.manifest.places import did_you_mean
from wombat_gitops.domain.model import COMPONENTS_FOLDER, Module
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.domain.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Outlook(StrEnum):
    """What a package will be on a platform, as far as that is known before anything is built."""

    PRESENT = "present"  # it registers something there
    STUB = "stub"  # it registers nothing there: a tag, cgo or another platform would help
    MISSING = "missing"  # the module has no such package in that version
    UNKNOWN = "unknown"  # nobody has built it, and no table has it
    EXCLUDED = "excluded"  # the manifest leaves it out there


@dataclass(frozen=True, slots=True)
class Fact:
    """A package that registers components.

    Attributes:
        package: full import path.
        module: the module it is in, at the version at which that was seen.
        platforms: where it was seen to; None stands for every platform.
        tags: build tags it was seen with, sorted.
        cgo: it was seen in a program with C.
    """

    package: str
    module: Module
    platforms: frozenset[Platform] | None = None
    tags: tuple[str, ...] = ()
    cgo: bool = False
    components: tuple[Component, ...] = ()
    licenses: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """Its name as a manifest writes it below its module, else the whole path."""
        return self.package.removeprefix(f"{self.module.path}/{COMPONENTS_FOLDER}/")

    def holds_on(self, platform: Platform) -> bool:
        """Whether it was seen on a platform."""
        return self.platforms is None or platform in self.platforms

    def fits(self, tags: Iterable[str], *, cgo: bool) -> bool:
        """Whether a program with these tags has all that it was seen with."""
        return set(self.tags) <= set(tags) and (cgo or not self.cgo)


@dataclass(frozen=True, slots=True)
class Read:
    """A module that was read whole: a package of which there is no fact at that version registers nothing.

    Attributes:
        requires: the versions of other modules that it needs at least, by path.
    """

    module: Module
    requires: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a package will be on a platform; *reason* and *hint* are for people, and may be empty."""

    outlook: Outlook
    reason: str = ""
    hint: str = ""


class Known:
    """Facts, and what they say of a package at a version.

    Args:
        read: the modules that were read whole; the other facts are from builds, which tell nothing of what they lack.
    """

    def __init__(self, facts: Iterable[Fact] = (), read: Iterable[Read] = ()) -> None:
        self._read = {each.module: each for each in read}
        self._facts: dict[str, list[Fact]] = defaultdict(list)
        for fact in sorted(facts, key=_order):
            self._facts[fact.package].append(fact)

    @property
    def packages(self) -> tuple[str, ...]:
        """Every package, sorted."""
        return tuple(sorted(self._facts))

    @property
    def modules(self) -> tuple[Module, ...]:
        """Every module with a package, at every version at which it is known, sorted."""
        return tuple(sorted({fact.module for facts in self._facts.values() for fact in facts}))

    def facts(self, package: str) -> tuple[Fact, ...]:
        """What is known of a package: oldest version first, and of one version what takes least first."""
        return tuple(self._facts.get(package, ()))

    def best(self, package: str, module: Module, tags: Iterable[str] = (), *, cgo: bool = False) -> Fact | None:
        """The fact that tells most of a package in *module*: at that version, and with these tags; None without any."""
        same = [fact for fact in self.facts(package) if fact.module.path == module.path]
        wanted = tuple(tags)
        return min(same, key=lambda fact: _distance(fact, module, wanted, cgo=cgo), default=None)

    def requires(self, module: Module) -> Mapping[str, str]:
        """The versions of other modules that *module* needs at least, as far as that is known."""
        found = self._read.get(module)
        return found.requires if found is not None else {}

    def judge(
        self, package: str, module: Module, platforms: Iterable[Platform], tags: Iterable[str], *, cgo: bool
    ) -> tuple[tuple[Platform, Verdict], ...]:
        """What a package of *module* will be on each platform, in a program with these tags."""
        wanted = tuple(tags)
        facts = [fact for fact in self.facts(package) if fact.module == module]
        missing = None if facts or module not in self._read else self._missing(package, module)
        return tuple(
            (platform, missing or self._on(platform, facts, package, module, wanted, cgo=cgo)) for platform in platforms
        )

    def _missing(self, package: str, module: Module) -> Verdict:
        names = (fact.short for others in self._facts.values() for fact in others if fact.module == module)
        hint = did_you_mean(short_name(package), names)
        return Verdict(Outlook.MISSING, f"`{module}` has no such package", hint)

    def _on(
        self,
        platform: Platform,
        facts: Sequence[Fact],
        package: str,
        module: Module,
        tags: tuple[str, ...],
        *,
        cgo: bool,
    ) -> Verdict:
        there = [fact for fact in facts if fact.holds_on(platform)]
        if any(fact.fits(tags, cgo=cgo) for fact in there):
            return Verdict(Outlook.PRESENT)
        if module not in self._read:
            return Verdict(Outlook.UNKNOWN, self._elsewhere(package, module, platform))
        if not there:
            return Verdict(Outlook.STUB, "it registers nothing there", EXCLUDE)
        lacking = [f"the build tag `{tag}`" for tag in there[0].tags if tag not in tags]
        lacking += ["cgo"] if there[0].cgo and not cgo else []
        words = " and ".join(lacking)
        return Verdict(Outlook.STUB, f"without {words} it registers nothing", f"add {words}")

    def _elsewhere(self, package: str, module: Module, platform: Platform) -> str:
        """What other versions let expect."""
        others = [fact for fact in self.facts(package) if fact.module.path == module.path]
        if not others:
            return "no build here has it yet"
        there = [fact for fact in others if fact.holds_on(platform)]
        last = (there or others)[-1]
        words = "registers something there" if there else "was not seen there"
        return f"not seen at `{module.version}`; at `{last.module.version}` it {words}"


def _order(fact: Fact) -> tuple[object, ...]:
    return (fact.module.path, version_key(fact.module.version), fact.cgo, len(fact.tags), fact.tags)


def _distance(fact: Fact, module: Module, tags: tuple[str, ...], *, cgo: bool) -> tuple[object, ...]:
    """Smaller tells more: this very version, what fits the tags and has most of them, then the newest version."""
    key = version_key(fact.module.version)
    newest = tuple(-number for number in key[0])
    return (fact.module != module, not fact.fits(tags, cgo=cgo), newest, not key[1], -len(fact.tags), fact.cgo)
