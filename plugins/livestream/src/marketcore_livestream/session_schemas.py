"""Bodies and documents of bidding sessions and of credits."""

from __future__ import annotations

import colander

from marketcore.catalog.schemas import payable
from marketcore.ledger.schemas import Amount
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
from marketcore_auctions.schemas import OUTCOMES, AuctionDocument, Increment
from marketcore_livestream.credits import LARGEST

KINDS = ("welcome", "grant", "purchase", "slot", "refund", "contested", "restored")


class SessionTerms(Schema):
    """What is sold by bids, and how."""

    price = MoneyNode(validator=payable, description="to start at")
    product_id = key(missing=None, description="left out: the next of the run list")
    duration_seconds = whole(5, 86_400, missing=colander.drop, description="left out: until the hammer falls")
    extend_seconds = whole(
        0, 300, missing=colander.drop, description="a bid in the last seconds sets the clock to so many again; 0: never"
    )
    increments = listing(Increment(name="item"), missing=colander.drop, validator=colander.Length(1, 50))


class SessionDocument(Schema):
    """A bidding session: its `id` is its auction's, where bids go to (`POST /api/v1/auctions/{id}/bids`)."""

    id = key()
    stream_id = key()
    opened_at = moment()
    closed_at = nullable(moment())
    outcome = nullable(choice(*OUTCOMES, description="`unsold` also if the winner has not bought"))
    auction = AuctionDocument()


SessionPage = page_of(SessionDocument, "BiddingSessionPage")


class SessionNews(Schema):
    """A session was opened, is paused or goes on; `ends_at` is null while only the hammer can end it."""

    stream_id = key()
    session_id = key()
    product_id = key()
    title = text(200)
    price = MoneyNode()
    next_minimum = nullable(MoneyNode())
    ends_at = nullable(moment())
    remaining_ms = nullable(whole(0, 2**53 - 1))


class SessionOver(Schema):
    """A session has ended; told again, as `unsold`, if its winner does not buy."""

    stream_id = key()
    session_id = key()
    outcome = choice(*OUTCOMES)
    price = nullable(MoneyNode())


class Won(Schema):
    """What you have won in a stream is in your cart, as `listing_id`, at this price until then."""

    stream_id = key()
    session_id = key()
    listing_id = key()
    product_id = key()
    title = text(200)
    price = MoneyNode()
    due_at = moment()


class RunningLow(Schema):
    """A stream ends then, unless its seller gets a credit before."""

    stream_id = key()
    title = text(200)
    ends_at = moment()


class CreditsDocument(Schema):
    """Your credits, and what they cost."""

    balance = whole(0, LARGEST)
    needed = flag(description="false: streams are free here")
    slot_minutes = whole(1, 1440, description="what a credit pays for; begun slots count")
    prices = listing(MoneyNode(name="price"), description="of one credit, by currency")


class CreditEntryDocument(Schema):
    """One change of your credits; `slot` is the stream's n-th, from 0."""

    id = key()
    kind = choice(*KINDS)
    change = whole(-LARGEST, LARGEST)
    balance = whole(0, LARGEST, description="after it")
    stream_id = nullable(key())
    slot = nullable(whole(0, 2**31 - 1))
    note = text(500)
    at = moment()


CreditHistoryPage = page_of(CreditEntryDocument, "CreditHistoryPage")


class CreditHistoryQuery(PageQuery):
    """Which part of the history."""


class NewPurchase(Schema):
    """How many credits to buy, and in which currency."""

    credits = whole(1, 10_000)
    currency = text(3, missing=None, description="left out: the marketplace's own")


class PurchaseDocument(Schema):
    """A purchase: pay for the purpose `stream_credits` with its id as the reference."""

    id = text(36)
    credits = whole(1, 10_000)
    price = MoneyNode(description="of all of them")
    refunded = Amount()
    payment_id = nullable(text(36))
    paid_at = nullable(moment())
    created_at = moment()


class PurchaseRefund(Schema):
    """How many unused credits of a purchase go back (left out: all), and how."""

    credits = whole(1, 10_000, missing=None)
    target = choice("original", "by_hand", missing=None)
    reason = text(200, min_length=1, description="what the payer is told")


class NewGrant(Schema):
    """Credits for a seller, and why."""

    seller_id = key()
    credits = whole(1, 10_000)
    note = text(500, min_length=1)


class GrantDocument(Schema):
    """What the seller has now."""

    seller_id = key()
    balance = whole(0, LARGEST)
