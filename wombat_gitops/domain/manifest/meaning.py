"""From a checked document to a `Distribution`: defaults, packages in full, and what fields mean together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.diagnostics import Severity
from wombat_gitops.domain.manifest import rules
from wombat_gitops.domain.manifest.fields import DEFAULT_PLATFORMS
from wombat_gitops.domain.manifest.places import did_you_mean, shown
from wombat_gitops.domain.model import (
    COMPONENTS_FOLDER,
    CORE_MODULE,
    DEFAULT_TOOLCHAIN,
    Distribution,
    Maintainer,
    Module,
    Platform,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wombat_gitops.domain.diagnostics import Diagnostic
    from wombat_gitops.domain.manifest.kinds import Json
    from wombat_gitops.domain.manifest.places import Places

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


class Meaning:
    """Checks and reads the fields of one manifest.

    Fields that the schema already refused are passed over, so that each problem is told once.

    Args:
        sound: whether nothing at or below a JSON Pointer was refused so far.
    """

    def __init__(self, value: Mapping[str, Json], places: Places, sound: Callable[[str], bool]) -> None:
        self._value = value
        self._places = places
        self._sound = sound
        self._modules: list[Module] = []
        self._packages: dict[str, str] = {}
        self.problems: list[Diagnostic] = []

    def check(self) -> None:
        """Find everything that is wrong between fields."""
        self._check_file_name()
        self._check_modules()
        self._check_packages()
        self._check_platforms()

    def distribution(self) -> Distribution:
        """The distribution; only after `check`, and only where nothing was refused."""
        name = self._text("name")
        platforms = tuple(Platform.parse(text) for text in self._texts("platforms") or DEFAULT_PLATFORMS)
        labels = self._value.get("labels")
        maintainers = self._value.get("maintainers")
        return Distribution(
            name=name,
            version=self._text("version"),
            modules=tuple(self._modules),
            packages=tuple(sorted(self._packages)),
            platforms=platforms,
            toolchain=self._text("go") or DEFAULT_TOOLCHAIN,
            path=self._places.path,
            tags=tuple(sorted(self._texts("tags"))),
            binary=self._text("binary") or name,
            description=self._text("description").strip(),
            homepage=self._text("homepage"),
            license=self._text("license"),
            maintainers=tuple(_maintainer(item) for item in maintainers) if isinstance(maintainers, list) else (),
            labels=tuple(sorted((key, str(text)) for key, text in labels.items())) if isinstance(labels, dict) else (),
            suspend=self._value.get("suspend") is True,
        )

    def _check_file_name(self) -> None:
        name = self._text("name")
        file = self._places.path.replace("\\", "/").rpartition("/")[2]
        if name and self._sound("/name") and file not in {f"{name}.yaml", f"{name}.yml"}:
            message = f"distribution `{name}` is in a file named {shown(file)}"
            hint = f"rename the file to `{name}.yaml`, or the distribution"
            self._report(rules.FILE_NAME, message, "/name", hint)

    def _check_modules(self) -> None:
        benthos = self._text("benthos")
        if benthos and self._sound("/benthos"):
            self._modules.append(Module(CORE_MODULE, benthos))
            self._check_major(CORE_MODULE, benthos, "/benthos")
        for pointer, entry in self._entries():
            path, version = str(entry.get("module", "")), str(entry.get("version", ""))
            if not path or not self._sound(f"{pointer}/module"):
                continue
            if path == CORE_MODULE:
                hint = "remove the entry; its version is `benthos` and its packages are `packages`"
                self._report(rules.REPEATED_MODULE, f"module `{path}` is Benthos itself", f"{pointer}/module", hint)
            elif any(module.path == path for module in self._modules):
                message = f"module `{path}` is declared twice"
                self._report(rules.REPEATED_MODULE, message, f"{pointer}/module", "keep one entry")
            else:
                self._modules.append(Module(path, version))
                if version and self._sound(f"{pointer}/version"):
                    self._check_major(path, version, f"{pointer}/version")

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
        self._report(rules.MAJOR_VERSION, message, pointer, hint)

    def _check_packages(self) -> None:
        for index, text in enumerate(self._texts("packages")):
            pointer = f"/packages/{index}"
            if self._sound(pointer):
                self._take_package(text, CORE_MODULE, pointer)
        for entry_pointer, entry in self._entries():
            packages = entry.get("packages")
            module = str(entry.get("module", ""))
            if not isinstance(packages, list) or not self._sound(f"{entry_pointer}/module"):
                continue
            for index, item in enumerate(packages):
                pointer = f"{entry_pointer}/packages/{index}"
                if isinstance(item, str) and self._sound(pointer):
                    self._take_package(item, module, pointer, inside=module)

    def _take_package(self, text: str, module: str, pointer: str, *, inside: str = "") -> None:
        full = "." in text.partition("/")[0]
        package = text if full else f"{module}/{COMPONENTS_FOLDER}/{text}"
        if "internal" in package.split("/"):
            message = f"package {shown(text)} is internal to its module"
            self._report(rules.INTERNAL_PACKAGE, message, pointer, "take a package that the module offers to others")
            return
        if full and not self._check_home(package, inside, pointer):
            return
        if not full and module == CORE_MODULE:
            self._check_core_package(text, pointer)
        first = self._packages.setdefault(package, pointer)
        if first != pointer:
            span = self._places.values.get(first)
            message = f"package `{package}` is already listed{f' in line {span.line}' if span else ''}"
            self._report(rules.REPEATED_ITEM, message, pointer, "remove one of them")

    def _check_home(self, package: str, inside: str, pointer: str) -> bool:
        homes = [module.path for module in self._modules if _holds(module.path, package)]
        if not self._sound("/modules"):
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
        self._report(rules.FOREIGN_PACKAGE, message, pointer, hint)
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
            self._report(rules.UNLIKELY_PACKAGE, message, pointer, hint, Severity.WARNING)

    def _check_platforms(self) -> None:
        seen: dict[Platform, str] = {}
        for index, text in enumerate(self._texts("platforms")):
            pointer = f"/platforms/{index}"
            if not self._sound(pointer):
                continue
            platform = Platform.parse(text)
            first = seen.setdefault(platform, text)
            if first != text:
                message = f"`{text}` is the same platform as `{first}`"
                self._report(rules.REPEATED_ITEM, message, pointer, "remove one of them")

    def _entries(self) -> Iterator[tuple[str, dict[str, Json]]]:
        modules = self._value.get("modules")
        for index, entry in enumerate(modules if isinstance(modules, list) else ()):
            if isinstance(entry, dict):
                yield f"/modules/{index}", entry

    def _text(self, name: str) -> str:
        value = self._value.get(name)
        return value if isinstance(value, str) else ""

    def _texts(self, name: str) -> list[str]:
        value = self._value.get(name)
        return [item if isinstance(item, str) else "" for item in value] if isinstance(value, list) else []

    def _report(
        self, rule: rules.Rule, message: str, pointer: str, hint: str, severity: Severity = Severity.ERROR
    ) -> None:
        self.problems.append(self._places.problem(rule, message, pointer, hint=hint, severity=severity))


def major_of(version: str) -> int:
    """The major version of an exact module version, 4 for `v4.76.0`."""
    return int(version.removeprefix("v").partition(".")[0])


def _majors_of(path: str) -> tuple[frozenset[int], bool]:
    """Major versions a module path can have (the Go modules reference, "major version suffixes")."""
    pattern = _GOPKG_SUFFIX if path.startswith("gopkg.in/") else _MAJOR_SUFFIX
    match = pattern.search(path)
    if match is None:
        return frozenset({0, 1}), False
    return frozenset({int(match[1][:9])}), True


def _holds(module: str, package: str) -> bool:
    return package == module or package.startswith(f"{module}/")


def _maintainer(item: Json) -> Maintainer:
    fields = item if isinstance(item, dict) else {}
    return Maintainer(*(str(fields.get(name) or "") for name in ("name", "email", "github")))
