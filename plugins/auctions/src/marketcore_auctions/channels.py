"""What auctions say and hear over sockets."""

from __future__ import annotations

from typing import Any

from marketcore_auctions import schemas


def includeme(config: Any) -> None:
    """Add the channel of an auction, its events and those on bidders' own channels, and the command to bid."""
    auction, user = "auction:{auction_id}", "user:{user_id}"
    config.add_live_channel(auction, ".live.may_watch", path="/ws/auction/{auction_id}", snapshot=".live.snapshot")
    for channel, type, schema in (
        (auction, "auction.bid", schemas.News),
        (auction, "auction.retracted", schemas.News),
        (auction, "auction.paused", schemas.News),
        (auction, "auction.resumed", schemas.News),
        (auction, "auction.ending_soon", schemas.EndingSoon),
        (auction, "auction.closed", schemas.Ended),
        (auction, "auction.cancelled", schemas.Cancelled),
        (user, "auction.outbid", schemas.OutbidNews),
        (user, "auction.won", schemas.WonNews),
        (user, "auction.ending_soon", schemas.EndingSoon),
    ):
        config.add_live_event(channel, type, schema)
    config.add_live_command(
        "auctions.place_bid",
        ".live.place_bid",
        permission="auctions.bid.place",
        body=schemas.NewLiveBid,
        answer=schemas.BidDocument,
        queued=True,
    )
