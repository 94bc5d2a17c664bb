"""Every rule Daraja states for the fields of STK push and STK query. Pure."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from marketcore_simulator.courier import is_loopback
from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.refusals import bad_field, no_answer

TRANSACTION_TYPES = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")

#: Words the gateway's documentation forbids anywhere in a URL.
FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "exe", "cmd", "sql", "query")

_SHORTCODE = re.compile(r"[0-9]{5,7}")
_PHONE = re.compile(r"254[17][0-9]{8}")
_AMOUNT = re.compile(r"[0-9]{1,9}")
_TIMESTAMP = re.compile(r"[0-9]{14}")


@dataclass(frozen=True)
class PushOrder:
    """An STK push that passed every rule; `amount` is whole KES."""

    transaction_type: str
    amount: int
    phone: str
    party_b: str
    callback_url: str
    reference: str
    description: str

    @property
    def misrouted(self) -> bool:
        """Tell whether a pay bill order names another receiver than the shortcode."""
        return self.transaction_type == TRANSACTION_TYPES[0] and self.party_b != credentials.SHORTCODE


def read_push(document: Mapping[str, object], max_amount: int) -> PushOrder:
    """Check a push field by field; raise Refusal for the first that fails."""
    check_signature(document)
    _matching(document, "PartyA", _PHONE)
    return PushOrder(
        transaction_type=_transaction_type(document),
        amount=_amount(document, max_amount),
        phone=_matching(document, "PhoneNumber", _PHONE),
        party_b=_matching(document, "PartyB", _SHORTCODE),
        callback_url=_callback_url(document),
        reference=_text(document, "AccountReference", 1, 12),
        description=_text(document, "TransactionDesc", 0, 13),
    )


def check_signature(document: Mapping[str, object]) -> None:
    """Recompute Password from the shortcode, the passkey and Timestamp; raise Refusal if it differs."""
    shortcode = _matching(document, "BusinessShortCode", _SHORTCODE)
    timestamp = _matching(document, "Timestamp", _TIMESTAMP)
    _check_moment(timestamp)
    if not isinstance(document.get("Password"), str) or not document["Password"]:
        raise bad_field("Password")
    if shortcode != credentials.SHORTCODE:
        raise no_answer("Merchant does not exist")
    if document["Password"] != password(shortcode, timestamp):
        raise no_answer("Wrong credentials")


def password(shortcode: str, timestamp: str) -> str:
    """Return base64(shortcode + passkey + timestamp)."""
    return base64.b64encode(f"{shortcode}{credentials.PASSKEY}{timestamp}".encode()).decode("ascii")


def _check_moment(timestamp: str) -> None:
    try:
        datetime.strptime(timestamp, "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        raise bad_field("Timestamp") from None


def _written(document: Mapping[str, object], name: str) -> str:
    """Return a field sent as a number or as text; the gateway takes both."""
    value = document.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _matching(document: Mapping[str, object], name: str, pattern: re.Pattern[str]) -> str:
    value = _written(document, name)
    if not pattern.fullmatch(value):
        raise bad_field(name)
    return value


def _transaction_type(document: Mapping[str, object]) -> str:
    value = _written(document, "TransactionType")
    if value not in TRANSACTION_TYPES:
        raise bad_field("TransactionType")
    return value


def _amount(document: Mapping[str, object], max_amount: int) -> int:
    amount = int(_matching(document, "Amount", _AMOUNT))
    if not 1 <= amount <= max_amount:
        raise bad_field("Amount")
    return amount


def _text(document: Mapping[str, object], name: str, shortest: int, longest: int) -> str:
    value = document.get(name, "")
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise bad_field(name)
    return value


def _callback_url(document: Mapping[str, object]) -> str:
    value = document.get("CallBackURL")
    if not isinstance(value, str) or not _acceptable_url(value):
        raise bad_field("CallBackURL")
    return value


def _acceptable_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    host = parts.netloc
    spoken = url.isascii() and url.isprintable() and " " not in url
    forbidden = any(word in url.lower() for word in FORBIDDEN_WORDS)
    return secure and bool(parts.hostname) and host == host.lower() and spoken and not forbidden
