"""Auctions over sockets."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from marketcore_auctions.desk import Bid, BidDesk
from marketcore_auctions.reading import AuctionReader


def may_watch(request: Any, auction_id: int) -> bool:
    """Anybody, if there is such an auction."""
    return bool(request.find_service(AuctionReader).documents([auction_id]))


def snapshot(request: Any, auction_id: int) -> Mapping[str, Any]:
    """Return the auction's document, for whoever begins to listen."""
    document: Mapping[str, Any] = request.find_service(AuctionReader).document(auction_id)
    return document


def place_bid(registry: Any, identity: Any, data: Mapping[str, Any]) -> Future[dict[str, Any]]:
    """Bid, as over HTTP."""
    desk: BidDesk = registry["bid desk"]
    return desk.place(Bid(data["auction_id"], identity.user_id, data["maximum"]))
