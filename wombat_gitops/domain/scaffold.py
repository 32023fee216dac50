"""A repository of manifests to start with: the texts of its files, for `wombat init`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from wombat_gitops.domain.errors import UserError
from wombat_gitops.domain.grammar import MODULE_VERSION, NAME, matches
from wombat_gitops.domain.manifest import render_schemas
from wombat_gitops.domain.manifest.fields import KINDS
from wombat_gitops.domain.manifest.texts import MODULE_VERSION as VERSION_TEXT
from wombat_gitops.domain.manifest.texts import NAME as NAME_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wombat_gitops.domain.manifest.kinds import Text

EXAMPLE: Final = "manifests/example.yaml"
"""Template of the one distribution; the file gets its name."""

POLICY: Final = "manifests/policy.yaml"

INSTALLED: Final = ".github/wombat.txt"
"""What the workflows install."""

TEMPLATES: Final = (
    "README.md",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    INSTALLED,
    ".github/workflows/manifests.yml",
    ".github/workflows/plan-comment.yml",
    EXAMPLE,
    POLICY,
)
"""Files that are written from templates, as they are called in the repository."""

_VERSION: Final = (
    r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+([._-][a-z0-9]+)*)?"  # PEP 440, normal form
)
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?"
_PATH: Final = r"(/[A-Za-z0-9._~%+=-]+)+"
_ARCHIVE: Final = rf"https://{_HOST}{_PATH}(\.whl|\.tar\.gz|\.zip)(#sha256=[0-9a-f]{{64}})?"
_COMMIT: Final = rf"git\+(https://|ssh://([A-Za-z0-9._-]+@)?){_HOST}{_PATH}@([0-9a-f]{{40}}|[0-9a-f]{{64}})"
_REQUIREMENT: Final = rf"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(=={_VERSION}| @ ({_ARCHIVE}|{_COMMIT}))"
"""What pip installs: one exact thing, in the words of PEP 508, and no option, variable, marker or password."""

_LONGEST: Final = 500
_TOKEN: Final = re.compile("__([A-Z]+(?:_[A-Z]+)*)__")
_YAML_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Scaffold:
    """What a new repository begins with.

    Attributes:
        name: of the distribution in it.
        benthos: exact version of Benthos.
        requirement: what the workflows install.
    """

    name: str
    benthos: str
    requirement: str

    @classmethod
    def parse(cls, name: str, benthos: str, requirement: str) -> Self:
        """Read what a person asked for.

        Raises:
            UserError: one of it cannot stand in a file.
        """
        _check("name", name, NAME, NAME_TEXT)
        _check("version of Benthos", benthos, MODULE_VERSION, VERSION_TEXT)
        if f"manifests/{name}.yaml" == POLICY:
            msg = f"a distribution cannot be named `{name}`: `{POLICY}` is the file of the policy"
            raise UserError(msg, hint="choose another name")
        if len(requirement) > _LONGEST or not matches(_REQUIREMENT, requirement):
            msg = f"the workflows cannot install `{requirement[:80]}`"
            hint = (
                "name one exact thing: `wombat-gitops==1.2.3`, or `wombat-gitops @ ` with the `https://` address of a "
                "wheel or archive, or with `git+https://…@` and a whole commit"
            )
            raise UserError(msg, hint=hint)
        return cls(name, benthos, requirement)

    @property
    def manifest(self) -> str:
        """Path of the distribution's manifest."""
        return f"manifests/{self.name}.yaml"

    def files(self, templates: Mapping[str, str]) -> dict[str, str]:
        """The texts of all files but the lock, by path, in the order in which they are written.

        Args:
            templates: the text of each of `TEMPLATES`.
        """
        values = {
            "NAME": self.name,
            "YAML_NAME": _spelled(self.name),
            "BENTHOS": self.benthos,
            "REQUIREMENT": self.requirement,
        }
        filled = {
            self.manifest if path == EXAMPLE else path: _TOKEN.sub(lambda token: values[token[1]], text)
            for path, text in templates.items()
        }
        return filled | {f"schemas/{name}": text for name, text in render_schemas().items() if name in _SCHEMAS}


_SCHEMAS: Final = frozenset(f"{kind.lower()}.schema.json" for kind in KINDS)


def _check(what: str, value: str, pattern: str, text: Text) -> None:
    if matches(pattern, value):
        return
    hint = (text.suggest(value) if text.suggest else "") or f"write {text.expected}"
    msg = f"`{value[:80]}` is no {what}"
    raise UserError(msg, hint=hint)


def _spelled(name: str) -> str:
    """A name as YAML, in quotes where it would be something else than a text."""
    return f'"{name}"' if name in _YAML_WORDS or not name[0].isalpha() else name
