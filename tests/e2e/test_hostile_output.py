"""A package that prints what terminals obey: everybody sees what it printed, and no terminal is sent it."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING

import yaml

from tests.support.goproxy import component
from tests.support.system import SECONDS, System
from tests.support.terminal import Terminal
from wombat_gitops.api.views.builds import BuildView
from wombat_gitops.cli.client import ApiClient
from wombat_gitops.cli.jobs.logs import follow_log
from wombat_gitops.domain.gosource import quoted

if TYPE_CHECKING:
    from pathlib import Path

CORE = "v4.83.0"
TRICKS = (
    "\x1b[2J\x1b[H",  # clears the screen
    "\x1b]0;owned\x07",  # sets the title
    "\x1b]52;c;cm0gLXJm\x07",  # writes the clipboard
    "\x1b]8;;https://host.invalid\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2J",  # the first one in C1
    "good\u202edab\u2069",
    "pay\u200bpal",
    "hidden\rshown",
    "\x1b[32mgreen\x1b[0m",
)
SHOWN = (
    r"\x1b[2J\x1b[H",
    r"\x1b]0;owned\x07",
    r"\x1b]52;c;cm0gLXJm\x07",
    "\\x1b]8;;https://host.invalid\\x1b\\link\\x1b]8;;\\x1b\\",
    r"\x9b2J",
    r"good\u202edab\u2069",
    r"pay\u200bpal",
    r"hidden\rshown",
    r"\x1b[32mgreen\x1b[0m",
)
IN_FAILURE = tuple(words for words in SHOWN if r"\r" not in words)
"""A failure holds lines, and a carriage return ends one there."""
OURS = re.compile(r"\x1b\[(?:\d+(?:;\d+)*m|\?25[lh]|2K|1A)|\r")
"""What commands send to a terminal by themselves: colours, and the moves of the table of progress."""


def write_hostile(system: System) -> None:
    """Commit a distribution whose program prints every trick to both streams, and ends as if all were well."""
    said = "".join(f"{trick}\n" for trick in TRICKS)
    words = quoted(f"{said}panic: {TRICKS[0]}{TRICKS[5]}\n")
    shouts = f"\nfunc init() {{\n\tos.Stdout.WriteString({words})\n\tos.Stderr.WriteString({words})\n\tos.Exit(0)\n}}\n"
    source = component("rogue", extra=shouts).replace("import ", 'import "os"\nimport ', 1)
    system.proxy.add_benthos(CORE, extra={"public/components/rogue/rogue.go": source})
    system.write("rogue", packages=["rogue"], core=CORE)
    system.commit()


def hidden_in(said: str) -> set[str]:
    """What of a text is no glyph, blank, tab or line feed."""
    return {char for char in said if unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"} - {"\n", "\t"}


def wombat(system: System, *args: str, status: int = 0) -> str:
    """Everything that a command prints, to the byte: Python would turn carriage returns into line feeds."""
    done = subprocess.run(
        [sys.executable, "-m", "wombat_gitops", *args],
        env=system.env,
        cwd=system.repo,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    said = done.stdout.decode()
    assert done.returncode == status, said
    return said


def check(said: str, shown: tuple[str, ...] = IN_FAILURE) -> None:
    """Each trick is there to be read, and nothing is there to be obeyed."""
    assert hidden_in(said) == set(), said
    for words in shown:
        assert words in said


def followed(api: str, build: str) -> str:
    """What `logs -f` prints of a build that runs while it is followed; the stream of an ended one is the same."""
    client = ApiClient(api)
    with contextlib.redirect_stdout(io.StringIO()) as heard:
        assert follow_log(client, client.get(f"/api/v1/builds/{build}", BuildView), None) == "failed"
    return heard.getvalue()


async def test_no_command_passes_on_what_a_program_printed(system: System) -> None:
    """While it is built, and in everything that is told of the build later."""
    write_hostile(system)
    up = system.start("up", "--no-live")
    (build,) = await system.until_state("rogue", "failed")
    await system.until(lambda: "whole log:" in up.said, "the failure on standard error")

    # The failure holds what the program wrote to standard error, the log what it wrote to standard output.
    assert build["failure"]["reason"] == "SmokeFailed"
    check(wombat(system, "logs", "rogue"), SHOWN)
    check(wombat(system, "logs", "-f", "rogue"), SHOWN)
    check(wombat(system, "logs", "--tail", "40", "rogue"), SHOWN)
    check(followed(system.api, build["id"]), SHOWN)
    check(wombat(system, "get", "build", build["id"]))
    check(wombat(system, "get", "distribution", "rogue"), ())
    check(wombat(system, "list"), ())
    check(wombat(system, "list", "builds"), ())
    data = wombat(system, "get", "build", build["id"], "-o", "json")
    check(data, ())
    tail = json.loads(data)["failure"]["tail"]
    assert {trick for trick in TRICKS if "\r" not in trick} <= set(tail), "data has the very text"
    words = wombat(system, "get", "build", build["id"], "-o", "yaml")
    check(words, ())
    assert yaml.safe_load(words) == json.loads(data)

    assert up.stop() == 0
    check(up.log.read_bytes().decode())

    # On a terminal the failure is told below a table that moves; what is sent there is ours.
    screen = {name: value for name, value in system.env.items() if name != "NO_COLOR"}
    with Terminal([sys.executable, "-m", "wombat_gitops", "up"], screen, system.repo) as terminal:
        await system.until(lambda: "whole log:" in terminal.heard, "the failure on the terminal")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait(SECONDS) == 0
    assert "\x1b[?25l" in terminal.heard, "nothing has moved"
    check(OURS.sub("", terminal.heard))


def test_apply_on_a_terminal_does_not_pass_on_what_a_program_printed(system: System, tmp_path: Path) -> None:
    """Also where the build is done by the command itself, with its progress in place."""
    write_hostile(system)
    screen = {name: value for name, value in system.env.items() if name != "NO_COLOR"}
    argv = [sys.executable, "-m", "wombat_gitops", "apply", "--local"]
    with Terminal(argv, screen, system.repo) as terminal:
        assert terminal.wait(SECONDS) == 1

    assert "\x1b[?25l" in terminal.heard, "nothing has moved"
    assert "\x1b[31mfailed\x1b[0m: rogue" in terminal.heard
    check(OURS.sub("", terminal.heard))
    check(wombat(system, "apply", "--local", status=1))
