"""The ledger's periodic work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marketcore.ledger.services import LedgerService

_RECENT = timedelta(hours=1)


def void_expired_holds(request: Any) -> int:
    """Give back the holds that expired lately; return how many."""
    return _ledger(request).void_expired(since=_RECENT)


def void_overlooked_holds(request: Any) -> int:
    """Give back expired holds however old, such as those of a time without workers; return how many."""
    return _ledger(request).void_expired()


def roll_deltas(request: Any) -> int:
    """Fold what has gathered on deferred accounts into their rows; return how many deltas."""
    return _ledger(request).roll_deltas()


def _ledger(request: Any) -> LedgerService:
    service: LedgerService = request.find_service(LedgerService)
    return service
