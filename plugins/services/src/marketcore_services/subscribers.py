"""What services do when their orders move."""

from __future__ import annotations

from typing import Any

from marketcore.events import OrderStateChanged
from marketcore_services.ordering import Workshop


def go_on_with_order(request: Any, event: OrderStateChanged) -> None:
    """Write the job that comes next, in the same transaction: paid work begins, begun work is completed.

    An order that comes back from a dispute goes on where it stood in the same way.
    """
    request.find_service(Workshop).go_on(event.order_id, event.state)
