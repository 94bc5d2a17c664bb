"""Categories, products, their images, and the listings that sell them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class Category(Base):
    """A node of the category tree."""

    __tablename__ = "categories"
    __table_args__ = (CheckConstraint("parent_id <> id", name="not_its_own_parent"),)

    id: Mapped[Key]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(120), unique=True)
    created_at: Mapped[CreatedAt]


class Product(Base):
    """What a seller has; a listing sells it.

    ``ratings_count`` people have given it ``ratings_total`` stars in all; ``rating_hundredths`` is their average, 0
    without any. Only ``ProductRatings`` changes them.
    """

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("state IN ('active','archived')", name="state_known"),
        CheckConstraint("ratings_total BETWEEN ratings_count AND 5 * ratings_count", name="ratings_in_stars"),
        Index("ix_products_seller_id_id", "seller_id", "id"),
        Index("ix_products_category_id_id", "category_id", "id"),
    )

    id: Mapped[Key]
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, server_default="")
    state: Mapped[str] = mapped_column(String(10), server_default="active")
    ratings_count: Mapped[int] = mapped_column(server_default="0")
    ratings_total: Mapped[int] = mapped_column(server_default="0")
    rating_hundredths: Mapped[int] = mapped_column(
        Computed("coalesce((100 * ratings_total + ratings_count / 2) / nullif(ratings_count, 0), 0)", persisted=True)
    )
    created_at: Mapped[CreatedAt]


class ProductImage(Base):
    """A product's image; ``position`` orders them, the first is the cover."""

    __tablename__ = "product_images"
    __table_args__ = (UniqueConstraint("product_id", "position", deferrable=True, initially="DEFERRED"),)

    media_id: Mapped[int] = mapped_column(ForeignKey("media_objects.id", ondelete="CASCADE"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    position: Mapped[int]


class Listing(Base):
    """A product on sale in one way.

    ``price_minor`` is the fixed price, or for other kinds the price of the moment; until ``offer_until`` it costs
    ``offer_minor`` where that is less, and ``offer_ended_at`` is when an offer before that was over. ``quantity`` is
    what can still be reserved. The partial unique index lets a product be on sale in one way only; ``(id, kind)`` is
    unique so that a kind's own table can refer to both and thereby never describe a listing of another kind.
    ``rating_hundredths`` is its product's, so that an index finds the best; a trigger fills it in when it is published.
    """

    __tablename__ = "listings"
    __table_args__ = (
        CheckConstraint("state IN ('active','paused','closed')", name="state_known"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("price_minor > 0", name="price_positive"),
        CheckConstraint("offer_minor > 0", name="offer_positive"),
        CheckConstraint("(offer_minor IS NULL) = (offer_until IS NULL)", name="offer_ends"),
        UniqueConstraint("id", "kind"),
        Index(
            "uq_listings_product_id_on_sale",
            "product_id",
            unique=True,
            postgresql_where=text("state <> 'closed'"),
        ),
        Index("ix_listings_active_id", "id", postgresql_where=text("state = 'active'")),
        Index("ix_listings_active_category", "category_id", "id", postgresql_where=text("state = 'active'")),
        Index(
            "ix_listings_active_category_price",
            "category_id",
            "currency",
            "price_minor",
            "id",
            postgresql_where=text("state = 'active'"),
        ),
        Index(
            "ix_listings_active_price",
            "currency",
            "price_minor",
            "id",
            postgresql_where=text("state = 'active'"),
        ),
        Index(
            "ix_listings_active_category_rating",
            "category_id",
            "rating_hundredths",
            "id",
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_listings_active_rating", "rating_hundredths", "id", postgresql_where=text("state = 'active'")),
        Index("ix_listings_seller_id_id", "seller_id", "id"),
    )

    id: Mapped[Key]
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    seller_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    kind: Mapped[str] = mapped_column(String(30))
    state: Mapped[str] = mapped_column(String(10), server_default="active")
    currency: Mapped[Currency]
    price_minor: Mapped[Minor]
    quantity: Mapped[int]
    rating_hundredths: Mapped[int] = mapped_column(server_default="0")
    offer_minor: Mapped[Minor | None]
    offer_until: Mapped[Moment | None]
    offer_ended_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class ListingWords(Base):
    """The words of a listing that is not closed, kept right by triggers of listings and products.

    The index finds words within stretches of ids (the function ``id_stretches``), and so what is new without what is
    old; ``words.py`` reads it.
    """

    __tablename__ = "listing_words"
    __table_args__ = (
        Index(
            "ix_listing_words_search",
            "search",
            text("id_stretches(listing_id)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id", ondelete="CASCADE"), primary_key=True)
    search: Mapped[str] = mapped_column(TSVECTOR)
