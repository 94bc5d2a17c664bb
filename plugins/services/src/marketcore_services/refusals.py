"""What this plugin refuses, beyond what the core refuses."""

from __future__ import annotations

from marketcore.exceptions import Conflict


class BelowMinimum(Conflict):
    """An order would be of less than the configured minimum; ``minimum`` says which."""

    code, title = "below-minimum", "Orders of services have a minimum amount"
