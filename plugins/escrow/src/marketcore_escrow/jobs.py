"""What happens to advertisements by the clock."""

from __future__ import annotations

from typing import Any

import structlog

from marketcore.db.session import perform
from marketcore.jobs.binding import outside_transaction
from marketcore.testing.crash import crash_point
from marketcore_escrow.proofs import ProofService

log = structlog.get_logger(__name__)


@outside_transaction
def settle_due(registry: Any) -> None:
    """Settle every advertisement that a deadline of has passed, each in a transaction of its own.

    One that cannot be settled keeps no other waiting.
    """
    failed: set[int] = set()
    while due := perform(registry, _due, failed):
        for advertisement_id in due:
            try:
                perform(registry, _settle, advertisement_id)
            except Exception:
                log.exception("advertisement_not_settled", advertisement_id=advertisement_id)
                failed.add(advertisement_id)
            crash_point("escrow.settlement_committed")


def _due(request: Any, failed: set[int]) -> list[int]:
    found: list[int] = request.find_service(ProofService).due(failed)
    return found


def _settle(request: Any, advertisement_id: int) -> None:
    request.find_service(ProofService).settle_due(advertisement_id)
    crash_point("escrow.settled")
