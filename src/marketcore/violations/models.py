"""What buyers are charged with."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment


class Violation(Base):
    """A promise to buy that a buyer did not keep: one for each order or award at most, and none that is deleted.

    ``kind`` says how it was broken. A pardoned one counts no more; ``pardoned_by`` is null where the platform itself
    took it back, and ``note`` says why.
    """

    __tablename__ = "violations"
    __table_args__ = (
        Index("ix_violations_user_id_id", "user_id", "id"),
        CheckConstraint("num_nonnulls(order_id, award_id) = 1", name="about_one_promise"),
    )

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), unique=True)
    award_id: Mapped[int | None] = mapped_column(ForeignKey("cart_awards.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[CreatedAt]
    pardoned_at: Mapped[Moment | None]
    pardoned_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(String(500), server_default="")
