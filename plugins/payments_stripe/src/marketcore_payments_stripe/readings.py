"""What Stripe's objects say of a payment, a refund, a payout, a dispute or an account. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marketcore.interfaces import DisputeReport, Enrollment, NextAction, Outcome, ProviderResult
from marketcore_payments_stripe.currencies import from_units

Document = Mapping[str, Any]

_PAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
# Words that everybody uses for the same thing; all other codes of Stripe's are kept.
_REASONS = {
    "generic_decline": "declined",
    "card_declined": "declined",
    "payment_method_customer_decline": "declined",
    "authentication_required": "authentication_failed",
    "payment_intent_authentication_failure": "authentication_failed",
}
_DISPUTES = {"won": "won", "warning_closed": "won", "lost": "lost", "prevented": "lost"}
_CODE = re.compile(r"[^a-z0-9_]+")


def reason(code: object) -> str:
    """Return a code of Stripe's as a normalised reason."""
    word = _CODE.sub("_", str(code or "declined").lower()).strip("_")[:60]
    return _REASONS.get(word, word or "declined")


def our_id(document: Document, name: str) -> UUID | None:
    """Return our id from the metadata, or ``None`` for an object that is not ours."""
    try:
        return UUID(str((document.get("metadata") or {})[name]))
    except (KeyError, ValueError):
        return None


def id_of(reference: Any) -> str | None:
    """Return the id of what another object refers to, be it expanded or not."""
    found = reference.get("id") if isinstance(reference, Mapping) else reference
    return found if isinstance(found, str) else None


def of_session(session: Document) -> ProviderResult:
    """Return how a payment by Checkout Session stands. A declined try leaves it open: the payer may try again."""
    reference, receipt = session["id"], id_of(session.get("payment_intent"))
    if session["payment_status"] == "paid":
        amount = from_units(session["amount_total"], session["currency"])
        return ProviderResult(Outcome.SUCCEEDED, reference, receipt, amount)
    if session["status"] == "open":
        page = NextAction("redirect", {"url": session["url"]})
        return ProviderResult(Outcome.NEEDS_ACTION, reference, next_action=page)
    if session["status"] == "expired":
        return ProviderResult(Outcome.EXPIRED, reference, reason="expired")
    return _of_completed(session, reference)


def _of_completed(session: Document, reference: str) -> ProviderResult:
    """Read a session that was completed by a way to pay that takes days."""
    intent = session.get("payment_intent")
    if isinstance(intent, Mapping) and intent["status"] in ("requires_payment_method", "canceled"):
        return ProviderResult(Outcome.DECLINED, reference, reason=_failure(intent))
    return ProviderResult(Outcome.PENDING, reference)


def of_intent(intent: Document) -> ProviderResult:
    """Return how a payment by the client's own form stands."""
    reference, status = intent["id"], intent["status"]
    if status == "succeeded":
        amount = from_units(intent["amount_received"], intent["currency"])
        return ProviderResult(Outcome.SUCCEEDED, reference, reference, amount)
    if status in _PAYABLE:
        secret = intent.get("client_secret")
        form = NextAction("client_secret", {"client_secret": secret}) if secret else None
        return ProviderResult(Outcome.NEEDS_ACTION, reference, next_action=form)
    if status == "canceled":
        given_up = intent.get("cancellation_reason") in ("abandoned", "expired")
        return ProviderResult(Outcome.EXPIRED if given_up else Outcome.DECLINED, reference, reason="canceled")
    return ProviderResult(Outcome.PENDING, reference)


def is_payable(intent: Document) -> bool:
    """Whether the payer could still confirm a PaymentIntent."""
    return intent["status"] in _PAYABLE


def _failure(intent: Document) -> str:
    error = intent.get("last_payment_error") or {}
    return reason(error.get("decline_code") or error.get("code"))


def of_refund(refund: Document, *, reported: bool) -> ProviderResult:
    """Return how a refund stands; ``reported``: its success was told before, so that a failure returns the money."""
    reference, status = refund["id"], refund["status"]
    if status == "succeeded":
        amount = from_units(refund["amount"], refund["currency"])
        return ProviderResult(Outcome.SUCCEEDED, reference, reference, amount)
    if status in ("failed", "canceled"):
        outcome = Outcome.RETURNED if reported else Outcome.DECLINED
        return ProviderResult(outcome, reference, reason=reason(refund.get("failure_reason") or status))
    return ProviderResult(Outcome.PENDING, reference)


def of_transfer(transfer: Document) -> ProviderResult:
    """Return how a payout stands. A transfer is done when it is made; reversed in part, it is less than was asked."""
    reference = transfer["id"]
    left = from_units(transfer["amount"] - transfer["amount_reversed"], transfer["currency"])
    if left.minor == 0:
        return ProviderResult(Outcome.RETURNED, reference, reference, reason="reversed")
    return ProviderResult(Outcome.SUCCEEDED, reference, reference, left)


def of_dispute(dispute: Document) -> DisputeReport:
    """Return what a payer's bank contests. What was prevented by giving the money back is lost; an appeal is open."""
    due = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeReport(
        reference=dispute["id"],
        state=_DISPUTES.get(dispute["status"], "open"),
        amount=from_units(dispute["amount"], dispute["currency"]),
        payment_id=our_id(dispute, "marketcore_payment"),
        payment_receipt=id_of(dispute.get("payment_intent")),
        reason=reason(dispute.get("reason") or "general"),
        due_by=datetime.fromtimestamp(due, UTC) if type(due) is int else None,
    )


def of_account(account: Document) -> Enrollment:
    """Return whether a connected account (v2) can receive transfers."""
    transfers = _transfers_of(account)
    status, details = transfers.get("status"), transfers.get("status_details") or []
    why = reason(details[0].get("code")) if details else None
    if status == "active" and not account.get("closed"):
        return Enrollment("active", account["id"])
    hopeless = status == "restricted" and details and all(d.get("resolution") == "contact_stripe" for d in details)
    if account.get("closed") or status == "unsupported" or hopeless:
        return Enrollment("rejected", account["id"], reason="closed" if account.get("closed") else why or "unsupported")
    return Enrollment("pending", account["id"], reason=why)


def of_v1_account(account: Document) -> Enrollment:
    """Return the same of an account as v1 events show it."""
    disabled = (account.get("requirements") or {}).get("disabled_reason") or ""
    if disabled.startswith("rejected"):
        return Enrollment("rejected", account["id"], reason=reason(disabled))
    if (account.get("capabilities") or {}).get("transfers") == "active":
        return Enrollment("active", account["id"])
    return Enrollment("pending", account["id"], reason=reason(disabled) if disabled else None)


def _transfers_of(account: Document) -> Document:
    recipient = (account.get("configuration") or {}).get("recipient") or {}
    balance = (recipient.get("capabilities") or {}).get("stripe_balance") or {}
    return balance.get("stripe_transfers") or {}
