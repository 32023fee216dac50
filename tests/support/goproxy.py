"""A module proxy folder of tiny fake modules, so that tests run the real Go toolchain in parts of a second, offline.

The fake Benthos answers `--version` and `list` in three formats as the real one does. It imports next to
nothing, so a build takes about 0.4 s once the little of the standard library it needs is compiled.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wombat_gitops.domain.model import CORE_MODULE, DEFAULT_TOOLCHAIN, Distribution, Lock, Module
from wombat_gitops.domain.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BENTHOS = CORE_MODULE
CONNECT = "github.com/redpanda-data/connect/v4"
GO_LINE = "1.21"

_SERVICE = """\
package service

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"sort"
	"strings"
)

type settings struct{ version, date, binary, product string }

type CLIOptFunc func(*settings)

func CLIOptSetVersion(version, date string) CLIOptFunc {
	return func(s *settings) { s.version, s.date = version, date }
}

func CLIOptSetBinaryName(name string) CLIOptFunc  { return func(s *settings) { s.binary = name } }
func CLIOptSetProductName(name string) CLIOptFunc { return func(s *settings) { s.product = name } }

var registered = map[string][]string{}

func Register(kind, name string) { registered[kind] = append(registered[kind], name) }

func RunCLI(ctx context.Context, options ...CLIOptFunc) {
	s := settings{version: "unknown", date: "unknown", binary: "benthos", product: "Benthos"}
	for _, option := range options {
		option(&s)
	}
	if len(os.Args) > 2 && os.Args[1] == "run" {
		pipeline(os.Args[len(os.Args)-1])
		return
	}
	switch strings.Join(os.Args[1:], " ") {
	case "--version":
		os.Stdout.WriteString("Version: " + s.version + "\\nDate: " + s.date + "\\n")
	case "list --format json":
		os.Stdout.WriteString(list(func(kind, name string) string { return `"` + name + `"` }))
	case "list --format json-full":
		os.Stdout.WriteString(list(described))
	case "list --format jsonschema":
		os.Stdout.WriteString(`{"properties":{"input":{"type":"object"},"output":{"type":"object"}}}` + "\\n")
	case "--help":
		os.Stdout.WriteString("NAME:\\n   " + s.binary + " - " + s.product + "\\n")
	case "build-info":
		info, _ := debug.ReadBuildInfo()
		os.Stdout.WriteString(info.String())
	default:
		os.Stderr.WriteString("unknown command\\n")
		os.Exit(1)
	}
}

func pipeline(path string) {
	config, err := os.ReadFile(path)
	if err != nil {
		os.Exit(1)
	}
	input, _ := io.ReadAll(os.Stdin)
	switch text := string(config); {
	case strings.Contains(text, "uppercase"):
		os.Stdout.WriteString(strings.ToUpper(string(input)))
	case strings.Contains(text, "nowhere"):
		os.Stderr.WriteString("unable to infer component type\\n")
		os.Exit(1)
	case strings.Contains(text, "never"):
		for {
		}
	default:
		os.Stdout.Write(input)
	}
}

func described(kind, name string) string {
	fields := `{"name":"address","type":"string","kind":"scalar","description":"Where it is.","default":"here"}`
	config := `{"name":"","type":"object","kind":"scalar","children":[` + fields + `]}`
	about := `"status":"stable","plugin":true,"summary":"About ` + name + `.","config":` + config
	return `{"name":"` + name + `",` + about + `}`
}

