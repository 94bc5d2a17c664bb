"""What live streams sell and cost: bidding sessions, and credits."""

from __future__ import annotations

from typing import Any

from marketcore.events import SellerVerified
from marketcore_auctions.events import AuctionClosed, LotHeld
from marketcore_livestream.credits import CreditService
from marketcore_livestream.events import CreditsRunLow, SessionWon, StreamEnded, StreamStarted
from marketcore_livestream.metering import MeterService
from marketcore_livestream.purchases import PURPOSE, PurchaseService
from marketcore_livestream.sessions import SessionReader, SessionService


def includeme(config: Any) -> None:
    """Add sessions and credits."""
    config.declare_permission("livestream.session.conduct", "seller", trade=True)
    config.declare_permission("livestream.credits.read", "seller")
    config.declare_permission("livestream.credits.buy", "seller", trade=True)
    config.declare_permission("livestream.credits.grant", "admin")
    config.register_service_factory(".sessions.session_service", SessionService)
    config.register_service_factory(".sessions.session_reader", SessionReader)
    config.register_service_factory(".credits.credit_service", CreditService)
    config.register_service_factory(".purchases.purchase_service", PurchaseService)
    config.register_service_factory(".metering.meter_service", MeterService)
    config.add_payment_purpose(PURPOSE, ".purposes.credits_purpose")
    for subscriber, fact in (
        ("charge_start", StreamStarted),
        ("settle_end", StreamEnded),
        ("close_sessions", StreamEnded),
        ("note_closed", AuctionClosed),
        ("note_held", LotHeld),
        ("welcome_seller", SellerVerified),
    ):
        config.add_event_subscriber(f".subscribers.{subscriber}", fact)
    config.add_event_subscriber(".session_notices.tell_winner", SessionWon)
    config.add_event_subscriber(".session_notices.tell_running_low", CreditsRunLow)
    config.add_notification_type(
        "livestream.won", title="You have won something in a live stream", templates="marketcore_livestream:templates"
    )
    config.add_notification_type(
        "livestream.credits_low",
        title="Your stream ends for want of a credit",
        templates="marketcore_livestream:templates",
    )
    config.add_periodic_job(".jobs.meter_streams", every_seconds=10)
