"""Why the ledger says no, each a documented 409."""

from __future__ import annotations

from marketcore.exceptions import Conflict


class TransferDiffers(Conflict):
    """The id was used before, for a transfer with other fields."""

    code, title = "transfer-differs", "This transfer was made before, with other details"


class AlreadyPosted(Conflict):
    """The hold has been turned into a payment."""

    code, title = "already-posted", "This hold has already been used"


class AlreadyVoided(Conflict):
    """The hold has been given back, by somebody or because it expired."""

    code, title = "already-voided", "This hold has already been given back"


class HoldExpired(Conflict):
    """The hold's time is over; its money goes back."""

    code, title = "hold-expired", "This hold has expired"


class ExceedsHold(Conflict):
    """More was asked for than the hold has reserved."""

    code, title = "exceeds-hold", "This is more than was held"
