"""How often one person may do something, whatever the address or socket they do it by."""

from __future__ import annotations

from typing import Any

from marketcore.settings import section
from marketcore.web.ratelimit import build_limits


def limit(request: Any, name: str) -> None:
    """Count one ``name`` of the caller's against ``messaging.rate.name``; ``TooManyRequests``.

    Call it before anything is asked of the database: the count is kept elsewhere.
    """
    request.registry["messaging limits"].hit(f"messaging.{name}", str(request.identity.user_id))


def includeme(config: Any) -> None:
    """Build the limits of this process."""
    rates = section(config.registry, "messaging")["rate"]
    named = {f"messaging.{name}": rate for name, rate in rates.items()}
    config.registry["messaging limits"] = build_limits(config.registry, named)
