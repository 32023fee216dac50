"""What is seen in Go source: registrations, constraints, licences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.constraints import Target, is_built, what_is_missing
from wombat_gitops.domain.goscope import exported_names, names_used
from wombat_gitops.domain.gosyntax import components_of, read_go_file
from wombat_gitops.domain.licenses import RCL, UNKNOWN, license_of_header, license_of_text

LINUX = Target("linux", "amd64")


def registered(body: str, *more: str) -> set[str]:
    """What a package with these files registers."""
    head = 'package x\n\nimport "github.com/redpanda-data/benthos/v4/public/service"\n\n'
    return {str(each) for each in components_of([read_go_file(head + text) for text in (body, *more)], {})}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('func init() { service.MustRegisterBatchInput("kafka", spec(), nil) }', {"input kafka"}),
        ('func init() {\n\tservice.RegisterOutput(\n\t\t"nats", nil)\n}', {"output nats"}),
        ('const name = "redis"\nfunc init() { service.MustRegisterCache(name, nil) }', {"cache redis"}),
        ('var a, b = 1, 2\nfunc init() { bloblang.MustRegisterMethodV2("abs", nil) }', {"bloblang-method abs"}),
        ("func init() { service.MustRegisterBatchScannerCreator(`csv`, nil) }", {"scanner csv"}),
        ('func init() { env.RegisterOtelTracerProvider("jaeger", nil) }', {"tracer jaeger"}),
        ('func init() { service.Register("rate-limits", "local") }', {"rate-limit local"}),
        ('// service.MustRegisterInput("no", nil)\n/* service.MustRegisterInput("no", nil) */', set()),
        ('var s = "service.MustRegisterInput(\\"no\\", nil)"', set()),
        ('func RegisterInput(name string) {}\nfunc init() { RegisterInput("no") }', set()),
        (
            """func add(n int, name string) { service.MustRegisterProcessor(name, nil) }
func init() { add(1, "one") }""",
            {"processor one"},
        ),
    ],
)
def test_registrations_are_seen(body: str, found: set[str]) -> None:
    """Literal names, constants, and names handed to a function of the package; never what is in comments or texts."""
    assert registered(body) == found


def test_a_constant_of_another_file_is_known() -> None:
    """A package is read as a whole."""
    assert registered("func init() { service.MustRegisterCache(theName, nil) }", 'const theName string = "lru"\n') == {
        "cache lru"
    }


@given(st.text(alphabet="func(){}[]\"'`\\/*.,:= \nabR", max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    """No source crashes the reader."""
    components_of([read_go_file(f'service.MustRegisterInput("x"{text}')], {})
    is_built("a.go", f"//go:build {text}\n\npackage a\n", LINUX)
    license_of_header(text)
    exported_names(text)
    names_used(f'import "x"{text}', "x", "x")


@pytest.mark.parametrize(
    ("name", "line", "target", "built"),
    [
        ("a.go", "", LINUX, True),
        ("a_test.go", "", LINUX, False),
        ("a_windows.go", "", LINUX, False),
        ("a_linux_arm64.go", "", LINUX, False),
        ("a_amd64.go", "", LINUX, True),
        ("a.go", "linux && !arm", LINUX, True),
        ("a.go", "!arm", Target("linux", "arm"), False),
        ("a.go", "(windows || unix) && amd64", LINUX, True),
        ("a.go", "x_benthos_extra", LINUX, False),
        ("a.go", "x_benthos_extra", Target("linux", "amd64", frozenset({"x_benthos_extra"})), True),
        ("a.go", "cgo", LINUX, False),
        ("a.go", "go1.21 && gc", LINUX, True),
        ("a.go", "ignore", LINUX, False),
        ("a.go", "linux &&", LINUX, False),
    ],
)
def test_constraints_hold_as_go_says(name: str, line: str, target: Target, built: bool) -> None:
    """File names and `//go:build` lines together."""
    source = f"//go:build {line}\n\npackage a\n" if line else "package a\n"
    assert is_built(name, source, target) is built


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("x_benthos_extra", "the build tag `x_benthos_extra`"),
        ("cgo", "cgo"),
        ("cgo && x", "the build tag `x` and cgo"),
        ("windows", "another platform"),
        ("!amd64", "another platform"),
        ("ignore", ""),
        ("linux", ""),
    ],
)
def test_what_is_missing_is_the_least(line: str, needs: str) -> None:
    """A tag, cgo, or the platform."""
    assert what_is_missing("a.go", f"//go:build {line}\n\npackage a\n", LINUX) == needs


def test_names_for_others_are_seen() -> None:
    """What gofmt puts at the beginning of a line, or of a line in a group; no methods, nothing inside of functions."""
    source = """package x

import "C"

const (
	One   = 1
	two   = 2
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
    assert exported_names(source) == {"One", "Socket", "New", "All"}


@pytest.mark.parametrize(
    ("imported", "used"),
    [
        ('import "a.b/zmq4"', {"Poll"}),
        ('import q "a.b/zmq4"', {"New"}),
        ('import (\n\t"fmt"\n\tq "a.b/zmq4"\n)', {"New"}),
        ('import _ "a.b/zmq4"', set()),
        ('import "a.b/other"', set()),
    ],
)
def test_names_of_another_package_are_seen(imported: str, used: set[str]) -> None:
    """Under the name that the file gives the package; never what is in comments or texts."""
    body = 'func f() { q.New(); zmq4.Poll() }\n// q.Old()\nvar t = "q.Text"\n'
    assert names_used(f"package x\n\n{imported}\n\n{body}", "a.b/zmq4", "zmq4") == used


def test_c_needs_cgo() -> None:
    """A file that imports C is left out where cgo is off."""
    assert what_is_missing("a.go", 'package a\n\nimport "C"\n', LINUX) == "cgo"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("                Apache License\n          Version 2.0, January 2004\n", "Apache-2.0"),
        ("MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining\na copy of", "MIT"),
        ("ISC License\n\nPermission to use, copy, modify, and/or distribute this software for any\npurpose", "ISC"),
        ("Redistribution and use in source and binary forms\n... Neither the name of", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms, with or without", "BSD-2-Clause"),
        ("All rights reserved.", UNKNOWN),
        ("SPDX-License-Identifier: Zlib", "Zlib"),
        ("Eclipse Public License - v 2.0\n... Secondary License: GNU General Public License, version 2", "EPL-2.0"),
    ],
)
def test_a_licence_is_told_by_its_own_words(text: str, name: str) -> None:
    """However its lines are broken."""
    assert license_of_text(text) == name


def test_a_header_overrules_the_module() -> None:
    """Connect's enterprise files say so above their package; a comment below it says nothing."""
    header = (
        "// Copyright 2024 Redpanda Data, Inc.\n//\n// Licensed as a Redpanda Enterprise file under the Redpanda "
        'Community\n// License (the "License");\n\npackage x\n'
    )
    assert license_of_header(header) == RCL
    assert license_of_header("// Copyright 2024\n\npackage x\n\n// Apache License, Version 2.0\n") == ""
