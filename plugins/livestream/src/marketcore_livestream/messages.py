"""Streams in outgoing webhooks, where the plugin ``webhooks`` is enabled: thin documents of ids and states."""

from __future__ import annotations

from typing import Any

from marketcore_livestream.events import StreamEnded, StreamStarted

Told = tuple[str, dict[str, Any], tuple[int, ...]]


def tell_started(fact: StreamStarted) -> Told:
    """Tell the seller's shop that the stream has begun."""
    return "livestream.started", {"stream_id": fact.stream_id}, (fact.seller_id,)


def tell_ended(fact: StreamEnded) -> Told:
    """Tell the seller's shop that the stream is over."""
    return "livestream.ended", {"stream_id": fact.stream_id, "reason": fact.reason}, (fact.seller_id,)


def includeme(config: Any) -> None:
    """Let webhooks tell of streams."""
    config.add_webhook_type(StreamStarted, ["livestream.started"], tell_started)
    config.add_webhook_type(StreamEnded, ["livestream.ended"], tell_ended)
