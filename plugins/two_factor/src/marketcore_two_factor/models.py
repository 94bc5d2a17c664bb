"""Factors, recovery codes, codes on their way, logins half done, proofs, and wrong tries."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Moment
from marketcore.identity.models import AuthSession, User


class Factor(Base):
    """A way to prove oneself; one that is not confirmed yet proves nothing.

    ``secret`` is an authenticator's, encrypted; of a code's time step none up to ``last_step`` is taken again.
    """

    __tablename__ = "two_factor_factors"
    __table_args__ = (
        CheckConstraint("method IN ('email','totp')", name="method_known"),
        CheckConstraint("(method = 'totp') = (secret IS NOT NULL)", name="secret_of_an_app"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    method: Mapped[str] = mapped_column(String(10), primary_key=True)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    begun_at: Mapped[CreatedAt]
    confirmed_at: Mapped[Moment | None]


class RecoveryCode(Base):
    """One of ten codes to keep on paper, by its keyed hash."""

    __tablename__ = "two_factor_recovery_codes"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[Moment | None]


class EmailCode(Base):
    """Six digits sent by e-mail. They are made of the platform's secret and ``id``, and stored nowhere."""

    __tablename__ = "two_factor_email_codes"
    __table_args__ = (Index("ix_two_factor_email_codes_user_id", "user_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class Challenge(Base):
    """A login whose first step is done. ``standing`` tells whether the password is still the one of then."""

    __tablename__ = "two_factor_challenges"
    __table_args__ = (
        Index("ix_two_factor_challenges_user_id", "user_id"),
        Index("ix_two_factor_challenges_expires_at", "expires_at"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    standing: Mapped[bytes] = mapped_column(LargeBinary)
    way: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]


class Proof(Base):
    """When somebody last proved a factor in a session."""

    __tablename__ = "two_factor_proofs"

    session_id: Mapped[UUID] = mapped_column(ForeignKey(AuthSession.id, ondelete="CASCADE"), primary_key=True)
    proved_at: Mapped[CreatedAt]


class Tries(Base):
    """Wrong codes of one account ``since`` the first of them."""

    __tablename__ = "two_factor_tries"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    since: Mapped[CreatedAt]
    wrong: Mapped[int]
