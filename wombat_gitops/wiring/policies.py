"""The operator's own policies: manifests of kind `Policy` that a service or a builder is started with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from wombat_gitops.domain.errors import InvalidManifests, NotFound
from wombat_gitops.domain.manifest import parse_manifest, rules
from wombat_gitops.domain.manifest.shared import make_policy

if TYPE_CHECKING:
    from wombat_gitops.domain.model import Policy
    from wombat_gitops.settings import Settings

_LARGEST: Final = 1 << 20


def operator_policies(settings: Settings) -> tuple[Policy, ...]:
    """The policies of the files that `WOMBAT_POLICY` names, in their order.

    Raises:
        NotFound: a file is not there.
        InvalidManifests: a file is not a usable policy; nothing is started then.
    """
    found = []
    for name in filter(None, (part.strip() for part in settings.policy.split(","))):
        try:
            with Path(name).open("rb") as file:
                data = file.read(_LARGEST)
        except OSError as error:
            msg = f"cannot read the policy `{name}`: {(error.strerror or 'unknown reason').lower()}"
            raise NotFound(msg, hint="see WOMBAT_POLICY") from error
        parsed = parse_manifest(Path(name).name, data)
        declares = parsed.declares
        if declares is None or declares.kind != "Policy" or not declares.usable:
            wrong = parsed.places.problem(rules.UNSUPPORTED_KIND, "this is not a policy", "/kind", hint="kind: Policy")
            raise InvalidManifests(parsed.diagnostics or (wrong,))
        found.append(make_policy(declares.name, declares.value, name))
    return tuple(found)
