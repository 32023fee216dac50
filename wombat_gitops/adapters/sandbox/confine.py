"""Confines itself as far as the kernel lets it, then runs one program and ends everything that program has started.

Run as `python -I -S confine.py FD` where namespaces cannot be had: FD has the JSON of what to run. Landlock allows the
named folders alone, seccomp allows no socket, limits bound what is taken, and no privilege can be gained. This process
stays as the parent of everything that is orphaned below it (`PR_SET_CHILD_SUBREAPER`), so that a daemon cannot leave.
It uses the standard library alone, as nothing else is loaded with `-I -S`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path

# uapi/linux/prctl.h, landlock.h, seccomp.h, capability.h
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 22, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_SECCOMP_MODE_FILTER = 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH = 1
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522
_LAST_CAPABILITY = 63
_NOT_STARTED = 126

_READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read file, read folder
_FILE_ONLY = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Rights on files that each version of Landlock knows; the largest version below counts."""

_NETWORK = {1: 0, 4: 3}  # bind and connect TCP
_SCOPED = {1: 0, 6: 3}  # abstract sockets and signals leave the sandbox no more

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    return max(int(_libc.syscall(_CREATE_RULESET, None, 0, 1)), 0)


def main(descriptor: int) -> int:
    """Confine this process, run the program, end what is left of it; returns its exit status."""
    with os.fdopen(descriptor, "rb") as file:
        job = json.load(file)
    filters = bytes.fromhex(job["seccomp"])
    version = landlock_version() if job["landlock"] else 0
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _stop)
    # Not SIGKILL: a builder that is killed would leave behind what this process has no time to end.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != job["parent"]:
        return _NOT_STARTED
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _confine(job, version, filters)
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # who changes its user loses an earlier one
            os.chdir(job["cwd"])
            os.execve(job["argv"][0], job["argv"], job["env"])  # noqa: S606 - this is what it is for
        except OSError as error:
            os.write(2, f"the program does not start: {error}\n".encode())
        os._exit(_NOT_STARTED)
    status = _wait(child)
    _end_children()
    return status


def _confine(job: dict, version: int, filters: bytes) -> None:  # type: ignore[type-arg]
    for name, most in job["limits"].items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))
    _give_up_root(job)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if version:
        _restrict_files(job["read"], job["write"], version)
    if filters:
        program = ctypes.create_string_buffer(filters, len(filters))
        _prctl(
            _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, struct.pack("HxxxxxxP", len(filters) // 8, ctypes.addressof(program))
        )


def _give_up_root(job: dict) -> None:  # type: ignore[type-arg]
    """Become nobody where that is possible and nobody can reach every folder, else lose every capability."""
    if os.geteuid() != 0:
        return
    user = job["nobody"]
    if user and all(_reachable(Path(name)) for name in (*job["read"], *job["write"])):
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        return
    for name in job["write"]:
        _take_back(Path(name))
    for capability in range(_LAST_CAPABILITY):
        with contextlib.suppress(OSError):
            _prctl(_PR_CAPBSET_DROP, capability)
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    _checked(_libc.syscall(_CAPSET[os.uname().machine], header, bytes(24)))


def _take_back(folder: Path) -> None:
    """Own a folder that was given to nobody, with all that is in it: root without capabilities cannot write there."""
    if folder.is_dir():
        os.chown(folder, 0, 0)
        for root, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(Path(root, name), 0, 0, follow_symlinks=False)


def _reachable(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def _restrict_files(read: list[str], write: list[str], version: int) -> None:
    def of(table: dict[int, int]) -> int:
        return table[max(each for each in table if each <= version)]

    handled, network, scoped = of(_HANDLED), of(_NETWORK), of(_SCOPED)
    attributes = struct.pack("QQQ", handled, network, scoped)
    size = {1: 8, 2: 8, 3: 8, 4: 16, 5: 16}.get(version, 24)
    rules = _checked(_libc.syscall(_CREATE_RULESET, attributes, size, 0))
    for names, rights in ((read, _READ), (write, handled)):
        for name in names:
            descriptor = os.open(name, os.O_PATH | os.O_CLOEXEC)
            allowed = rights & handled
            if not Path(name).is_dir():
                allowed &= _FILE_ONLY
            _checked(_libc.syscall(_ADD_RULE, rules, _RULE_PATH, struct.pack("=Qi", allowed, descriptor), 0))
            os.close(descriptor)
    _checked(_libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)


def _prctl(option: int, *arguments: object) -> None:
    _checked(_libc.prctl(option, *arguments, *([0] * (4 - len(arguments)))))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _wait(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _stop(number: int, _frame: object) -> None:
    _end_children()
    os._exit(128 + number)


def _end_children() -> None:
    """End every descendant: each one that dies leaves its children to this process, until there are none.

    A daemon may start its successor and end, again and again: looking for children takes far less time than that.
    """
    while True:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _children() -> list[int]:
    own = os.getpid()
    with contextlib.suppress(OSError):  # not every kernel has this file
        return [int(word) for word in Path(f"/proc/{own}/task/{own}/children").read_bytes().split()]
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are enough
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()
                if int(fields[1]) == own:
                    found.append(int(name))
    return found


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
