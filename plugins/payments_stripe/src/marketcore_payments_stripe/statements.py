"""The platform's balance at Stripe as lines of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from marketcore.interfaces import StatementLine
from marketcore.money import Money
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
            yield from _lines(movement, source)


def _came_back(source: Document) -> bool:
    return source.get("status") in ("failed", "canceled") or source.get("reversed") is True


def _lines(movement: Document, source: Document) -> list[StatementLine]:
    kind, counted, our_name = _KINDS[movement["type"]]
    amount = _money(source[counted], source["currency"])
    if amount is None:
        return []  # of no currency that a payment of ours is made in
    intent = readings.id_of(source.get("payment_intent")) if kind == "payment" else None
    line = StatementLine(
        kind=kind,
        amount=amount,
        at=datetime.fromtimestamp(movement["created"], UTC),
        reference=intent or source["id"],
        receipt=intent or source["id"],
        operation_id=readings.our_id(source, our_name),
        # Of a currency without decimals Stripe may keep fractions, which no amount of ours can say.
        fee=_money(movement["fee"], movement["currency"]) if movement["fee"] else None,
    )
    return [line]


def _money(units: int, currency: str) -> Money | None:
    try:
        return from_units(units, currency)
    except ValueError:
        return None
