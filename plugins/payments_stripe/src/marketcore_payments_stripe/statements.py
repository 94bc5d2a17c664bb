"""The platform's balance at Stripe as lines of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from marketcore.interfaces import StatementLine
from marketcore_payments_stripe import bodies, readings
from marketcore_payments_stripe.client import StripeGateway
from marketcore_payments_stripe.currencies import from_units

Document = Mapping[str, Any]
# Kinds of movement: what they are to us, where its amount and our id stand in what moved.
_KINDS = {
    "charge": ("payment", "amount_captured", bodies.PAYMENT),
    "payment": ("payment", "amount_captured", bodies.PAYMENT),
    "refund": ("refund", "amount", bodies.REFUND),
    "payment_refund": ("refund", "amount", bodies.REFUND),
    "transfer": ("payout", "amount", bodies.PAYOUT),
}


def statement(gateway: StripeGateway, since: datetime, until: datetime) -> Iterator[StatementLine]:
    """Return the payments, refunds and payouts that moved the balance in that time, newest first.

    Amounts are those of what moved; the balance itself may be kept in another currency, and so the fee. A refund
    that failed and a transfer that was reversed have left and come back: they are left out.
    """
    for movement in gateway.movements(since, until):
        source = movement["source"]
        if movement["type"] in _KINDS and isinstance(source, Mapping) and not _came_back(source):
            yield _line(movement, source)


def _came_back(source: Document) -> bool:
    return source.get("status") in ("failed", "canceled") or source.get("reversed") is True


def _line(movement: Document, source: Document) -> StatementLine:
    kind, amount, our_name = _KINDS[movement["type"]]
    own = source["id"]
    intent = readings.id_of(source.get("payment_intent")) if kind == "payment" else None
    return StatementLine(
        kind=kind,
        amount=from_units(source[amount], source["currency"]),
        at=datetime.fromtimestamp(movement["created"], UTC),
        reference=intent or own,
        receipt=intent or own,
        operation_id=readings.our_id(source, our_name),
        fee=from_units(movement["fee"], movement["currency"]) if movement["fee"] else None,
    )
