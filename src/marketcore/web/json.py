"""JSON in and out: strict when reading, msgspec when writing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from marketcore.exceptions import Malformed
from marketcore.money import Money


def present_money(minor: int, currency: str) -> dict[str, str]:
    """Return ``{"amount": "500.00", "currency": "KES"}``."""
    return {"amount": Money(minor, currency).amount, "currency": currency}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def dumps(value: Any) -> bytes:
    """Encode ``value``; times become RFC 3339. Money has to be presented first (``present_money``)."""
    return _encoder.encode(value)


def loads(body: bytes) -> Any:
    """Decode a JSON text; what is not valid JSON (NaN, lone surrogates, too deep) is ``Malformed``.

    So is a name given twice in one object: readers disagree about which value counts (RFC 8259, section 4).
    """
    try:
        document = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not valid JSON: {error}") from None
    check_names(body.decode())
    return document


def check_names(text: str) -> None:
    """Refuse a sound JSON text as ``Malformed`` that gives a name twice in one object."""
    _names.decode(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise Malformed("the body is not valid JSON: a name is given twice in one object")
    return names


# The fast decoder above does not tell of repeated names; this one reads a text that is known to be sound.
_names = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)


def utc(moment: datetime | None) -> datetime | None:
    """Return ``moment`` in UTC, so that it is written with a ``Z``."""
    return moment.astimezone(UTC) if moment else None


class JsonRenderer:
    """Pyramid's renderer called ``json``, and the default of views that name none."""

    def __init__(self, info: Any) -> None:
        self.info = info

    def __call__(self, value: Any, system: dict[str, Any]) -> bytes:
        """Return the encoded ``value`` and set the content type."""
        request = system.get("request")
        if request is not None and request.response.content_type == "text/html":
            request.response.content_type = "application/json"
        return dumps(value)


def includeme(config: Any) -> None:
    """Make JSON the way views answer."""
    factory: Callable[[Any], JsonRenderer] = JsonRenderer
    config.add_renderer("json", factory)
    config.add_renderer(None, factory)
