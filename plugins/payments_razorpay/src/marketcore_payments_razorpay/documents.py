"""Read Razorpay's JSON member by member, believing nothing of its shape. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

Document = Mapping[str, object]

_LONGEST_TEXT = 200


def json_object(body: bytes) -> Document | None:
    """Return the JSON object in `body`, numbers with a fraction as Decimal; None when there is something else."""
    try:
        document = json.loads(body.decode("utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def text(entity: object, name: str) -> str | None:
    """Return a text of an entity; None when it is missing, empty, too long to be one or something else."""
    value = entity.get(name) if isinstance(entity, Mapping) else None
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT else None


def our_id(value: object) -> UUID | None:
    """Return an id of ours from a reference that we gave, None when it is somebody else's."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def moment(seconds: object) -> datetime | None:
    """Return a time given in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC) if type(seconds) is int and 0 < seconds < 2**36 else None
