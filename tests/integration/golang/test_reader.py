"""What Go source says: the program `reader`, against the go command and against finished programs."""

from __future__ import annotations

import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.golang.support import Log
from tests.support.goproxy import _SERVICE, BENTHOS
from wombat_gitops.adapters.golang.environment import Folders
from wombat_gitops.adapters.golang.listing import ListedPackage
from wombat_gitops.adapters.golang.reader import Described, GoReader, Need
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.domain.model import DEFAULT_TOOLCHAIN, Module
from wombat_gitops.domain.platforms import Platform
from wombat_gitops.settings import search_path

LINUX = Platform.parse("linux/amd64")
SERVICE = f"{BENTHOS}/public/service"
HEAD = f'package x\n\nimport (\n\t"{SERVICE}"\n\t"{BENTHOS}/public/bloblang"\n)\n\nvar _ = bloblang.X\n\n'


@dataclass
class Desk:
    """Reads packages that a test writes into a module store."""

    store: Path
    data: Path
    log: Log

    def write(self, package: str, files: dict[str, str]) -> Path:
        folder = self.store / package
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder

    async def describe(
        self,
        packages: dict[str, dict[str, str]],
        *,
        imports: dict[str, list[str]] | None = None,
        ignored: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
        platform: Platform = LINUX,
        cgo: bool = False,
    ) -> dict[str, Described]:
        """What packages say whose files are all built, but for *ignored*."""
        listed = [
            ListedPackage.model_validate(
                {
                    "ImportPath": path,
                    "Name": path.rpartition("/")[2],
                    "Dir": str(self.write(path, files)),
                    "GoFiles": [name for name in files if name.endswith(".go") and name not in ignored],
                    "IgnoredGoFiles": [name for name in files if name in ignored],
                    "Imports": (imports or {}).get(path, [SERVICE]),
                }
            )
            for path, files in packages.items()
        ]
        toolchain = await Toolchains(self.data, search_path()).locate(DEFAULT_TOOLCHAIN, dict(os.environ))
        reader = GoReader(Folders(self.data, self.store), Sandbox())
        return await reader.describe(listed, toolchain, platform, self.log, tags=tags, cgo=cgo)

    async def one(self, *bodies: str, head: str = HEAD) -> Described:
        """What a package of these files says."""
        files = {f"f{at}.go": (head if at == 0 else "package x\n\n") + body for at, body in enumerate(bodies)}
        return (await self.describe({"e.com/x": files}))["e.com/x"]


@pytest.fixture
def desk(tmp_path: Path, go_data: Path) -> Desk:
    return Desk(tmp_path / "store", go_data, Log())


