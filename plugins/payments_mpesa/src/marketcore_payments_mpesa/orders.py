"""What is sent to Daraja, checked before it leaves.

Pure: every function raises NotAttempted for what cannot be sent.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime

from marketcore_payments_mpesa.errors import NotAttempted
from marketcore_payments_mpesa.numbers import NAIROBI, normalise_msisdn

TRANSACTION_TYPES = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")
PAYOUT_COMMANDS = ("BusinessPayment", "SalaryPayment", "PromotionPayment")
LOWEST_PAYOUT_KES = 10
HIGHEST_PAYOUT_KES = 250_000
LONGEST_REFERENCE = 12
LONGEST_DESCRIPTION = 13
LONGEST_REMARK = 100

Order = dict[str, object]

_ORIGINATOR = re.compile(r"[!-~]{1,100}")
_RECEIPT = re.compile(r"[A-Za-z0-9]{4,20}")


def signature(shortcode: str, passkey: str, at: datetime) -> Order:
    """Return BusinessShortCode, Password and Timestamp (Nairobi time) of a push or a query."""
    timestamp = at.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
    password = base64.b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode("ascii")
    return {"BusinessShortCode": shortcode, "Password": password, "Timestamp": timestamp}


def push(amount_kes: int, phone: str, reference: str, description: str, *, limit: int) -> Order:
    """Return the fields of an STK push about one payer."""
    _check_amount(amount_kes, 1, limit)
    _check_length("reference", reference, 1, LONGEST_REFERENCE)
    _check_length("description", description, 0, LONGEST_DESCRIPTION)
    msisdn = _msisdn(phone)
    order: Order = {"Amount": amount_kes, "PartyA": msisdn, "PhoneNumber": msisdn, "AccountReference": reference}
    return {**order, "TransactionDesc": description} if description else order


def payout(
    amount_kes: int, phone: str, originator_conversation_id: str, remarks: str, *, command: str, occasion: str
) -> Order:
    """Return the fields of a B2C payment to one phone."""
    _check_amount(amount_kes, LOWEST_PAYOUT_KES, HIGHEST_PAYOUT_KES)
    if command not in PAYOUT_COMMANDS:
        raise NotAttempted("invalid_command", f"{command!r} is not one of {', '.join(PAYOUT_COMMANDS)}")
    if not _ORIGINATOR.fullmatch(originator_conversation_id):
        raise NotAttempted("invalid_originator", f"{originator_conversation_id!r} is not 1 to 100 plain characters")
    order: Order = {
        "OriginatorConversationID": originator_conversation_id,
        "CommandID": command,
        "Amount": amount_kes,
        "PartyB": _msisdn(phone),
    }
    return {**order, **_notes("Occassion", remarks, occasion)}  # spelled so by Daraja


def status(receipt: str | None, original_conversation_id: str | None, remarks: str, *, occasion: str) -> Order:
    """Return the fields of a question about one transaction, named by receipt or by conversation."""
    if (receipt is None) == (original_conversation_id is None):
        raise NotAttempted("invalid_transaction", "give either a receipt or an original_conversation_id")
    named: Order = {"OriginalConversationID": original_conversation_id}
    if receipt is not None:
        named = {"TransactionID": _receipt(receipt)}
    fixed: Order = {"CommandID": "TransactionStatusQuery", "IdentifierType": "4"}
    return {**fixed, **named, **_notes("Occasion", remarks, occasion)}


def reversal(receipt: str, amount_kes: int, remarks: str, *, occasion: str) -> Order:
    """Return the fields of a reversal of one payment."""
    _check_amount(amount_kes, 1, 10**9)
    order: Order = {
        "CommandID": "TransactionReversal",
        "TransactionID": _receipt(receipt),
        "Amount": amount_kes,
        "RecieverIdentifierType": "11",  # spelled so by Daraja
    }
    return {**order, **_notes("Occasion", remarks, occasion)}


def pull_registration(shortcode: str, nominated_number: str, callback_url: str) -> Order:
    """Return the fields of the registration for the pull service."""
    named: Order = {"NominatedNumber": _msisdn(nominated_number), "CallBackURL": callback_url}
    return {"ShortCode": shortcode, "RequestType": "Pull", **named}


def pull(shortcode: str, since: datetime, until: datetime, *, offset: int) -> Order:
    """Return the fields of a question for what was paid between two aware moments, from row `offset` on."""
    start, end = (moment.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S") for moment in (since, until))
    return {"ShortCode": shortcode, "StartDate": start, "EndDate": end, "OffSetValue": str(offset)}


def _notes(occasion_field: str, remarks: str, occasion: str) -> Mapping[str, object]:
    _check_length("remarks", remarks, 2, LONGEST_REMARK)
    _check_length("occasion", occasion, 0, LONGEST_REMARK)
    return {"Remarks": remarks, **({occasion_field: occasion} if occasion else {})}


def _check_amount(amount_kes: int, lowest: int, highest: int) -> None:
    whole = isinstance(amount_kes, int) and not isinstance(amount_kes, bool)
    if not whole or not lowest <= amount_kes <= highest:
        text = f"{amount_kes!r} is not a whole number of KES from {lowest} to {highest}"
        raise NotAttempted("invalid_amount", text)


def _check_length(name: str, text: str, shortest: int, longest: int) -> None:
    if not shortest <= len(text) <= longest:
        raise NotAttempted(f"invalid_{name}", f"{text!r} is not {shortest} to {longest} characters")


def _msisdn(phone: str) -> str:
    try:
        return normalise_msisdn(phone)
    except ValueError as error:
        raise NotAttempted("invalid_phone", str(error)) from None


def _receipt(receipt: str) -> str:
    if not _RECEIPT.fullmatch(receipt):
        raise NotAttempted("invalid_receipt", f"{receipt[:40]!r} is not an M-Pesa receipt")
    return receipt
