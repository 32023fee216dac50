"""What programs are made of, as the JSON of the API."""

from __future__ import annotations

from pydantic import Field

from wombat_gitops.api.views.base import ModuleView, View


class ComponentView(View):
    """Something a pipeline can name."""

    kind: str = Field(examples=["input", "rate-limit", "bloblang-method"])
    name: str = Field(examples=["kafka_franz"])


class PackageContentsView(View):
    """A listed package as it is in one program."""

    package: str = Field(description="full import path")
    module: str
    components: list[ComponentView] = Field(description="what it registers; empty where that cannot be told")
    licenses: list[str] = Field(description="SPDX identifiers of what it brings in from its own module")


class ModuleContentsView(ModuleView):
    """A module of which something is compiled in."""

    licenses: list[str] = Field(description="SPDX identifiers; `NOASSERTION` where none is known")
    replaces: str = Field(description="the module in whose place it is, or empty")


class NativePackageView(View):
    """A package with machine code that Go's compiler did not make; policies have to allow it."""

    package: str = Field(description="full import path")
    module: str
    version: str
    replaces: str = Field(description="the module in whose place its module is, or empty")
    syso: list[str] = Field(
        description="`.syso` files that are linked in as they are", examples=[["x_linux_amd64.syso"]]
    )
    cgo: list[str] = Field(description="files that a C compiler compiles", examples=[["zmq4.go", "helper.c"]])


class ContentsView(View):
    """What one program is made of, read from its source before it was compiled."""

    build: str
    packages: list[PackageContentsView]
    modules: list[ModuleContentsView]
    licenses: list[str] = Field(description="every licence, once")
    native: list[NativePackageView] = Field(
        default_factory=list,
        description="packages with machine code of their own, the standard library aside; empty for builds that are "
        "older than this field",
    )
