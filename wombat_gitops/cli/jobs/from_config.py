"""`wombat from-config`: the smallest manifest that runs some pipelines."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.cli import exits, running, text
from wombat_gitops.cli.jobs.folder import (
    LARGEST,
    Examined,
    examine,
    find_manifests,
    read_file,
    refuse_errors,
    replace_file,
)
from wombat_gitops.cli.jobs.inspecting import Shown
from wombat_gitops.cli.jobs.plan import tell
from wombat_gitops.domain.draft import draft, name_from
from wombat_gitops.domain.errors import Refused, UserError
from wombat_gitops.domain.grammar import MODULE_PATH, MODULE_VERSION, matches
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.manifest.paths import SUFFIXES
from wombat_gitops.domain.manifest.shared import Shared
from wombat_gitops.domain.model import CORE_MODULE, Module
from wombat_gitops.domain.providers import KNOWN_MODULES
from wombat_gitops.domain.versions import version_key
from wombat_gitops.services import pipelines
from wombat_gitops.services.pipelines import Derivation, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wombat_gitops.domain.model import Distribution
    from wombat_gitops.settings import Settings


STANDARD_INPUT: Final = Path("-")


@dataclass(frozen=True, slots=True)
class FromConfigOptions:
    """What to make a manifest for, and of what.

    Attributes:
        paths: pipelines.
        name: of the distribution; "" takes that of the first file.
        benthos: version of the core module, or "".
        modules: other modules as `path@version`.
        platforms: what the manifest is to name; none leaves it out.
        write: put it into the manifests folder instead of printing it.
    """

    paths: tuple[Path, ...]
    name: str = ""
    benthos: str = ""
    modules: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    write: bool = False
    verbose: bool = False


def from_config(settings: Settings, options: FromConfigOptions, output: text.Output) -> int:
    """Print or write the manifest; returns the exit code.

    Nothing is written before all is known; a manifest that is there is never replaced.

    Raises:
        InvalidManifests: a pipeline is wrong, or what was given makes no valid manifest.
        Refused: the manifest is there already, or a policy does not allow what is needed.
    """
    data = read_pipelines(options.paths)
    folder = Path(settings.repo, settings.folder)
    around = examine(find_manifests([], folder), folder) if folder.is_dir() else None
    name = options.name or name_from(_stem(options.paths[0]))
    if not name:
        msg = f"`{options.paths[0]}` gives the distribution no name"
        raise UserError(msg, hint="choose one with `--name`")
    path = folder / f"{name}.yaml"
    if options.write and path.exists():
        msg = f"`{path}` is there already"
        raise Refused(msg, hint="choose another `--name`, or leave out `--write` and compare")
    modules = _modules(options, around)
    shared = around.set.shared if around is not None else Shared()
    schema = Path(settings.repo, "schemas", "distribution.schema.json").is_file()
    plain = _read(path, _draft(name, modules[0], Derivation((), (), ()), options, schema=schema), shared)
    wanted = Wanted(modules, plain.platforms, plain.toolchain, plain.policies)
    text.note(f"looking into {' and '.join(map(str, modules))}")
    found = running.run(_derive(settings, data, wanted, verbose=options.verbose))
    tell(found.warnings)
    words = _draft(name, modules[0], found, options, schema=schema)
    made = _read(path, words, shared)
    if options.write:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, words)
    if output is not text.Output.TABLE:
        text.emit(_as_data(found, made, words, path if options.write else None), output, str)
    elif not options.write:
        text.exact(words)
    _tell(found, path, written=options.write)
    return exits.OK


def read_pipelines(paths: Sequence[Path]) -> dict[str, bytes]:
    """The bytes of pipelines by path: of files, of the YAML files below folders, and of standard input for `-`.

    Raises:
        UserError: one cannot be read, or a folder has none.
    """
    found = dict[str, bytes]()
    for path in paths:
        if path == STANDARD_INPUT:
            found[path.as_posix()] = sys.stdin.buffer.read(LARGEST)
            continue
        files = _below(path) if path.is_dir() else [path]
        if not files:
            msg = f"there is no file with the extension .yaml or .yml below `{path}`"
            raise UserError(msg)
        found |= {each.as_posix(): read_file(each) for each in files}
    return found


def imported(pipeline: str, path: str) -> bytes | None:
    """A file that a mapping of a pipeline imports, relative to the pipeline's folder; None where it cannot be read."""
    try:
        file = Path(pipeline).parent / path
        return read_file(file)[:LARGEST] if file.is_file() else None
    except (UserError, OSError, ValueError):
        return None


