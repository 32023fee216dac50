"""The system calls that a sandboxed program may not make, as a classic BPF program for the kernel.

A list of refusals, as container engines and Flatpak have them: namespaces and mounts, other processes' memory, keys,
kernel modules, performance counters, io_uring, memory that no limit counts (memfd, System V), and socket families that
network namespaces do not separate (vsock reaches the host of a virtual machine). Without namespaces, also what Landlock
has no right for: modes, owners, times and labels of files, and limits and priorities of other processes. Numbers:
Linux' `unistd.h`.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import Final

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
"""Offsets in `struct seccomp_data`; of the arguments their lower halves."""

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERROR: Final = 0x00050000
_X32: Final = 0x40000000
"""System calls from here on are of the x32 interface, which would pass a list of numbers by."""

_NAMESPACES: Final = 0x7E020000
"""Every `CLONE_NEW…` flag but the one for time, which `clone` does not know."""

_TERMINAL: Final = (0x5412, 0x541C)
"""`TIOCSTI` and `TIOCLINUX`: typing into somebody else's terminal."""

_FILE_FLAGS: Final = (0x40086602, 0x401C5820)
"""`FS_IOC_SETFLAGS` and `FS_IOC_FSSETXATTR`."""

_FAMILIES: Final = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK: all of them end at the sandbox' own network namespace."""

_AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_REFUSED: Final = {
    "x86_64": {
        "acct": 163, "add_key": 248, "adjtimex": 159, "bpf": 321, "chroot": 161, "clock_adjtime": 305,
        "clock_settime": 227, "delete_module": 176, "fanotify_init": 300, "finit_module": 313, "fsconfig": 431,
        "fsmount": 432, "fsopen": 430, "fspick": 433, "init_module": 175, "io_uring_enter": 426,
        "io_uring_register": 427, "io_uring_setup": 425, "ioperm": 173, "iopl": 172, "kcmp": 312,
        "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "lookup_dcookie": 212, "mbind": 237,
        "memfd_create": 319, "memfd_secret": 447, "migrate_pages": 256, "modify_ldt": 154, "mount": 165,
        "mount_setattr": 442, "move_mount": 429, "move_pages": 279, "mq_open": 240, "msgget": 68,
        "name_to_handle_at": 303, "nfsservctl": 180, "open_by_handle_at": 304, "open_tree": 428,
        "perf_event_open": 298, "personality": 135, "pidfd_getfd": 438, "pivot_root": 155, "process_madvise": 440,
        "process_mrelease": 448, "process_vm_readv": 310, "process_vm_writev": 311, "ptrace": 101, "quotactl": 179,
        "quotactl_fd": 443, "reboot": 169, "request_key": 249, "semget": 64, "set_mempolicy": 238, "setns": 308,
        "settimeofday": 164, "shmat": 30, "shmget": 29, "swapoff": 168, "swapon": 167, "syslog": 103,
        "umount2": 166, "unshare": 272, "userfaultfd": 323, "vhangup": 153,
    },
    "aarch64": {
        "acct": 89, "add_key": 217, "adjtimex": 171, "bpf": 280, "chroot": 51, "clock_adjtime": 266,
        "clock_settime": 112, "delete_module": 106, "fanotify_init": 262, "finit_module": 273, "fsconfig": 431,
        "fsmount": 432, "fsopen": 430, "fspick": 433, "init_module": 105, "io_uring_enter": 426,
        "io_uring_register": 427, "io_uring_setup": 425, "kcmp": 272, "kexec_file_load": 294, "kexec_load": 104,
        "keyctl": 219, "lookup_dcookie": 18, "mbind": 235, "memfd_create": 279, "memfd_secret": 447,
        "migrate_pages": 238, "mount": 40, "mount_setattr": 442, "move_mount": 429, "move_pages": 239,
        "mq_open": 180, "msgget": 186, "name_to_handle_at": 264, "nfsservctl": 42, "open_by_handle_at": 265,
        "open_tree": 428, "perf_event_open": 241, "personality": 92, "pidfd_getfd": 438, "pivot_root": 41,
        "process_madvise": 440, "process_mrelease": 448, "process_vm_readv": 270, "process_vm_writev": 271,
        "ptrace": 117, "quotactl": 60, "quotactl_fd": 443, "reboot": 142, "request_key": 218, "semget": 190,
        "set_mempolicy": 237, "setns": 268, "settimeofday": 170, "shmat": 196, "shmget": 194, "swapoff": 225,
        "swapon": 224, "syslog": 116, "umount2": 39, "unshare": 97, "userfaultfd": 282, "vhangup": 58,
    },
}  # fmt: skip
_REFUSED_WITHOUT_NAMESPACES: Final = {
    "x86_64": {
        "chmod": 90, "chown": 92, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "fchown": 93, "fchownat": 260,
        "file_setattr": 469, "fremovexattr": 199, "fsetxattr": 190, "ioprio_set": 251, "lchown": 94,
        "lremovexattr": 198, "lsetxattr": 189, "removexattr": 197, "removexattrat": 466, "sched_setaffinity": 203,
        "sched_setattr": 314, "sched_setparam": 142, "sched_setscheduler": 144, "setpriority": 141, "setxattr": 188,
        "setxattrat": 463,
    },
    "aarch64": {
        "fchmod": 52, "fchmodat": 53, "fchmodat2": 452, "fchown": 55, "fchownat": 54, "file_setattr": 469,
        "fremovexattr": 16, "fsetxattr": 7, "ioprio_set": 30, "lremovexattr": 15, "lsetxattr": 6, "removexattr": 14,
        "removexattrat": 466, "sched_setaffinity": 122, "sched_setattr": 274, "sched_setparam": 118,
        "sched_setscheduler": 119, "setpriority": 140, "setxattr": 5, "setxattrat": 463,
    },
}  # fmt: skip
_TIMES: Final = {
    "x86_64": {"futimesat": 261, "utime": 132, "utimensat": 280, "utimes": 235},
    "aarch64": {"utimensat": 88},
}
"""Without namespaces these do nothing and say that all is well: Go's linker ends where it cannot set a time."""

