"""Licences are recognised by their own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wombat_gitops.domain.licenses import RCL, UNKNOWN, license_of_header, license_of_text


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


@given(st.text(max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    license_of_header(text)
    license_of_text(text)
