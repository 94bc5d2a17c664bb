"""Addresses of streams."""

from __future__ import annotations

from typing import Any

_NUMBER = "[0-9]{1,18}"
_STREAM = f"/api/v1/livestreams/{{stream_id:{_NUMBER}}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("livestream.streams", "/api/v1/livestreams")
    config.add_route("livestream.live_now", "/api/v1/livestreams/live_now")
    config.add_route("livestream.stream", _STREAM)
    for name in ("start", "end", "join", "leave", "viewers", "items", "pin", "messages", "bans", "moderators"):
        config.add_route(f"livestream.{name}", f"{_STREAM}/{name}")
    config.add_route("livestream.items.order", f"{_STREAM}/items/order")
    config.add_route("livestream.item", f"{_STREAM}/items/{{item_id:{_NUMBER}}}")
    config.add_route("livestream.item.flash_price", f"{_STREAM}/items/{{item_id:{_NUMBER}}}/flash_price")
    config.add_route("livestream.message", f"{_STREAM}/messages/{{chat_message_id:{_NUMBER}}}")
    config.add_route("livestream.ban", f"{_STREAM}/bans/{{user_id:{_NUMBER}}}")
    config.add_route("livestream.moderator", f"{_STREAM}/moderators/{{user_id:{_NUMBER}}}")
    config.add_route("livestream.video_token", f"{_STREAM}/video_token")