def told(described: Described) -> set[str]:
    """What is registered, `?` behind what may not be."""
    return {
        f"{each.component or each.kind}{'' if each.certain else '?'}"
        for each in described.registrations
        if each.reached
    }


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('func init() { service.MustRegisterBatchInput("kafka", spec(), nil) }', {"input kafka"}),
        ('func init() {\n\tservice.RegisterOutput(\n\t\t"nats", nil)\n}', {"output nats"}),
        ('const name = "redis"\nfunc init() { service.MustRegisterCache(name, nil) }', {"cache redis"}),
        ('var a, b = 1, 2\nfunc init() { bloblang.MustRegisterMethodV2("abs", nil) }', {"bloblang-method abs"}),
        ("func init() { service.MustRegisterBatchScannerCreator(`csv`, nil) }", {"scanner csv"}),
        ('func init() { env.RegisterOtelTracerProvider("jaeger", nil) }', {"tracer jaeger?"}),
        ('func init() { service.Register("rate-limits", "local") }', {"rate-limit local"}),
        ('// service.MustRegisterInput("no", nil)\n/* service.MustRegisterInput("no", nil) */', set()),
        ('var s = "service.MustRegisterInput(\\"no\\", nil)"', set()),
        ('func RegisterInput(name string) {}\nfunc init() { RegisterInput("no") }', set()),
        (
            'func add(n int, name string) { service.MustRegisterProcessor(name, nil) }\nfunc init() { add(1, "one") }',
            {"processor one"},
        ),
        ('func init() { service.RegisterInput("a" + "_" + `b`, nil) }', {"input a_b"}),
        ('func init() { name := "plug_" + help()[:2]; service.RegisterProcessor(name, nil) }', {"processor?"}),
        (
            'func init() { for _, n := range []string{"a", "b"} { service.RegisterInput(n, nil) } }',
            {"input a", "input b"},
        ),
        ('func init() { for n := range map[string]int{"a": 1} { service.RegisterInput(n, nil) } }', {"input a"}),
        ('func init() { if on() { service.RegisterInput("a", nil) } }', {"input a?"}),
        ('func init() { if err := service.RegisterInput("a", nil); err != nil { panic(err) } }', {"input a"}),
        ('func init() { if on() { return }; service.RegisterInput("a", nil) }', {"input a?"}),
        ('func init() { service.GlobalEnvironment().RegisterInput("a", nil) }', {"input a"}),
        ('func init() { e := service.NewEnvironment(); e.RegisterInput("a", nil) }', set()),
        ('func Register() { service.RegisterInput("a", nil) }', set()),
        ('func init() { go start() }\nfunc start() { service.RegisterInput("a", nil) }', {"input a?"}),
        ('const n = "a"\nfunc init() { { n := "b"; _ = n }; service.RegisterInput(n, nil) }', {"input?"}),
        ('const n = "a"\nfunc init() { if n := "b"; n != "" { }; service.RegisterInput(n, nil) }', {"input?"}),
        ('func init() { n := "a"; set(&n); service.RegisterInput(n, nil) }', {"input?"}),
        ('var _ = start()\nfunc start() int { service.RegisterInput("a", nil); return 1 }', {"input a"}),
        (
            'type t struct{}\nfunc (t) add() { service.RegisterInput("a", nil) }\nfunc init() { t{}.add() }',
            {"input a?"},
        ),
        ('func init() { name := "a"; name = "b"; service.RegisterInput(name, nil) }', {"input?"}),
        ('var name = "a"\nfunc init() { name = "b"; service.RegisterInput(name, nil) }', {"input?"}),
        ('func init() { service.RegisterInput("", nil); service.RegisterInput("a b", nil) }', {"input?"}),
    ],
)
async def test_registrations_are_found(desk: Desk, body: str, found: set[str]) -> None:
    assert told(await desk.one(body)) == found


async def test_a_constant_of_another_file_is_known(desk: Desk) -> None:
    described = await desk.one(
        "func init() { service.MustRegisterCache(theName, nil) }", 'const theName string = "lru"\n'
    )
    assert told(described) == {"cache lru"}


async def test_other_names_of_the_service_are_known(desk: Desk) -> None:
    renamed = f'package x\n\nimport s "{SERVICE}"\n\nfunc init() {{ s.RegisterInput("a", nil) }}\n'
    dotted = f'package x\n\nimport . "{SERVICE}"\n\nfunc init() {{ RegisterInput("b", nil) }}\n'
    other = 'package x\n\nimport "e.com/service"\n\nfunc init() { service.RegisterInput("c", nil) }\n'
    files = {"a.go": renamed, "b.go": dotted, "c.go": other}
    assert told((await desk.describe({"e.com/x": files}))["e.com/x"]) == {"input a", "input b"}


async def test_names_and_functions_of_other_packages_are_known(desk: Desk) -> None:
    shared = (
        f'package shared\n\nimport "{SERVICE}"\n\nconst Name = "from_" + "afar"\n\n'
        "func Add[T any](name string) { service.RegisterInput(name, nil) }\n"
    )
    user = 'package x\n\nimport "e.com/shared"\n\nfunc init() { shared.Add[int](shared.Name) }\n'
    described = await desk.describe(
        {"e.com/shared": {"s.go": shared}, "e.com/x": {"x.go": user}}, imports={"e.com/x": ["e.com/shared"]}
    )
    assert told(described["e.com/x"]) == {"input from_afar"}
    assert told(described["e.com/shared"]) == set()


async def test_a_template_is_known_by_its_own_text(desk: Desk) -> None:
    head = f'package x\n\nimport (\n\t_ "embed"\n\n\t"{SERVICE}"\n)\n\n'
    code = (
        "//go:embed bird.yaml\nvar bird []byte\n\n"
        "func init() {\n\tservice.RegisterTemplateYAML(string(bird))\n"
        '\tservice.RegisterTemplateYAML("name: fish\\ntype: rate_limit\\n")\n}\n'
    )
    files = {"x.go": head + code, "bird.yaml": "name: 'bird' # a bird\ntype: processor\nmapping: root = {}\n"}
    assert told((await desk.describe({"e.com/x": files}))["e.com/x"]) == {"processor bird", "rate-limit fish"}


