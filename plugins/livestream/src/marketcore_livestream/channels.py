"""What streams say and hear over sockets."""

from __future__ import annotations

from typing import Any

from marketcore_livestream import schemas, session_schemas


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
        ("stream.session_opened", session_schemas.SessionNews),
        ("stream.session_paused", session_schemas.SessionNews),
        ("stream.session_resumed", session_schemas.SessionNews),
        ("stream.session_closed", session_schemas.SessionOver),
        ("stream.ending_soon", session_schemas.RunningLow),
        ("chat.message", schemas.MessageDocument),
        ("chat.deleted", schemas.MessageGone),
        ("chat.banned", schemas.GuestGone),
    ):
        config.add_live_event(channel, type, schema)
    config.add_live_event("user:{user_id}", "livestream.won", session_schemas.Won)
    config.add_live_event("user:{user_id}", "livestream.credits_low", session_schemas.RunningLow)
    config.add_live_command(
        "livestream.say",
        ".live.say",
        permission="livestream.chat.say",
        body=schemas.LiveMessage,
        answer=schemas.MessageDocument,
    )
