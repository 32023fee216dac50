"""What the services need from the world, in our words. The docstrings are the contracts.

Expected outcomes are return values (losing a race is None); adapters translate everything else into
`domain.errors` at the border.
"""

from __future__ import annotations

from wombat_gitops.ports.builds import Attempts as Attempts
from wombat_gitops.ports.builds import BuildClient as BuildClient
from wombat_gitops.ports.builds import Builders as Builders
from wombat_gitops.ports.builds import Comparer as Comparer
from wombat_gitops.ports.builds import Compiler as Compiler
from wombat_gitops.ports.builds import Workspace as Workspace
from wombat_gitops.ports.logs import LogChunk as LogChunk
from wombat_gitops.ports.logs import LogStream as LogStream
from wombat_gitops.ports.logs import Output as Output
from wombat_gitops.ports.modules import Inspector as Inspector
from wombat_gitops.ports.modules import ModuleNotice as ModuleNotice
from wombat_gitops.ports.modules import ModuleVersions as ModuleVersions
from wombat_gitops.ports.modules import PackageIndex as PackageIndex
from wombat_gitops.ports.modules import Resolver as Resolver
from wombat_gitops.ports.modules import VersionList as VersionList
from wombat_gitops.ports.sources import ManifestSource as ManifestSource
from wombat_gitops.ports.sources import Refresher as Refresher
from wombat_gitops.ports.sources import StatusWriter as StatusWriter
from wombat_gitops.ports.sources import Tree as Tree
from wombat_gitops.ports.sources import TreeEntry as TreeEntry
from wombat_gitops.ports.stores import Change as Change
from wombat_gitops.ports.stores import Corrupt as Corrupt
from wombat_gitops.ports.stores import HeldObject as HeldObject
from wombat_gitops.ports.stores import Holdings as Holdings
from wombat_gitops.ports.stores import ObjectKeeper as ObjectKeeper
from wombat_gitops.ports.stores import ObjectStore as ObjectStore
from wombat_gitops.ports.stores import Put as Put
from wombat_gitops.ports.stores import Removed as Removed
from wombat_gitops.ports.stores import Reset as Reset
from wombat_gitops.ports.stores import Store as Store
from wombat_gitops.ports.stores import Synced as Synced
from wombat_gitops.ports.stores import Upload as Upload
from wombat_gitops.ports.stores import Versioned as Versioned