async def test_a_template_file_outside_of_its_package_was_read(desk: Desk) -> None:
    (desk.store / "e.com").mkdir(parents=True)
    (desk.store / "e.com" / "secret.yaml").write_text("name: secret\ntype: input\n")
    files = {
        "x.go": HEAD.replace("import (", 'import (\n\t_ "embed"')
        + "//go:embed ../secret.yaml\nvar t string\n\nfunc init() { service.RegisterTemplateYAML(t) }\n"
    }
    assert told((await desk.describe({"e.com/x": files}))["e.com/x"]) == {"template"}


@pytest.mark.parametrize("core", ["github.com/benthosdev/benthos/v4", "github.com/warpstreamlabs/bento"])
async def test_the_core_of_a_registration_is_said(desk: Desk, core: str) -> None:
    code = f'package x\n\nimport "{core}/public/service"\n\nfunc init() {{ service.RegisterInput("a", nil) }}\n'
    found = (await desk.describe({"e.com/x": {"x.go": code}}, imports={"e.com/x": [f"{core}/public/service"]}))[
        "e.com/x"
    ]
    assert found.cores == (core,)
    assert [each.core for each in found.registrations] == [core]


@pytest.mark.parametrize(
    ("name", "line", "need"),
    [
        ("a.go", "x_benthos_extra", Need(tags=("x_benthos_extra",))),
        ("a.go", "cgo", Need(cgo=True)),
        ("a.go", "cgo && x", Need(tags=("x",), cgo=True)),
        ("a.go", "windows", Need(platform=True)),
        ("a.go", "!amd64", Need(platform=True)),
        ("a_windows.go", "", Need(platform=True)),
        ("a.go", "ignore", None),
        ("a.go", "plan9", None),
        ("a.go", "linux &&", None),
    ],
)
async def test_the_least_that_a_file_needs_is_said(desk: Desk, name: str, line: str, need: Need | None) -> None:
    source = f"//go:build {line}\n\npackage x\n" if line else "package x\n"
    found = await desk.describe({"e.com/x": {name: source}}, ignored=(name,))
    assert found["e.com/x"].need == need


async def test_a_file_with_c_needs_cgo(desk: Desk) -> None:
    found = await desk.describe({"e.com/x": {"a.go": 'package x\n\nimport "C"\n'}}, ignored=("a.go",))
    assert found["e.com/x"].need == Need(cgo=True)


async def test_names_that_are_lost_without_c_are_said_with_their_users(desk: Desk) -> None:
    lost = """package zmq

import "C"

const (
	One   = 1
	two   = 2
	Kept  = 3
)

type Socket struct {
	Field int
}

func (s *Socket) Send() {}

func New() {
	Inner := 1
}

var All, Rest = 1, 2
"""
    users = {
        "a": 'import "e.com/zmq"\nfunc f() { zmq.New() }',
        "b": 'import q "e.com/zmq"\nvar x = q.Socket{}\n// q.One\nvar t = "q.Rest"',
        "c": 'import _ "e.com/zmq"\nvar zmq struct{ All int }\nvar x = zmq.All',
    }
    packages = {"e.com/zmq": {"c.go": lost, "plain.go": "package zmq\n\nconst Kept = 3\n"}}
    packages |= {f"e.com/{name}": {"u.go": f"package {name}\n\n{text}\n"} for name, text in users.items()}
    found = await desk.describe(
        packages, ignored=("c.go",), imports={f"e.com/{name}": ["e.com/zmq"] for name in users} | {"e.com/zmq": []}
    )
    assert found["e.com/zmq"].lost == {
        "All": (), "New": ("e.com/a",), "One": (), "Rest": (), "Socket": ("e.com/b",)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("package x\n\nfunc init() {", "expected"),
        ("pack", "expected 'package'"),
        ("package x\n\nvar x = " + "(" * 100_000, "nests deeper"),
        ("package x\n\nvar x = 1" + " + 1" * 200_000, "nests deeper"),
        ("package x // " + "a" * 5_000_000, "more than 4000000 bytes"),
        ("\0\xff", "illegal character NUL"),
    ],
    ids=["half", "word", "deep", "long", "large", "bytes"],
)
async def test_source_that_is_no_go_ended_the_reader(desk: Desk, text: str, problem: str) -> None:
    good = HEAD + 'func init() { service.RegisterInput("good", nil) }\n'
    found = (await desk.describe({"e.com/x": {"bad.go": text, "good.go": good}}))["e.com/x"]
    assert told(found) == {"input good"}
    assert "e.com/x/bad.go:" in desk.log.data.decode()
    assert problem in desk.log.data.decode()


