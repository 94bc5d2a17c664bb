"""The addresses of the media room."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    """Add the routes; only the exact form of a public variant's name is an address at all."""
    config.add_route("media.picture", "/api/v1/users/me/picture")
    config.add_route("media.variant", "/media/images/{key:[0-9a-f]{32}}/{variant:large|thumb}.webp")
