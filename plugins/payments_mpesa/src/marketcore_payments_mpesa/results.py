"""What Daraja posts to a ResultURL, and what customers' paybill payments look like.

Pure. None of it is signed: treat it as a hint, and ask for the transaction's status before believing it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from marketcore_payments_mpesa.numbers import (
    amount_kes,
    description,
    load_json,
    mapping,
    member,
    nairobi_time,
    opaque_reference,
    optional_reference,
    result_code,
)

PayoutOutcome = Literal["paid", "failed", "unknown"]
TransactionState = Literal["completed", "failed", "reversed", "pending", "unknown"]

#: Every code the portal lists for B2C besides 0: no money left the account.
_PAYOUT_FAILURES = frozenset(
    {"1", "2", "3", "4", "8", "11", "21", "2001", "2006", "2028", "2040", "8006", "SFC_IC0003"},
)
_STATES: Mapping[str, TransactionState] = {
    "completed": "completed",
    "declined": "failed",
    "failed": "failed",
    "cancelled": "failed",
    "expired": "failed",
    "reversed": "reversed",
    "pending": "pending",
    "initiated": "pending",
    "authorized": "pending",
}
_MOST_PARAMETERS = 200
_MASKED_PHONE = re.compile(r"[0-9A-Za-z* ]{1,100}")


@dataclass(frozen=True, slots=True)
class MpesaResult:
    """What a result claims. `code` is text whichever JSON type came; `transaction_id` is "" when absent.

    `parameters` maps each Key to its values in the order they came, for Daraja repeats keys; numbers are int or
    Decimal. `conversation_id` is Daraja's, `originator_conversation_id` need not be the one that was sent.
    """

    conversation_id: str
    originator_conversation_id: str
    code: str
    desc: str
    transaction_id: str
    parameters: Mapping[str, list[object]]

    def first(self, key: str) -> object:
        """Return the first value of a parameter, None when it is absent."""
        return (self.parameters.get(key) or [None])[0]

    @property
    def amount(self) -> Decimal | None:
        """Return the amount in KES under whichever name it came; raise ValueError when it is no amount."""
        found = self.first("TransactionAmount")
        return amount_kes(self.first("Amount") if found is None else found)

    @property
    def state(self) -> TransactionState:
        """Return what a status result says of the transaction asked about; other results are "unknown"."""
        text = self.first("TransactionStatus")
        if self.code != "0" or not isinstance(text, str):
            return "unknown"
        return _STATES.get(text.strip().lower(), "unknown")


@dataclass(frozen=True, slots=True)
class C2bConfirmation:
    """A paybill payment as a confirmation or validation claims it; `phone` is masked or hashed by Daraja."""

    receipt: str
    amount: Decimal
    shortcode: str
    bill_ref_number: str
    phone: str
    transaction_type: str
    transaction_date: datetime | None


def classify_b2c_result(code: str | int | None) -> PayoutOutcome:
    """Return what a ResultCode says of a payout; codes outside the portal's table are "unknown", never failed."""
    text = str(code)
    if text == "0":
        return "paid"
    return "failed" if text in _PAYOUT_FAILURES else "unknown"


def parse_result(body: bytes) -> MpesaResult:
    """Read what Daraja posts to ResultURL or QueueTimeOutURL; raise ValueError naming what does not fit.

    Shape: {"Result": {ResultType, ResultCode, ResultDesc, OriginatorConversationID, ConversationID, TransactionID?,
    ResultParameters?: {"ResultParameter": [{"Key", "Value"?}] or one such object}, ReferenceData?}} (Daraja, B2C,
    Transaction Status, Reversal).
    """
    result = member(mapping(load_json(body), "the result"), "Result")
    return MpesaResult(
        conversation_id=opaque_reference(result.get("ConversationID"), "ConversationID"),
        originator_conversation_id=opaque_reference(result.get("OriginatorConversationID"), "OriginatorConversationID"),
        code=result_code(result.get("ResultCode")),
        desc=description(result.get("ResultDesc"), "ResultDesc"),
        transaction_id=optional_reference(result.get("TransactionID") or None, "TransactionID") or "",
        parameters=_parameters(result),
    )


def parse_c2b_confirmation(body: bytes) -> C2bConfirmation:
    """Read a C2B confirmation or validation, version 1 or 2; raise ValueError naming what does not fit.

    Shape: a flat object of TransactionType, TransID, TransTime, TransAmount "5.00", BusinessShortCode, BillRefNumber,
    MSISDN (SHA-256 in version 1, "2547 ***** 126" in version 2) and more (Daraja, Customer To Business).
    """
    told = mapping(load_json(body), "the confirmation")
    amount = amount_kes(told.get("TransAmount"))
    if amount is None or amount <= 0:
        raise ValueError("TransAmount is not an amount above 0")
    return C2bConfirmation(
        receipt=opaque_reference(told.get("TransID"), "TransID"),
        amount=amount,
        shortcode=opaque_reference(_as_text(told.get("BusinessShortCode")), "BusinessShortCode"),
        bill_ref_number=description(told.get("BillRefNumber"), "BillRefNumber"),
        phone=_phone(told.get("MSISDN")),
        transaction_type=description(told.get("TransactionType"), "TransactionType"),
        transaction_date=nairobi_time(told.get("TransTime") or None, "TransTime"),
    )


def _parameters(result: Mapping[str, object]) -> Mapping[str, list[object]]:
    if result.get("ResultParameters") is None:
        return {}
    listed = member(result, "ResultParameters").get("ResultParameter")
    entries = listed if isinstance(listed, list) else [listed]
    if len(entries) > _MOST_PARAMETERS:
        raise ValueError(f"ResultParameter has {len(entries)} entries, more than {_MOST_PARAMETERS}")
    found: dict[str, list[object]] = {}
    for entry in entries:
        key, value = _parameter(entry)
        found.setdefault(key, []).append(value)
    return found


def _parameter(entry: object) -> tuple[str, object]:
    if not isinstance(entry, dict) or not isinstance(entry.get("Key"), str):
        raise ValueError("an entry of ResultParameter has no Key")
    if isinstance(entry.get("Value"), (dict, list)):
        raise ValueError(f"ResultParameter gives no plain value for {entry['Key'][:40]!r}")
    return entry["Key"], entry.get("Value")


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _phone(value: object) -> str:
    text = _as_text(value if value is not None else "")
    if text != "" and not (isinstance(text, str) and _MASKED_PHONE.fullmatch(text)):
        raise ValueError("MSISDN is neither a number, a masked number nor a hash")
    return str(text)