async def test_what_is_no_file_stopped_the_reader(desk: Desk) -> None:
    """A pipe would be waited for, and a link leads out of the store."""
    folder = desk.write("e.com/x", {"good.go": HEAD + 'func init() { service.RegisterInput("good", nil) }\n'})
    os.mkfifo(folder / "pipe.go")
    (folder / "link.go").symlink_to("/etc/passwd")
    (folder / "folder.go").mkdir()
    toolchain = await Toolchains(desk.data, search_path()).locate(DEFAULT_TOOLCHAIN, dict(os.environ))
    files = ["good.go", "pipe.go", "link.go", "folder.go", "gone.go"]
    listed = ListedPackage.model_validate(
        {"ImportPath": "e.com/x", "Name": "x", "Dir": str(folder), "GoFiles": files, "Imports": [SERVICE]}
    )
    reader = GoReader(Folders(desk.data, desk.store), Sandbox())
    found = await reader.describe([listed], toolchain, LINUX, desk.log)
    assert told(found["e.com/x"]) == {"input good"}
    said = desk.log.data.decode()
    assert "e.com/x/pipe.go:1:1: not read as Go: it is not a regular file" in said
    assert "e.com/x/gone.go:1:1: not read as Go: it cannot be read" in said


WORDS = [
    "linux",
    "windows",
    "darwin",
    "amd64",
    "arm",
    "arm64",
    "386",
    "unix",
    "cgo",
    "gc",
    "gccgo",
    "go1.18",
    "go1.99",
    "ignore",
    "x_tag",
    "foo",
    "arm.6",
    "amd64.v1",
    "amd64.v3",
    "goexperiment.none",
    "plan9",
    "solaris",
    "js",
    "wasm",
]
SUFFIXES = (
    "", "_linux", "_windows", "_amd64", "_linux_amd64", "_windows_arm", "_arm", "_unix", "_foo", "_linux_foo", "_test",
    "_plan9", "_wasm", "_js_wasm", "_cgo", "_darwin_arm64", "_amd64_linux",
)  # fmt: skip


def expression(chance: random.Random, depth: int = 0) -> str:
    kind = chance.random()
    if depth > 3 or kind < 0.4:
        return chance.choice(WORDS)
    if kind < 0.55:
        return "!" + chance.choice(WORDS)
    if kind < 0.65:
        return f"!({expression(chance, depth + 1)})"
    word = chance.choice([" && ", " || "])
    return f"({expression(chance, depth + 1)}{word}{expression(chance, depth + 1)})"


def odd_file(chance: random.Random, at: int) -> tuple[str, str]:
    """A file with a constraint in one of the places where Go looks for one, or does not."""
    name = f"{chance.choice(['', '', '', '_', 'linux_', 'a_'])}f{at}{chance.choice(SUFFIXES)}.go"
    constraint = f"//go:build {expression(chance)}"
    old = f"// +build {' '.join(chance.choice(['', '!']) + chance.choice(WORDS[:15]) for _ in range(2))}"
    head = chance.choice(
        [
            "", constraint, f"// About.\n\n{constraint}", f"/* About.\n*/\n\n{constraint}", f"{constraint}\n{old}", old,
            f"{constraint} &&", f"\n\n{constraint}", f"// {constraint}",
        ]
    )  # fmt: skip
    c = 'import "C"\n\n' if chance.random() < 0.15 else ""
    late = f"{constraint}\n\n" if chance.random() < 0.1 else ""
    code = f'{late}import "{SERVICE}"\n\nfunc init() {{ service.RegisterInput("f{at}", nil) }}\n'
    gap = "\n" if chance.random() < 0.1 else "\n\n"
    return name, f"{head}{gap if head else ''}package x\n\n{c}{code}"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm/6", "windows/arm64", "darwin/arm64"])
