"""What people wish for."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.catalog.models import Product
from marketcore.db.base import Base, CreatedAt, Key, Minor
from marketcore.identity.models import User


class Wish(Base):
    """A product on somebody's wishlist.

    The ``noted`` columns are what it was offered for when it was last looked at, and whether it could be bought: what
    has become better since is told.
    """

    __tablename__ = "wishlist_items"
    __table_args__ = (
        UniqueConstraint("user_id", "product_id"),
        Index("ix_wishlist_items_user_id_id", "user_id", "id"),
        Index("ix_wishlist_items_product_id", "product_id"),
    )

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id, ondelete="CASCADE"))
    noted_minor: Mapped[Minor | None]
    noted_currency: Mapped[str | None] = mapped_column(String(3))
    noted_buyable: Mapped[bool] = mapped_column(server_default="false")
    added_at: Mapped[CreatedAt]
