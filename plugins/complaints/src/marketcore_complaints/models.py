"""Complaints, what is said about them, and the files that prove it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.catalog.models import Product
from marketcore.db.base import Base, CreatedAt, Key, Moment
from marketcore.identity.models import User
from marketcore.media.models import MediaObject
from marketcore.orders.models import Order, OrderFreeze
from marketcore.refunds.models import Refund

_OPEN = text("state = 'open'")


class Complaint(Base):
    """What somebody (the complainant) has against an order, a product or a person; the respondent is whose it is.

    It is ``open`` until an admin has ``resolved`` or ``rejected`` it or the complainant has ``withdrawn`` it. What was
    frozen for it is ``freeze_id``, what it has given back ``refund_id``.
    """

    __tablename__ = "complaints_complaints"
    __table_args__ = (
        CheckConstraint("num_nonnulls(order_id, product_id, user_id) = 1", name="about_one_thing"),
        CheckConstraint("complainant_id <> respondent_id", name="two_parties"),
        CheckConstraint("state IN ('open','resolved','rejected','withdrawn')", name="state_known"),
        *(
            Index(
                f"uq_complaints_complaints_open_{kind}",
                f"{kind}_id",
                "complainant_id",
                unique=True,
                postgresql_where=_OPEN,
            )
            for kind in ("order", "product", "user")
        ),
        Index("ix_complaints_complaints_complainant_id_id", "complainant_id", "id"),
        Index("ix_complaints_complaints_respondent_id_id", "respondent_id", "id"),
        Index("ix_complaints_complaints_open", "id", postgresql_where=_OPEN),
    )

    id: Mapped[Key]
    order_id: Mapped[int | None] = mapped_column(ForeignKey(Order.id))
    product_id: Mapped[int | None] = mapped_column(ForeignKey(Product.id))
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    complainant_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    respondent_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    category: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    freeze_id: Mapped[UUID | None] = mapped_column(ForeignKey(OrderFreeze.id))
    refund_id: Mapped[UUID | None] = mapped_column(ForeignKey(Refund.id))
    outcome: Mapped[str] = mapped_column(String(2000), server_default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    ended_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class ComplaintMessage(Base):
    """Something that was said about a complaint; the first is the complaint itself."""

    __tablename__ = "complaints_messages"
    __table_args__ = (
        CheckConstraint("part IN ('complainant','respondent','staff')", name="part_known"),
        Index("ix_complaints_messages_complaint_id_id", "complaint_id", "id"),
    )

    id: Mapped[Key]
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints_complaints.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    part: Mapped[str] = mapped_column(String(12))
    body: Mapped[str] = mapped_column(String(4000))
    created_at: Mapped[CreatedAt]


class ComplaintFile(Base):
    """A private file that somebody has put before the others."""

    __tablename__ = "complaints_files"
    __table_args__ = (Index("ix_complaints_files_complaint_id", "complaint_id"),)

    media_id: Mapped[int] = mapped_column(ForeignKey(MediaObject.id, ondelete="CASCADE"), primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints_complaints.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey(User.id))
