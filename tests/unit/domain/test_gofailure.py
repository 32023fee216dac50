"""What failed go commands print, and what that means. The texts follow Go 1.26; those that a test can provoke
are checked against the real command in tests/integration/golang.
"""

from __future__ import annotations

import pytest

from wombat_gitops.domain.gofailure import classify, tail_of, timed_out
from wombat_gitops.domain.records import FailureKind, Step

USER, TRANSIENT, INTERNAL = FailureKind.USER, FailureKind.TRANSIENT, FailureKind.INTERNAL
PROXY = "http://proxy.invalid"

CASES = [
    (
        (
            "# github.com/a/b/public/components/bad\n"
            "../mod/github.com/a/b@v1.2.3/public/components/bad/bad.go:10:18: undefined: missing\n"
        ),
        (USER, "CompileError", "github.com/a/b/public/components/bad"),
        "github.com/a/b@v1.2.3/public/components/bad/bad.go:10:18: undefined: missing",
    ),
    (
        "/data/mod/github.com/a/b@v1.2.3/c/bad.go:3:6: syntax error: unexpected {, expected name\n",
        (USER, "CompileError", "github.com/a/b@v1.2.3/c"),
        "github.com/a/b@v1.2.3/c/bad.go:3:6: syntax error: unexpected {, expected name",
    ),
    (
        "main.go:8:2: no required module provides package github.com/a/b/nothere; to add it:\n\tgo get\n",
        (USER, "PackageMissing", "github.com/a/b/nothere"),
        None,
    ),
    (
        "go: module github.com/a/b@latest found (v1.8.0), but does not contain package github.com/a/b/nothere\n",
        (USER, "PackageMissing", "github.com/a/b/nothere"),
        None,
    ),
    (
        "main.go:3:8: package nothing/here is not in std (/go/src/nothing/here)\n",
        (USER, "PackageMissing", "nothing/here"),
        None,
    ),
    (
        "main.go:5:2: missing go.sum entry for module providing package github.com/a/b/io; to add:\n\tgo get\n",
        (USER, "LockIncomplete", "github.com/a/b/io"),
        None,
    ),
    ("go: updates to go.mod needed, disabled by -mod=readonly\n", (USER, "LockIncomplete", ""), None),
    (
        "go: github.com/a/b@v1.2.3: verifying module: checksum mismatch\n\tdownloaded: h1:x=\n\nSECURITY ERROR\n",
        (USER, "ChecksumMismatch", "github.com/a/b@v1.2.3"),
        None,
    ),
    (
        "verifying github.com/a/b@v1.2.3/go.mod: checksum mismatch\n\tdownloaded: h1:x=\n\nSECURITY ERROR\n",
        (USER, "ChecksumMismatch", "github.com/a/b@v1.2.3"),
        None,
    ),
    (
        "go: github.com/a/b@v1.2.3 requires go >= 1.99 (running go 1.26.6; GOTOOLCHAIN=local)\n",
        (USER, "ToolchainTooOld", "github.com/a/b@v1.2.3"),
        None,
    ),
    ("go: go.mod requires go >= 1.28.0 (running go 1.26.6; GOTOOLCHAIN=local)\n", (USER, "ToolchainTooOld", ""), None),
    (
        "go: github.com/c/d@v4.105.0 requires github.com/a/b@v4.77.0, not github.com/a/b@v4.76.0\n",
        (USER, "VersionConflict", "github.com/c/d@v4.105.0"),
        None,
    ),
    (
        "main.go:6:2: ambiguous import: found package github.com/a/b/c in multiple modules:\n\tgithub.com/a/b v1.0.0\n",
        (USER, "AmbiguousImport", "github.com/a/b/c"),
        None,
    ),
    (
        (
            "go: github.com/a/b@v1.0.0: parsing go.mod:\n\tmodule declares its path as: github.com/x/b\n"
            "\t        but was required as: github.com/a/b\n"
        ),
        (USER, "ModulePathMismatch", "github.com/a/b@v1.0.0"),
        None,
    ),
    (
        "x\n\timports github.com/a/b/c: build constraints exclude all Go files in /d/mod/github.com/a/b@v1/c\n",
        (USER, "BuildConstraints", "github.com/a/b/c"),
        None,
    ),
    (
        "x\n\timports github.com/a/b\n\timports github.com/a/c\n\timports github.com/a/b: import cycle not allowed\n",
        (USER, "ImportCycle", "github.com/a/b"),
        None,
    ),
    (
        "# distribution\nlink: github.com/a/b/c: invalid reference to runtime.gcController\n",
        (USER, "LinkError", "distribution"),
        "link: github.com/a/b/c: invalid reference to runtime.gcController",
    ),
    (
        "# distribution\n/go/pkg/tool/linux_amd64/link: loadelf: malformed elf\n",
        (USER, "LinkError", "distribution"),
        None,
    ),
    (
        (
            "# github.com/pebbe/zmq4\n/m/github.com/pebbe/zmq4@v1.4.0/auth.go:5:10: fatal error: zmq.h: No such "
            "file or directory\n    5 | #include <zmq.h>\ncompilation terminated.\n"
        ),
        (USER, "CLibraryMissing", "github.com/pebbe/zmq4"),
        "github.com/pebbe/zmq4@v1.4.0/auth.go:5:10: fatal error: zmq.h: No such file or directory",
    ),
    (
        (
            "# github.com/pebbe/zmq4\n# [pkg-config --cflags  -- libzmq]\nPackage libzmq was not found in the "
            "pkg-config search path.\nPackage 'libzmq', required by 'virtual:world', not found\n"
        ),
        (USER, "CLibraryMissing", "github.com/pebbe/zmq4"),
        "Package libzmq was not found in the pkg-config search path",
    ),
    (
        (
            '# github.com/pebbe/zmq4\n# [pkg-config --cflags  -- libzmq]\npkg-config: exec: "pkg-config": executable '
            "file not found in $PATH\n"
        ),
        (USER, "CLibraryMissing", "github.com/pebbe/zmq4"),
        None,
    ),
    (
        (
            "# distribution\n/go/pkg/tool/linux_amd64/link: running /usr/bin/cc failed: exit status 1\n"
            "/usr/bin/cc -m64\n/usr/bin/ld: cannot find -lzmq: No such file or directory\n"
        ),
        (USER, "CLibraryMissing", ""),
        "/usr/bin/ld: cannot find -lzmq: No such file or directory",
    ),
    (
        f"go: github.com/a/b@v9.9.9: reading {PROXY}/github.com/a/b/@v/v9.9.9.mod: 404 Not Found\n",
        (USER, "ModuleMissing", "github.com/a/b@v9.9.9"),
        None,
    ),
    (
        f"go: github.com/a/b@v1.0.0: reading {PROXY}/github.com/a/b/@v/v1.0.0.mod: 502 Bad Gateway\n",
        (TRANSIENT, "ModuleProxyUnavailable", "github.com/a/b@v1.0.0"),
        None,
    ),
    (
        f'go: github.com/a/b@v1.0.0: Get "{PROXY}/x": dial tcp 10.0.0.1:80: connect: connection refused\n',
        (TRANSIENT, "NetworkError", "github.com/a/b@v1.0.0"),
        None,
    ),
    (
        f'go: github.com/a/b@v1.0.0: Get "{PROXY}/x": dial tcp: lookup proxy.invalid: no such host\n',
        (TRANSIENT, "NetworkError", "github.com/a/b@v1.0.0"),
        None,
    ),
    ("fatal: could not write: write /x: no space left on device\n", (INTERNAL, "DiskFull", ""), None),
    ("github.com/a/b: /go/pkg/tool/compile: signal: killed\n", (INTERNAL, "OutOfMemory", ""), None),
    (
        "internal/goarch: /go/pkg/tool/linux_amd64/compile: signal: segmentation fault\n",
        (INTERNAL, "ToolchainBroken", ""),
        "internal/goarch: /go/pkg/tool/linux_amd64/compile: signal: segmentation fault",
    ),
    ('go: no such tool "compile"\n', (INTERNAL, "ToolchainBroken", ""), None),
    (
        "go: error obtaining buildID for go tool asm: fork/exec /go/pkg/tool/linux_amd64/asm: exec format error\n",
        (INTERNAL, "ToolchainBroken", ""),
        None,
    ),
    ("# internal/cpu\n/x.so: input/output error\n", (INTERNAL, "ToolchainBroken", ""), None),
    (
        "# errors\n/go/src/errors/errors.go:91:1: syntax error: non-declaration statement outside function body\n",
        (INTERNAL, "ToolchainBroken", "errors"),
        "/go/src/errors/errors.go:91:1: syntax error: non-declaration statement outside function body",
    ),
    ("main.go:3:8: package fmt is not in std (/go/src/fmt)\n", (INTERNAL, "ToolchainBroken", "fmt"), None),
    (
        "x.go:3:8: package encoding/json/v2 is not in std (/go/src/encoding/json/v2)\n",
        (USER, "PackageMissing", "encoding/json/v2"),
        None,
    ),
    ("# distribution\nmain.go:3:1: syntax error\n", (USER, "CompileError", "distribution"), None),
    ("something else entirely\n", (TRANSIENT, "Unknown", ""), "something else entirely"),
]


