"""The tricks that are tried, their expected outcomes, and the tests that try them; docs/security.md is made of it.

`python -m tests.hostile.catalogue` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.catalogue import shown


@dataclass(frozen=True, slots=True)
class Trick:
    """One trick.

    Attributes:
        proofs: tests, as `path::name` below `tests/`.
        limit: what is not stopped; "" where nothing is.
    """

    tried: str
    expected: str
    proofs: tuple[str, ...]
    limit: str = ""


_PROGRAM = "hostile/test_program.py"
_READ, _CHANGED = f"{_PROGRAM}::test_nothing_of_the_machine_is_read", f"{_PROGRAM}::test_nothing_outside_is_changed"
_CALLS = f"{_PROGRAM}::test_system_calls_that_lead_out_are_refused"
_PROCESSES = f"{_PROGRAM}::test_no_other_process_is_touched"
_NETWORK = f"{_PROGRAM}::test_nothing_of_the_network_is_reached"
_RIGHTS = f"{_PROGRAM}::test_the_program_has_no_rights_and_no_descriptors"
_DAEMONS = "hostile/test_daemons.py"
_LIMITS = "hostile/test_limits.py::test_a_program_that_takes_too_much_is_ended"
_BUILDS = "faults/test_limits.py::test_a_build_that_takes_too_much"
_SHARED = "hostile/test_shared.py"
_LEFT = "hostile/test_leftovers.py"
_MODULES = "hostile/test_modules.py"
_SOURCE = f"{_MODULES}::test_what_source_may_not_say"
_IGNORED = f"{_MODULES}::test_what_modules_say_to_go_is_not_done"
_ZIP = f"{_MODULES}::test_a_zip_that_is_not_of_its_module_is_refused"
_BOMB = f"{_MODULES}::test_a_compile_bomb_is_ended"
_ANSWERS = "hostile/test_answers.py"

ATTACKS = (
    Trick(
        "a package writes into the module store or the compile cache when it is started",
        "no byte changes; the next distribution has the same bytes as before",
        (f"{_SHARED}::test_a_package_cannot_write_into_what_others_are_built_from",),
    ),
    Trick(
        "read the builder's environment, keys, home, data folder, `/etc/passwd`, or memory of another process",
        "nothing is found or opened; process 1 of the sandbox has no secret",
        (_READ, f"{_PROGRAM}::test_every_trick_is_tried"),
    ),
    Trick(
        "`tests` of a manifest that start shells and read files",
        "there is no shell and no file; `TestFailed`, and its public output has nothing of the machine; refused "
        "without a sandbox",
        (
            "hostile/test_pipelines.py::test_a_pipeline_finds_no_shell_and_reads_nothing",
            "hostile/test_pipelines.py::test_a_pipeline_does_not_run_without_a_sandbox",
        ),
    ),
    Trick(
        "daemons: double fork, new session, other name and environment, every signal ignored, successors without end",
        "none is alive once its program has ended, was ended, or its builder was killed with `kill -9`",
        (
            f"{_DAEMONS}::test_daemons_end_with_their_program",
            f"{_DAEMONS}::test_daemons_end_with_a_program_that_is_ended",
            f"{_DAEMONS}::test_daemons_end_with_a_builder_that_is_killed",
        ),
    ),
    Trick("use descriptors of the builder", "a program has 0, 1 and 2 and no other", (_RIGHTS,)),
    Trick(
        "assembler: `#include` of a secret file, `/etc/passwd`, `/proc/self/environ`",
        "`CompileError`; no word of the files is in the log",
        (f"{_MODULES}::test_the_assembler_reads_no_file_of_this_machine",),
    ),
)

RUNNING = (
    Trick(
        "dial TCP, send UDP, ask a name server, unix sockets by path and abstract name, vsock, packet and raw sockets",
        "refused, and no listener of the host hears anything",
        (_NETWORK,),
    ),
    Trick(
        "write, truncate, remove, rename, link, make folders, files and devices outside, in `/`, `/etc`, `/dev`",
        "refused; content, names, owners and links of planted files stay",
        (_CHANGED,),
    ),
    Trick(
        "change modes, owners, times or labels of files that the builder's user owns, its own program among them",
        "refused; without namespaces changes of times are ignored",
        (_CHANGED,),
    ),
    Trick(
        "signal, limit, pin, renice or trace another process; kill the parent; kill everything",
        "another process of the same user lives on as it was",
        (_PROCESSES,),
        "Landlock of kernels before 6.12 does not stop signals to processes of the same user",
    ),
    Trick(
        "new namespaces, mounts, `chroot`, `pivot_root`, io_uring, keys, userfaultfd, bpf, perf, file handles, memfd, "
        "System V memory and queues, kernel modules, typing into a terminal, host name, clock, kernel log",
        "refused with EPERM by the seccomp filter or for want of a capability",
        (_CALLS,),
    ),
    Trick("`clone3`, system calls of the x32 interface", "refused with ENOSYS", (_CALLS,)),
    Trick("become root, use capabilities or groups", "none is held, and none can be gained", (_RIGHTS,)),
    Trick(
        "fork bomb",
        "`ProcessLimit`, nothing is left",
        (f"{_DAEMONS}::test_daemons_end_with_a_program_that_is_ended", _BUILDS),
    ),
    Trick("flood the output", "`LogLimit`", (_LIMITS, _BUILDS)),
    Trick("sleep, with and without a limit of silence", "`SilentTimeout` or `TimedOut`", (_LIMITS, _BUILDS)),
    Trick(
        "spin", "`TimedOut`", (_LIMITS, "integration/golang/test_compiler.py::test_binary_that_never_ends_is_stopped")
    ),
    Trick(
        "allocate without end",
        "`OutOfMemory`",
        (_LIMITS, _BUILDS),
        "watched five times a second; between two looks several processes together may take more",
    ),
    Trick(
        "fill the disk: many files, one file; shared memory, memfd, `/`, `/run`",
        "`OutputLimit` for its own folder, refused elsewhere",
        (_LIMITS, _BUILDS, _CHANGED),
        "watched once a second; the kernel bounds each single file alone",
    ),
    Trick(
        "a build beside one that takes too much",
        "ends well",
        ("faults/test_limits.py::test_a_build_beside_one_that_takes_too_much",),
    ),
)

LEFTOVERS = (
    Trick(
        "leave links, pipes, sockets, devices, odd names, unreadable folders, and folders nested deeper than any path",
        "all is removed, nothing that a link leads to is touched",
        (f"{_LEFT}::test_a_mess_is_removed_and_its_links_are_not_followed",),
    ),
    Trick(
        "leave a link, pipe or folder where the program should be",
        "not taken as the program",
        (f"{_LEFT}::test_only_a_file_is_taken_as_the_program",),
    ),
    Trick(
        "leave outputs and entries in the compile cache's layer that are not what their names say",
        "not taken over",
        (f"{_LEFT}::test_nothing_but_sound_entries_is_taken_into_the_compile_cache",),
    ),
    Trick(
        "have a C compiler write into the layer",
        "nothing of a build with C is taken over",
        (f"{_SHARED}::test_nothing_of_a_build_with_c_is_kept",),
    ),
    Trick(
        "a file of the module store is changed or added by hand, its time set back",
        "the module is fetched again, the log says so, the bytes are equal",
        (f"{_SHARED}::test_a_module_that_was_changed_by_hand_is_fetched_again",),
        "the toolchain's own files are not compared with anything",
    ),
    Trick(
        "files of the compile cache are changed, added or removed by hand",
        "thrown away and compiled again, the bytes are equal",
        (
            f"{_SHARED}::test_a_compile_cache_that_was_changed_by_hand_gives_equal_bytes",
            f"{_LEFT}::test_a_full_compile_cache_keeps_no_entry_without_its_output",
        ),
        "whoever can write the data folder can also write the list of what was taken over",
    ),
)

MODULES = (
    Trick(
        "`//go:generate`, `tool`, `go.work`, `replace` and `toolchain` in a dependency; `vendor`, `Makefile`, `.envrc`",
        "ignored, nothing is run",
        (_IGNORED,),
    ),
    Trick(
        "a module that wants a newer Go",
        "the build fails, no toolchain is downloaded",
        (f"{_MODULES}::test_a_module_that_wants_a_newer_go_is_refused",),
    ),
    Trick("`//go:embed` of `../..` and of absolute paths", "`CompileError`", (_SOURCE,)),
    Trick("`//go:linkname` of the runtime's own state", "the link fails", (_SOURCE,)),
    Trick("`//go:cgo_ldflag`, imports of `internal/…`", "`CompileError`", (_SOURCE,)),
    Trick('`import "C"` with `#cgo LDFLAGS` where C is off', "the file is not built", (_SOURCE,)),
    Trick("a `.syso` object that is none", "the build fails inside the sandbox", (_SOURCE,)),
    Trick("generics without end", "`CompileError`", (_SOURCE,)),
    Trick("compile bombs: a huge type, a huge array", "`TimedOut` or `OutputLimit`, nothing is left", (_BOMB,)),
    Trick(
        "zip slip, absolute names, case collision, names no file may have, a zip of another module",
        "refused, nothing is extracted",
        (_ZIP,),
    ),
    Trick(
        "a zip bomb of 520 MiB in 0.5 MB",
        "refused before it is extracted",
        (f"{_MODULES}::test_a_zip_bomb_is_refused_unpacked",),
        "Go takes up to 500 MiB a module, and there is no quota for all modules of a build",
    ),
    Trick(
        "a symbolic link in a zip, embedded",
        "a file that holds the link's text; its target is not read",
        (f"{_MODULES}::test_a_link_in_a_zip_is_a_text",),
    ),
    Trick(
        "a file named `-toolexec=sh.go`",
        "a file like any other, or refused",
        (f"{_MODULES}::test_a_file_named_as_an_option_is_a_file",),
    ),
    Trick(
        "a module whose content was changed",
        "`ChecksumMismatch`, it never reaches the compiler",
        (
            "integration/golang/test_compiler.py::test_tampered_module_is_refused",
            "integration/golang/test_compiler.py::test_incomplete_lock_is_refused",
        ),
    ),
    Trick(
        "options, line breaks, quotes and paths in names, versions, tags and packages of a manifest",
        "refused before anything runs",
        (
            "integration/golang/test_compiler.py::test_hostile_text_is_refused_before_anything_runs",
            "integration/golang/test_compiler.py::test_hostile_lists_are_refused",
        ),
    ),
)

LIES = (
    Trick(
        "forged build information in a string",
        "the toolchain's answer counts, and it tells the truth",
        (f"{_MODULES}::test_forged_build_information_is_not_believed",),
    ),
    Trick(
        "a list of components that is deep, long, half, of other types, or has no end; exit codes and signals",
        "`SmokeFailed` or `LogLimit`",
        (
            f"{_ANSWERS}::test_a_lying_list_fails_the_smoke_test",
            f"{_ANSWERS}::test_half_a_character_in_a_list_is_printed_as_something_else",
            "integration/golang/test_reference.py::test_a_program_that_does_not_tell_is_built_all_the_same",
        ),
        "a program may still describe its components wrongly: what it says is shown as its own words",
    ),
    Trick(
        "another version, or one inside escape sequences",
        "`SmokeFailed`",
        (f"{_ANSWERS}::test_a_lying_version_fails_the_smoke_test",),
    ),
)

CATALOGUE = {
    "The five attacks on earlier releases": ATTACKS,
    "Programs": RUNNING,
    "What is left behind": LEFTOVERS,
    "Modules": MODULES,
    "Lies": LIES,
}


def tables() -> str:
    """The catalogue in Markdown, a table for each part."""
    return "\n\n".join(f"### {title}\n\n{_table(tricks)}" for title, tricks in CATALOGUE.items())


def _table(tricks: tuple[Trick, ...]) -> str:
    rows = ["| tried | expected | tried by |", "|---|---|---|"]
    for trick in tricks:
        expected = f"{trick.expected}. *Not stopped: {trick.limit}.*" if trick.limit else trick.expected
        rows.append(f"| {trick.tried} | {expected} | {'<br>'.join(map(shown, trick.proofs))} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(tables())
