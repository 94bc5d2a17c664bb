"""Orders whose payment a bank contests: their money is set apart, and they stand still until that is decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.ledger.accounts import AccountRef, disputed
from marketcore.ledger.services import LedgerService
from marketcore.money import allocate
from marketcore.orders.freezing import FrozenOrders
from marketcore.orders.money import OrderMoney
from marketcore.orders.services import OrderService
from marketcore.states import OrderState

log = structlog.get_logger(__name__)

# Money of another payment for the same checkout, such as one that came twice, is nobody's to contest here.
_LOCK_PAID = text(
    """SELECT * FROM orders WHERE payment_id = (SELECT payment_id FROM disputes WHERE id = :dispute)
         AND paid_at IS NOT NULL AND refunded_minor + disputed_minor < total_minor
       ORDER BY id FOR UPDATE"""
)
_LOCK_CONTESTED = text(
    """SELECT o.*, p.amount_minor AS part_minor FROM dispute_parts p JOIN orders o ON o.id = p.order_id
       WHERE p.dispute_id = :dispute ORDER BY o.id FOR UPDATE OF o"""
)
_PAYMENT = text("SELECT payment_id FROM disputes WHERE id = :dispute")
_KEEP_PART = text("INSERT INTO dispute_parts (dispute_id, order_id, amount_minor) VALUES (:dispute, :order, :minor)")
_CONTEST = text(
    """UPDATE orders SET disputed_minor = disputed_minor + :minor,
              disputed_from = CASE WHEN state = 'disputed' THEN disputed_from ELSE state END
       WHERE id = :order"""
)
_DECIDE = text(
    """UPDATE orders SET disputed_minor = disputed_minor - :minor, refunded_minor = refunded_minor + :gone,
              disputed_from = CASE WHEN disputed_minor > :minor THEN disputed_from END
       WHERE id = :order"""
)


class ContestedOrders:
    """Takes the money of disputes from the orders of a payment, and gives it back or lets it go."""

    def __init__(self, session: Any, orders: OrderService, frozen: FrozenOrders, ledger: LedgerService) -> None:
        self._session = session
        self._orders = orders
        self._frozen = frozen
        self._ledger = ledger
        self._money = OrderMoney(ledger)

    def take(self, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Move ``minor`` units of what the disputed payment has paid to ``to``; return how many were left to move.

        Each order loses in proportion to what is left of it, and stands still until the dispute ends. What was frozen
        for a decision of ours is contested like the rest: the bank's word comes first.
        """
        self._frozen.yield_to_dispute(self._session.execute(_PAYMENT, {"dispute": dispute_id}).scalar_one())
        orders = list(self._session.execute(_LOCK_PAID, {"dispute": dispute_id}))
        left = [order.total_minor - order.refunded_minor - order.disputed_minor for order in orders]
        taken = min(minor, sum(left))
        if taken < minor:
            log.error("dispute_exceeds_orders", dispute_id=str(dispute_id), contested=minor, left=taken)
        if not taken:
            return 0
        self._ledger.lock(self._money.accounts(orders))
        for order, part in zip(orders, allocate(taken, left), strict=True):
            if part:
                self._take(order, part, dispute_id, to)
        return taken

    def settle(self, dispute_id: UUID, *, won: bool) -> None:
        """End a dispute for its orders: each goes on where it stood, or is refunded if nothing of it is left."""
        orders = list(self._session.execute(_LOCK_CONTESTED, {"dispute": dispute_id}))
        self._ledger.lock([*self._money.accounts(orders), *(disputed(dispute_id, order.currency) for order in orders)])
        for order in orders:
            if won:
                self._money.restore(
                    order, order.part_minor, "dispute", dispute_id, disputed(dispute_id, order.currency)
                )
            self._decide(order, won=won)

    def _take(self, order: Any, part: int, dispute_id: UUID, to: AccountRef) -> None:
        values = {"dispute": dispute_id, "order": order.id, "minor": part}
        self._session.execute(_KEEP_PART, values)
        self._money.take_back(order, part, "dispute", dispute_id, to)
        self._session.execute(_CONTEST, values)
        if order.state != OrderState.DISPUTED:
            self._orders.move(order, OrderState.DISPUTED, None, note="the payment is contested")

    def _decide(self, order: Any, *, won: bool) -> None:
        part, gone = order.part_minor, 0 if won else order.part_minor
        self._session.execute(_DECIDE, {"order": order.id, "minor": part, "gone": gone})
        if order.disputed_minor > part:
            return  # another dispute goes on
        if order.refunded_minor + gone == order.total_minor:
            self._orders.move(order, OrderState.REFUNDED, None, note="lost to the payer's bank")
        else:
            self._orders.move(order, OrderState(order.disputed_from), None, note="the dispute has ended")


def contested_orders(_context: Any, request: Any) -> ContestedOrders:
    """Return the request's ``ContestedOrders``."""
    orders, frozen = request.find_service(OrderService), request.find_service(FrozenOrders)
    return ContestedOrders(request.db, orders, frozen, request.find_service(LedgerService))
