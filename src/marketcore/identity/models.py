"""Accounts, sessions, refresh tokens and what is proved by e-mail."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key, Moment


class User(Base):
    """An account. ``email`` is stored in lower case; ``roles`` is a set of buyer, seller, admin.

    ``blocked_for`` names the rule of the platform that blocked it, and is empty where an admin did.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("roles <@ ARRAY['buyer','seller','admin']::varchar[]", name="roles_known"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        Index("uq_users_username_lower", text("lower(username)"), unique=True),
    )

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    username: Mapped[str] = mapped_column(String(60))
    first_name: Mapped[str] = mapped_column(String(100), server_default="")
    last_name: Mapped[str] = mapped_column(String(100), server_default="")
    phone: Mapped[str] = mapped_column(String(20), server_default="")
    email_verified_at: Mapped[Moment | None]
    password_hash: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    blocked_at: Mapped[Moment | None]
    blocked_reason: Mapped[str] = mapped_column(String(500), server_default="")
    blocked_for: Mapped[str] = mapped_column(String(20), server_default="")
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("media_objects.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]


class AuthSession(Base):
    """One login; revoking it ends its access tokens, refresh tokens and sockets."""

    __tablename__ = "auth_sessions"
    __table_args__ = (
        Index("ix_auth_sessions_user_id", "user_id"),
        Index("ix_auth_sessions_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]
    revoked_at: Mapped[Moment | None]
    revoked_reason: Mapped[str] = mapped_column(String(40), server_default="")
    user_agent: Mapped[str] = mapped_column(String(200), server_default="")
    remote_addr: Mapped[str] = mapped_column(String(45), server_default="")


class RefreshToken(Base):
    """One refresh token of a session, by its SHA-256; presenting a used one revokes the family (the session)."""

    __tablename__ = "auth_refresh_tokens"
    __table_args__ = (
        Index("ix_auth_refresh_tokens_session_id", "session_id"),
        Index("ix_auth_refresh_tokens_used_at", "used_at"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("auth_sessions.id", ondelete="CASCADE"))
    created_at: Mapped[CreatedAt]
    used_at: Mapped[Moment | None]


class EmailToken(Base):
    """What was sent to ``email`` to prove that its reader owns the account, by its SHA-256; it is used once."""

    __tablename__ = "email_tokens"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify_email','reset_password')", name="purpose_known"),
        Index("ix_email_tokens_user_id", "user_id", "purpose", "created_at"),
        Index("ix_email_tokens_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class IdentityRevision(Base):
    """The one row whose ``number`` triggers raise whenever a session ends or an account's rights change."""

    __tablename__ = "identity_revision"
    __table_args__ = (CheckConstraint("one", name="one_row"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    number: Mapped[int] = mapped_column(BigInteger, server_default="0")
