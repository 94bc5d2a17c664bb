"""What a call of Daraja's says, as an event.

Pure. Nothing is signed. A call to the address of a prompt, payout or reversal is a hint. One to an address that was
handed out with a question alone is its answer: nobody else has ever heard of that address.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

from marketcore.interfaces import Outcome, ProviderResult, WebhookEvent, WebhookRequest
from marketcore.money import Money
from marketcore_payments_mpesa.numbers import StkCallback, classify_result, load_json, mapping, parse_stk_callback
from marketcore_payments_mpesa.results import (
    MpesaResult,
    classify_b2c_result,
    parse_c2b_confirmation,
    parse_result,
)

PROMPT_OUTCOMES = {
    "paid": Outcome.SUCCEEDED,
    "failed": Outcome.DECLINED,
    "cancelled": Outcome.DECLINED,
    "expired": Outcome.EXPIRED,
    "pending": Outcome.PENDING,
    "unknown": Outcome.UNKNOWN,
}
_CLAIMED = {"paid": Outcome.SUCCEEDED, "failed": Outcome.DECLINED, "unknown": Outcome.UNKNOWN}
# What the state of a payout's own transaction says of the payout …
_PAYOUT_OUTCOMES = {
    "completed": Outcome.SUCCEEDED,
    "failed": Outcome.DECLINED,
    "reversed": Outcome.RETURNED,
    "pending": Outcome.PENDING,
    "unknown": Outcome.UNKNOWN,
}
# … and the state of the refunded payment's of the refund: as long as the payment stands, a reversal may be on its way.
_REFUND_OUTCOMES = {"reversed": Outcome.SUCCEEDED}
_REASONS = {
    "1": "insufficient_funds",
    "17": "duplicate_request",
    "1019": "expired",
    "1032": "cancelled_by_payer",
    "1037": "payer_unreachable",
    "2001": "wrong_pin",
}
# The same numbers mean other things where the organisation is the one who pays.
_OFFICE_REASONS = {"1": "insufficient_funds", "2001": "wrong_credential", "2040": "payee_not_registered"}


def read_call(call: WebhookRequest) -> WebhookEvent:
    """Return the one event a call is about; ``ValueError`` says what is wrong with its shape."""
    told = mapping(load_json(call.body), "the call")
    if "Result" in told:
        return _of_result(call, parse_result(call.body))
    if "TransID" in told:
        return _of_paybill(call)
    return _of_prompt(call, parse_stk_callback(call.body))


def prompt_reason(code: str | None) -> str:
    """Return the reason a prompt's ResultCode gives."""
    return _REASONS.get(str(code), f"mpesa_{code}")


def kes(amount: Decimal | None) -> Money | None:
    """Return an amount of KES as money; ``None`` for none, and for what is no whole number of cents."""
    if amount is None or amount * 100 != int(amount * 100):
        return None
    return Money(int(amount * 100), "KES")


def _of_prompt(call: WebhookRequest, callback: StkCallback) -> WebhookEvent:
    claimed = ProviderResult(
        PROMPT_OUTCOMES[classify_result(callback.result_code)],
        reference=callback.checkout_request_id,
        receipt=callback.receipt,
        amount=kes(callback.amount),
        reason=prompt_reason(callback.result_code),
    )
    return WebhookEvent(
        dedupe_key=_key(call, callback.checkout_request_id),
        kind="stk_callback",
        reference=callback.checkout_request_id,
        result=claimed,
    )


def _of_result(call: WebhookRequest, told: MpesaResult) -> WebhookEvent:
    answer = call.answering and call.subject in _ANSWERS
    return WebhookEvent(
        dedupe_key=_key(call, told.conversation_id),
        kind="status_result" if answer else "result",
        reference=None if answer else told.conversation_id,
        subject=call.subject or "other",
        trusted=answer,
        result=_ANSWERS[call.subject](told) if answer else _claim(told),
    )


def _of_paybill(call: WebhookRequest) -> WebhookEvent:
    receipt = parse_c2b_confirmation(call.body).receipt
    return WebhookEvent(dedupe_key=_key(call, receipt), kind="c2b_confirmation", subject="other")


def _key(call: WebhookRequest, reference: str) -> str:
    # The body's hash is part of the key, so that a forgery cannot take the true call's place.
    return f"{reference}:{call.token[:16]}:{hashlib.sha256(call.body).hexdigest()[:32]}"


def _claim(told: MpesaResult) -> ProviderResult:
    """Return what the result of a payout or reversal claims; codes of which nobody knows the meaning claim nothing.

    R000001, already reversed, is among these: by whom and how much has to be asked.
    """
    outcome = _CLAIMED[classify_b2c_result(told.code)]
    return ProviderResult(
        outcome,
        reference=told.conversation_id,
        receipt=(told.transaction_id or None) if outcome is Outcome.SUCCEEDED else None,
        amount=kes(told.amount),
        reason=_OFFICE_REASONS.get(told.code, f"mpesa_{told.code}") if outcome is Outcome.DECLINED else None,
        detail=_detail(told),
    )


def _payout_answer(told: MpesaResult) -> ProviderResult:
    outcome = _PAYOUT_OUTCOMES[told.state]
    return ProviderResult(
        outcome,
        receipt=_receipt(told) if outcome is Outcome.SUCCEEDED else None,
        amount=kes(told.amount) if outcome in (Outcome.SUCCEEDED, Outcome.RETURNED) else None,
        reason="declined" if outcome is Outcome.DECLINED else None,
        detail=_detail(told),
    )


def _refund_answer(told: MpesaResult) -> ProviderResult:
    outcome = _REFUND_OUTCOMES.get(told.state, Outcome.UNKNOWN)
    amount = kes(told.amount) if outcome is Outcome.SUCCEEDED else None
    return ProviderResult(outcome, amount=amount, detail=_detail(told))


_ANSWERS = {"payout": _payout_answer, "refund": _refund_answer}


def _receipt(told: MpesaResult) -> str | None:
    receipt = told.first("ReceiptNo")
    return receipt if isinstance(receipt, str) and receipt else None


def _detail(told: MpesaResult) -> str:
    return f"{told.code}: {told.desc} {told.first('TransactionStatus') or ''}".strip()[:300]
