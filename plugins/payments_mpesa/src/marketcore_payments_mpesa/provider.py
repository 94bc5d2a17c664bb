"""M-Pesa as a payment provider: unsigned callbacks as hints, and what was asked as the only truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from marketcore.interfaces import (
    Capabilities,
    NextAction,
    Outcome,
    PaymentAttempt,
    ProviderResult,
    StatementLine,
    WebhookEvent,
    WebhookRequest,
)
from marketcore_payments_mpesa.calls import PROMPT_OUTCOMES, kes, prompt_reason, read_call
from marketcore_payments_mpesa.client import DarajaClient, DarajaError, NotAttempted, OutcomeUnknown, Rejected
from marketcore_payments_mpesa.numbers import classify_result
from marketcore_payments_mpesa.people import MpesaPhone
from marketcore_payments_mpesa.pulled import PulledPayment
from marketcore_payments_mpesa.pulling import REACH, PaymentList

log = structlog.get_logger(__name__)

_ACCEPTED = b'{"ResultCode":0,"ResultDesc":"Accepted"}'
#: By how much the gateway's clock, ours and the time of booking may differ.
_CLOCKS_DIFFER = timedelta(minutes=10)


class MpesaProvider:
    """Collects whole shillings by M-Pesa Express (STK push).

    Daraja signs nothing: a callback only says that it is time to ask. It knows no idempotency key either, so a push
    is never repeated; an answer that got lost is clarified by the callback's path, which belongs to one attempt, or
    by the list of payments (``payment_list``, the pull service), where the attempt's code is the bill reference.
    ``clock`` returns an aware datetime.
    """

    name = "mpesa"
    title = "M-Pesa"
    webhook_slug = "stk"  # Daraja refuses addresses with its own name in them
    payer_schema = MpesaPhone()

    def __init__(
        self,
        client: DarajaClient,
        *,
        maximum_kes: int,
        description: str,
        payment_list: PaymentList | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._description = description
        self._list = payment_list
        self._clock = clock
        self.capabilities = Capabilities(
            currencies={"KES": 100},
            minimum={"KES": 100},
            maximum={"KES": maximum_kes * 100},
            countries=frozenset({"KE"}),
            features=self._features(),
            statement_kinds=frozenset({"payment"}),
            statement_hours=47,  # of 48: no clock has to agree with another to the minute
        )

    def _features(self) -> frozenset[str]:
        return frozenset({"statement"} if self._list else ())

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Send one prompt to the payer's telephone."""
        try:
            accepted = self._client.stk_push(
                attempt.amount.minor // 100,
                attempt.payer["phone"],
                attempt.code,
                self._description,
                attempt.callback_url,
            )
        except DarajaError as error:
            return failed(error)
        prompt = NextAction("phone_prompt", {"phone": attempt.payer["phone"]})
        return ProviderResult(Outcome.PENDING, reference=accepted.checkout_request_id, next_action=prompt)

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Query the prompt; a success is of the amount that was prompted, which the payer cannot change.

        The query tells no receipt: where the list of payments can be had, it is taken from there. A prompt whose
        submission was never answered is found there as well, or not at all.
        """
        if attempt.reference is None:
            return self.find_listed(attempt)
        try:
            status = self._client.stk_query(attempt.reference)
        except (NotAttempted, OutcomeUnknown) as error:
            return ProviderResult(Outcome.UNKNOWN, detail=str(error))
        outcome = PROMPT_OUTCOMES[classify_result(status.result_code)]
        paid = outcome is Outcome.SUCCEEDED
        return ProviderResult(
            outcome,
            reference=attempt.reference,
            receipt=self._receipt(attempt) if paid else None,
            amount=attempt.amount if paid else None,
            reason=prompt_reason(status.result_code) if outcome in (Outcome.DECLINED, Outcome.EXPIRED) else None,
            detail=f"{status.result_code}: {status.result_desc}",
        )

    def find_listed(self, attempt: PaymentAttempt) -> ProviderResult:
        """Look for the attempt in the list of payments: ``SUCCEEDED`` for the one that is its payment, else unknown.

        That none is listed proves nothing: the service may lag, or not be enabled for the shortcode at Safaricom's.
        """
        if self._list is None:
            detail = "the push was never answered, and the pull service that would list its payment is off"
            return ProviderResult(Outcome.UNKNOWN, detail=detail)
        return match(attempt, self.listed(attempt))

    def listed(self, attempt: PaymentAttempt) -> list[PulledPayment]:
        """Return the payments that name the attempt's code; none where the list cannot be had."""
        if self._list is None:
            return []
        now = self._clock()
        try:
            since = now - min((_age(attempt) or REACH) + _CLOCKS_DIFFER, REACH)
            payments = self._list.between(since, now + _CLOCKS_DIFFER)
        except DarajaError as error:
            log.warning("payment_list_unavailable", payment_id=str(attempt.id), reason=str(error))
            return []
        return [payment for payment in payments if payment.names(attempt.code)]

    def may_be_listed(self, attempt: PaymentAttempt) -> bool:
        """Tell whether a payment of the attempt may still appear in the list."""
        return self._list is not None and (_age(attempt) or timedelta()) < REACH

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        """Return what customers paid; ``reference`` is the bill reference, which for ours is the attempt's code.

        What lies before ``capabilities.statement_hours`` is not listed. ``ValueError``: the pull service is off.
        """
        if self._list is None:
            raise ValueError("payments_mpesa.pull is off: without the pull service nothing lists M-Pesa's payments")
        payments = self._list.between(since, until)
        return [_line(payment) for payment in payments if since <= payment.at < until]

    def register_paybill(self, confirmation_url: str, validation_url: str) -> None:
        """Register where paybill payments are confirmed; raise what ``DarajaClient.register_c2b`` does."""
        self._client.register_c2b(confirmation_url, validation_url)

    def verify(self, call: WebhookRequest) -> bool:
        """Let every call in that came to an address of ours: there is no signature to check."""
        return bool(call.token)

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """Read one call: a prompt's callback, the result of a payout, reversal or question, or a confirmation."""
        return [read_call(call)]

    def acknowledge(self) -> tuple[str, bytes]:
        """Return Daraja's usual thanks; any 2xx will do."""
        return "application/json", _ACCEPTED

    def _receipt(self, attempt: PaymentAttempt) -> str | None:
        listed = [payment.receipt for payment in self.listed(attempt) if kes(payment.amount) == attempt.amount]
        return listed[0] if len(listed) == 1 else None


