"""Read one field of a request as Daraja reads it; every function raises Refusal naming the field. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from marketcore_simulator.courier import is_loopback
from marketcore_simulator.daraja.refusals import bad_field

SHORTCODE = re.compile(r"[0-9]{5,7}")
PHONE = re.compile(r"254[17][0-9]{8}")

#: Words the gateway's documentation forbids anywhere in a URL.
FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "exe", "cmd", "sql", "query")

_AMOUNT = re.compile(r"[0-9]{1,9}")


def matching(document: Mapping[str, object], name: str, pattern: re.Pattern[str]) -> str:
    """Return a field that fits `pattern`, sent as a number or as text; the gateway takes both."""
    value = _written(document, name)
    if not pattern.fullmatch(value):
        raise bad_field(name)
    return value


def one_of(document: Mapping[str, object], name: str, allowed: tuple[str, ...]) -> str:
    """Return a field that is one of a few words or numbers."""
    value = _written(document, name)
    if value not in allowed:
        raise bad_field(name)
    return value


def amount(document: Mapping[str, object], lowest: int, highest: int) -> int:
    """Return Amount in whole KES."""
    found = int(matching(document, "Amount", _AMOUNT))
    if not lowest <= found <= highest:
        raise bad_field("Amount")
    return found


def text(document: Mapping[str, object], name: str, shortest: int, longest: int) -> str:
    """Return a text of `shortest` to `longest` characters; a missing one is empty."""
    value = document.get(name, "")
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise bad_field(name)
    return value


def address(document: Mapping[str, object], name: str) -> str:
    """Return a URL the gateway would call: https or loopback, lower-case host, none of the forbidden words."""
    value = document.get(name)
    if not isinstance(value, str) or not _acceptable(value):
        raise bad_field(name)
    return value


def moment(document: Mapping[str, object], name: str, written_as: str) -> datetime:
    """Return a local time written in one fixed way, without a zone."""
    value = _written(document, name)
    try:
        return datetime.strptime(value, written_as)  # noqa: DTZ007
    except ValueError:
        raise bad_field(name) from None


def _written(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _acceptable(url: str) -> bool:
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