async def test_the_files_that_are_built_are_those_that_go_lists(desk: Desk, platform: str, seed: int) -> None:
    """The go command is the oracle, over 150 odd files."""
    chance = random.Random(f"{platform} {seed}")
    target = Platform.parse(platform)
    files = dict(odd_file(chance, at) for at in range(150)) | {"go.mod": "module e.com/x\n"}
    module = desk.write("e.com/x@v1.0.0", files)
    core = desk.write("core@v4.0.0", {"go.mod": f"module {BENTHOS}\n"})
    desk.write("core@v4.0.0/public/service", {"s.go": "package service\n\nfunc RegisterInput(string, any) {}\n"})
    toolchain = await Toolchains(desk.data, search_path()).locate(DEFAULT_TOOLCHAIN, dict(os.environ))

    roots = {Module("e.com/x", "v1.0.0"): module, Module(BENTHOS, "v4.76.0"): core}
    provided = await GoReader(Folders(desk.data, desk.store), Sandbox()).providers(roots, toolchain, target, desk.log)

    plain = next(each for each in provided if each.package == "e.com/x" and not each.tags and not each.cgo)
    env = target.go_env | {"CGO_ENABLED": "0", "HOME": str(desk.store), "GOFLAGS": "-mod=mod", "GOENV": "off"}
    env |= {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOCACHE": str(desk.store / "cache"), "GO111MODULE": "on"}
    answer = subprocess.run(
        [toolchain.go, "list", "-e", "-json=GoFiles", "."], cwd=module, env=env, capture_output=True, check=True
    )
    listed = json.loads(answer.stdout)["GoFiles"]
    assert sorted({each.file for each in plain.registrations}) == sorted(listed)
    assert 10 < len(listed) < 140


FORMS = {
    "direct": 'func init() { service.Register("inputs", "direct") }',
    "constant": 'const one = "con"\nconst two = one + "stant"\nfunc init() { service.Register("inputs", two) }',
    "wrapped": 'func add(n string) { service.Register("inputs", n) }\nfunc init() { add("wrapped") }',
    "twice": 'func a(n string) { b(1, n) }\nfunc b(i int, n string) { service.Register("inputs", n) }\n'
    'func init() { a("twice") }',
    "looped": 'func init() {\n\tfor _, n := range []string{"looped", "looped2"} {\n'
    '\t\tservice.Register("inputs", n)\n\t}\n}',
    "mapped": 'func init() {\n\tfor n := range map[string]bool{"mapped": true} {\n'
    '\t\tservice.Register("inputs", n)\n\t}\n}',
    "never": 'var no bool\nfunc init() {\n\tif no {\n\t\tservice.Register("inputs", "never")\n\t}\n}',
    "maybe": 'var yes = true\nfunc init() {\n\tif yes {\n\t\tservice.Register("inputs", "maybe")\n\t}\n}',
    "made": 'func help() string { return "made_up" }\nfunc init() { service.Register("inputs", help()[:6]) }',
    "counted": "func init() {\n\tfor i := 0; i < 2; i++ {\n"
    '\t\tservice.Register("inputs", "counted"+string(rune(48+i)))\n\t}\n}',
    "variable": 'var _ = start()\nfunc start() int { service.Register("inputs", "variable"); return 1 }',
    "literal": 'var _ = func() int { service.Register("inputs", "literal"); return 1 }()',
    "unreached": 'func Start() { service.Register("inputs", "unreached") }',
    "method": 'type t struct{}\nfunc (t) add() { service.Register("inputs", "method") }\nfunc init() { t{}.add() }',
    "value": 'func add() { service.Register("inputs", "value") }\nvar all = []func(){add}\n'
    "func init() {\n\tfor _, f := range all {\n\t\tf()\n\t}\n}",
    "generic": 'func add[T any](n string, _ T) { service.Register("inputs", n) }\nfunc init() { add("generic", 1) }',
    "shadowed": 'const n = "no"\nfunc init() { n := "shadowed"; service.Register("inputs", n) }',
    "changed": 'var n = "no"\nfunc init() { n = "changed"; service.Register("inputs", n) }',
    "pointed": 'var n = "no"\nfunc set(p *string) { *p = "pointed" }\n'
    'func init() { set(&n); service.Register("inputs", n) }',
    "returned": "var yes = true\nfunc init() {\n\tif yes {\n\t\treturn\n"
    '\t}\n\tservice.Register("inputs", "returned")\n}',
    "switched": 'var n = 2\nfunc init() {\n\tswitch n {\n\tcase 1:\n\t\tservice.Register("inputs", "switched")\n\t}\n}',
    "later": 'func init() { defer func() { service.Register("inputs", "later") }() }',
    "stored": 'func init() { f := func() { service.Register("inputs", "stored") }; f() }',
    "given": 'func do(f func()) { f() }\nfunc init() { do(func() { service.Register("inputs", "given") }) }',
    "kept": 'func do(f func()) {}\nfunc init() { do(func() { service.Register("inputs", "kept") }) }',
    "recursive": "func a(n string, i int) {\n\tif i > 0 {\n\t\ta(n, i-1)\n"
    '\t\treturn\n\t}\n\tservice.Register("inputs", n)\n}\n'
    'func init() { a("recursive", 3) }',
    "stopped": 'func init() {\n\tfor {\n\t\tbreak\n\t}\n\tservice.Register("inputs", "stopped")\n}',
    "parameter": 'func add(n string) { n = n + "x"; service.Register("inputs", n) }\nfunc init() { add("parameter") }',
}


async def test_a_finished_program_has_what_its_source_promises(desk: Desk) -> None:
    """The program is the oracle: what is certain is there, and what is there was seen or is said to be unknown."""
    forms = {f"e.com/{name}": f'package {name}\n\nimport "{SERVICE}"\n\n{text}\n' for name, text in FORMS.items()}
    found = await desk.describe({path: {"x.go": text} for path, text in forms.items()})

    root = desk.store / "program"
    imports = "".join(f'\t_ "e.com/{name}"\n' for name in FORMS)
    main = (
        f'package main\n\nimport (\n\t"context"\n\t"{SERVICE}"\n{imports})\n\n'
        "func main() { service.RunCLI(context.Background()) }\n"
    )
    files = {"vendor/" + path + "/x.go": text for path, text in forms.items()}
    files |= {f"vendor/{SERVICE}/s.go": _SERVICE, "main.go": main, "go.mod": "module program\n\ngo 1.21\n"}
    modules = "".join(f"# e.com/{name} v1.0.0\n## explicit; go 1.21\ne.com/{name}\n" for name in FORMS)
    modules += f"# {BENTHOS} v4.76.0\n## explicit; go 1.21\n{SERVICE}\n"
    requires = "".join(f"require e.com/{name} v1.0.0\n" for name in FORMS) + f"require {BENTHOS} v4.76.0\n"
    files |= {"vendor/modules.txt": modules, "go.mod": f"module program\n\ngo 1.21\n\n{requires}"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    toolchain = await Toolchains(desk.data, search_path()).locate(DEFAULT_TOOLCHAIN, dict(os.environ))
    env = {
        "HOME": str(root),
        "GOCACHE": str(desk.data / "listed"),
        "CGO_ENABLED": "0",
        "GOENV": "off",
        "GOTOOLCHAIN": "local",
    }
    env |= {"GOFLAGS": "-mod=vendor", "GOPROXY": "off", "PATH": search_path()}
    subprocess.run([toolchain.go, "build", "-o", "program.bin", "."], cwd=root, env=env, check=True)
    answer = subprocess.run([root / "program.bin", "list", "--format", "json"], capture_output=True, check=True)
    there = set(json.loads(answer.stdout)["inputs"])

    for name in FORMS:
        read = found[f"e.com/{name}"].registrations
        own = {each for each in there if each.startswith(name[:4]) or each == name}
        certain = {each.name for each in read if each.certain}
        known = {each.name for each in read if each.reached and each.name}
        unnamed = any(each.reached and not each.name for each in read)
        assert certain <= there, name
        assert not own - known or unnamed, name
    assert not {"never", "unreached", "returned", "switched", "kept"} & there
    sure = {
        "direct",
        "constant",
        "wrapped",
        "twice",
        "looped",
        "looped2",
        "mapped",
        "variable",
        "literal",
        "generic",
        "later",
    }
    assert sure <= {each.name for described in found.values() for each in described.registrations if each.certain}


async def test_constants_that_double_used_up_the_machine(desk: Desk) -> None:
    """A name that long is none, and looking for it ends."""
    doubled = "".join(f"const a{at} = a{at - 1} + a{at - 1}\n" for at in range(1, 40))
    body = f'const a0 = "{"x" * 1000}"\n{doubled}func init() {{ service.RegisterInput(a39, nil) }}\n'
    assert told(await desk.one(body)) == {"input?"}