def _stem(path: Path) -> str:
    return "" if path == STANDARD_INPUT else path.resolve().stem


def _below(folder: Path) -> list[Path]:
    return sorted(each for each in folder.rglob("*") if each.suffix in SUFFIXES and each.is_file())


def _modules(options: FromConfigOptions, around: Examined | None) -> tuple[Module, ...]:
    """What was asked for; else the newest versions that go together in the manifests here; else the known ones."""
    others = tuple(map(_module, options.modules))
    if options.benthos or others:
        core = options.benthos or _newest(around)[0].version
        return (_module(f"{CORE_MODULE}@{core}"), *others)
    return _newest(around)


def _newest(around: Examined | None) -> tuple[Module, ...]:
    composed = [each for each in around.set.distributions if len(each.modules) > 1] if around is not None else []
    if not composed:
        return KNOWN_MODULES
    return max(composed, key=lambda each: version_key(each.core.version)).modules


def _module(words: str) -> Module:
    path, _, version = words.partition("@")
    if not (matches(MODULE_PATH, path) and matches(MODULE_VERSION, version)):
        msg = f"`{words[:120]}` is not a module at an exact version"
        raise UserError(msg, hint="write it as `github.com/example/module@v1.2.3`")
    return Module(path, version)


def _draft(name: str, core: Module, found: Derivation, options: FromConfigOptions, *, schema: bool) -> str:
    files = ", ".join(
        dict.fromkeys(path.resolve().name for path in options.paths if path != STANDARD_INPUT) or "a pipeline"
    )
    return draft(
        name,
        core,
        found.providers,
        found.needs,
        description=f"Runs {files}",
        platforms=options.platforms,
        schema=schema,
    )


def _read(path: Path, words: str, shared: Shared) -> Distribution:
    """What a manifest means. Raises `InvalidManifests`."""
    reading = read_manifest(path.as_posix(), words.encode(), shared)
    refuse_errors(reading.diagnostics)
    if reading.distribution is None:
        msg = f"`{path}` would be no distribution"
        raise UserError(msg)
    return reading.distribution


async def _derive(settings: Settings, data: dict[str, bytes], wanted: Wanted, *, verbose: bool) -> Derivation:
    from wombat_gitops.wiring.machine import go_tools

    tools = await go_tools(settings)
    return await pipelines.derive(tools.packages, data, wanted, Shown(verbose=verbose), imported)


def _tell(found: Derivation, path: Path, *, written: bool) -> None:
    licenses = sorted({name for each in found.providers for name in each.licenses})
    text.note(f"{text.plural(len(found.providers), 'package')}, under {', '.join(licenses)}")
    for each in found.providers:
        if each.cgo:
            text.note(f"`{each.package}` compiles C: `wombat lock` asks for a policy that allows it (WOM-089)")
    if written:
        text.note(f"wrote `{path}`; next: `{shlex.join(['wombat', 'lock', path.as_posix()])}`")


def _as_data(found: Derivation, made: Distribution, words: str, path: Path | None) -> dict[str, object]:
    return {
        "name": made.name,
        "path": path.as_posix() if path is not None else None,
        "manifest": words,
        "packages": [
            {
                "package": each.package,
                "module": each.module.path,
                "version": each.module.version,
                "licenses": list(each.licenses),
                "tags": list(each.tags),
                "cgo": each.cgo,
            }
            for each in found.providers
        ],
        "needs": [
            {
                "kind": need.component.kind,
                "name": need.component.name,
                "path": need.path,
                "line": need.line or None,
            }
            for need in found.needs
        ],
    }
