"""Work on paid orders. Each job looks at the order under its lock, so that running it again changes nothing."""

from __future__ import annotations

from typing import Any

from marketcore_services.ordering import Workshop

BATCH = 100


def start_processing(request: Any, order_id: int) -> None:
    """Let the work on a paid order begin."""
    request.find_service(Workshop).start(order_id)


def complete(request: Any, order_id: int) -> None:
    """Complete an order whose work is due."""
    request.find_service(Workshop).complete(order_id)


def catch_up(request: Any) -> None:
    """Go on with orders that no job is there for: they were paid while this plugin was not enabled."""
    request.find_service(Workshop).catch_up(BATCH)
