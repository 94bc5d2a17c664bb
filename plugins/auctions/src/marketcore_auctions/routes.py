"""Addresses of auctions."""

from __future__ import annotations

from typing import Any

_AUCTION = "/api/v1/auctions/{auction_id:[0-9]{1,18}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("auctions.auctions", "/api/v1/auctions")
    config.add_route("auctions.mine", "/api/v1/users/me/auctions")
    config.add_route("auctions.auction", _AUCTION)
    for name in ("bids", "purchase", "retraction", "cancellation", "watch", "log"):
        config.add_route(f"auctions.{name}", f"{_AUCTION}/{name}")
