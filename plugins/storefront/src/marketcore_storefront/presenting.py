"""An auction's document as its page says it; the page's script says the same when something changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketcore_storefront.wording import duration, moment, money

STATES = {"scheduled": "Not started", "open": "Open", "paused": "Paused", "closing": "Ending…", "closed": "Ended"}
ENDS = {"scheduled": "Starts in", "open": "Ends in", "paused": "Paused", "closing": "Time is up", "closed": "Ended"}
RESERVES = {"none": "", "met": "Reserve met", "not_met": "Reserve not met"}


def in_words(auction: Mapping[str, Any]) -> dict[str, str]:
    """Return what the page says about ``auction``, a document whose times are texts."""
    return {
        "state_words": STATES[auction["state"]],
        "end_words": _end_words(auction),
        "reserve_words": RESERVES[auction["reserve"]],
        "price_words": _price_words(auction),
        "outcome_words": _outcome_words(auction) if auction["state"] == "closed" else "",
        "soft_close_words": _soft_close_words(auction),
    }


def _end_words(auction: Mapping[str, Any]) -> str:
    if auction["state"] == "open" and auction["ends_at"] is None:
        return "Ends when its seller says so"
    return ENDS[auction["state"]]


def _price_words(auction: Mapping[str, Any]) -> str:
    if auction["outcome"] == "sold":
        return "Sold for"
    return "Current bid" if auction["bids"] else "Starting price"


def _outcome_words(auction: Mapping[str, Any]) -> str:
    if auction["outcome"] == "sold":
        return f"Sold for {money(auction['price'])}"
    if auction["outcome"] == "cancelled":
        return "The seller has cancelled this auction"
    return "Ended unsold: the reserve was not met" if auction["bids"] else "Ended without a bid"


def _soft_close_words(auction: Mapping[str, Any]) -> str:
    rule = auction["soft_close"]
    if rule["policy"] == "none":
        return "The end stays as it is, however late a bid comes"
    window, extension = duration(rule["window_seconds"]).removeprefix("1 "), duration(rule["extend_seconds"])
    moved = f"moves the end by {extension}" if rule["policy"] == "extend" else f"leaves {extension} to answer it"
    if auction["latest_end_at"] is None:
        return f"A bid in the last {window} {moved}"
    return f"A bid in the last {window} {moved}, to {moment(auction['latest_end_at'])} at the latest"
