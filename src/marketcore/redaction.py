"""What must never be shown: which names hold secrets, and what a secret looks like inside a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "***"

_SENSITIVE = (
    "password|passwd|passphrase|passkey|secret|token|authorization|credential|cookie|signature|jwt|bearer|app[_-]?certificate|"
    "(?:api|private|consumer|access|signing|encryption|security)[_-]?key"
)
# Short words are secrets only on their own: "pin" is, "shipping" is not.
_SHORT = r"(?<![a-z0-9])(?:pin|otp|cvv|cvc)(?![a-z0-9])"
_SENSITIVE_NAME = re.compile(f"{_SENSITIVE}|{_SHORT}", re.IGNORECASE)
# Words are looked at once, from their beginning: a text of any kind takes time in proportion to its length.
_IN_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{6,}"), rf"\1\2{MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), MASK),
    (re.compile(r"(://[^\s:/@]*):[^\s@]{1,1000}+@"), rf"\1:{MASK}@"),
    (re.compile(r"(?s)\[parameters: .*?\](?=\n|$)"), f"[parameters: {MASK}]"),
    (
        re.compile(
            rf"((?:(?<![\w.-])(?=[\w.-]*?(?:{_SENSITIVE}))[\w.-]++|{_SHORT})[\"']?\s*[=:]\s*)"
            r"(?:b?\"[^\"]*\"|b?'[^']*'|[^\s,;&\"'})]+)",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)

# Numbers by the name of their field, by their look, and the secret part of an address that a provider was given.
_IN_CALLS = (
    (
        re.compile(r"(?i)(\b(?=\w*?(?:phone|msisdn|mobile|contact|party[ab]))\w++\"?\s*[:=]\s*\"?)\+?\d[\d ()-]{6,}"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?<![\w.+])(?:\+\d{8,15}|0[17]\d{8}|2\d\d[17]\d{8}|91[6-9]\d{9})(?!\w)"), MASK),
    (re.compile(r"(/hooks/[\w-]+/)\w+"), rf"\1{MASK}"),
)

# Short words, addresses and times, which are most of what is logged: nothing above can be found in them.
_HARMLESS = re.compile(r"(?!.*eyJ)[\w./-]{0,100}|\d{4}-\d{2}-\d{2}T[\d:.]{5,20}Z")


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether a field or setting called ``name`` holds something that must not be shown."""
    return _SENSITIVE_NAME.search(name) is not None


_PLAIN = frozenset({int, float, bool, type(None)})


def redact_text(text: str) -> str:
    """Return ``text`` without bearer strings, passwords in URLs, SQL parameters and ``secret=…`` pairs."""
    if _HARMLESS.fullmatch(text):
        return text
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact_call(text: str) -> str:
    """Return what a provider sent without secrets, telephone numbers and the addresses it was given."""
    for pattern, replacement in _IN_CALLS:
        text = pattern.sub(replacement, text)
    return redact_text(text)


def redact(value: Any) -> Any:
    """Return ``value`` with everything secret masked, however deep it is nested."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {key: redact_named(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return value if isinstance(value, int | float) else redact_text(repr(value))


def redact_named(name: str, value: Any) -> Any:
    """Return ``value`` as it may be shown beside its ``name``."""
    if is_secret(name) and value:
        return MASK
    kind = type(value)
    if kind is str:
        return value if _HARMLESS.fullmatch(value) else redact_text(value)
    return value if kind in _PLAIN else redact(value)


def shown(name: str, value: Any) -> str:
    """Return ``value`` as an error message about the setting ``name`` may show it."""
    return repr(MASK) if is_secret(name) and value else repr(redact(value))