_SPECIAL: Final = {
    "x86_64": {"clone": 56, "clone3": 435, "ioctl": 16, "prlimit64": 302, "socket": 41},
    "aarch64": {"clone": 220, "clone3": 435, "ioctl": 29, "prlimit64": 261, "socket": 198},
}


def filter_for(machine: str = "", *, namespaces: bool) -> bytes:
    """The BPF program for *machine* (as `uname -m` names it; "" for this one); b"" where there is none for it.

    Args:
        namespaces: the program has namespaces of its own, so sockets, paths and process ids lead nowhere. Without them
            it may make no socket, change nothing of files but their content, and set limits of itself alone.
    """
    machine = machine or platform.machine()
    if machine not in _AUDIT:
        return b""
    special = _SPECIAL[machine]
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    refused = [*_REFUSED[machine].values(), *(() if namespaces else _REFUSED_WITHOUT_NAMESPACES[machine].values())]
    for number in sorted(refused):
        code += [(_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    for number in () if namespaces else sorted(_TIMES[machine].values()):
        code += [(_EQUAL, 0, 1, number), _refuse(0)]
    # `clone3` hides its flags in memory; the C library and Go fall back to `clone` where it is not there.
    code += [(_EQUAL, 0, 1, special["clone3"]), _refuse(errno.ENOSYS)]
    code += _of_call(special["clone"], _FIRST, [(_ANY_BIT, 0, 1, _NAMESPACES), _refuse(errno.EPERM)])
    requests = _TERMINAL if namespaces else (*_TERMINAL, *_FILE_FLAGS)
    code += _of_call(special["ioctl"], _SECOND, [each for request in requests for each in _refuse_if(request)])
    if not namespaces:
        code += _of_call(special["prlimit64"], _FIRST, [(_EQUAL, 1, 0, 0), _refuse(errno.EPERM)])
    families = _FAMILIES if namespaces else ()
    allowed = [each for family in families for each in ((_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW))]
    code += _of_call(special["socket"], _FIRST, [*allowed, _refuse(errno.EAFNOSUPPORT)])
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


_Instruction = tuple[int, int, int, int]


def _refuse(number: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERROR | number)


def _refuse_if(argument: int) -> list[_Instruction]:
    return [(_EQUAL, 0, 1, argument), _refuse(errno.EPERM)]


def _of_call(number: int, argument: int, judgement: list[_Instruction]) -> list[_Instruction]:
    """Judge one argument of one system call; what is not decided then goes on with the number loaded again."""
    inside = [(_LOAD, 0, 0, argument), *judgement, (_LOAD, 0, 0, _NUMBER)]
    return [(_EQUAL, 0, len(inside), number), *inside]
