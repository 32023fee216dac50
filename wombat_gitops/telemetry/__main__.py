"""`python -m wombat_gitops.telemetry` prints the tables of docs/operation.md."""

from __future__ import annotations

import sys

from wombat_gitops.telemetry.catalogue import metrics_markdown
from wombat_gitops.telemetry.vocabulary import events_markdown

sys.stdout.write(f"{events_markdown()}\n{metrics_markdown()}")
