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
    from marketcore_livestream.services import StreamService

    config.add_migrations("livestream", "marketcore_livestream:migrations")
    config.register_service_factory(".services.stream_service", StreamService)
