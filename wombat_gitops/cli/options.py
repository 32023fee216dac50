"""Options that several commands share, and the global ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wombat_gitops.cli.text import Color, Output

if TYPE_CHECKING:
    from wombat_gitops.settings import Settings


@dataclass(frozen=True, slots=True)
class Globals:
    """The options that stand before the command."""

    data: Path | None = None
    nats: str | None = None
    server: str | None = None
    verbose: bool = False
    quiet: bool = False
    color: Color = Color.AUTO

    def settings(self, **overrides: object) -> "Settings":
        """The settings: environment, then the global options, then *overrides* that are not None."""
        from wombat_gitops.cli.configuration import make_settings

        given = {"data": self.data, "nats": self.nats, "server": self.server, **overrides}
        return make_settings({name: value for name, value in given.items() if value is not None})


def globals_of(context: typer.Context) -> Globals:
    """The global options of this run."""
    found = context.find_object(Globals)
    return found if found is not None else Globals()


OutputOption = Annotated[
    Output, typer.Option("-o", "--output", help="Form of the data on standard output.", show_default=True)
]
SourcesOption = Annotated[
    Path | None, typer.Option("--sources", help="File that lists the repositories to watch.", show_default=False)
]
RepoOption = Annotated[
    str | None, typer.Option("--repo", help="Repository with the manifests. [default: the current folder]")
]
