"""Facts about auctions.

``BidsPlaced`` and ``Outbid`` are told by the worker from the log, shortly after the bids themselves and for many at
once, so that no subscriber makes a bidder wait, and at the latest when the auction ends; the others are told within
the transaction in which they happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marketcore.money import Money


@dataclass(frozen=True, slots=True)
class BidsPlaced:
    """There are new bids, or some were retracted; ``price`` and ``leader_id`` are those after the last change."""

    auction_id: int
    seller_id: int
    leader_id: int | None
    price: Money
    bids: int


@dataclass(frozen=True, slots=True)
class Outbid:
    """Somebody led, or has just bid, and does not lead."""

    auction_id: int
    user_id: int
    price: Money
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuctionEnding:
    """The end is near, for everybody who watches or bids."""

    auction_id: int
    seller_id: int
    price: Money
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class AuctionClosed:
    """An auction has ended: ``sold`` (for ``price``), ``unsold`` or ``cancelled``.

    Told again when a winner does not pay and the lot goes to somebody else, or to nobody.
    """

    auction_id: int
    seller_id: int
    outcome: str
    price: Money | None


@dataclass(frozen=True, slots=True)
class AuctionWon:
    """The lot is awarded to ``user_id``, who has until ``due_at`` to pay; ``round`` 1 is the winner's."""

    auction_id: int
    user_id: int
    order_id: int
    price: Money
    due_at: datetime
    round: int


@dataclass(frozen=True, slots=True)
class LotHeld:
    """The lot lies in the cart of ``user_id``, who has won it, at ``price`` until ``due_at``."""

    auction_id: int
    user_id: int
    price: Money
    due_at: datetime


@dataclass(frozen=True, slots=True)
class AwardDefaulted:
    """Whoever the lot was awarded to has not paid, or (without ``order_id``) not ordered what was held for them."""

    auction_id: int
    user_id: int
    order_id: int | None
    round: int
