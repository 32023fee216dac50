"""Looks for bytes that break a law of `tests.fuzz.laws`: manifests, locks, lists of sources, messages, URLs, Go files.

    python -m tests.fuzz.manifests --seconds 60

Each law has a process of its own and an equal part of the time. With atheris installed (dependency group `fuzz`) code
that is reached for the first time guides the search; without it, examples are changed at random. A finding is made
small, kept as a file and shown with its traceback; an input that takes longer than `--hang` is one too. Ends with 1
where there is any. To try one again: `python -m tests.fuzz.manifests --law manifest --again FILE`.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from tests.fuzz.guide import find_guide
from tests.fuzz.mutation import Mutator

GUIDE: Final = find_guide()
with GUIDE.instrument_imports(["wombat_gitops"]) if GUIDE else contextlib.nullcontext():
    from tests.fuzz.examples import examples_of
    from tests.fuzz.laws import LAWS

if TYPE_CHECKING:
    from tests.fuzz.guide import Guide

ROOT: Final = Path(__file__).parents[2]
MEMORY: Final = 3 * 1024**3
LARGEST: Final = 20_000
ENOUGH: Final = 10
"""Findings after which a law is broken enough."""


@dataclass
class Hunt:
    """The search for bytes that break one law.

    Attributes:
        folder: where findings are kept, and the input that is being tried.
        hang: seconds that one input may take.
    """

    law: str
    folder: Path
    hang: float
    tried: int = 0
    found: dict[str, bytes] = field(default_factory=dict)

    @property
    def last(self) -> Path:
        """The input that is being tried."""
        return self.folder / f"{self.law}.last"

    def attempt(self, data: bytes) -> None:
        """Try *data*; a law that breaks in a new way is a finding."""
        self.tried += 1
        way = self._breaks(data)
        if not way or way in self.found or len(self.found) == ENOUGH:
            return
        small = self.found[way] = self._smaller(data, way)
        kept = self.folder / f"{self.law}-{len(self.found)}"
        kept.write_bytes(small)
        print(f"\n{self.law}: {kept}: {small[:400]!r}")
        try:
            LAWS[self.law](small)
        except Exception:  # noqa: BLE001 - this is what was looked for
            traceback.print_exc(file=sys.stdout)

    def _breaks(self, data: bytes) -> str:
        """In which way *data* breaks the law, or ""."""
        self.last.write_bytes(data)
        faulthandler.dump_traceback_later(self.hang, exit=True, file=sys.__stderr__ or 2)
        try:
            LAWS[self.law](data)
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            rule = re.search(r"WOM-\d+", str(error))
            place = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
            return f"{type(error).__name__} {place} {rule[0] if rule else ''}"
        finally:
            faulthandler.cancel_dump_traceback_later()
        return ""

    def _smaller(self, data: bytes, way: str) -> bytes:
        """The smallest part of *data* that cutting leads to and that breaks the law in the same way."""
        size = len(data) // 2
        while size:
            start = 0
            while start < len(data):
                shorter = data[:start] + data[start + size :]
                if self._breaks(shorter) == way:
                    data = shorter
                else:
                    start += size
            size //= 2
        return data

    def tell(self) -> None:
        """Say what came of it."""
        how = "guided by coverage" if GUIDE else "at random"
        print(f"{self.law:10} {self.tried:>9,} inputs {how}, {len(self.found)} findings", flush=True)
        self.last.unlink(missing_ok=True)


def search(hunt: Hunt, seconds: float, seed: int) -> None:
    """Search in this process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    end = time.monotonic() + seconds
    examples = examples_of(hunt.law)
    for example in examples:
        hunt.attempt(example)
    if GUIDE:
        search_guided(GUIDE, hunt, examples, end, seed)
    mutator = Mutator(seed, examples)
    while time.monotonic() < end:
        hunt.attempt(mutator.next())
    hunt.tell()


def search_guided(guide: Guide, hunt: Hunt, examples: list[bytes], end: float, seed: int) -> NoReturn:
    """Search with the help of libFuzzer; half of the changes are ours, half are its own."""
    corpus = hunt.folder / f"{hunt.law}.corpus"
    corpus.mkdir(exist_ok=True)
    for number, example in enumerate(examples):
        (corpus / str(number)).write_bytes(example)

    def attempt(data: bytes) -> None:
        hunt.attempt(data)
        if time.monotonic() > end:
            hunt.tell()
            os._exit(bool(hunt.found))

    def change(data: bytes, largest: int, chance: int) -> bytes:
        changed = Mutator(chance, examples).change(data) if chance % 2 else guide.Mutate(data, largest)
        return bytes(changed[:largest])

    flags = [f"-seed={seed}", f"-max_len={LARGEST}", "-rss_limit_mb=0", f"-artifact_prefix={hunt.folder}/"]
    guide.Setup([sys.argv[0], *flags, str(corpus)], attempt, custom_mutator=change)
    guide.Fuzz()
    sys.exit("libFuzzer came back")


def search_apart(laws: list[str], folder: Path, options: argparse.Namespace) -> bool:
    """Search for each law in a process of its own; returns whether all of them hold."""
    holds = True
    part = options.seconds / len(laws)
    for law in laws:
        log, last = folder / f"{law}.log", folder / f"{law}.last"
        argv = [sys.executable, "-m", "tests.fuzz.manifests", "--law", law, "--inside", str(folder)]
        argv += ["--seconds", str(part), "--seed", str(options.seed), "--hang", str(options.hang)]
        with log.open("wb") as told:
            done = subprocess.run(argv, cwd=ROOT, stderr=told, check=False, timeout=part + 20 * options.hang + 60)
        if done.returncode and last.exists():
            words = log.read_text(errors="replace")[-4000:]
            print(f"{law}: ended with {done.returncode} at the input {last}\n{words}")
        holds = holds and done.returncode == 0
    return holds


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for all laws together")
    parser.add_argument("--law", choices=sorted(LAWS), action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hang", type=float, default=10.0, help="seconds that one input may take")
    parser.add_argument("--keep", type=Path, help="folder for findings")
    parser.add_argument("--again", type=Path, help="try a law once, on this file")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    laws = options.law or list(LAWS)
    if options.again:
        LAWS[laws[0]](options.again.read_bytes())
        return 0
    if options.inside:
        hunt = Hunt(laws[0], options.inside, options.hang)
        search(hunt, options.seconds, options.seed)
        return int(bool(hunt.found))
    folder = options.keep or Path(tempfile.mkdtemp(prefix="findings-"))
    folder.mkdir(parents=True, exist_ok=True)
    return int(not search_apart(laws, folder, options))


if __name__ == "__main__":
    sys.exit(main())
