"""Modules and packages of a manifest: its own and those of its libraries, with every path in full."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.places import did_you_mean, shown
from wombat_gitops.domain.manifest.view import record, text, texts
from wombat_gitops.domain.model import COMPONENTS_FOLDER, CORE_MODULE, Module, Replace
from wombat_gitops.domain.visible import visible_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wombat_gitops.domain.manifest.kinds import Json
    from wombat_gitops.domain.manifest.shared import Declares
    from wombat_gitops.domain.manifest.view import View

CORE_PACKAGES: Final = ("io", "pure", "pure/extended")
"""Packages known below the core module's components folder (v4.60.0 to v4.77.0)."""

CONNECT_MODULE: Final = "github.com/redpanda-data/connect/v4"
_CONNECT_NAMES: Final = (
    "amqp09 amqp1 avro aws azure beanstalkd cassandra changelog cockroachdb community confluent couchbase crypto "
    "cypher dgraph discord gcp git hdfs influxdb jaeger javascript kafka maxmind memcached mongodb mqtt msgpack "
    "nanomsg nats nsq opensearch otlp pinecone prometheus pulsar pusher qdrant questdb redis redpanda sentry sftp "
    "spicedb sql statsd text timeplus twitter wasm zeromq"
)
CONNECT_PACKAGES: Final = frozenset(_CONNECT_NAMES.split())
"""Well-known packages of Redpanda Connect, which are often looked for in Benthos itself."""

_MAJOR_SUFFIX: Final = re.compile(r"/v(0|[1-9][0-9]*)$")
_GOPKG_SUFFIX: Final = re.compile(r"\.v(0|[1-9][0-9]*)$")


