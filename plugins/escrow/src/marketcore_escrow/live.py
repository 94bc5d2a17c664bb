"""Advertisements over sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketcore_escrow.reading import EscrowReader


def may_watch(request: Any, advertisement_id: int) -> bool:
    """Anybody, if there is such an advertisement."""
    found: bool = request.find_service(EscrowReader).exists(advertisement_id)
    return found


def snapshot(request: Any, advertisement_id: int) -> Mapping[str, Any]:
    """Return the advertisement's document, for whoever begins to listen."""
    document: Mapping[str, Any] = request.find_service(EscrowReader).advertisement(advertisement_id)
    return document