@pytest.mark.parametrize(("output", "expected", "message"), CASES, ids=[f"{n}-{c[1][1]}" for n, c in enumerate(CASES)])
def test_each_output_is_understood(output: str, expected: tuple[FailureKind, str, str], message: str | None) -> None:
    """Kind, reason and culprit follow from what Go printed, whatever was printed before."""
    failure = classify(f"go: downloading github.com/a/b v1.2.3\n{output}", step=Step.FETCH)

    assert (failure.kind, failure.reason, failure.culprit) == expected
    if message is not None:
        assert failure.message == message
    assert failure.message in " ".join(output.split()) or failure.reason == "CompileError"
    assert "\n" not in failure.message
    assert failure.tail[-1] == output.splitlines()[-1].rstrip()


def test_both_modules_of_an_ambiguous_import_are_named() -> None:
    """Only the first line of Go's answer was shown, which says "multiple modules" and names none."""
    output = (
        "main.go:6:2: ambiguous import: found package example.com/mono/plug in multiple modules:\n"
        "\texample.com/mono v1.0.0 (/d/mod/example.com/mono@v1.0.0/plug)\n"
        "\texample.com/mono/plug v1.1.0 (/d/mod/example.com/mono/plug@v1.1.0)\n"
    )

    failure = classify(output, step=Step.FETCH)

    assert failure.message == (
        "main.go:6:2: ambiguous import: found package example.com/mono/plug in multiple modules: "
        "example.com/mono v1.0.0 example.com/mono/plug v1.1.0"
    )


