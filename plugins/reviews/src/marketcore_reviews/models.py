"""Reviews, feedback, and what sellers are rated."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.catalog.models import Product
from marketcore.db.base import Base, CreatedAt, Key, Moment
from marketcore.identity.models import User
from marketcore.orders.models import Order
from marketcore_reviews.rules import MARKS


class Review(Base):
    """What somebody who received a product thinks of it; ``order_id`` is how they got it.

    A ``hidden`` one counts for nothing and is seen by admins and its author alone.
    """

    __tablename__ = "reviews_reviews"
    __table_args__ = (
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating_in_stars"),
        UniqueConstraint("product_id", "author_id"),
        Index("ix_reviews_reviews_product_id_id", "product_id", "id"),
        Index("ix_reviews_reviews_author_id_id", "author_id", "id"),
    )

    id: Mapped[Key]
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    author_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id))
    rating: Mapped[int]
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(String(5000), server_default="")
    reply: Mapped[str] = mapped_column(String(2000), server_default="")
    replied_at: Mapped[Moment | None]
    hidden: Mapped[bool] = mapped_column(server_default="false")
    hidden_reason: Mapped[str] = mapped_column(String(500), server_default="")
    created_at: Mapped[CreatedAt]
    edited_at: Mapped[Moment | None]


class Feedback(Base):
    """How an order was, in its buyer's words: of the seller and of the platform. There is one per order."""

    __tablename__ = "reviews_feedback"
    __table_args__ = (
        *(CheckConstraint(f"{mark} BETWEEN 1 AND 5", name=f"{mark}_in_stars") for mark in MARKS),
        Index("ix_reviews_feedback_seller_id_id", "seller_id", "id"),
    )

    id: Mapped[Key]
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id), unique=True)
    buyer_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    seller_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    seller_rating: Mapped[int]
    platform_rating: Mapped[int]
    communication: Mapped[int]
    shipping: Mapped[int]
    accuracy: Mapped[int]
    comment: Mapped[str] = mapped_column(String(2000), server_default="")
    reply: Mapped[str] = mapped_column(String(2000), server_default="")
    replied_at: Mapped[Moment | None]
    hidden: Mapped[bool] = mapped_column(server_default="false")
    hidden_reason: Mapped[str] = mapped_column(String(500), server_default="")
    created_at: Mapped[CreatedAt]


class SellerTotals(Base):
    """How many stars all visible feedback gives a seller, counted up in place."""

    __tablename__ = "reviews_sellers"
    __table_args__ = (
        CheckConstraint("seller_total BETWEEN ratings_count AND 5 * ratings_count", name="in_stars"),
    )  # fmt: skip

    seller_id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
    ratings_count: Mapped[int] = mapped_column(server_default="0")
    seller_total: Mapped[int] = mapped_column(server_default="0")
    communication_total: Mapped[int] = mapped_column(server_default="0")
    shipping_total: Mapped[int] = mapped_column(server_default="0")
    accuracy_total: Mapped[int] = mapped_column(server_default="0")


class FeedbackRequest(Base):
    """An order whose buyer has been asked for feedback: once."""

    __tablename__ = "reviews_requests"

    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id), primary_key=True)
    asked_at: Mapped[CreatedAt]
