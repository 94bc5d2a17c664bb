"""What M-Pesa's numbers mean: phone numbers, result codes and the callback that carries them.

Pure: standard library only. Nothing here is a float; amounts are Decimal from the first byte.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Literal, NoReturn

Outcome = Literal["paid", "failed", "cancelled", "expired", "pending", "unknown"]

#: Kenya has kept UTC+3 without daylight saving since 1960, so no zone database is needed.
NAIROBI = timezone(timedelta(hours=3), "Africa/Nairobi")

_OUTCOMES: Mapping[str, Outcome] = {
    "0": "paid",
    "1": "failed",  # insufficient balance
    "2": "failed",  # below the minimum
    "3": "failed",  # above the maximum
    "4": "failed",  # daily limit
    "8": "failed",  # wallet would exceed its maximum balance
    "17": "failed",  # same amount from the same customer within two minutes
    "1001": "failed",  # subscriber busy with another session
    "1019": "expired",
    "1025": "failed",  # the prompt could not be sent
    "1032": "cancelled",
    "1037": "failed",  # no response, or phone unreachable
    "2001": "failed",  # wrong PIN
    "2028": "failed",  # TransactionType or PartyB do not fit the shortcode
    "4999": "pending",  # query only: still under processing
    "8006": "failed",  # credential locked
    "9999": "failed",  # the prompt could not be sent
    "SFC_IC0003": "failed",  # PartyB unknown
}

_MSISDN = re.compile(r"(?:\+?254|0)([17][0-9]{8})")
_OPAQUE = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,4})?")
_LARGEST_AMOUNT = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class StkCallback:
    """What an STK callback claims; it is unsigned, so confirm it with a query before believing it.

    `result_code` is text whichever JSON type came; `amount` is KES; `transaction_date` is Nairobi time.
    Every field taken from CallbackMetadata is None when absent, as it is for every failure.
    """

    checkout_request_id: str
    merchant_request_id: str
    result_code: str
    result_desc: str
    amount: Decimal | None
    receipt: str | None
    phone: str | None
    transaction_date: datetime | None


def classify_result(code: str | int | None) -> Outcome:
    """Return what a ResultCode says of a payment; codes outside Daraja's table are "unknown", never failed.

    None stands for a query that gave no answer.
    """
    return _OUTCOMES.get(str(code), "unknown")


def normalise_msisdn(text: str) -> str:
    """Return a Kenyan Safaricom number (07…, 01…, +254…, 254…) as 2547XXXXXXXX or 2541XXXXXXXX.

    Spaces and hyphens between digits are allowed. Raise ValueError for anything else.
    """
    match = _MSISDN.fullmatch(re.sub(r"(?<=[0-9])[ -](?=[0-9])", "", text.strip()))
    if match is None:
        raise ValueError(f"{text[:20]!r} is not a Kenyan mobile number; write it as 07XXXXXXXX or 2547XXXXXXXX")
    return "254" + match.group(1)


def parse_stk_callback(body: bytes) -> StkCallback:
    """Read the body Daraja posts to CallBackURL; raise ValueError naming what does not fit.

    Shape: {"Body": {"stkCallback": {MerchantRequestID, CheckoutRequestID, ResultCode, ResultDesc,
    CallbackMetadata?: {"Item": [{"Name", "Value"?}]}}}} (Daraja, M-Pesa Express). Items are found by Name.
    """
    callback = member(member(mapping(load_json(body), "the callback"), "Body"), "stkCallback")
    items = _items(callback)
    return StkCallback(
        checkout_request_id=opaque_reference(callback.get("CheckoutRequestID"), "CheckoutRequestID"),
        merchant_request_id=opaque_reference(callback.get("MerchantRequestID"), "MerchantRequestID"),
        result_code=result_code(callback.get("ResultCode")),
        result_desc=description(callback.get("ResultDesc"), "ResultDesc"),
        amount=amount_kes(items.get("Amount")),
        receipt=optional_reference(items.get("MpesaReceiptNumber"), "MpesaReceiptNumber"),
        phone=_phone(items.get("PhoneNumber")),
        transaction_date=nairobi_time(items.get("TransactionDate"), "TransactionDate"),
    )


def load_json(body: bytes) -> object:
    """Decode UTF-8 JSON with exact numbers; raise ValueError for NaN, infinities and malformed text."""
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse_constant)
    except (RecursionError, InvalidOperation) as error:
        raise ValueError(f"the JSON cannot be read: {type(error).__name__}") from error


def result_code(value: object) -> str:
    """Return a ResultCode as text: Daraja sends an integer in callbacks and a string in query answers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return opaque_reference(str(value), "ResultCode")
    return opaque_reference(value, "ResultCode")


def opaque_reference(value: object, name: str) -> str:
    """Return a gateway's reference of 1 to 100 printable ASCII characters, or raise ValueError."""
    if not isinstance(value, str) or not _OPAQUE.fullmatch(value):
        raise ValueError(f"{name} is not 1 to 100 printable ASCII characters")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def member(container: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a member that is a JSON object, or raise ValueError."""
    return mapping(container.get(name), name)


def mapping(value: object, name: str) -> Mapping[str, object]:
    """Return a value that is a JSON object, or raise ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a JSON object")
    return value


def _items(callback: Mapping[str, object]) -> Mapping[str, object]:
    if callback.get("CallbackMetadata") is None:
        return {}
    entries = member(callback, "CallbackMetadata").get("Item")
    if not isinstance(entries, list):
        raise ValueError("CallbackMetadata.Item is not a list")
    found: dict[str, object] = {}
    for entry in entries:
        name, value = _item(entry)
        if found.setdefault(name, value) != value:
            raise ValueError(f"CallbackMetadata gives two values for {name[:40]!r}")
    return found


def _item(entry: object) -> tuple[str, object]:
    if not isinstance(entry, dict) or not isinstance(entry.get("Name"), str):
        raise ValueError("an entry of CallbackMetadata.Item has no Name")
    if isinstance(entry.get("Value"), (dict, list)):
        raise ValueError(f"CallbackMetadata gives no plain value for {entry['Name'][:40]!r}")
    return entry["Name"], entry.get("Value")


def optional_reference(value: object, name: str) -> str | None:
    """Return a reference as `opaque_reference` does, or None for None."""
    return None if value is None else opaque_reference(value, name)


def description(value: object, name: str) -> str:
    """Return text fit for a log, "" for None; raise ValueError for anything but text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text")
    return "".join(character for character in value[:300] if character.isprintable())


def amount_kes(value: object) -> Decimal | None:
    """Return an amount sent as a number or as text, None for None; raise ValueError for anything else."""
    if value is None:
        return None
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        return Decimal(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and 0 <= value < _LARGEST_AMOUNT:
        return Decimal(value)
    raise ValueError("Amount is not a decimal number between 0 and 10^12")


def _digits(value: object, name: str) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return opaque_reference(text, name)


def _phone(value: object) -> str | None:
    return None if value is None else _digits(value, "PhoneNumber")


def nairobi_time(value: object, name: str) -> datetime | None:
    """Return a moment written YYYYMMDDHHmmss, as a number or as text, None for None; raise ValueError otherwise."""
    if value is None:
        return None
    text = _digits(value, name)
    try:
        if len(text) != 14 or not text.isdecimal():
            raise ValueError(text)
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=NAIROBI)
    except ValueError:
        raise ValueError(f"{name} {text[:20]!r} is not YYYYMMDDHHmmss") from None
