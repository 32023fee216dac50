"""Hostile packages, and builds of them at a chosen level of the sandbox."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.golang.support import Log, build
from tests.support.goproxy import component, distribution
from wombat_gitops.adapters.golang.compiler import GoCompiler
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.sandbox.sandbox import Sandbox
from wombat_gitops.adapters.watchdog import UNLIMITED, Limits
from wombat_gitops.domain.capability import SandboxLevel
from wombat_gitops.domain.model import Lock, Module
from wombat_gitops.domain.records import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.goproxy import GoProxy
    from wombat_gitops.domain.model import Distribution
    from wombat_gitops.domain.records import Failure

PROBES = (Path(__file__).parent / "probes" / "probes.go").read_text(encoding="utf-8")


EVIL = "evil.example/module"


def sandbox_at(level: SandboxLevel | None) -> Sandbox:
    """A sandbox of that level; None: the best that there is."""
    return Sandbox(level=level if level is SandboxLevel.LANDLOCK else None)


def compiler_at(level: SandboxLevel | None, proxy: GoProxy, data: Path, limits: Limits = UNLIMITED) -> GoCompiler:
    """The compiler, with a sandbox of that level."""
    return GoCompiler(Toolchains(data, ""), data, GoNetwork(proxy.environment), limits, sandbox_at(level))


def publish(proxy: GoProxy, files: Mapping[str, str], *, name: str = "hostile") -> Distribution:
    """Publish a Benthos with the package `bad`, and the distribution of it and `pure`.

    Args:
        files: the package's files by their names.
    """
    contents = repr(sorted(files.items())).encode()
    version = f"v4.91.{zlib.crc32(contents) % 1_000_000}"  # the module store outlives a test
    proxy.add_benthos(version, {f"public/components/bad/{file}": text for file, text in files.items()})
    return distribution(name, ["pure", "bad"], core=version)


def hostile(extra: str, *imports: str) -> dict[str, str]:
    """Files of a package `bad` that registers components, and has *extra* declarations."""
    lines = "".join(f'import "{name}"\n' for name in imports)
    return {"bad.go": component("bad", extra=extra).replace("package bad\n\n", f"package bad\n\n{lines}")}


def orders_of(*lines: Sequence[str]) -> dict[str, str]:
    """The file that tells the program of probes what to do."""
    return {"orders.txt": "".join("\t".join(line) + "\n" for line in lines)}


def publish_module(
    proxy: GoProxy, version: str, files: Mapping[str, str], go_mod: str = "", *, name: str = "evil"
) -> tuple[Distribution, Lock]:
    """Publish the module `EVIL` with the package `bad`, and the distribution of it and `io`."""
    needed = component("bad", kinds=("inputs",), extra="var Evil int\n")
    module = proxy.add(EVIL, version, {"bad/bad.go": needed, **files}, go_mod=go_mod or None)
    wanted = distribution(name, ["io", f"{EVIL}/bad"], [module])
    return wanted, proxy.lock(wanted.modules)


def publish_zip(
    proxy: GoProxy, version: str, entries: Mapping[str, bytes], *, links: Sequence[str] = (), prefix: str = ""
) -> tuple[Distribution, Lock]:
    """Publish `EVIL` as a zip with *entries* besides the usual ones, whatever their names, and a lock that agrees.

    Args:
        entries: content by the name inside the module, or by the whole name where it has a `//` before it.
        links: entries that are symbolic links; their content is where they lead to.
        prefix: what names begin with, instead of module and version.
    """
    wanted, lock = publish_module(proxy, version, {})
    module = Module(EVIL, version)
    files = {name: text.encode() for name, text in proxy.modules[module].items()}
    start = prefix or f"{module}/"
    whole = {start + name: data for name, data in (files | {k: v for k, v in entries.items() if k[:2] != "//"}).items()}
    whole |= {name[2:]: data for name, data in entries.items() if name[:2] == "//"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in whole.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name.removeprefix(start) in links:
                info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, data)
    (proxy.folder / EVIL / "@v" / f"{version}.zip").write_bytes(buffer.getvalue())
    lines = "".join(f"{hashlib.sha256(whole[name]).hexdigest()}  {name}\n" for name in sorted(whole))
    digest = base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
    kept = [line for line in lock.go_sum.splitlines() if not line.startswith(f"{EVIL} {version} ")]
    sums = sorted([*kept, f"{EVIL} {version} h1:{digest}"])
    return wanted, Lock(lock.go_mod, "".join(f"{line}\n" for line in sums))


async def outcome(compiler: GoCompiler, wanted: Distribution, lock: Lock, root: Path) -> tuple[str, Failure | None]:
    """The log of a build, and its failure where it failed."""
    log = Log()
    try:
        await build(compiler, wanted, lock, root, log)
    except StepFailed as error:
        return log.data.decode(errors="replace"), error.failure
    return log.data.decode(errors="replace"), None
