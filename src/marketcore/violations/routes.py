"""Addresses of violations."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("violations.mine", "/api/v1/users/me/violations")
    config.add_route("violations.violations", "/api/v1/violations")
    config.add_route("violations.pardon", "/api/v1/violations/{violation_id:[0-9]{1,18}}/pardon")
