"""Bodies and documents of refunds."""

from __future__ import annotations

from marketcore.states import RefundState
from marketcore.web.schema import MoneyNode, Schema, choice, key, listing, moment, nullable, text

TARGETS = ("original", "wallet", "by_hand")


class RefundBody(Schema):
    """How much goes back, and how. Without `amount` all that is left of the order, without `target` the way it came
    if that is possible and else by hand."""

    amount = MoneyNode(missing=None)
    target = choice(*TARGETS, missing=None)
    reason = text(200, min_length=1, description="what the buyer is told")


class RetryBody(Schema):
    """By which way a failed refund is tried again."""

    target = choice(*TARGETS)


class ConfirmationBody(Schema):
    """How a refund made by hand is found in the books."""

    receipt = text(200, min_length=1)


class SetAsideBody(Schema):
    """What becomes of money that could not be used: `apply` it after all, or `refund` it."""

    action = choice("apply", "refund")
    target = choice(*TARGETS, missing="original")
    reason = text(200, min_length=1)


class RefundDocument(Schema):
    """One amount on its way back to whoever paid it."""

    id = text(36)
    payment_id = text(36)
    order_id = nullable(key())
    target = choice(*TARGETS)
    amount = MoneyNode()
    state = choice(*RefundState)
    reason = text(200)
    failure = text(60)
    receipt = nullable(text(200))
    replaced_by = nullable(text(36))
    created_at = moment()
    updated_at = moment()


class RefundNews(Schema):
    """A refund of the order has taken a step."""

    order_id = key()
    refund_id = text(36)
    state = choice(*RefundState)


class Refunds(Schema):
    """An order's refunds, oldest first."""

    items = listing(RefundDocument(name="refund"))


class SetAsideOutcome(Schema):
    """What became of it; `refund` is null where the money was applied."""

    refund = nullable(RefundDocument())
