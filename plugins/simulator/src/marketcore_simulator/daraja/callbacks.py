"""The body Daraja posts to CallBackURL: unsigned, and nothing the merchant chose comes back in it."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.prompts import Prompt
from marketcore_simulator.daraja.written import written
from marketcore_simulator.events import Envelope

NAIROBI = timezone(timedelta(hours=3))

HEADERS = (
    ("Content-Type", "application/json;charset=UTF-8"),
    ("Businessshortcode", credentials.SHORTCODE),
)


def envelope(prompt: Prompt, body: bytes, subject: str) -> Envelope:
    """Address a callback about `prompt`."""
    return Envelope("daraja", f"{subject} for {prompt.order.reference}", prompt.order.callback_url, HEADERS, body)


def callback_body(prompt: Prompt, amount: int) -> bytes:
    """Return the callback of a decided prompt, reporting `amount` KES if it was approved."""
    if prompt.result is None or prompt.decided_at is None:
        raise ValueError(f"prompt {prompt.checkout_request_id} has no result to report")
    report: dict[str, object] = {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": prompt.result.code,
        "ResultDesc": prompt.result.callback_text,
    }
    if prompt.receipt is not None:
        report["CallbackMetadata"] = _metadata(prompt.receipt, prompt.decided_at, prompt.order.phone, amount)
    return _body(report)


def forged_body(prompt: Prompt, receipt: str, at: datetime, changes: Mapping[str, object]) -> bytes:
    """Return a success nobody paid for, exactly in the shape of a real one.

    `changes` may give `amount` (whole KES), `checkout_request_id` and `receipt`.
    """
    amount = changes.get("amount", prompt.order.amount)
    if not isinstance(amount, int):
        raise ValueError(f"amount {amount!r} is not a whole number of KES")
    report = {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": changes.get("checkout_request_id", prompt.checkout_request_id),
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": _metadata(str(changes.get("receipt", receipt)), at, prompt.order.phone, amount),
    }
    return _body(report)


def _metadata(receipt: str, at: datetime, phone: str, amount: int) -> dict[str, object]:
    items = [
        {"Name": "Amount", "Value": Decimal(amount)},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": int(at.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S"))},
        {"Name": "PhoneNumber", "Value": int(phone)},
    ]
    return {"Item": items}


def _body(report: Mapping[str, object]) -> bytes:
    return written({"Body": {"stkCallback": report}})
