"""The comparison, once a day."""

from __future__ import annotations

from typing import Any

from marketcore.jobs.binding import outside_transaction
from marketcore.reconciliation.services import reconcile_all


@outside_transaction
def compare_with_providers(registry: Any) -> None:
    """Compare our books with those of every provider that lists what it did."""
    reconcile_all(registry)
