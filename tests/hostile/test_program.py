"""What a finished program tries against its builder, at each level and as each user: every trick has an outcome.

Injected: a package whose `init()` does as it is ordered. Expected: what it says of each trick, and from the outside: no
connection was made, no planted file has changed, and a process of the same user lives on as it was.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import orders
from wombat_gitops.adapters.files import remove_tree

ROOT = Path(__file__).parents[2]
USER = 65533
"""Somebody without any rights; root's sandboxes take the user before it."""
SECRET = "canary-4a7d"  # noqa: S105 - it opens nothing


@dataclass(frozen=True)
class Who:
    """A level, the user who runs the builder, and whether everybody can reach its folders."""

    level: str
    uid: int
    reachable: bool = True


WHO = {
    "bubblewrap, root": Who("bubblewrap", 0, reachable=False),
    "bubblewrap, user": Who("bubblewrap", USER),
    "landlock, root in a private folder": Who("landlock", 0, reachable=False),
    "landlock, root": Who("landlock", 0),
    "landlock, user": Who("landlock", USER),
}


@functools.cache
def report_of(program: Path, who: Who) -> dict[str, Any]:
    """One run of all tricks."""
    here = os.geteuid()
    if who.uid == 0 and here != 0:
        pytest.skip("only root can try what root's builders do")
    if here == 0 and who.uid != 0 and shutil.which("python3", path="/usr/bin") is None:
        pytest.skip("no interpreter that another user can reach")
    uid = who.uid if here == 0 else here
    folder = Path(tempfile.mkdtemp(prefix="hostile-run-"))
    try:
        os.chown(folder, uid, -1)
        folder.chmod(0o755 if who.reachable else 0o700)
        job = {"level": who.level, "uid": uid, "folder": str(folder), "program": str(program)}
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "WOMBAT_CREDENTIALS": SECRET}
        answer = subprocess.run(
            [sys.executable, "-m", "tests.hostile.driver"],
            input=json.dumps(job), env=env, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    finally:
        remove_tree(folder)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.fixture(params=list(WHO.values()), ids=list(WHO))
def report(request: pytest.FixtureRequest, probes: Path) -> dict[str, Any]:
    """What came of all tricks at one level."""
    return report_of(probes, request.param)


def outcomes(report: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Those of *names* that were not refused, with what they brought."""
    return {name: report["answers"][name][1] for name in names if report["answers"][name][0] != "refused"}


def test_every_trick_is_tried(report: dict[str, Any]) -> None:
    """The program comes to its end, and answers to each order; its output has nothing of the secret."""
    judged = {
        *orders.NETWORK,
        *orders.READING,
        *orders.WRITING,
        *orders.PROCESSES,
        *orders.WITHOUT_EFFECT,
        *orders.TOLD,
    }
    judged |= {*orders.CALLS, *orders.UNKNOWN_CALLS, "become root"}

    assert report["status"] == 0, report["errors"]
    assert list(report["answers"]) == report["asked"]
    assert set(report["asked"]) == judged
    assert SECRET not in report["output"] + report["errors"]


def test_nothing_of_the_network_is_reached(report: dict[str, Any]) -> None:
    assert outcomes(report, orders.NETWORK) == {}
    assert report["heard"] == 0


def test_nothing_of_the_machine_is_read(report: dict[str, Any]) -> None:
    """Process 1 of a namespace is the sandbox' own and has no environment to speak of; all else is refused."""
    assert set(outcomes(report, orders.READING).values()) <= {"", "PWD=/\0"}


def test_nothing_outside_is_changed(report: dict[str, Any]) -> None:
    """Neither content, names, modes, owners, times nor labels; and nothing is left in the folder of the runs."""
    assert outcomes(report, orders.WRITING) == {}
    assert report["files"] == []
    assert report["left"] == []
    assert report["program"] == "0o755"


def test_no_other_process_is_touched(report: dict[str, Any]) -> None:
    """Not ended, not signalled, not limited, not slowed down; the sandbox itself outlives its own program's signals."""
    assert outcomes(report, orders.PROCESSES) == {}
    assert report["changed"] == []


def test_system_calls_that_lead_out_are_refused(report: dict[str, Any]) -> None:
    told = {name: report["answers"][name] for name in orders.CALLS}
    unknown = {name: report["answers"][name] for name in orders.UNKNOWN_CALLS}

    assert told == {name: ["refused", "operation not permitted"] for name in orders.CALLS}
    assert unknown == {name: ["refused", "function not implemented"] for name in orders.UNKNOWN_CALLS}


def test_the_program_has_no_rights_and_no_descriptors(report: dict[str, Any]) -> None:
    """No capability, no group, three descriptors, and the variables that are meant for it."""
    user = report["answers"]["user"][1].split()
    names = {word.partition("=")[0] for word in report["answers"]["environment"][1].split()}

    assert user[6:] == ["0"] * 6
    assert user[5] == "0" or report["user"] != 0
    assert report["answers"]["become root"][0] == "refused" or user[1] == "0"
    assert report["answers"]["descriptors"][1] == "0 1 2"
    assert names <= {"HOME", "TMPDIR", "PWD"}


def test_the_probes_can_tell(probes: Path) -> None:
    """Without a sandbox these tricks work: they are refused elsewhere because of it."""
    report = report_of(probes, Who("none", USER))

    assert set(report["asked"]) == set(orders.DEEDS)
    assert {name: answer[0] for name, answer in report["answers"].items()} == dict.fromkeys(orders.DEEDS, "done")
    assert SECRET in report["answers"]["a key of the data folder"][1]
    assert report["heard"] == 5  # of datagrams two
    assert {"ended"} <= set(report["changed"])
    assert any(path.endswith("beside.txt") for path in report["files"])
