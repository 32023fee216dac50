"""What is told about a running process: logs, metrics, traces, and whether it lives and is ready.

Services and adapters only log events of the fixed vocabulary; what is counted and timed is made from those
events, so nothing else in the program knows that it is measured.
"""

from __future__ import annotations

from wombat_gitops.telemetry.logs import configure_logging as configure_logging
