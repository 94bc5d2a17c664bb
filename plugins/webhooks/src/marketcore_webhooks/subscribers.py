"""What happens in the marketplace, written down for those who listen."""

from __future__ import annotations

from typing import Any

from marketcore_webhooks.services.writing import write_fact


def write_message(request: Any, fact: Any) -> None:
    """Write the message of ``fact`` and its deliveries into the transaction in which it happens."""
    write_fact(request.db, request.registry["webhook tellers"][type(fact)](fact))
