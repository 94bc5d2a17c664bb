"""Orders whose money is frozen: it is set apart and they stand still until somebody has decided.

The way of disputes, for decisions that are made here: the order is ``disputed`` meanwhile, nobody can take a step or
refund it, and neither the release after delivery nor a payout reaches its money.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from marketcore.exceptions import Conflict
from marketcore.ledger.accounts import frozen
from marketcore.ledger.services import LedgerService
from marketcore.orders.money import OrderMoney
from marketcore.orders.rules import check_freeze
from marketcore.orders.services import OrderService
from marketcore.states import OrderState

_INSERT = text(
    """INSERT INTO order_freezes (id, order_id, currency, amount_minor, cause)
       VALUES (:id, :order, :currency, :minor, :cause)"""
)
_FREEZE = text("UPDATE orders SET disputed_minor = disputed_minor + :minor, disputed_from = state WHERE id = :order")
_THAW = text("UPDATE orders SET disputed_minor = disputed_minor - :minor, disputed_from = NULL WHERE id = :order")
_ORDER_OF = text("SELECT order_id FROM order_freezes WHERE id = :id")
_OPEN = text("SELECT * FROM order_freezes WHERE id = :id AND state = 'open' FOR UPDATE")
_CLOSE = text("UPDATE order_freezes SET state = :state, closed_at = market_clock() WHERE id = :id")
_OF_PAYMENT = text(
    """SELECT f.id FROM order_freezes f JOIN orders o ON o.id = f.order_id
       WHERE o.payment_id = :payment AND f.state = 'open' ORDER BY o.id"""
)


class FrozenOrders:
    """Freezes what is left of an order's money, once at a time, and lets it go where it came from."""

    def __init__(self, session: Any, orders: OrderService, ledger: LedgerService) -> None:
        self._session = session
        self._orders = orders
        self._ledger = ledger
        self._money = OrderMoney(ledger)

    def freeze(self, order_id: int, cause: str, *, released: bool = False) -> UUID:
        """Set apart what is left of an order's money and let the order stand still; return the freeze's id.

        ``cause`` is shown in its history. Money that the seller has already is taken from them (or becomes their
        debt) only where ``released`` says so. ``Conflict`` tells why there is nothing to freeze.
        """
        order = self._orders.lock(order_id)
        left = check_freeze(order, released=released)
        freeze_id = uuid4()
        values = {"id": freeze_id, "order": order.id, "minor": left}
        self._session.execute(_INSERT, {**values, "currency": order.currency, "cause": cause[:100]})
        self._money.take_back(order, left, "freeze", freeze_id, frozen(freeze_id, order.currency))
        self._session.execute(_FREEZE, values)
        self._orders.move(order, OrderState.DISPUTED, None, note=f"frozen: {cause}")
        return freeze_id

    def lift(self, freeze_id: UUID) -> bool:
        """Give the money back to where it was and let the order go on; ``False`` if the freeze has ended before."""
        order_id = self._session.execute(_ORDER_OF, {"id": freeze_id}).scalar_one()
        return self._end(self._orders.lock(order_id), freeze_id, "lifted")

    def yield_to_dispute(self, payment_id: UUID) -> None:
        """End the freezes of what a payment has paid, for its bank contests it. The caller holds the payment."""
        for freeze_id in list(self._session.execute(_OF_PAYMENT, {"payment": payment_id}).scalars()):
            order_id = self._session.execute(_ORDER_OF, {"id": freeze_id}).scalar_one()
            self._end(self._orders.lock(order_id), freeze_id, "yielded")

    def _end(self, order: Any, freeze_id: UUID, state: str) -> bool:
        freeze = self._session.execute(_OPEN, {"id": freeze_id}).first()
        if freeze is None:
            return False
        source, minor = frozen(freeze_id, freeze.currency), freeze.amount_minor
        if order.disputed_minor != minor:
            raise Conflict(f"order {order.id} has {order.disputed_minor} minor units set apart, not {minor}")
        self._ledger.lock([*self._money.accounts([order]), source])
        self._money.restore(order, minor, "freeze", freeze_id, source)
        self._session.execute(_THAW, {"order": order.id, "minor": minor})
        self._session.execute(_CLOSE, {"id": freeze_id, "state": state})
        self._orders.move(order, OrderState(order.disputed_from), None, note=f"no longer frozen: {freeze.cause}")
        return True


def frozen_orders(_context: Any, request: Any) -> FrozenOrders:
    """Return the request's ``FrozenOrders``."""
    return FrozenOrders(request.db, request.find_service(OrderService), request.find_service(LedgerService))
