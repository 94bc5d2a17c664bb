"""Write JSON as Daraja does: an amount is a number with two places, which only a float would give otherwise."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal

_MARKED = re.compile(r'"\\u0000(-?[0-9]+\.[0-9]{2})"')


def written(document: Mapping[str, object]) -> bytes:
    """Return the document as bytes; a Decimal becomes a number with two places."""
    return _MARKED.sub(r"\1", json.dumps(document, default=_marked)).encode("utf-8")


def _marked(value: object) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} cannot be written as JSON")
    return f"\x00{value:.2f}"
