"""Ids made from the business effect, so that the same effect can never be written twice. Pure."""

from __future__ import annotations

import json
from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0f6f0e-4c55-5d0b-9a3e-2f4a1c7d8b90")


def business_id(kind: str, *parts: object) -> UUID:
    """Return the id of the effect ``kind`` of ``parts``, such as ``business_id("sale", order_id)``.

    The same arguments give the same id in every process for ever; parts are compared as texts and cannot run
    into each other (``("a", "bc")`` differs from ``("ab", "c")``).
    """
    return uuid5(_NAMESPACE, json.dumps([kind, *map(str, parts)], ensure_ascii=True))
