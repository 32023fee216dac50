"""Which licence a text is, as an SPDX identifier. By what licences say themselves, never by guessing."""

from __future__ import annotations

import re
from typing import Final

UNKNOWN: Final = "NOASSERTION"
"""SPDX's word for a licence that could not be told."""

RCL: Final = "LicenseRef-Redpanda-Community-License"
_ENTERPRISE: Final = "LicenseRef-Redpanda-Enterprise-License"

_FINGERPRINTS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (RCL, ("redpanda community license",)),
    (_ENTERPRISE, ("redpanda enterprise",)),
    ("BUSL-1.1", ("business source license",)),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("EPL-2.0", ("eclipse public license", "2.0")),
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose with or without fee",)),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "may be used to endorse or promote")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    ("Zlib", ("this software is provided 'as-is', without any express or implied warranty",)),
)
"""Phrases that must all occur; the first that fits counts, so special licences stand before general ones."""

_LONGEST_HEADER: Final = 4096
_SPDX: Final = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9][A-Za-z0-9.+-]*)")


def license_of_text(text: str) -> str:
    """The licence that a file `LICENSE` holds, `NOASSERTION` where it cannot be told."""
    named = _SPDX.search(text[:_LONGEST_HEADER])
    if named is not None:
        return named[1]
    plain = " ".join(re.sub(r"//|[*#>]+", " ", text[:60_000]).lower().split())
    for name, phrases in _FINGERPRINTS:
        if all(phrase in plain for phrase in phrases):
            return name
    return UNKNOWN


def license_of_header(source: str) -> str:
    """The licence that the comment above a Go file's package names, or "" where it names none."""
    head = source[:_LONGEST_HEADER].partition("\npackage ")[0]
    comments = "\n".join(line for line in head.splitlines() if line.lstrip().startswith(("//", "/*", "*")))
    if "licen" not in comments.lower():
        return ""
    found = license_of_text(comments)
    return "" if found == UNKNOWN else found
