"""Read Razorpay's webhooks: one signed event each, about a payment, a refund, a payout or a dispute. Pure.

Shape: {"entity": "event", "event": "payment.captured", "payload": {"payment": {"entity": {…}}, …}, "created_at"}.
An event shows its entities as they were when it happened, so what counts is their status and not its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from marketcore.interfaces import DisputeReport, WebhookEvent, WebhookRequest
from marketcore_payments_razorpay import amounts, results
from marketcore_payments_razorpay.documents import Document, json_object, moment, our_id, text

_MOST_OF_A_KEY = 60


def header(call: WebhookRequest, name: str) -> str:
    """Return a header of a call whatever its case, "" when it is missing."""
    return next((value for given, value in call.headers.items() if given.lower() == name), "")


def read_event(call: WebhookRequest) -> WebhookEvent:
    """Return the event of a call whose signature was good; raise ValueError naming what does not fit."""
    told = json_object(call.body)
    name = text(told, "event")
    if told is None or name is None:
        raise ValueError("the body is not an event with a name")
    read = next((read for prefix, read in _READERS if name.startswith(prefix)), _other)
    return read(_key(call), name, told)


def _key(call: WebhookRequest) -> str:
    # The event id is not signed: without the body's hash, a replay under a borrowed id would shut the true one out.
    digest = hashlib.sha256(call.body).hexdigest()[:32]
    return f"{header(call, 'x-razorpay-event-id')[:_MOST_OF_A_KEY]}:{digest}"


def _entity(told: Document, kind: str) -> Document:
    payload = told.get("payload")
    shown = payload.get(kind) if isinstance(payload, Mapping) else None
    entity = shown.get("entity") if isinstance(shown, Mapping) else None
    if not isinstance(entity, Mapping):
        raise ValueError(f"payload.{kind}.entity is missing")
    return entity


def _payment(key: str, name: str, told: Document) -> WebhookEvent:
    payment = _entity(told, "payment")
    order_id = text(payment, "order_id")
    if order_id is None:
        return _other(key, name, told)
    # A try that failed is no verdict on its order: without a result the core asks.
    return WebhookEvent(key, name, reference=order_id, trusted=True, result=results.of_payment(payment))


def _order(key: str, name: str, told: Document) -> WebhookEvent:
    order = _entity(told, "order")
    notes = order.get("notes")
    attempt_id = our_id(notes.get("payment_id")) if isinstance(notes, Mapping) else None
    result = results.of_payment(_entity(told, "payment"))
    return WebhookEvent(key, name, attempt_id, text(order, "id"), trusted=True, result=result)


def _refund(key: str, name: str, told: Document) -> WebhookEvent:
    refund = _entity(told, "refund")
    ours, reference = our_id(text(refund, "receipt")), text(refund, "id")
    result = results.of_refund(refund)
    return WebhookEvent(key, name, ours, reference, trusted=True, result=result, subject="refund")


def _payout(key: str, name: str, told: Document) -> WebhookEvent:
    payout = _entity(told, "payout")
    ours, reference = our_id(text(payout, "reference_id")), text(payout, "id")
    result = results.of_payout(payout)
    return WebhookEvent(key, name, ours, reference, trusted=True, result=result, subject="payout")


def _dispute(key: str, name: str, told: Document) -> WebhookEvent:
    dispute = _entity(told, "dispute")
    reference, amount = text(dispute, "id"), amounts.read(dispute)
    if reference is None or amount is None:
        raise ValueError("payload.dispute.entity has no id or no amount")
    report = DisputeReport(
        reference=reference,
        state=_dispute_state(name, dispute),
        amount=amount,
        payment_reference=text(_payment_of(told), "order_id"),
        payment_receipt=text(dispute, "payment_id"),
        reason=text(dispute, "reason_code") or "",
        due_by=moment(dispute.get("respond_by")),
    )
    return WebhookEvent(key, name, reference=reference, trusted=True, subject="dispute", dispute=report)


def _payment_of(told: Document) -> Document:
    try:
        return _entity(told, "payment")
    except ValueError:
        return {}


def _dispute_state(name: str, dispute: Document) -> str:
    ending = name.rpartition(".")[2]
    if ending in ("won", "lost"):
        return ending
    if ending != "closed":
        return "open"
    # Closed says that it is over and not how; what was taken does.
    deducted = dispute.get("amount_deducted")
    return "lost" if type(deducted) is int and deducted > 0 else "won"


def _other(key: str, name: str, told: Document) -> WebhookEvent:
    return WebhookEvent(key, name, trusted=True, subject="other")


#: The first prefix that fits an event's name says how it is read.
_READERS = (
    ("payment.dispute.", _dispute),
    *((f"payment.{word}", _payment) for word in ("authorized", "captured", "failed")),
    ("order.paid", _order),
    ("refund.", _refund),
    ("payout.", _payout),
)