class Modules:
    """Collects what is compiled, and tells what is wrong between the fields that say so.

    Args:
        view: the manifest. A problem of something that a library brings is told at the library's name.
        libraries: those there are, by name.
        broken: files of those that have an error, by name.
    """

    def __init__(self, view: View, libraries: Mapping[str, Declares], broken: Mapping[str, str] | None = None) -> None:
        self._view = view
        self._libraries = libraries
        self._broken = broken or {}
        self._alone = False
        self._own = set[str]()
        self._origin = dict[str, str]()
        self.modules: list[Module] = []
        self.packages: dict[str, str] = {}
        self.tags: set[str] = set(view.texts("tags"))
        self.replaces: dict[tuple[str, str], Replace] = {}
        self.used: list[str] = []

    def check(self) -> None:
        """Find everything that is declared, and everything that is wrong with it."""
        taken = list(self._take_libraries())
        self._check_modules(taken)
        self._check_packages(taken)
        self._check_replaces()

    def check_library(self) -> None:
        """Find what is wrong with a library by itself: the modules that distributions have besides are not known."""
        self._alone = True
        self._check_modules([])
        self._check_packages([])

    def full_path(self, name: str) -> str:
        """The import path of a listed package that *name* means, or "" where it means none or several."""
        if name in self.packages:
            return name
        found = [package for package in self.packages if package.endswith(f"/{COMPONENTS_FOLDER}/{name}")]
        return found[0] if len(found) == 1 else ""

    def excludes(self) -> tuple[Module, ...]:
        """Versions that must not be chosen, sorted."""
        found = dict[Module, str]()
        for pointer, entry in self._view.records("excludes"):
            module = Module(text(entry.get("module")), text(entry.get("version")))
            if found.setdefault(module, pointer) != pointer:
                self._view.report(rules.REPEATED_ITEM, f"`{module}` is already listed", pointer, "remove one of them")
            if module in self.modules:
                hint = "ask for another version of it, or do not exclude this one"
                self._view.report(rules.REPLACEMENT, f"`{module}` is asked for, and excluded", pointer, hint)
            elif self._view.sound(pointer):
                self._check_major(module.path, module.version, f"{pointer}/version")
        return tuple(sorted(found))

    def _take_libraries(self) -> Iterator[tuple[str, Declares]]:
        for index, name in enumerate(self._view.texts("libraries")):
            pointer = f"/libraries/{index}"
            library = self._libraries.get(name)
            if library is not None:
                self.used.append(library.path)
                yield pointer, library
            elif name in self._broken:
                message = f"the library {shown(name)} cannot be used"
                self._view.report(rules.UNKNOWN_LIBRARY, message, pointer, f"mend `{visible_line(self._broken[name])}`")
            elif self._view.sound(pointer):
                known = ", ".join(f"`{other}`" for other in sorted(self._libraries)[:8])
                hint = did_you_mean(name, self._libraries) or (f"there are {known}" if known else "none is declared")
                self._view.report(rules.UNKNOWN_LIBRARY, f"there is no library {shown(name)}", pointer, hint)

    def _check_modules(self, taken: list[tuple[str, Declares]]) -> None:
        benthos = self._view.text("benthos")
        if benthos and self._view.sound("/benthos"):
            self.modules.append(Module(CORE_MODULE, benthos))
            self._check_major(CORE_MODULE, benthos, "/benthos")
        for pointer, entry in self._view.records("modules"):
            path, version = text(entry.get("module")), text(entry.get("version"))
            if not path or not self._view.sound(f"{pointer}/module"):
                continue
            if path == CORE_MODULE:
                hint = "remove the entry; its version is `benthos` and its packages are `packages`"
                self._view.report(
                    rules.REPEATED_MODULE, f"module `{path}` is Benthos itself", f"{pointer}/module", hint
                )
            elif path in self._own:
                message = f"module `{path}` is declared twice"
                self._view.report(rules.REPEATED_MODULE, message, f"{pointer}/module", "keep one entry")
            else:
                self._own.add(path)
                self._add_module(entry, pointer)
                if version and self._view.sound(f"{pointer}/version"):
                    self._check_major(path, version, f"{pointer}/version")
        for pointer, library in taken:
            for _, entry in _entries(library):
                self._take_module(entry, pointer, library)

    def _take_module(self, entry: Mapping[str, Json], pointer: str, library: Declares) -> None:
        path, version = text(entry.get("module")), text(entry.get("version"))
        known = next((module.version for module in self.modules if module.path == path), None)
        if known is None:
            self._origin[path] = library.name
            self._add_module(entry, pointer)
            self._check_major(path, version, pointer)
            return
        self.tags.update(texts(entry.get("tags")))
        if path in self._origin and known != version:
            message = (
                f"library `{library.name}` has `{path}` at `{version}`, and `{self._origin[path]}` has it at `{known}`"
            )
            hint = "name the version that you want under `modules`"
            self._view.report(rules.LIBRARY_VERSIONS, message, pointer, hint)

    def _add_module(self, entry: Mapping[str, Json], pointer: str) -> None:
        path = text(entry.get("module"))
        self.modules.append(Module(path, text(entry.get("version"))))
        self.tags.update(texts(entry.get("tags")))
        other = record(entry.get("replace"))
        if other:
            self._replace(Replace(path, "", _exact(other)), pointer)

    def _check_major(self, path: str, version: str, pointer: str) -> None:
        found = major_of(version)
        wanted, suffix = _majors_of(path)
        if found in wanted or (version.endswith("+incompatible") and not suffix and found >= 2):  # noqa: PLR2004
            return
        message = f"module `{path}` has no version `{version}`"
        first = min(wanted, key=lambda major: abs(major - found))
        hint = f"take a version `v{first}.…`"
        if path != CORE_MODULE and found > 1 and not path.startswith("gopkg.in/"):
            hint += f", or write the path `{_MAJOR_SUFFIX.sub('', path)}/v{found}`"
        self._view.report(rules.MAJOR_VERSION, message, pointer, hint)

    def _check_packages(self, taken: list[tuple[str, Declares]]) -> None:
        for index, name in enumerate(self._view.texts("packages")):
            pointer = f"/packages/{index}"
            if self._view.sound(pointer):
                self._take_package(name, CORE_MODULE, pointer)
        for entry_pointer, entry in self._view.records("modules"):
            module = text(entry.get("module"))
            for index, name in enumerate(texts(entry.get("packages"))):
                pointer = f"{entry_pointer}/packages/{index}"
                if name and self._view.sound(pointer) and self._view.sound(f"{entry_pointer}/module"):
                    self._take_package(name, module, pointer, inside=module)
        for pointer, library in taken:
            for name in texts(library.value.get("packages")):
                self._take_package(name, CORE_MODULE, pointer, shared=True)
            for _, entry in _entries(library):
                module = text(entry.get("module"))
                for name in texts(entry.get("packages")):
                    self._take_package(name, module, pointer, inside=module, shared=True)

    def _take_package(self, name: str, module: str, pointer: str, *, inside: str = "", shared: bool = False) -> None:
        full = "." in name.partition("/")[0]
        package = name if full else f"{module}/{COMPONENTS_FOLDER}/{name}"
        if "internal" in package.split("/"):
            message = f"package {shown(name)} is internal to its module"
            self._view.report(
                rules.INTERNAL_PACKAGE, message, pointer, "take a package that the module offers to others"
            )
            return
        if full and not self._check_home(package, inside, pointer):
            return
        if not full and module == CORE_MODULE and not shared:
            self._check_core_package(name, pointer)
        first = self.packages.setdefault(package, pointer)
        if first != pointer and not shared:
            span = self._view.places.values.get(first)
            message = f"package `{package}` is already listed{f' in line {span.line}' if span else ''}"
            self._view.report(rules.REPEATED_ITEM, message, pointer, "remove one of them")

    def _check_home(self, package: str, inside: str, pointer: str) -> bool:
        homes = [module.path for module in self.modules if _holds(module.path, package)]
        if not self._view.sound("/modules") or (self._alone and not inside):
            return True
        home = max(homes, key=len, default="")
        if home and (not inside or home == inside):
            return True
        if inside:
            message = f"package {shown(package)} is not in module `{inside}`"
            hint = f"move it to the entry of `{home}`" if home else "give its module an entry of its own"
        else:
            message = f"package {shown(package)} is in none of the declared modules"
            hint = "declare its module, with an exact version, under `modules`"
        self._view.report(rules.FOREIGN_PACKAGE, message, pointer, hint)
        return False

    def _check_core_package(self, name: str, pointer: str) -> None:
        if name in CORE_PACKAGES:
            return
        if name in CONNECT_PACKAGES:
            hint = f"if you mean that of `{CONNECT_MODULE}`, list it in that module's entry under `modules`"
        else:
            hint = did_you_mean(name, CORE_PACKAGES)
        if hint:
            message = f"Benthos is not known to have a package {shown(name)}"
            self._view.report(rules.UNLIKELY_PACKAGE, message, pointer, hint, Severity.WARNING)

    def _check_replaces(self) -> None:
        for pointer, entry in self._view.records("replaces"):
            other = record(entry.get("with"))
            if text(entry.get("module")) and other and self._view.sound(pointer):
                self._replace(Replace(text(entry.get("module")), text(entry.get("version")), _exact(other)), pointer)

    def _replace(self, replace: Replace, pointer: str) -> None:
        other = self.replaces.setdefault((replace.path, replace.version), replace)
        if other is not replace:
            message = f"`{replace.path}` is already replaced by `{other.by}`"
            self._view.report(rules.REPLACEMENT, message, pointer, "keep one of them")
        if replace.version:
            self._check_major(replace.path, replace.version, f"{pointer}/version")
        self._check_replacement(replace, pointer)

    def _check_replacement(self, replace: Replace, pointer: str) -> None:
        found, (wanted, _) = major_of(replace.by.version), _majors_of(replace.by.path)
        if replace.by.path == replace.path and replace.by.version == replace.version:
            self._view.report(rules.REPLACEMENT, f"`{replace.by}` is replaced by itself", pointer, "remove it")
        elif found not in wanted and not replace.by.version.endswith("+incompatible"):
            message = f"module `{replace.by.path}` has no version `{replace.by.version}`"
            self._view.report(rules.MAJOR_VERSION, message, pointer, f"take a version `v{min(wanted)}.…`")


def major_of(version: str) -> int:
    """The major version of an exact module version, 4 for `v4.76.0`."""
    number = version.removeprefix("v").partition(".")[0]
    return int(number) if number.isdecimal() else 0


def _entries(library: Declares) -> Iterator[tuple[str, Mapping[str, Json]]]:
    modules = library.value.get("modules")
    for index, entry in enumerate(modules if isinstance(modules, list) else ()):
        if isinstance(entry, dict):
            yield f"/modules/{index}", entry


def _exact(entry: Mapping[str, Json]) -> Module:
    return Module(text(entry.get("module")), text(entry.get("version")))


def _majors_of(path: str) -> tuple[frozenset[int], bool]:
    """Major versions a module path can have (the Go modules reference, "major version suffixes")."""
    pattern = _GOPKG_SUFFIX if path.startswith("gopkg.in/") else _MAJOR_SUFFIX
    match = pattern.search(path)
    if match is None:
        return frozenset({0, 1}), False
    return frozenset({int(match[1][:9])}), True


def _holds(module: str, package: str) -> bool:
    return package == module or package.startswith(f"{module}/")
