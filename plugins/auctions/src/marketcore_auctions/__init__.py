"""Auctions: one piece to whoever bids most, every decision in a log that anyone can replay."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("auctions", "Auctions: proxy bids, soft close, a log that proves them", optional=("wallet", "webhooks"))


def includeme(config: Any) -> None:
    """Add the listing kind ``auction``, bids over HTTP and sockets, and what the clock does to auctions."""
    from marketcore.events import CartAwardEnded, OrderStateChanged
    from marketcore_auctions.conducting import AuctionConductor
    from marketcore_auctions.desk import BidDesk
    from marketcore_auctions.reading import AuctionReader
    from marketcore_auctions.services import AuctionService
    from marketcore_auctions.settings import AuctionSettings
    from marketcore_auctions.telling import Teller

    config.add_settings_schema("auctions", AuctionSettings())
    config.add_migrations("auctions", "marketcore_auctions:migrations")
    config.declare_permission("auctions.bid.place", "member", trade=True)
    config.declare_permission("auctions.mine.read", "member")
    config.declare_permission("auctions.auction.cancel", "seller admin")
    config.registry["bid desk"] = BidDesk(config.registry)
    config.register_service_factory(".desk.bid_desk", BidDesk)
    config.register_service_factory(".services.auction_service", AuctionService)
    config.register_service_factory(".conducting.auction_conductor", AuctionConductor)
    config.register_service_factory(".reading.auction_reader", AuctionReader)
    config.register_service_factory(".telling.teller", Teller)
    config.add_listing_kind("auction", ".listing.AuctionListing")
    config.add_event_subscriber(".subscribers.settle_award", OrderStateChanged)
    config.add_event_subscriber(".subscribers.settle_held", CartAwardEnded)
    config.add_periodic_job(".jobs.close_due_auctions", every_seconds=1)
    config.add_periodic_job(".jobs.tell_bids", every_seconds=1)
    config.add_periodic_job(".jobs.tell_endings", every_seconds=10)
    config.add_job(".jobs.settle_unpaid")
    config.add_job(".jobs.settle_unordered")
    config.include(".notices")
    config.include(".channels")
    config.include(".routes")
    config.scan(".views")
    if hasattr(config, "add_webhook_type"):
        config.include(".messages")