func list(tell func(kind, name string) string) string {
	var kinds []string
	for kind := range registered {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	var parts []string
	for _, kind := range kinds {
		names := registered[kind]
		sort.Strings(names)
		var told []string
		for _, name := range names {
			told = append(told, tell(kind, name))
		}
		parts = append(parts, `"`+kind+`":[`+strings.Join(told, ",")+`]`)
	}
	return "{" + strings.Join(parts, ",") + "}\\n"
}
"""


def component(name: str, *, kinds: Iterable[str] = ("inputs", "outputs"), extra: str = "") -> str:
    """Go source of a package that registers components called *name*.

    Args:
        extra: Go declarations to add, such as an `init` that misbehaves.
    """
    lines = [f'\tservice.Register("{kind}", "{name}")' for kind in kinds]
    body = "\n".join(lines)
    return (
        f'package {name.replace("-", "_")}\n\nimport "{BENTHOS}/public/service"\n\nfunc init() {{\n{body}\n}}\n{extra}'
    )


COMPILE_ERROR = "\nvar broken int = undefinedName\n"
SPINS = "\nfunc init() { for {} }\n"
PANICS = '\nfunc init() { panic("no such luck") }\n'
FLOODS = '\nfunc init() { for { print("flood flood flood flood flood flood flood flood\\n") } }\n'


def stub(name: str, tag: str) -> dict[str, str]:
    """Files of a package that registers something only when built with *tag*, and nothing without."""
    return {
        "doc.go": f"package {name}\n",
        "tagged.go": f"//go:build {tag}\n\n{component(name)}",
    }


@dataclass(frozen=True, slots=True)
class GoProxy:
    """A folder that is a module proxy: `GOPROXY=file://<folder>`."""

    folder: Path
    modules: dict[Module, dict[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The value of GOPROXY."""
        return self.folder.as_uri()

    @property
    def environment(self) -> dict[str, str]:
        """The Go variables that make a step with network use this folder and nothing else."""
        return {"GOPROXY": self.url, "GOSUMDB": "off"}

    def shell_environment(self, scratch: Path) -> dict[str, str]:
        """A whole environment for a test that runs `go` itself; everything is kept below *scratch*."""
        return self.environment | {
            "PATH": "/usr/bin:/bin",
            "HOME": str(scratch),
            "GOENV": "off",
            "GOFLAGS": "-mod=mod",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GOTELEMETRY": "off",
            "CGO_ENABLED": "0",
            "GOPATH": str(scratch / "gopath"),
            "GOCACHE": str(scratch / "gocache"),
        }

    def add(
        self,
        path: str,
        version: str,
        files: Mapping[str, str],
        *,
        requires: Iterable[Module] = (),
        go: str = GO_LINE,
        go_mod: str | None = None,
    ) -> Module:
        """Publish a module, over what was there under that version.

        Args:
            files: Go and other files by their path inside the module.
            go_mod: text of go.mod where the usual one will not do.
        """
        module = Module(path, version)
        lines = [f"module {path}", "", f"go {go}", *(f"require {needed.path} {needed.version}" for needed in requires)]
        text = go_mod if go_mod is not None else "\n".join(lines) + "\n"
        folder = self.folder / escaped(path) / "@v"
        folder.mkdir(parents=True, exist_ok=True)
        name = escaped(version)
        (folder / f"{name}.info").write_text(json.dumps({"Version": version, "Time": "2026-01-01T00:00:00Z"}))
        (folder / f"{name}.mod").write_text(text)
        (folder / f"{name}.zip").write_bytes(_zip(module, {**files, "go.mod": text}))
        self.modules[module] = {**files, "go.mod": text}
        versions = sorted(known.version for known in self.modules if known.path == path)
        (folder / "list").write_text("".join(f"{known}\n" for known in versions))
        return module

    def add_benthos(self, version: str = "v4.76.0", extra: Mapping[str, str] | None = None) -> Module:
        """Publish a fake Benthos with the packages `pure` and `io`."""
        files = {
            "public/service/service.go": _SERVICE,
            "public/components/pure/pure.go": component("pure", kinds=("processors", "buffers")),
            "public/components/io/io.go": component("io"),
        }
        return self.add(BENTHOS, version, {**files, **(extra or {})})

    def add_connect(
        self,
        version: str = "v4.105.0",
        benthos: str = "v4.77.0",
        extra: Mapping[str, str] | None = None,
    ) -> Module:
        """Publish a fake Connect that requires a version of Benthos, with `nats`, `kafka`, `redis` and `zeromq`."""
        files = {f"public/components/{name}/{name}.go": component(name) for name in ("nats", "kafka", "redis")}
        files |= {f"public/components/zeromq/{name}": text for name, text in stub("zeromq", "x_benthos_extra").items()}
        files["public/components/elasticsearch/v8/v8.go"] = component("v8")
        return self.add(CONNECT, version, {**files, **(extra or {})}, requires=[Module(BENTHOS, benthos)])

    def lock(self, modules: Iterable[Module]) -> Lock:
        """The lock of modules that need nothing but each other, made without running Go."""
        wanted = sorted(set(modules))
        requires = "".join(f"\t{module.path} {module.version}\n" for module in wanted)
        sums = [line for module in wanted for line in self._sums(module)]
        go_mod = f"module distribution\n\ngo {GO_LINE}\n\nrequire (\n{requires})\n"
        return Lock(go_mod, "".join(f"{line}\n" for line in sorted(sums)))

    def _sums(self, module: Module) -> tuple[str, str]:
        files = self.modules[module]
        whole = {f"{module}/{name}": text for name, text in files.items()}
        return (
            f"{module.path} {module.version} {_h1(whole)}",
            f"{module.path} {module.version}/go.mod {_h1({'go.mod': files['go.mod']})}",
        )


def distribution(
    name: str = "tiny",
    packages: Iterable[str] = ("io", "pure"),
    modules: Iterable[Module] = (),
    *,
    core: str = "v4.76.0",
    platforms: Iterable[str] = ("linux/amd64",),
) -> Distribution:
    """A distribution over the fake modules; a package without a dot is one of Benthos' own."""
    full = (package if "." in package else f"{BENTHOS}/public/components/{package}" for package in packages)
    return Distribution(
        name=name,
        version="1.0.0",
        modules=(Module(BENTHOS, core), *modules),
        packages=tuple(sorted(full)),
        platforms=tuple(Platform.parse(platform) for platform in platforms),
        toolchain=DEFAULT_TOOLCHAIN,
        path=f"manifests/{name}.yaml",
        binary=name,
    )


def connect_distribution(packages: Iterable[str] = ("nats",), *, version: str = "v4.105.0") -> Distribution:
    """A distribution of the fake Benthos and the fake Connect."""
    wanted = (f"{CONNECT}/public/components/{package}" for package in packages)
    base = distribution("streaming", core="v4.77.0", modules=[Module(CONNECT, version)])
    return replace(base, packages=tuple(sorted((*base.packages, *wanted))))


def escaped(text: str) -> str:
    """The proxy protocol's spelling of a path or version: `!b` for `B`."""
    return "".join(f"!{char.lower()}" if char.isupper() else char for char in text)


def tamper(proxy: GoProxy, module: Module) -> None:
    """Change a published zip without telling anybody."""
    files = {**proxy.modules[module], "public/components/pure/added.go": "package pure\n"}
    path = proxy.folder / escaped(module.path) / "@v" / f"{escaped(module.version)}.zip"
    path.write_bytes(_zip(module, files))


def _zip(module: Module, files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(f"{module}/{name}"), files[name])
    return buffer.getvalue()


def _h1(files: Mapping[str, str]) -> str:
    lines = (f"{hashlib.sha256(files[name].encode()).hexdigest()}  {name}\n" for name in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def make_proxy(folder: Path) -> GoProxy:
    """A proxy with Benthos v4.76.0 and v4.77.0, and Connect v4.105.0 on top of the latter."""
    proxy = GoProxy(folder)
    proxy.add_benthos("v4.76.0")
    proxy.add_benthos("v4.77.0")
    proxy.add_connect("v4.105.0", "v4.77.0")
    return proxy


@pytest.fixture
def go_proxy(tmp_path: Path) -> GoProxy:
    """A module proxy folder with the usual fake modules; a test may add more."""
    return make_proxy(tmp_path / "goproxy")


@pytest.fixture(scope="session")
def go_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder shared by the tests of one run, so that the standard library is compiled once."""
    return tmp_path_factory.mktemp("go-data")
