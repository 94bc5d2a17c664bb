"""What auctions read and answer."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.catalog.schemas import payable
from marketcore.web.schema import (
    MoneyNode,
    PageQuery,
    Schema,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
    whole,
)

STATES = ("scheduled", "open", "paused", "closing", "closed")
OUTCOMES = ("sold", "unsold", "cancelled")
POLICIES = ("none", "extend", "reset")
LARGEST = 2**31 - 1


def _money(**options: Any) -> colander.SchemaNode:
    return MoneyNode(validator=payable, **options)


class Increment(Schema):
    """From which price (left out: from zero) a new bid has to be how much higher."""

    from_ = _money(name="from", missing=colander.drop)
    step = _money()


class SoftCloseFields(Schema):
    """What a bid shortly before the end does to it; the settings say what is left out."""

    policy = choice(*POLICIES)
    window_seconds = whole(1, 86_400, missing=colander.drop, description="how near to the end a bid moves it")
    extend_seconds = whole(1, 86_400, missing=colander.drop, description="by how much")
    cap_seconds = whole(1, 604_800, missing=colander.drop, description="how far past the planned end at most")


class AuctionFields(Schema):
    """What a seller says of an auction: `duration_minutes` or `ends_at`; the settings say what else is left out."""

    price = _money(description="the starting price")
    starts_at = moment(missing=colander.drop, description="left out: at once")
    ends_at = moment(missing=colander.drop)
    duration_minutes = whole(1, 527_040, missing=colander.drop)
    reserve = _money(missing=colander.drop, description="below it nothing is sold; bidders see only whether it is met")
    buy_now = _money(missing=colander.drop, description="ends the auction at once; gone with the first bid")
    increments = listing(Increment(name="item"), missing=colander.drop, validator=colander.Length(1, 50))
    soft_close = SoftCloseFields(missing=colander.drop)
    deposit = _money(missing=colander.drop, description="held in the leader's wallet, forfeited by not paying")
    if_unpaid = choice("second_chance", "relist", "end", missing=colander.drop)

    def validator(self, node: colander.SchemaNode, value: dict[str, Any]) -> None:
        """Refuse an auction without an end, or with two."""
        if ("ends_at" in value) == ("duration_minutes" in value):
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["ends_at"], "give either ends_at or duration_minutes"))
            raise refusal


class NewBid(Schema):
    """Up to how much you would pay; the house bids for you, one increment above the others."""

    maximum = _money()


class NewLiveBid(Schema):
    """A bid over a socket."""

    auction_id = key()
    maximum = _money()


class BidDocument(Schema):
    """How the auction stands after your bid; `leading` says whether it is you who leads."""

    auction_id = key()
    seq = whole(1, 2**63 - 1, description="the log's last entry that counts for this answer")
    leading = flag()
    maximum = MoneyNode()
    price = MoneyNode()
    next_minimum = MoneyNode()
    bids = whole(0, LARGEST)
    ends_at = nullable(moment())
    server_now = moment()


class Bidder(Schema):
    """Somebody who bids: a masked name, and what this auction calls them."""

    name = text(10)
    bidder = text(16)


class SoftCloseDocument(Schema):
    """What a bid shortly before the end does to it."""

    policy = choice(*POLICIES)
    window_seconds = whole(0, LARGEST)
    extend_seconds = whole(0, LARGEST)


class StreamPosition(Schema):
    """Where the live channel stood when the document was read: `since` for a subscription."""

    epoch = nullable(text(36))
    offset = whole(0, 2**63 - 1)


class Mine(Schema):
    """How the auction stands for whoever asks."""

    leading = flag()
    maximum = nullable(MoneyNode())
    bidding = flag(description="whether you have ever bid here")
    watching = flag()
    bidder = text(16)


class LiveFields(Schema):
    """The part of an auction that bids change."""

    price = MoneyNode(description="what the leader would pay now; the starting price while there is no bid")
    next_minimum = nullable(MoneyNode())
    bids = whole(0, LARGEST)
    leader = nullable(Bidder())
    reserve = choice("none", "met", "not_met")
    buy_now = nullable(MoneyNode(description="null once it is gone"))
    ends_at = nullable(moment(description="null while it is paused, and where only the hammer ends it"))
    paused = flag()
    remaining_ms = nullable(whole(0, 2**53 - 1, description="what is left on a clock that is paused"))
    extensions = whole(0, LARGEST)
    log_head = text(64, description="the hash of the last entry of the auction's log")


class AuctionDocument(LiveFields):
    """An auction. `closing`: its time is up, and it is about to be closed. Whoever sells a `conducted` one holds its
    clock: they pause it, let it go on, and let the hammer fall."""

    id = key()
    product_id = key()
    seller_id = key()
    title = text(200)
    image = nullable(text(500))
    state = choice(*STATES)
    outcome = nullable(choice(*OUTCOMES))
    currency = text(3)
    starting_price = MoneyNode()
    conducted = flag()
    starts_at = moment()
    latest_end_at = nullable(moment(description="a pause moves it by its length"))
    soft_close = SoftCloseDocument()
    deposit = nullable(MoneyNode())
    server_now = moment()
    stream = StreamPosition()
    mine = nullable(Mine())


AuctionPage = page_of(AuctionDocument, "AuctionPage")


class AuctionQuery(PageQuery):
    """Which auctions to list: open ones by their end, scheduled ones by their start, closed ones newest first."""

    state = choice("open", "scheduled", "closed", missing="open")
    seller_id = key(missing=None)


class MineQuery(PageQuery):
    """Which of your auctions to list, newest first."""

    role = choice("bidding", "watching", "selling", missing="bidding")


class RecentBid(Schema):
    """One bid as everybody may see it: what it did to the price, not its maximum."""

    seq = whole(1, 2**63 - 1)
    name = text(10)
    bidder = text(16)
    price = MoneyNode()
    at = moment()


class HistoryEntry(RecentBid):
    """One bid; `leading` says whether its bidder led after it."""

    leading = flag()
    mine = flag()


HistoryPage = page_of(HistoryEntry, "BidHistoryPage")


class LogText(Schema):
    """One entry of the log: `hash` is the SHA-256 of `text`, whose `prev` is the hash before."""

    hash = text(64)
    text = text(10_000)


class LogQuery(PageQuery):
    """Which part of the log."""

    limit = whole(1, 1000, missing=500, description="entries per page")


LogPage = page_of(LogText, "AuctionLogPage")


class PurchaseDocument(Schema):
    """An order for a lot that was bought at once."""

    auction_id = key()
    order_id = key()
    checkout_id = key()
    price = MoneyNode()
    due_at = moment()


class News(LiveFields):
    """An auction has changed; one event tells of all bids that were decided together."""

    auction_id = key()
    seq = whole(1, 2**63 - 1)
    recent = listing(RecentBid(name="item"))
    server_now = moment()


class EndingSoon(Schema):
    """The end is near."""

    auction_id = key()
    title = text(200)
    price = MoneyNode()
    ends_at = moment()
    server_now = moment()


class Ended(Schema):
    """An auction has ended."""

    auction_id = key()
    outcome = choice(*OUTCOMES)
    price = nullable(MoneyNode())
    winner = nullable(Bidder())
    log_head = text(64)
    server_now = moment()


class OutbidNews(Schema):
    """Somebody else leads now."""

    auction_id = key()
    title = text(200)
    price = MoneyNode()
    next_minimum = nullable(MoneyNode())
    ends_at = nullable(moment())


class WonNews(Schema):
    """The lot is yours: pay the order until `due_at`. Later rounds than 1 are second chances."""

    auction_id = key()
    title = text(200)
    order_id = key()
    checkout_id = key()
    price = MoneyNode()
    due_at = moment()
    round = whole(1, 1000)


class Cancelled(Schema):
    """An auction was called off."""

    auction_id = key()
    server_now = moment()
