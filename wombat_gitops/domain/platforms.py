"""What programs are built for: a Go target, and how people write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

_ARCHITECTURES: Final[dict[str, tuple[str, ...]]] = {
    "linux": ("386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x"),
    "darwin": ("amd64", "arm64"),
    "windows": ("386", "amd64", "arm64"),
    "freebsd": ("amd64", "arm64"),
}
_VARIANTS: Final[dict[str, tuple[str, ...]]] = {
    "arm": ("5", "6", "7"),
    "amd64": ("v1", "v2", "v3", "v4"),
}
_DEFAULT_VARIANT: Final[dict[str, str]] = {"arm": "7", "amd64": "v1"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """A Go target, written `linux/arm64` or `linux/arm/6` everywhere a person sees it.

    One target has one spelling, and so one build id: `linux/amd64/v1` is `linux/amd64`, and
    `linux/arm` is `linux/arm/7` (the variants that Go takes by default).
    """

    os: str
    arch: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `os/arch[/variant]`.

        Raises:
            ValueError: not a platform we can build; the message says why.
        """
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(parts):
            msg = f"`{text}` is not a platform, expected `os/arch` or `os/arch/variant`"
            raise ValueError(msg)
        system, arch = parts[0], parts[1]
        variant = parts[2] if len(parts) == 3 else ""  # noqa: PLR2004
        if arch not in _ARCHITECTURES.get(system, ()):
            msg = f"`{text}` is not a supported platform"
            raise ValueError(msg)
        if variant and variant not in _VARIANTS.get(arch, ()):
            msg = f"`{variant}` is not a variant of `{arch}`"
            raise ValueError(msg)
        if arch == "arm":
            variant = variant or _DEFAULT_VARIANT[arch]
        elif variant == _DEFAULT_VARIANT.get(arch):
            variant = ""
        return cls(system, arch, variant)

    @staticmethod
    def spellings() -> tuple[str, ...]:
        """Every text that `parse` reads."""
        bare = [(f"{system}/{arch}", arch) for system, arches in _ARCHITECTURES.items() for arch in arches]
        return tuple(
            f"{text}/{variant}" if variant else text
            for text, arch in bare
            for variant in ("", *_VARIANTS.get(arch, ()))
        )

    def matches(self, pattern: str) -> bool:
        """Whether *pattern* means this platform: `os`, `os/arch` with every variant, or `os/arch/variant`."""
        parts = pattern.split("/")
        own = (self.os, self.arch, self.variant or _DEFAULT_VARIANT.get(self.arch, ""))
        return len(parts) <= len(own) and own[: len(parts)] == tuple(parts)

    @property
    def go_env(self) -> dict[str, str]:
        """The environment variables that make the Go compiler build for this platform."""
        env = {"GOOS": self.os, "GOARCH": self.arch}
        variable = {"arm": "GOARM", "amd64": "GOAMD64"}.get(self.arch)
        if variable is not None:
            env[variable] = self.variant or _DEFAULT_VARIANT[self.arch]
        return env

    @property
    def slug(self) -> str:
        """The platform inside a file name: `linux_arm_6`."""
        return str(self).replace("/", "_")

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.arch, self.variant) if part)


def supported_platforms() -> tuple[str, ...]:
    """Every platform a manifest may name, in their canonical spelling, sorted."""
    names = set[str]()
    for system, architectures in _ARCHITECTURES.items():
        for arch in architectures:
            names.update(str(Platform.parse(f"{system}/{arch}/{variant}")) for variant in _VARIANTS.get(arch, ()))
            names.add(str(Platform.parse(f"{system}/{arch}")))
    return tuple(sorted(names))


def _platform_from_wire(value: object) -> Platform:
    if isinstance(value, Platform):
        return value
    if not isinstance(value, str):
        msg = "a platform is a text such as `linux/amd64`"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports ValueError with its place
    return Platform.parse(value)


PlatformField = Annotated[
    Platform,
    PlainValidator(_platform_from_wire),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["linux/amd64", "linux/arm/7"]}),
]
"""A `Platform` that is a plain text in JSON."""