def test_a_proxy_that_is_off_is_not_tried_again() -> None:
    """It was taken for a cache that was emptied during a build, and the hint said that it is tried again."""
    failure = classify("go: example.com/a@v1.0.0: module lookup disabled by GOPROXY=off\n", step=Step.FETCH)

    assert (failure.kind, failure.reason, failure.culprit) == (USER, "ModulesNotFetched", "example.com/a@v1.0.0")
    assert "GOPROXY=off forbids" in failure.hint
    assert "tried again" not in failure.hint


_VERIFYING = "go: example.com/a@v1.0.0: verifying go.mod: example.com/a@v1.0.0/go.mod: "
_DATABASE = f"{_VERIFYING}initializing sumdb.Client: checking tree#1: "


@pytest.mark.parametrize(
    ("said", "kind", "hint"),
    [
        (f'{_DATABASE}Get "{PROXY}/tile": dial tcp 10.0.0.1:80: connect: connection refused', TRANSIENT, "GOSUMDB"),
        (f'{_DATABASE}Get "{PROXY}/tile": dial tcp: lookup x.invalid: no such host', TRANSIENT, "GOSUMDB"),
        (f"{_DATABASE}reading {PROXY}/tile: 503 Service Unavailable", TRANSIENT, "GOSUMDB"),
        (f"{_VERIFYING}reading {PROXY}/lookup/example.com/a@v1.0.0: 404 Not Found", USER, "GONOSUMDB"),
        (f"{_VERIFYING}reading {PROXY}/lookup/example.com/a@v1.0.0: 410 Gone", USER, "GONOSUMDB"),
        (f"{_DATABASE}reading {PROXY}/tile: 403 Forbidden", USER, "GOSUMDB"),
    ],
)
def test_the_checksum_database_is_not_mistaken_for_the_proxy(said: str, kind: FailureKind, hint: str) -> None:
    """A private module that the database does not know was "correct the module or its version", which is fine."""
    failure = classify(f"{said}\n", step=Step.FETCH)

    assert (failure.kind, failure.reason, failure.culprit) == (kind, "ChecksumUnavailable", "example.com/a@v1.0.0")
    assert hint in failure.hint


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone", "403 Forbidden", "401 Unauthorized"])
def test_what_a_proxy_refuses_names_the_variable_to_set(status: str) -> None:
    """Each answer has a hint with the variable that names another proxy."""
    failure = classify(f"go: example.com/a@v1.0.0: reading {PROXY}/example.com/a/@v/v1.0.0.mod: {status}\n")

    assert failure.kind is USER
    assert failure.culprit == "example.com/a@v1.0.0"
    assert "GOPROXY" in failure.hint


def test_a_compiler_cannot_pretend_a_broken_network() -> None:
    """Words of the network in a compiler's message do not make a failure transient."""
    failure = classify("# a.b/c\nx.go:1:1: cannot dial tcp: connection refused\n", step=Step.COMPILE)

    assert failure.kind is USER
    assert failure.reason == "CompileError"


def test_an_unknown_failure_of_the_compiler_is_not_tried_again() -> None:
    """Without network the same command fails the same way."""
    assert classify("what\n", step=Step.COMPILE).kind is INTERNAL


def test_a_killed_command_ran_out_of_memory() -> None:
    """A command that the kernel killed without a word is told apart from one that failed."""
    assert classify("", step=Step.COMPILE, status=-9).reason == "OutOfMemory"


def test_silence_has_a_message() -> None:
    """A failure without output still says something."""
    assert classify("", status=2).message == "the go command ended with status 2 and said nothing"


@pytest.mark.parametrize(("step", "kind"), [(Step.FETCH, TRANSIENT), (Step.COMPILE, USER), (Step.SMOKE, USER)])
def test_only_a_slow_network_is_waited_for_again(step: Step, kind: FailureKind) -> None:
    """A step without network that takes too long will do so again."""
    assert timed_out("", step, 5).kind is kind


def test_the_tail_has_at_most_twenty_lines() -> None:
    """The end of a log is what people look at first."""
    lines = [f"line {number}" for number in range(50)]

    assert tail_of("\n\n".join(lines)) == tuple(lines[-20:])
