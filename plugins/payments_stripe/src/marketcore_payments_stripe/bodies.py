"""What is sent to Stripe. Pure.

The same attempt always gives the same body, so that its key may be used again. ``Refused`` for an amount Stripe cannot
express.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marketcore.interfaces import Destination, PaymentAttempt, PayoutAttempt, RefundAttempt
from marketcore_payments_stripe.currencies import to_units
from marketcore_payments_stripe.errors import Refused

#: Our ids in the metadata of Stripe's objects; ``BY`` says whether a session or the client's own form collects.
PAYMENT, REFUND, PAYOUT, DESTINATION, BY = (
    "marketcore_payment",
    "marketcore_refund",
    "marketcore_payout",
    "marketcore_destination",
    "marketcore_by",
)
_LONGEST_SESSION = timedelta(hours=23, minutes=50)

Body = dict[str, Any]


def session(attempt: PaymentAttempt, description: str, lifetime: timedelta) -> Body:
    """Return a Checkout Session over the attempt's amount, open for at least ``lifetime``."""
    title = f"{description} {attempt.code}"
    price = {
        "currency": attempt.amount.currency.lower(),
        "unit_amount": _units(attempt),
        "product_data": {"name": title},
    }
    ours = _ours(attempt, "checkout")
    return {
        "mode": "payment",
        "client_reference_id": str(attempt.id),
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": attempt.return_url,
        "cancel_url": attempt.return_url,
        "expires_at": int(_end(attempt, lifetime).timestamp()),
        # What a session carries is not copied to its PaymentIntent.
        "metadata": ours,
        "payment_intent_data": {"description": title, "metadata": ours},
    }


def intent(attempt: PaymentAttempt, description: str) -> Body:
    """Return a PaymentIntent over the attempt's amount, for the client to confirm."""
    return {
        "amount": _units(attempt),
        "currency": attempt.amount.currency.lower(),
        "automatic_payment_methods": {"enabled": True},
        "description": f"{description} {attempt.code}",
        "metadata": _ours(attempt, "intent"),
    }


def refund(attempt: RefundAttempt, intent_id: str) -> Body:
    """Return a refund of part or all of a PaymentIntent."""
    return {
        "payment_intent": intent_id,
        "amount": _units(attempt),
        "reason": "requested_by_customer",
        "metadata": {REFUND: str(attempt.id), PAYMENT: str(attempt.payment.id)},
    }


def transfer(attempt: PayoutAttempt) -> Body:
    """Return a transfer of a seller's money to the account of the destination."""
    return {
        "amount": _units(attempt),
        "currency": attempt.amount.currency.lower(),
        "destination": attempt.destination.reference,
        "description": attempt.code,
        "transfer_group": str(attempt.id),
        "metadata": {PAYOUT: str(attempt.id)},
    }


def account(destination: Destination) -> Body:
    """Return an account that can receive transfers; the platform answers for its fees and losses."""
    wanted = {"stripe_balance": {"stripe_transfers": {"requested": True}}}
    return {
        "contact_email": destination.email,
        "dashboard": "express",
        "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
        "identity": {"country": str(destination.details["country"]).lower()},
        "configuration": {"recipient": {"capabilities": wanted}},
        "metadata": {DESTINATION: str(destination.id)},
    }


def account_link(account_id: str, destination: Destination) -> Body:
    """Return a link to the onboarding pages of an account."""
    pages = {
        "configurations": ["recipient"],
        "return_url": destination.return_url,
        "refresh_url": destination.refresh_url or destination.return_url,
    }
    return {"account": account_id, "use_case": {"type": "account_onboarding", "account_onboarding": pages}}


def _units(attempt: PaymentAttempt | RefundAttempt | PayoutAttempt) -> int:
    try:
        return to_units(attempt.amount)
    except ValueError as error:
        raise Refused("invalid_amount", str(error)) from None


def _ours(attempt: PaymentAttempt, by: str) -> Mapping[str, str]:
    return {PAYMENT: str(attempt.id), BY: by}


def _end(attempt: PaymentAttempt, lifetime: timedelta) -> Any:
    """Return when the session closes: counted from the attempt's beginning, never from now."""
    wanted = max(attempt.expires_at, attempt.created_at + lifetime)
    return min(wanted, attempt.created_at + _LONGEST_SESSION)
