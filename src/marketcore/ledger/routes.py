"""The ledger's address."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    """Add the route."""
    config.add_route("ledger.balances", "/api/v1/users/me/balances")
