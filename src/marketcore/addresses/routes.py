"""Where places and addresses are found."""

from __future__ import annotations

from typing import Any

ID = "[0-9]{1,18}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("addresses.provinces", "/api/v1/provinces")
    config.add_route("addresses.province", f"/api/v1/provinces/{{province_id:{ID}}}")
    config.add_route("addresses.cities", f"/api/v1/provinces/{{province_id:{ID}}}/cities")
    config.add_route("addresses.city", f"/api/v1/cities/{{city_id:{ID}}}")
    config.add_route("addresses.addresses", "/api/v1/addresses")
    config.add_route("addresses.address", f"/api/v1/addresses/{{address_id:{ID}}}")
