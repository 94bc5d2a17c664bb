"""What others say of sellers."""

from __future__ import annotations

from typing import Any

from marketcore.events import SellerRated
from marketcore_vendors.services.profiles import VendorService


def keep_rating(request: Any, event: SellerRated) -> None:
    """Keep what buyers think of a seller."""
    request.find_service(VendorService).rate(event.user_id, event.average, event.count)
