"""Papers expire by the clock."""

from __future__ import annotations

from typing import Any

from marketcore.settings import section
from marketcore_vendors.services.documents import DocumentService

BATCH = 100


def watch_expiry(request: Any) -> None:
    """Let papers expire whose last day is over, and warn of those that are about to, a batch at a time."""
    days = section(request.registry, "vendors")["kyc_warn_days"]
    papers = request.find_service(DocumentService)
    expired = papers.expire_due(BATCH)
    warned = papers.warn_due(BATCH, days) if days else 0
    if BATCH in (expired, warned):
        request.enqueue("vendors.watch_expiry")
