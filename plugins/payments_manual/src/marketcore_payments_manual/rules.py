"""Who holds the money of a payment by hand, and who may say what about it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from marketcore.exceptions import Conflict, Forbidden, NotFound
from marketcore.states import OrderState, PaymentState

_P = PaymentState
_O = OrderState
CASH, TRANSFER = "cash_on_delivery", "bank_transfer"
# Cash is handed over against goods that were promised; a transfer may arrive after everybody gave up.
CONFIRMABLE: Mapping[str, frozenset[PaymentState]] = {
    CASH: frozenset({_P.AUTHORIZED}),
    TRANSFER: frozenset({_P.PENDING, _P.UNKNOWN, _P.EXPIRED, _P.FAILED}),
}
REJECTABLE: Mapping[str, frozenset[PaymentState]] = {
    CASH: frozenset({_P.AUTHORIZED}),
    TRANSFER: frozenset({_P.PENDING, _P.UNKNOWN}),
}
# Until the goods are delivered they can come back; after that the buyer has them, paid or not.
RETURNING = frozenset({_O.CONFIRMED, _O.PACKED, _O.SHIPPED})
ENDED = frozenset({_O.COMPLETED, _O.REFUNDED, _O.CANCELLED})


def seller_holds(provider: str, next_action: Mapping[str, Any] | None) -> bool:
    """Whether the money of a payment is with the seller: cash always, a transfer to the account payers were told of."""
    told = next_action["data"] if next_action else {}
    return provider == CASH or (provider == TRANSFER and told.get("account_of") == "seller")


def check_decider(payment: Any, sellers: Collection[int], identity: Any) -> None:
    """Refuse whoever may not say that ``payment`` has come: ``NotFound`` for strangers, else ``Forbidden``.

    Admins may; so may the only seller it is for, if the money comes to the seller.
    """
    if "admin" in identity.roles:
        return
    if identity.user_id not in (*sellers, payment.user_id) or payment.provider not in CONFIRMABLE:
        raise NotFound(f"there is no payment {payment.id} for you to decide about")
    if (
        identity.user_id == payment.user_id
        or len(sellers) != 1
        or not seller_holds(payment.provider, payment.next_action)
    ):
        raise Forbidden("whoever receives the money says that it came: here an admin")


def check_state(payment: Any, allowed: Mapping[str, frozenset[PaymentState]], act: str) -> None:
    """Refuse with ``Conflict`` what cannot be done to a payment of this provider in this state."""
    if payment.provider not in allowed:
        raise Conflict(f"payment {payment.id} is collected by {payment.provider}, which reports by itself")
    if payment.state not in allowed[payment.provider]:
        raise Conflict(f"payment {payment.id} is {payment.state} and cannot be {act}")


def kept_receipt(payment: Any, receipt: str) -> str:
    """Return how a receipt is kept. Each seller numbers their own, so theirs is told apart by the payment's code."""
    return f"{payment.code}:{receipt}" if seller_holds(payment.provider, payment.next_action) else receipt
