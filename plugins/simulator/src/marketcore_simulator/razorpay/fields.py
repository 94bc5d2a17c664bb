"""Read one field of a request as Razorpay reads it; every function raises Refusal naming the field. Pure."""

import re
from collections.abc import Mapping

from marketcore_simulator.razorpay.errors import Refusal

LARGEST = 50_000_000_00

_MOST_NOTES, _LONGEST_NOTE = 15, 256

Document = Mapping[str, object]


def integer(document: Document, name: str, lowest: int, highest: int = LARGEST) -> int:
    """Return a whole number, such as an amount in paise."""
    value = document.get(name)
    if value is None:
        raise Refusal(f"The {name} field is required.", name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(f"The {name} must be an integer.", name)
    if value < lowest:
        raise Refusal(f"The {name} must be at least {lowest}.", name)
    if value > highest:
        raise Refusal(f"The {name} exceeds the maximum allowed, {highest}.", name)
    return value


def text(document: Document, name: str, longest: int, *, needed: bool = False) -> str | None:
    """Return a text, None when it is absent."""
    value = document.get(name)
    if value is None or value == "":
        if needed:
            raise Refusal(f"The {name} field is required.", name)
        return None
    if not isinstance(value, str):
        raise Refusal(f"The {name} must be a string.", name)
    if len(value) > longest:
        raise Refusal(f"The {name} may not be greater than {longest} characters.", name)
    return value


def required(document: Document, name: str, longest: int = 255) -> str:
    """Return a text that must be there."""
    return text(document, name, longest, needed=True) or ""


def matching(document: Document, name: str, pattern: str) -> str:
    """Return a text of a fixed form."""
    value = required(document, name)
    if not re.fullmatch(pattern, value):
        raise Refusal(f"The {name} format is invalid.", name)
    return value


def one_of(document: Document, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """Return one of a few words."""
    value = document.get(name, default)
    if value is None:
        raise Refusal(f"The {name} field is required.", name)
    if value not in allowed:
        raise Refusal(f"The selected {name} is invalid.", name)
    return str(value)


def rupees(document: Document) -> str:
    """Return the currency, which must be INR."""
    return one_of(document, "currency", ("INR",))


def flag(document: Document, name: str) -> bool:
    """Return a switch, sent as a boolean or as 0 and 1; an absent one is off."""
    value = document.get(name, False)
    if value not in (True, False):
        raise Refusal(f"The {name} field must be true or false.", name)
    return bool(value)


def notes(document: Document, name: str = "notes") -> dict[str, str]:
    """Return key-value pairs, at most 15 of 256 characters; Razorpay writes none as an empty list."""
    value = document.get(name) or {}
    if not isinstance(value, dict):
        raise Refusal(f"The {name} must be an array.", name)
    if len(value) > _MOST_NOTES:
        raise Refusal(f"Number of fields in {name} should be less than or equal to {_MOST_NOTES}", name)
    if any(len(str(part)) > _LONGEST_NOTE for pair in value.items() for part in pair):
        raise Refusal(f"{name} cannot exceed {_LONGEST_NOTE} characters", name)
    return {str(key): str(note) for key, note in value.items()}


def member(document: Document, name: str) -> Document:
    """Return an object inside the document."""
    value = document.get(name)
    if not isinstance(value, dict):
        raise Refusal(f"The {name} field is required.", name)
    return value


def refuse_unknown(document: Document, known: frozenset[str]) -> None:
    """Raise Refusal for a field the gateway does not take."""
    extra = sorted(set(document) - known)
    if extra:
        raise Refusal(f"{', '.join(extra)} is/are not required and should not be sent", extra[0])
