"""Advertisements, who applies for them, what proves the work, every step taken, and what a payer's bank contests."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Currency, Key, Minor, Moment
from marketcore_escrow.states import AdvertisementState, ApplicationState, ProofState, listed


class Advertisement(Base):
    """What a seller wants to be done for ``budget_minor`` within ``days`` of its being funded.

    Of the budget, ``released_minor`` went to those who did it (and to the platform), ``returned_minor`` went back to
    the owner, and ``contested_minor`` was taken by disputes of the payer's bank that are open or lost. All the rest
    stands on the ledger's account of the advertisement.
    """

    __tablename__ = "escrow_advertisements"
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(AdvertisementState)})", name="state_known"),
        CheckConstraint("budget_minor > 0", name="budget_positive"),
        CheckConstraint("days > 0", name="days_positive"),
        CheckConstraint(
            "least(released_minor, returned_minor, contested_minor) >= 0"
            " AND released_minor + returned_minor + contested_minor <= budget_minor",
            name="within_budget",
        ),
        CheckConstraint(
            "(payment_id IS NULL) = (funded_at IS NULL) AND (payment_id IS NULL) = (ends_at IS NULL)",
            name="funded_by_a_payment",
        ),
        CheckConstraint("state NOT IN ('open','running','ending') OR payment_id IS NOT NULL", name="runs_when_funded"),
        Index("ix_escrow_advertisements_owner_id_id", "owner_id", "id"),
        Index("ix_escrow_advertisements_state_id", "state", "id"),
        Index("ix_escrow_advertisements_due", "ends_at", postgresql_where=text("state IN ('open','running')")),
    )

    id: Mapped[Key]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    currency: Mapped[Currency]
    budget_minor: Mapped[Minor]
    days: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), server_default="unfunded")
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"), unique=True)
    funded_at: Mapped[Moment | None]
    ends_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    released_minor: Mapped[Minor] = mapped_column(server_default="0")
    returned_minor: Mapped[Minor] = mapped_column(server_default="0")
    contested_minor: Mapped[Minor] = mapped_column(server_default="0")
    created_at: Mapped[CreatedAt]


class Application(Base):
    """Somebody who would do it. Accepted, ``share_minor`` of the budget is reserved for them by the hold ``hold_id``.

    ``due_at`` is when the platform acts if nobody does. ``released_minor`` of the share were released, ``fee_minor``
    of these to the platform, at the rate ``commission_bp`` of the moment of acceptance.
    """

    __tablename__ = "escrow_applications"
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(ApplicationState)})", name="state_known"),
        CheckConstraint("share_minor > 0", name="share_positive"),
        CheckConstraint(
            "(share_minor IS NULL) = (hold_id IS NULL) AND (share_minor IS NULL) = (commission_bp IS NULL)"
            " AND (share_minor IS NULL) = (state IN ('applied','withdrawn','declined'))",
            name="accepted_with_a_hold",
        ),
        CheckConstraint("commission_bp BETWEEN 0 AND 10000", name="commission_share"),
        CheckConstraint("released_minor BETWEEN 0 AND coalesce(share_minor, 0)", name="released_within_share"),
        CheckConstraint("fee_minor BETWEEN 0 AND released_minor", name="fee_within_released"),
        CheckConstraint(
            "(due_at IS NOT NULL) = (state IN ('accepted','submitted','rejected'))", name="due_while_somebody_acts"
        ),
        CheckConstraint("(disputed_by IS NULL) OR share_minor IS NOT NULL", name="disputed_once_accepted"),
        UniqueConstraint("advertisement_id", "applicant_id"),
        Index("ix_escrow_applications_advertisement_id_id", "advertisement_id", "id"),
        Index("ix_escrow_applications_applicant_id_id", "applicant_id", "id"),
        Index("ix_escrow_applications_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_escrow_applications_disputed", "id", postgresql_where=text("state = 'disputed'")),
    )

    id: Mapped[Key]
    advertisement_id: Mapped[int] = mapped_column(ForeignKey("escrow_advertisements.id"))
    applicant_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    message: Mapped[str] = mapped_column(String(2000))
    state: Mapped[str] = mapped_column(String(20), server_default="applied")
    share_minor: Mapped[Minor | None]
    commission_bp: Mapped[int | None]
    hold_id: Mapped[UUID | None] = mapped_column(unique=True)
    due_at: Mapped[Moment | None]
    released_minor: Mapped[Minor] = mapped_column(server_default="0")
    fee_minor: Mapped[Minor] = mapped_column(server_default="0")
    disputed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class Proof(Base):
    """What an applicant shows of the work: a link, or a private image. The last one counts."""

    __tablename__ = "escrow_proofs"
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(ProofState)})", name="state_known"),
        CheckConstraint("(link IS NULL) <> (media_id IS NULL)", name="link_or_image"),
        CheckConstraint(r"link ~* '^https?://'", name="link_of_the_web"),
        CheckConstraint("(state = 'rejected') = (reason <> '')", name="rejected_with_a_reason"),
        Index("ix_escrow_proofs_application_id_id", "application_id", "id"),
        Index("uq_escrow_proofs_waiting", "application_id", unique=True, postgresql_where=text("state = 'submitted'")),
    )

    id: Mapped[Key]
    application_id: Mapped[int] = mapped_column(ForeignKey("escrow_applications.id"))
    link: Mapped[str | None] = mapped_column(String(500))
    media_id: Mapped[int | None] = mapped_column(ForeignKey("media_objects.id"), unique=True)
    note: Mapped[str] = mapped_column(String(1000), server_default="")
    state: Mapped[str] = mapped_column(String(20), server_default="submitted")
    reason: Mapped[str] = mapped_column(String(1000), server_default="")
    created_at: Mapped[CreatedAt]
    answered_at: Mapped[Moment | None]


class Step(Base):
    """One step of an advertisement, or of an application for it. ``actor_id`` is NULL where the platform acted."""

    __tablename__ = "escrow_steps"
    __table_args__ = (
        Index("ix_escrow_steps_advertisement_id_id", "advertisement_id", "id"),
        Index("ix_escrow_steps_application_id_id", "application_id", "id"),
    )

    id: Mapped[Key]
    advertisement_id: Mapped[int] = mapped_column(ForeignKey("escrow_advertisements.id"))
    application_id: Mapped[int | None] = mapped_column(ForeignKey("escrow_applications.id"))
    previous: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(String(1000), server_default="")
    at: Mapped[CreatedAt]


class Contest(Base):
    """A dispute of the bank of whoever paid the budget: while one is open, nothing is released or returned.

    ``held_minor`` was taken from what stood for nobody yet, ``debt_minor`` is what its owner owes for the rest.
    """

    __tablename__ = "escrow_contests"
    __table_args__ = (
        CheckConstraint("state IN ('open','won','lost')", name="state_known"),
        CheckConstraint("least(held_minor, debt_minor) >= 0", name="not_negative"),
        Index("ix_escrow_contests_advertisement_id", "advertisement_id"),
    )

    dispute_id: Mapped[UUID] = mapped_column(ForeignKey("disputes.id"), primary_key=True)
    advertisement_id: Mapped[int] = mapped_column(ForeignKey("escrow_advertisements.id"))
    held_minor: Mapped[Minor]
    debt_minor: Mapped[Minor]
    state: Mapped[str] = mapped_column(String(10), server_default="open")
