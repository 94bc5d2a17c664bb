"""Auctions: their terms, how they stand, their log, who is interested, and what was awarded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class Auction(Base):
    """The terms of an auction, frozen when it is published; its id is its listing's.

    ``key`` makes the bidders' pseudonyms and is told to nobody. ``told_seq`` is how far the log has been turned into
    facts, ``ending_told_at`` when watchers were told that the end is near. The clock of a ``conducted`` one is held by
    its seller, and it may have no end of its own. Where ``hold_minutes`` is set, the lot is put into its winner's cart
    for so long; else it is ordered at once.
    """

    __tablename__ = "auctions_auctions"
    __table_args__ = (
        ForeignKeyConstraint(["listing_id", "kind"], ["listings.id", "listings.kind"]),
        CheckConstraint("kind = 'auction'", name="kind_is_auction"),
        CheckConstraint("start_minor > 0", name="start_positive"),
        CheckConstraint("reserve_minor >= start_minor", name="reserve_not_below_start"),
        CheckConstraint("buy_now_minor >= greatest(start_minor, reserve_minor)", name="buy_now_not_below_reserve"),
        CheckConstraint("deposit_minor > 0", name="deposit_positive"),
        CheckConstraint("starts_at < ends_at AND ends_at <= latest_end_at", name="times_in_order"),
        CheckConstraint("conducted OR num_nulls(ends_at, latest_end_at) = 0", name="clock_or_conductor"),
        CheckConstraint("hold_minutes > 0", name="hold_positive"),
        CheckConstraint("soft_close IN ('none','extend','reset')", name="soft_close_known"),
        CheckConstraint("if_unpaid IN ('second_chance','relist','end')", name="if_unpaid_known"),
        Index("ix_auctions_auctions_seller_id_listing_id", "seller_id", "listing_id"),
    )

    listing_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(30), server_default="auction")
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str] = mapped_column(String(200))
    currency: Mapped[Currency]
    start_minor: Mapped[Minor]
    reserve_minor: Mapped[Minor | None]
    buy_now_minor: Mapped[Minor | None]
    deposit_minor: Mapped[Minor | None]
    increments: Mapped[list[Any]] = mapped_column(JSONB)
    conducted: Mapped[bool] = mapped_column(server_default="false")
    hold_minutes: Mapped[int | None]
    starts_at: Mapped[Moment]
    ends_at: Mapped[Moment | None]
    latest_end_at: Mapped[Moment | None]
    soft_close: Mapped[str] = mapped_column(String(10))
    window_seconds: Mapped[int]
    extension_seconds: Mapped[int]
    if_unpaid: Mapped[str] = mapped_column(String(20))
    relists_left: Mapped[int]
    relisted_from: Mapped[int | None] = mapped_column(ForeignKey("auctions_auctions.listing_id"))
    key: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("uuid_send(gen_random_uuid())"))
    told_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    ending_told_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class StandingRow(Base):
    """How an auction stands: the row that every bid locks and changes, kept narrow and without indexes on what moves.

    ``head`` is the hash of the log's last entry, number ``seq``. ``deposit_hold`` is the leader's. While the clock of a
    conducted one stands, since ``paused_at``, it has no ``ends_at`` but ``remaining_us``; ``paused_us`` is how long it
    has stood before, all together.
    """

    __tablename__ = "auctions_standings"
    __table_args__ = (
        CheckConstraint("state IN ('open','closed')", name="state_known"),
        CheckConstraint("(state = 'closed') = (outcome IS NOT NULL)", name="outcome_when_closed"),
        CheckConstraint("outcome IN ('sold','unsold','cancelled')", name="outcome_known"),
        CheckConstraint("(leader_id IS NULL) = (leader_max_minor = 0)", name="leader_has_maximum"),
        CheckConstraint("runner_up_minor <= leader_max_minor", name="leader_leads"),
        CheckConstraint("leader_id IS NULL OR price_minor <= leader_max_minor", name="price_within_maximum"),
        CheckConstraint("paused_at IS NULL OR ends_at IS NULL", name="pause_stops_the_clock"),
        CheckConstraint(
            "remaining_us IS NULL OR (paused_at IS NOT NULL AND remaining_us > 0)", name="remaining_while_paused"
        ),
        Index("ix_auctions_standings_open", "ends_at", "listing_id", postgresql_where=text("state = 'open'")),
        {"postgresql_with": {"fillfactor": 50}},
    )

    listing_id: Mapped[int] = mapped_column(ForeignKey("auctions_auctions.listing_id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    outcome: Mapped[str | None] = mapped_column(String(10))
    ends_at: Mapped[Moment | None]
    paused_at: Mapped[Moment | None]
    remaining_us: Mapped[int | None] = mapped_column(BigInteger)
    paused_us: Mapped[int] = mapped_column(BigInteger, server_default="0")
    price_minor: Mapped[Minor]
    leader_id: Mapped[int | None] = mapped_column(BigInteger)
    leader_name: Mapped[str] = mapped_column(String(10), server_default="")
    leader_max_minor: Mapped[Minor] = mapped_column(server_default="0")
    runner_up_minor: Mapped[Minor] = mapped_column(server_default="0")
    bids: Mapped[int] = mapped_column(server_default="0")
    extensions: Mapped[int] = mapped_column(server_default="0")
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    head: Mapped[str] = mapped_column(String(64))
    deposit_hold: Mapped[UUID | None]


class LogEntry(Base):
    """One entry of the fairness log: ``text`` is what is hashed, the columns say the same for queries.

    It has no foreign keys: each would lock another row per bid, and the standing's lock vouches for the auction.
    """

    __tablename__ = "auctions_log"

    auction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    at: Mapped[Moment]
    bidder_id: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(10), server_default="")
    maximum_minor: Mapped[Minor | None]
    price_minor: Mapped[Minor | None]
    leader_id: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class Interest(Base):
    """Somebody watches an auction, or bids in it."""

    __tablename__ = "auctions_interests"
    __table_args__ = (Index("ix_auctions_interests_auction_id", "auction_id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    auction_id: Mapped[int] = mapped_column(ForeignKey("auctions_auctions.listing_id"), primary_key=True)
    watching: Mapped[bool] = mapped_column(server_default="false")
    bidding: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]


class AwardRow(Base):
    """The lot, awarded to somebody: round 1 to the winner, later rounds to whoever comes next.

    ``cart_award_id`` is where it lies in their cart; it has an order from the checkout on.
    """

    __tablename__ = "auctions_awards"
    __table_args__ = (
        CheckConstraint("state IN ('pending','paid','defaulted','withdrawn')", name="state_known"),
        CheckConstraint("price_minor > 0", name="price_positive"),
        CheckConstraint("num_nonnulls(order_id, cart_award_id) > 0", name="ordered_or_in_cart"),
        UniqueConstraint("auction_id", "round"),
        Index(
            "uq_auctions_awards_auction_id_standing",
            "auction_id",
            unique=True,
            postgresql_where=text("state IN ('pending','paid')"),
        ),
    )

    id: Mapped[Key]
    auction_id: Mapped[int] = mapped_column(ForeignKey("auctions_auctions.listing_id"))
    round: Mapped[int]
    bidder_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    price_minor: Mapped[Minor]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    cart_award_id: Mapped[int | None] = mapped_column(ForeignKey("cart_awards.id"), unique=True)
    state: Mapped[str] = mapped_column(String(10), server_default="pending")
    due_at: Mapped[Moment]
    deposit_hold: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
