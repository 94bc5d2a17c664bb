"""Addresses of reconciliation."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("reconciliation.differences", "/api/v1/reconciliation/differences")
    config.add_route("reconciliation.difference", "/api/v1/reconciliation/differences/{difference_id:[0-9]{1,18}}")
    config.add_route("reconciliation.exceptions", "/api/v1/reconciliation/exceptions")
