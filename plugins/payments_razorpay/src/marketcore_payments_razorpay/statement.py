"""What Razorpay's books hold for a time: payments, refunds and payouts as lines to compare ours with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from marketcore.interfaces import StatementLine
from marketcore_payments_razorpay import amounts, results
from marketcore_payments_razorpay.client import RazorpayClient
from marketcore_payments_razorpay.documents import Document, moment, our_id, text


def lines(client: RazorpayClient, since: datetime, until: datetime, payout_account: str) -> Iterator[StatementLine]:
    """Yield a line for all that was done with what began from `since` up to, not including, `until`.

    Razorpay lists by the time something was created. A RazorpayError ends it: half a statement is none.
    """
    payouts = {"account_number": payout_account}
    yield from _of(client.listed("payments", since, until), since, until, _payment)
    yield from _of(client.listed("refunds", since, until), since, until, _refund)
    if payout_account:
        yield from _of(client.listed("payouts", since, until, **payouts), since, until, _payout)


def _of(
    entities: Iterator[Document],
    since: datetime,
    until: datetime,
    line_of: Callable[[Document, datetime], StatementLine | None],
) -> Iterator[StatementLine]:
    for entity in entities:
        at = moment(entity.get("created_at"))
        # Seconds are all that Razorpay counts: what began in the first, broken one counts as within.
        line = line_of(entity, at) if at and since.replace(microsecond=0) <= at < until else None
        if line is not None:
            yield line


def _payment(payment: Document, at: datetime) -> StatementLine | None:
    amount = amounts.read(payment)
    if amount is None or not results.is_captured(payment):
        return None
    reference, receipt = text(payment, "order_id"), text(payment, "id")
    return StatementLine("payment", amount, at, reference, receipt, fee=results.fee(payment))


def _refund(refund: Document, at: datetime) -> StatementLine | None:
    result = results.of_refund(refund)
    if result.amount is None:
        return None
    ours = our_id(text(refund, "receipt"))
    return StatementLine("refund", result.amount, at, result.reference, result.receipt, ours)


def _payout(payout: Document, at: datetime) -> StatementLine | None:
    amount = amounts.read(payout)
    if amount is None or payout.get("status") != "processed":
        return None
    ours, kept = our_id(text(payout, "reference_id")), results.fee(payout)
    return StatementLine("payout", amount, at, text(payout, "id"), text(payout, "utr"), ours, kept)
