"""JSON in and out: strict when reading, msgspec when writing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from webob import Response

from marketcore.exceptions import Malformed
from marketcore.money import Money


def present_money(minor: int, currency: str) -> dict[str, str]:
    """Return ``{"amount": "500.00", "currency": "KES"}``."""
    return {"amount": _amount(minor, currency), "currency": currency}


@lru_cache(maxsize=8192, typed=True)
def _amount(minor: int, currency: str) -> str:
    return Money(minor, currency).amount


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
    # Each name is followed by a colon: where there are no more colons than names, no name was lost to another.
    if body.count(b":") != _count_names(document):
        check_names(body.decode())
    return document


def check_names(text: str) -> None:
    """Refuse a sound JSON text as ``Malformed`` that gives a name twice in one object."""
    _names.decode(text)


def _count_names(value: Any) -> int:
    if type(value) is dict:
        return len(value) + sum(map(_count_names, value.values()))
    return sum(map(_count_names, value)) if type(value) is list else 0


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


def answered(view: Any, info: Any) -> Any:
    """Let what a view returns be its answer as JSON, unless it names a template or returns a response.

    Pyramid's own way there, through a renderer and its events, costs several times the encoding.
    """
    renderer = info.options.get("renderer")
    if info.exception_only or getattr(renderer, "name", renderer) not in (None, "json"):
        return view

    def wrapper(context: Any, request: Any) -> Any:
        value = view(context, request)
        if isinstance(value, Response):
            return value
        response = request.response
        kept = [pair for pair in response.headerlist if pair not in _OF_HTML]
        named = any(name == "Content-Type" for name, _value in kept)
        response.headerlist[:] = kept if named else [_JSON, *kept]
        response.body = dumps(value)
        return response

    return wrapper


_JSON = ("Content-Type", "application/json")
_OF_HTML = frozenset({("Content-Type", "text/html; charset=UTF-8"), ("Content-Length", "0")})


def includeme(config: Any) -> None:
    """Make JSON the way views answer."""
    config.add_view_deriver(answered, name="answered", under="rendered_view", over="mapped_view")
