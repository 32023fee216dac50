"""Good and bad examples of what each law is about, from which a search begins."""

from __future__ import annotations

from typing import Final

from tests.support.hooks import push_body, signed
from tests.support.manifests import CORPUS, LOCK, SMALL
from wombat_gitops.domain.lock import render_lock
from wombat_gitops.domain.manifest import read_manifest
from wombat_gitops.domain.sources import Host

_SOURCES: Final = (
    """\
apiVersion: wombat/v1
kind: Sources
sources:
  - url: https://git.example.invalid/a.git
    branch: x
    interval: 5m
    folder: b
    credentials: {user: robot, password: {env: A}}
    verify: {ssh: {allowed_signers: keys, revoked: r}}
    status: {host: gitea, token: {file: /run/token}, context: c}
    webhook: {host: gitea, secret: {env: B}}
  - {url: ., verify: {gpg: {keys: [a, b]}}}
""",
    "apiVersion: wombat/v1\nkind: Sources\nsources:\n",
)
_PIPELINES: Final = (
    """\
input: {stdin: {}}
pipeline:
  processors:
    - mapping: |
        root = this
output: {stdout: {}}
""",
    """\
# c
input:
  generate: {count: 1, mapping: 'root = "x"'}
output:
  - &a {drop: {}}
  - *a
""",
)
_ADDRESSES: Final = (
    "https://user:pass@git.example.invalid:8443/a/b.git?c#d",
    "ssh://git@git.example.invalid/a.git",
    "git@git.example.invalid:a/b.git",
    "file:///srv/a.git",
    "ext::sh -c x",
    "refs/heads/feature/x",
    "-u./x",
    "a/../b",
)
_GO_TEXTS: Final = (
    """\
package a

import (
	b "x/y"
	"z"
)

const name = "n"

func wrap[T any](n string, x T) {
	service.MustRegisterBatchInput(n, spec(), nil)
}

func init() {
	wrap(name, `y`)
	bloblang.RegisterMethodV2("m", s, 'x')
}
""",
    "go: downloading a.b/c v1.0.0\nmain.go:5:2: no required module provides package a.b/c\n",
    "# a.b/c\n./x.go:12:3: undefined: y\nverifying a.b/c@v1.0.0: checksum mismatch\n\tdownloaded: h1:x\n",
)
_TEXTS: Final = {
    "sources": _SOURCES,
    "pipeline": _PIPELINES,
    "configuration": _PIPELINES,
    "address": _ADDRESSES,
    "go": _GO_TEXTS,
}


def examples_of(law: str) -> list[bytes]:
    """Where the search for what breaks *law* begins; every manifest of the corpus where nothing else fits."""
    if law == "push":
        return [_push(host) for host in Host]
    if law == "lock":
        folders = sorted([*CORPUS.rglob("*.lock"), *(CORPUS.parents[1] / "manifests").glob("*.lock")])
        return [_lock(), *((path / "go.mod").read_bytes() + b"\0" for path in folders)]
    if law in _TEXTS:
        return [text.encode() for text in _TEXTS[law]]
    return [path.read_bytes() for path in sorted(CORPUS.rglob("*.yaml"))]


def _lock() -> bytes:
    distribution = read_manifest("manifests/example.yaml", SMALL.encode()).distribution
    assert distribution is not None
    files = render_lock(distribution, LOCK)
    return f"{files.go_mod}\0{files.go_sum}".encode()


def _push(host: str) -> bytes:
    body = push_body(host)
    head = "\n".join(f"{name}: {value}" for name, value in signed(host, body).items())
    return head.encode() + b"\n\n" + body
