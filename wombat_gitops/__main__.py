"""`python -m wombat_gitops` is the command `wombat`."""

from wombat_gitops.cli.main import main

main()
