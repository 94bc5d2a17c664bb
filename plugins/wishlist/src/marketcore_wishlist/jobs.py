"""Looking for better offers."""

from __future__ import annotations

from typing import Any

from marketcore_wishlist.services import WishlistService

BATCH = 200


def tell_of_offers(request: Any) -> None:
    """Tell people of what has become easier to get, a batch at a time."""
    if request.find_service(WishlistService).tell_of_offers(BATCH) == BATCH:
        request.enqueue("wishlist.tell_of_offers")
