"""Where people have things sent: provinces and cities as data, and each person's own addresses."""

from __future__ import annotations

from typing import Any

from marketcore.addresses.book import AddressBook
from marketcore.addresses.places import Places
from marketcore.addresses.settings import AddressSettings


def includeme(config: Any) -> None:
    """Add places and addresses."""
    config.add_settings_schema("addresses", AddressSettings())
    config.declare_permission("addresses.address.manage", "member")
    config.declare_permission("addresses.place.write", "admin")
    config.register_service_factory(".places.places", Places)
    config.register_service_factory(".book.address_book", AddressBook)
    config.include(".routes")
    config.scan(".views")
