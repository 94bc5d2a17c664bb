"""Auctions in outgoing webhooks, where the plugin ``webhooks`` is enabled: thin documents of ids and states."""

from __future__ import annotations

from typing import Any

from marketcore_auctions.events import AuctionClosed, AuctionEnding, AuctionWon, AwardDefaulted, BidsPlaced, Outbid

Told = tuple[str, dict[str, Any], tuple[int, ...]]


def tell_bids(fact: BidsPlaced) -> Told:
    """Tell the seller that there are new bids."""
    return "auction.bids_placed", {"auction_id": fact.auction_id, "bids": fact.bids}, (fact.seller_id,)


def tell_outbid(fact: Outbid) -> Told:
    """Tell whoever does not lead any more."""
    return "auction.outbid", {"auction_id": fact.auction_id}, (fact.user_id,)


def tell_ending(fact: AuctionEnding) -> Told:
    """Tell the seller that the end is near."""
    return "auction.ending_soon", {"auction_id": fact.auction_id}, (fact.seller_id,)


def tell_closed(fact: AuctionClosed) -> Told:
    """Tell the seller how it ended."""
    return "auction.closed", {"auction_id": fact.auction_id, "outcome": fact.outcome}, (fact.seller_id,)


def tell_won(fact: AuctionWon) -> Told:
    """Tell whoever the lot is awarded to."""
    data = {"auction_id": fact.auction_id, "order_id": fact.order_id, "round": fact.round}
    return "auction.won", data, (fact.user_id,)


def tell_default(fact: AwardDefaulted) -> Told:
    """Tell whoever has not paid."""
    data = {"auction_id": fact.auction_id, "order_id": fact.order_id, "round": fact.round}
    return "auction.defaulted", data, (fact.user_id,)


def includeme(config: Any) -> None:
    """Let webhooks tell of auctions."""
    config.add_webhook_type(BidsPlaced, ["auction.bids_placed"], tell_bids)
    config.add_webhook_type(Outbid, ["auction.outbid"], tell_outbid)
    config.add_webhook_type(AuctionEnding, ["auction.ending_soon"], tell_ending)
    config.add_webhook_type(AuctionClosed, ["auction.closed"], tell_closed)
    config.add_webhook_type(AuctionWon, ["auction.won"], tell_won)
    config.add_webhook_type(AwardDefaulted, ["auction.defaulted"], tell_default)
