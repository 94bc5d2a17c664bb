"""What Razorpay's entities say, in the marketplace's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from marketcore.interfaces import Outcome, ProviderResult
from marketcore.money import Money
from marketcore_payments_razorpay import amounts
from marketcore_payments_razorpay.documents import Document, moment, text
from marketcore_payments_razorpay.errors import NotAttempted, RazorpayError, Rejected

#: How long a bank may take over one try before Razorpay calls it failed.
IN_FLIGHT = timedelta(minutes=15)

_REFUNDS = {"pending": Outcome.PENDING, "processed": Outcome.SUCCEEDED, "failed": Outcome.DECLINED}
_PAYOUTS = {
    **dict.fromkeys(("pending", "queued", "processing", "scheduled"), Outcome.PENDING),
    "processed": Outcome.SUCCEEDED,
    **dict.fromkeys(("rejected", "failed", "cancelled"), Outcome.DECLINED),
    "reversed": Outcome.RETURNED,
}
_TOO_LITTLE = "enough balance"


def is_captured(payment: Document) -> bool:
    """Tell whether the money of a payment was taken, whatever of it was given back since."""
    return payment.get("status") == "captured" or (
        payment.get("status") == "refunded" and payment.get("captured") is True
    )


def is_authorized(payment: Document) -> bool:
    """Tell whether the bank has reserved the money and nobody has taken it."""
    return payment.get("status") == "authorized"


def has_lapsed(payment: Document) -> bool:
    """Tell whether a reservation went back to the payer untouched, as Razorpay does after three days."""
    return payment.get("status") == "refunded" and not is_captured(payment)


def is_in_flight(payment: Document, at: datetime) -> bool:
    """Tell whether the bank may still be busy with a try at the time `at`."""
    begun = moment(payment.get("created_at"))
    return payment.get("status") == "created" and (begun is None or at < begun + IN_FLIGHT)


def of_payment(payment: Document) -> ProviderResult | None:
    """Return what one try says of its order; None for one that failed or is under way: another may follow it."""
    order_id = text(payment, "order_id")
    if is_captured(payment):
        # The receipt is kept for good, so only the try that was taken gets to be it.
        return ProviderResult(Outcome.SUCCEEDED, order_id, text(payment, "id"), amounts.read(payment))
    if is_authorized(payment):
        return ProviderResult(Outcome.AUTHORIZED, order_id, amount=amounts.read(payment), detail=text(payment, "id"))
    if has_lapsed(payment):
        return ProviderResult(Outcome.DECLINED, order_id, reason="authorization_lapsed", detail=text(payment, "id"))
    return None


def of_tries(payments: Sequence[Document]) -> ProviderResult | None:
    """Return what all the tries at an order come to; None when no money has moved yet."""
    for applies in (is_captured, is_authorized, has_lapsed):
        found = next((payment for payment in payments if applies(payment)), None)
        if found is not None:
            return of_payment(found)
    return None


def of_refund(refund: Document) -> ProviderResult:
    """Return what a refund has come to."""
    outcome = _REFUNDS.get(str(refund.get("status")), Outcome.UNKNOWN)
    acquirer = refund.get("acquirer_data")
    return ProviderResult(
        outcome,
        reference=text(refund, "id"),
        receipt=text(acquirer, "arn") if isinstance(acquirer, Mapping) else None,
        amount=amounts.read(refund) if outcome is Outcome.SUCCEEDED else None,
        reason="refund_failed" if outcome is Outcome.DECLINED else None,
        detail=f"refund {text(refund, 'status')}",
    )


def of_payout(payout: Document) -> ProviderResult:
    """Return what a payout has come to; one that came back is returned, whether or not it was processed before."""
    outcome = _PAYOUTS.get(str(payout.get("status")), Outcome.UNKNOWN)
    left = outcome in (Outcome.SUCCEEDED, Outcome.RETURNED)
    return ProviderResult(
        outcome,
        reference=text(payout, "id"),
        # A number that the bank gives early is no proof of anything, and a receipt is kept for good.
        receipt=text(payout, "utr") if left else None,
        amount=amounts.read(payout) if left else None,
        reason=_reason(payout) if outcome in (Outcome.DECLINED, Outcome.RETURNED) else None,
        detail=f"payout {text(payout, 'status')}",
    )


def of_refusal(error: RazorpayError) -> ProviderResult:
    """Return what a call to create or change something came to when it did not go through."""
    if isinstance(error, NotAttempted):
        return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail=str(error))
    if isinstance(error, Rejected):
        reason = "insufficient_balance" if _TOO_LITTLE in error.message else "rejected"
        return ProviderResult(Outcome.DECLINED, reason=reason, detail=str(error))
    return no_news(error)


def of_repeat(result: ProviderResult) -> ProviderResult:
    """Return what sending again says of the first time: that this one was not attempted says nothing."""
    if result.reason != "not_attempted":
        return result
    return ProviderResult(Outcome.UNKNOWN, detail=result.detail)


def no_news(error: RazorpayError) -> ProviderResult:
    """Return what a question came to that was not answered: failing to ask says nothing."""
    return ProviderResult(Outcome.UNKNOWN, detail=str(error))


def fee(entity: Document) -> Money | None:
    """Return what Razorpay kept, tax included."""
    kept = amounts.read(entity, "fee")
    return kept if kept is not None else amounts.read(entity, "fees")


def _reason(payout: Document) -> str:
    details = payout.get("status_details")
    told = text(details, "reason") or text(payout, "failure_reason") or f"payout_{text(payout, 'status')}"
    return told[:60]
