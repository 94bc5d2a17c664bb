"""Addresses of disputes."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("disputes.disputes", "/api/v1/disputes")
    config.add_route("disputes.dispute", f"/api/v1/disputes/{{dispute_id:{UUID_PATTERN}}}")
