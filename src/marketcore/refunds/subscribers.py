"""What refunds do about money that nobody can use."""

from __future__ import annotations

from typing import Any

from marketcore.events import MoneySetAside
from marketcore.refunds.services import RefundService
from marketcore.settings import section


def return_late_money(request: Any, event: MoneySetAside) -> None:
    """Send back what came too late; what is not the amount that was asked for is left to a person."""
    if not section(request.registry, "payments")["refund_late_money"] or event.amount != event.asked:
        return
    service = request.find_service(RefundService)
    if service.can_return(event.payment_id):
        service.request_set_aside(event.payment_id, reason="the money came when it could not be used", by=None)
