"""Refunds outside requests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketcore.jobs.binding import outside_transaction
from marketcore.refunds.operation import REFUNDS


@outside_transaction
def submit_refund(registry: Any, refund_id: str) -> None:
    """Hand a refund to its provider, unless that has happened."""
    REFUNDS.hand_over(registry, UUID(refund_id))
