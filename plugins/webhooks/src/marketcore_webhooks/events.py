"""Facts of this plugin."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointDisabled:
    """An endpoint gets nothing any more: it answered 410 (``gone``), or brought failures only for days (``failing``).

    Subscribe to it to tell its owner.
    """

    endpoint_id: int
    user_id: int
    reason: str
