"""What streams say and hear over sockets."""

from __future__ import annotations

from typing import Any

from marketcore_livestream import schemas


def includeme(config: Any) -> None:
    """Add the channel of a stream, its events, and the command to say something."""
    channel = "stream:{stream_id}"
    config.add_live_channel(
        channel, ".live.may_watch", path="/ws/stream/{stream_id}", snapshot=".live.snapshot", presence=True
    )
    for type, schema in (
        ("stream.started", schemas.Started),
        ("stream.ended", schemas.Ended),
        ("stream.changed", schemas.Changed),
        ("stream.run_list", schemas.RunListChanged),
        ("stream.pinned", schemas.Pinned),
        ("stream.flash_price", schemas.FlashNews),
        ("chat.message", schemas.MessageDocument),
        ("chat.deleted", schemas.MessageGone),
        ("chat.banned", schemas.GuestGone),
    ):
        config.add_live_event(channel, type, schema)
    config.add_live_command(
        "livestream.say",
        ".live.say",
        permission="livestream.chat.say",
        body=schemas.LiveMessage,
        answer=schemas.MessageDocument,
    )