def _age(attempt: PaymentAttempt) -> timedelta | None:
    # The marketplace knows it by its own clock; the gateway goes by another.
    return attempt.asked_at - attempt.created_at if attempt.asked_at else None


def match(attempt: PaymentAttempt, listed: Sequence[PulledPayment]) -> ProviderResult:
    """Return what the payments that name an attempt say of it: ``SUCCEEDED`` where one alone can be its payment.

    One of the right amount is preferred. Of several nobody can say which to take, so these are ``UNKNOWN``.
    """
    exact = [payment for payment in listed if kes(payment.amount) == attempt.amount]
    candidates = exact or listed
    if len(candidates) != 1:
        return ProviderResult(Outcome.UNKNOWN, detail=f"{len(candidates)} listed payments name {attempt.code}")
    found = candidates[0]
    detail = f"listed as {found.receipt}, booked {found.at.isoformat()}"
    return ProviderResult(Outcome.SUCCEEDED, receipt=found.receipt, amount=kes(found.amount), detail=detail)


def failed(error: DarajaError) -> ProviderResult:
    """Return what an error says of the prompt, payout or reversal that was to be sent."""
    if isinstance(error, NotAttempted):
        return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail=str(error))
    if isinstance(error, Rejected):
        return ProviderResult(Outcome.DECLINED, reason="rejected", detail=str(error))
    return ProviderResult(Outcome.UNKNOWN, detail=str(error))


def _line(payment: PulledPayment) -> StatementLine:
    amount: Any = kes(payment.amount)
    if amount is None:
        raise ValueError(f"the payment {payment.receipt} is of KES {payment.amount}, which no cents can express")
    return StatementLine("payment", amount, payment.at, payment.bill_reference or None, payment.receipt)
