"""Lists of versions from real proxies: a folder, and one over HTTP that refuses."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.support.goproxy import BENTHOS, CONNECT
from wombat_gitops.adapters.golang.network import GoNetwork
from wombat_gitops.adapters.golang.toolchain import Toolchains
from wombat_gitops.adapters.golang.versions import GoVersions
from wombat_gitops.domain.errors import LockError
from wombat_gitops.domain.model import DEFAULT_TOOLCHAIN
from wombat_gitops.domain.versions import GO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.goproxy import GoProxy


def versions_of(environment: Mapping[str, str], data: Path) -> GoVersions:
    """With no Go on PATH, so that the wheel's is used."""
    return GoVersions(Toolchains(data, ""), data, GoNetwork(environment))


class _Refusing(SimpleHTTPRequestHandler):
    """A proxy that tells the versions of Connect only."""

    def do_GET(self) -> None:
        if self.path.endswith("/@v/list") and "connect" not in self.path:
            self.send_error(403, "Forbidden")
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing(go_proxy: GoProxy) -> Iterator[str]:
    """The address of such a proxy over the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Refusing, directory=str(go_proxy.folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_folder_tells_versions_and_releases(go_proxy: GoProxy, go_data: Path) -> None:
    """Releases of Go come from the list of its own module."""
    for release in ("1.26.6", "1.27.1"):
        go_proxy.add("golang.org/toolchain", f"v0.0.1-go{release}.linux-amd64", {"x.go": "package x\n"})

    found = await versions_of(go_proxy.environment, go_data).versions([BENTHOS, GO], DEFAULT_TOOLCHAIN)

    assert found[BENTHOS].versions == ("v4.76.0", "v4.77.0")
    assert found[GO].versions == ("1.26.6", "1.27.1")


async def test_a_refusal_is_of_one_module(go_proxy: GoProxy, go_data: Path, refusing: str) -> None:
    """The status is told without the address of the proxy."""
    environment = {"GOPROXY": refusing, "GOSUMDB": "off"}

    found = await versions_of(environment, go_data).versions([BENTHOS, CONNECT, GO], DEFAULT_TOOLCHAIN)

    assert found[BENTHOS].problem == "the module proxy answers 403 Forbidden"
    assert found[CONNECT].versions == ("v4.105.0",)
    assert found[GO].problem


async def test_a_proxy_that_does_not_answer_is_said(go_proxy: GoProxy, go_data: Path) -> None:
    """A refused connection is a problem of each list."""
    environment = {"GOPROXY": "http://127.0.0.1:1", "GOSUMDB": "off"}

    found = await versions_of(environment, go_data).versions([BENTHOS], DEFAULT_TOOLCHAIN)

    assert "connection refused" in found[BENTHOS].problem


async def test_only_module_paths_are_asked_for(go_proxy: GoProxy, go_data: Path) -> None:
    """Nothing that Go would take for an option."""
    with pytest.raises(LockError, match="not a module path"):
        await versions_of(go_proxy.environment, go_data).versions(["-mod=mod"], DEFAULT_TOOLCHAIN)
