"""Pure: what each fact is called outside, whom it concerns, and the thin document that tells of it.

A message names things by their ids and says their state; whoever wants more asks the API, with their own rights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marketcore import events
from marketcore.states import OrderState, PayoutState, RefundState

TEST = "webhook.test"
LARGEST_BODY = 20_000
LONGEST_TYPE = 60


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as it is told: its type, the users it concerns, ids and states.

    ``payment_id`` and ``order_id`` add the payer, and buyer and seller, where the fact itself does not name them.
    """

    type: str
    data: Mapping[str, Any]
    parties: tuple[int, ...] = ()
    payment_id: UUID | None = None
    order_id: int | None = None


def _order_placed(fact: events.OrderPlaced) -> Told:
    data = {"order_id": fact.order_id, "state": str(OrderState.PENDING_PAYMENT)}
    return Told("order.placed", data, (fact.buyer_id, fact.seller_id))


def _order_changed(fact: events.OrderStateChanged) -> Told:
    data = {"order_id": fact.order_id, "state": str(fact.state), "previous": str(fact.previous)}
    return Told(f"order.{fact.state}", data, (fact.buyer_id, fact.seller_id))


def _violation_recorded(fact: events.ViolationRecorded) -> Told:
    data = {"user_id": fact.user_id, "order_id": fact.order_id, "kind": fact.kind, "standing": fact.standing}
    return Told("violation.recorded", data, (fact.user_id,))


def _payment_captured(fact: events.PaymentCaptured) -> Told:
    data = {"payment_id": str(fact.payment_id), "state": "captured", **_purpose(fact)}
    return Told("payment.captured", data, payment_id=fact.payment_id)


def _payment_failed(fact: events.PaymentFailed) -> Told:
    data = {"payment_id": str(fact.payment_id), "state": "failed", "reason": fact.reason, **_purpose(fact)}
    return Told("payment.failed", data, payment_id=fact.payment_id)


def _money_set_aside(fact: events.MoneySetAside) -> Told:
    data = {"payment_id": str(fact.payment_id), "state": "set_aside"}
    return Told("payment.set_aside", data, payment_id=fact.payment_id)


def _refund_changed(fact: events.RefundChanged) -> Told:
    data = {"refund_id": str(fact.refund_id), "payment_id": str(fact.payment_id), "order_id": fact.order_id}
    state = str(fact.state)
    return Told(f"refund.{state}", {**data, "state": state}, payment_id=fact.payment_id, order_id=fact.order_id)


def _payout_changed(fact: events.PayoutChanged) -> Told:
    data = {"payout_id": str(fact.payout_id), "state": str(fact.state)}
    return Told(f"payout.{fact.state}", data, (fact.user_id,))


def _dispute_changed(fact: events.DisputeChanged) -> Told:
    # Between the platform and a bank: buyers and sellers hear of their order, which becomes ``disputed``.
    data = {"dispute_id": str(fact.dispute_id), "payment_id": str(fact.payment_id), "state": str(fact.state)}
    return Told(f"dispute.{fact.state}", data)


def _purpose(fact: events.PaymentCaptured | events.PaymentFailed) -> dict[str, str]:
    return {"purpose": fact.purpose, "reference": fact.reference}


def _user_registered(fact: events.UserRegistered) -> Told:
    return Told("user.registered", {"user_id": fact.user_id})


def _user_blocked(fact: events.UserBlocked) -> Told:
    state = "blocked" if fact.blocked else "unblocked"
    return Told(f"user.{state}", {"user_id": fact.user_id, "state": state})


def _email_verified(fact: events.EmailVerified) -> Told:
    return Told("user.email_verified", {"user_id": fact.user_id})


def _seller_verified(fact: events.SellerVerified) -> Told:
    state = "verified" if fact.verified else "unverified"
    return Told(f"seller.{state}", {"user_id": fact.user_id, "state": state}, (fact.user_id,))


_TELLERS: Mapping[type, Callable[[Any], Told]] = {
    events.OrderPlaced: _order_placed,
    events.OrderStateChanged: _order_changed,
    events.ViolationRecorded: _violation_recorded,
    events.PaymentCaptured: _payment_captured,
    events.PaymentFailed: _payment_failed,
    events.MoneySetAside: _money_set_aside,
    events.RefundChanged: _refund_changed,
    events.PayoutChanged: _payout_changed,
    events.DisputeChanged: _dispute_changed,
    events.UserRegistered: _user_registered,
    events.UserBlocked: _user_blocked,
    events.EmailVerified: _email_verified,
    events.SellerVerified: _seller_verified,
}
# What is subscribed to in the includeme.
FACTS = frozenset(_TELLERS)
# What an endpoint can ask for; disputes and accounts (`user.*`) are told to platform-wide endpoints only.
TYPES = (
    "order.placed",
    *(f"order.{state}" for state in OrderState if state is not OrderState.CREATED),
    "violation.recorded",
    "payment.captured",
    "payment.failed",
    "payment.set_aside",
    *(f"refund.{state}" for state in RefundState),
    *(f"payout.{state}" for state in PayoutState),
    *(f"dispute.{state}" for state in ("open", "won", "lost")),
    "user.registered",
    "user.blocked",
    "user.unblocked",
    "user.email_verified",
    "seller.verified",
    "seller.unverified",
)


def tellers() -> dict[type, Callable[[Any], Told]]:
    """Return what tells each kind of the core's facts."""
    return dict(_TELLERS)


def body_of(message_type: str, data: Mapping[str, Any], at: datetime) -> bytes:
    """Return the bytes of a message, which are stored, signed and sent as they are.

    Source: Standard Webhooks 1.0, "Payload structure". ``ValueError`` for one that is too large to be thin.
    """
    document = {"type": message_type, "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"), "data": data}
    body = json.dumps(document, separators=(",", ":")).encode()
    if len(body) > LARGEST_BODY:
        raise ValueError(f"a message {message_type!r} of {len(body)} bytes is no thin one: send ids, not things")
    return body
