"""Which licence a text is, as an SPDX identifier. By what licences say themselves, never by guessing."""

from __future__ import annotations

import re
from difflib import get_close_matches
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

_GNU: Final = ("2.0", "2.1", "3.0")
_OTHERS: Final = (
    "0BSD AFL-3.0 AGPL-3.0-or-later Apache-1.1 Artistic-2.0 BSD-1-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 "
    "CC-BY-3.0 CC-BY-4.0 CC-BY-SA-4.0 CDDL-1.0 CDDL-1.1 CPL-1.0 ECL-2.0 EPL-1.0 EUPL-1.2 FTL GPL-2.0-or-later "
    "GPL-3.0-or-later HPND ICU IPL-1.0 LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-or-later LGPL-3.0-or-later MIT-0 "
    "MPL-1.1 MS-PL MulanPSL-2.0 NCSA OFL-1.1 OpenSSL PSF-2.0 PostgreSQL Python-2.0 SSPL-1.0 UPL-1.0 Unicode-3.0 "
    "Unicode-DFS-2016 W3C WTFPL X11 Zlib-acknowledgement"
)
"""Further identifiers of SPDX, which a file may name for itself."""

_KNOWN: Final = {name.casefold(): name for name in (*dict(_FINGERPRINTS), UNKNOWN, *_OTHERS.split())}
_ALIASES: Final = {
    "rcl": RCL,
    **dict.fromkeys(("bsl", "bsl-1.1", "busl"), "BUSL-1.1"),
    **dict.fromkeys(("bsd", "bsd3", "bsd-3"), "BSD-3-Clause"),
    **dict.fromkeys(("bsd2", "bsd-2"), "BSD-2-Clause"),
    **dict.fromkeys(("apache", "apache2", "apache-2", "apache2.0"), "Apache-2.0"),
    **{f"{name}-{number}": f"{name.upper()}-{number}-only" for name in ("gpl", "lgpl", "agpl") for number in _GNU},
}

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


def license_meant(name: str) -> str:
    """The identifier that is told of the licence a person probably means; "" where *name* itself may be told."""
    plain = name.casefold()
    if plain in _KNOWN:
        return ""
    if plain in _ALIASES:
        return _ALIASES[plain]
    near = get_close_matches(plain, _KNOWN, n=1, cutoff=0.8)
    return _KNOWN[near[0]] if near else ""
