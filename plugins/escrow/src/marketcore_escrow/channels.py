"""What advertisements say over sockets."""

from __future__ import annotations

from typing import Any

from marketcore_escrow import schemas


def includeme(config: Any) -> None:
    """Add the channel of an advertisement, its event, and the one on the channels of the people concerned."""
    channel = "advertisement:{advertisement_id}"
    path = "/ws/advertisement/{advertisement_id}"
    config.add_live_channel(channel, ".live.may_watch", path=path, snapshot=".live.snapshot")
    config.add_live_event(channel, "advertisement.changed", schemas.AdvertisementNews)
    config.add_live_event("user:{user_id}", "advertisement.application", schemas.ApplicationNews)
