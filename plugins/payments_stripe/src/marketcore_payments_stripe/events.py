"""What Stripe's events say. Pure: the signature has been checked before.

Events come more than once and in any order. What ends a payment is final and is believed as it stands; what may still
turn (a refund that fails later, a transfer that is reversed) only tells the core to ask.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from marketcore.interfaces import Outcome, WebhookEvent
from marketcore_payments_stripe import bodies, readings

Document = Mapping[str, Any]
_Reader = Callable[[WebhookEvent, Document], WebhookEvent]


def read_event(body: bytes) -> WebhookEvent:
    """Return the event of a verified call; ``ValueError`` says what is wrong with its shape."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(event, dict) or event.get("object") not in ("event", "v2.core.event"):
        raise ValueError("the body is neither an event nor a v2 event")
    if not all(isinstance(event.get(name), str) and event[name] for name in ("id", "type")):
        raise ValueError("the event has no id or no type")
    blank = WebhookEvent(event["id"], event["type"], trusted=True, subject="other")
    try:
        return _thin(blank, event) if event["object"] == "v2.core.event" else _snapshot(blank, event)
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"{event['type']} {event['id']} lacks what it should have: {fault}") from None


def _thin(blank: WebhookEvent, event: Document) -> WebhookEvent:
    """Read an event that only says whose account changed, which is a reason to ask."""
    about = event.get("related_object") or {}
    if about.get("type") != "v2.core.account":
        return blank
    return replace(blank, subject="destination", reference=about["id"], trusted=False)


def _snapshot(blank: WebhookEvent, event: Document) -> WebhookEvent:
    document = event["data"]["object"]
    if blank.kind == "account.updated":
        enrollment = readings.of_v1_account(document)
        return replace(blank, subject="destination", reference=document["id"], enrollment=enrollment)
    if event.get("account"):
        return blank  # of a seller's own business with Stripe
    for prefix, reader in _READERS.items():
        if blank.kind.startswith(prefix):
            return reader(blank, document)
    return blank


def _session(blank: WebhookEvent, session: Document) -> WebhookEvent:
    attempt_id = readings.our_id(session, bodies.PAYMENT)
    if attempt_id is None:
        return blank
    result = readings.of_session(session)
    if blank.kind == "checkout.session.async_payment_failed":
        result = replace(result, outcome=Outcome.DECLINED, reason="declined")
    return replace(blank, subject="payment", attempt_id=attempt_id, reference=session["id"], result=result)


def _intent(blank: WebhookEvent, intent: Document) -> WebhookEvent:
    """Read a PaymentIntent of a client's own form; one that belongs to a session is told of by the session."""
    attempt_id = readings.our_id(intent, bodies.PAYMENT)
    if attempt_id is None or intent["metadata"].get(bodies.BY) != "intent":
        return blank
    result = readings.of_intent(intent)
    return replace(blank, subject="payment", attempt_id=attempt_id, reference=intent["id"], result=result)


def _refund(blank: WebhookEvent, refund: Document) -> WebhookEvent:
    refund_id = readings.our_id(refund, bodies.REFUND)
    if refund_id is None:
        return blank
    told = readings.of_refund(refund, reported=False)
    return replace(blank, subject="refund", attempt_id=refund_id, reference=refund["id"], result=told, trusted=False)


def _transfer(blank: WebhookEvent, transfer: Document) -> WebhookEvent:
    payout_id = readings.our_id(transfer, bodies.PAYOUT)
    if payout_id is None:
        return blank
    told = readings.of_transfer(transfer)
    return replace(blank, subject="payout", attempt_id=payout_id, reference=transfer["id"], result=told, trusted=False)


def _dispute(blank: WebhookEvent, dispute: Document) -> WebhookEvent:
    try:
        report = readings.of_dispute(dispute)
    except ValueError:
        return blank  # in money that no payment of ours was made in
    return replace(blank, subject="dispute", reference=report.reference, dispute=report)


_READERS: Mapping[str, _Reader] = {
    "checkout.session.": _session,
    "payment_intent.": _intent,
    "refund.": _refund,
    "charge.refund.updated": _refund,
    "charge.dispute.": _dispute,
    "transfer.": _transfer,
}
