"""Live sales: streams with chat, a run list of products, flash prices and video."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin(
    "livestream",
    "Live streams: chat, products with flash prices, video",
    requires=("auctions",),
    optional=("webhooks",),
)


def includeme(config: Any) -> None:
    """Add streams with what is shown and said in them."""
    from marketcore.events import UserBlocked
    from marketcore_livestream.chat import ChatService
    from marketcore_livestream.guests import GuestService
    from marketcore_livestream.reading import StreamReader
    from marketcore_livestream.runlist import RunList
    from marketcore_livestream.services import StreamService
    from marketcore_livestream.settings import LivestreamSettings

    config.add_settings_schema("livestream", LivestreamSettings())
    config.add_migrations("livestream", "marketcore_livestream:migrations")
    config.declare_permission("livestream.stream.run", "seller", trade=True)
    config.declare_permission("livestream.stream.end", "seller admin")
    config.declare_permission("livestream.stream.join", "member")
    config.declare_permission("livestream.stream.moderate", "member", trade=True)
    config.declare_permission("livestream.chat.say", "member", trade=True)
    config.declare_permission("livestream.video.take", "member", trade=True)
    config.register_service_factory(".services.stream_service", StreamService)
    config.register_service_factory(".runlist.run_list", RunList)
    config.register_service_factory(".guests.guest_service", GuestService)
    config.register_service_factory(".chat.chat_service", ChatService)
    config.register_service_factory(".reading.stream_reader", StreamReader)
    config.add_event_subscriber(".subscribers.end_of_blocked", UserBlocked)
    config.add_periodic_job(".jobs.end_forgotten", every_seconds=60)
    config.include(".video")
    config.include(".notices")
    config.include(".channels")
    config.include(".routes")
    config.scan(".views")
    if hasattr(config, "add_webhook_type"):
        config.include(".messages")
