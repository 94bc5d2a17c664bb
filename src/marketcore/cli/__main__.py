"""``python -m marketcore.cli``: how the supervisor starts its children."""

from marketcore.cli import main

main()
