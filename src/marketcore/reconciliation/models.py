"""What the daily comparison of orders, ledger and providers has found."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment


class ReconciliationDifference(Base):
    """One difference, from the day it was first seen until it is gone; ``owner_id`` is who looks after it.

    ``kind``: ``only_here``, ``only_there``, ``amount``, ``fee`` or ``ledger``. ``what`` names the movement
    (``payment:<id>`` or ``refund:<provider reference>``), so that one difference has one row however often it
    is seen.
    """

    __tablename__ = "reconciliation_differences"
    __table_args__ = (
        CheckConstraint("kind IN ('only_here','only_there','amount','fee','ledger')", name="kind_known"),
        Index(
            "uq_reconciliation_differences_open",
            "provider",
            "kind",
            "what",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    id: Mapped[Key]
    provider: Mapped[str] = mapped_column(String(30))
    kind: Mapped[str] = mapped_column(String(12))
    what: Mapped[str] = mapped_column(String(260))
    currency: Mapped[Currency]
    here_minor: Mapped[Minor | None]
    there_minor: Mapped[Minor | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(String(500), server_default="")
    first_seen_at: Mapped[CreatedAt]
    last_seen_at: Mapped[CreatedAt]
    resolved_at: Mapped[Moment | None]
