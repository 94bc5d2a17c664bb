"""Disputes as providers report them."""

from __future__ import annotations

from typing import Any

import structlog

from marketcore.disputes.services import DisputeService
from marketcore.interfaces import WebhookEvent

log = structlog.get_logger(__name__)


def read_dispute(request: Any, provider: str, event: WebhookEvent) -> None:
    """Apply a provider's report of a dispute; one that nobody has signed is not believed and changes nothing."""
    if not event.trusted or event.dispute is None:
        log.error("dispute_not_believed", provider=provider, dedupe_key=event.dedupe_key)
        return
    request.find_service(DisputeService).apply(provider, event.dispute)
