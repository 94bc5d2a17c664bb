"""What the end of an order and refunds mean for money in sellers' hands; all within their transactions."""

from __future__ import annotations

from typing import Any

from marketcore.events import OrderStateChanged, RefundChanged
from marketcore.states import OrderState, RefundState
from marketcore_payments_manual.rules import ENDED
from marketcore_payments_manual.services import ConfirmationService
from marketcore_payments_manual.settlement import CashSettlement


def end_promise(request: Any, event: OrderStateChanged) -> None:
    """End the promise of cash for an order that is cancelled."""
    if event.state == OrderState.CANCELLED:
        request.find_service(ConfirmationService).end_promise(event.order_id)


def settle_cash(request: Any, event: OrderStateChanged) -> None:
    """Settle with the seller what was paid into the seller's hands."""
    if event.state in ENDED:
        request.find_service(CashSettlement).settle(event.order_id)


def count_cash_handed_back(request: Any, event: RefundChanged) -> None:
    """Count a refund by hand of such money as the seller's doing."""
    if event.state == RefundState.SUCCEEDED:
        request.find_service(CashSettlement).hand_back(event.refund_id)
