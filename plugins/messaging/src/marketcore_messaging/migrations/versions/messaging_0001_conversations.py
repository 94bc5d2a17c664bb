"""Conversations, messages and files, contacts and blocks, statuses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "messaging_0001"
down_revision = None
branch_labels = ("messaging",)
depends_on = "core_0009"

_NOW = sa.text("market_clock()")


def _id(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _moment(name: str, *, nullable: bool = False, default: sa.TextClause | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _points(table: str, column: str, to: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=f"fk_messaging_{table}_{column}", ondelete=ondelete)


def upgrade() -> None:
    _create_conversations()
    _create_messages()
    _create_relations()
    op.create_table(
        "messaging_statuses",
        _key(),
        _id("author_id"),
        sa.Column("body", sa.String(500), nullable=False),
        _id("media_id", nullable=True),
        _moment("created_at", default=_NOW),
        _moment("expires_at"),
        _points("statuses", "author_id", "users.id", "CASCADE"),
        _points("statuses", "media_id", "media_objects.id", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_messaging_statuses"),
    )
    op.create_index("ix_messaging_statuses_author_id", "messaging_statuses", ["author_id", "id"])
    op.create_index("ix_messaging_statuses_expires_at", "messaging_statuses", ["expires_at"])
    # People are found by how their names begin, whatever the database's collation.
    op.execute('CREATE INDEX ix_messaging_usernames ON users (lower(username) COLLATE "C")')


def _create_conversations() -> None:
    op.create_table(
        "messaging_conversations",
        _key(),
        sa.Column("kind", sa.String(10), nullable=False),
        _id("order_id", nullable=True),
        _id("low_id"),
        _id("high_id"),
        _id("started_by"),
        _count("last_seq"),
        _moment("last_at", default=_NOW),
        _moment("created_at", default=_NOW),
        sa.CheckConstraint("low_id < high_id", name="ck_messaging_conversations_two_people"),
        sa.CheckConstraint("kind IN ('direct','order')", name="ck_messaging_conversations_kind_known"),
        sa.CheckConstraint(
            "(kind = 'order') = (order_id IS NOT NULL)", name="ck_messaging_conversations_order_of_its_kind"
        ),
        sa.CheckConstraint("started_by IN (low_id, high_id)", name="ck_messaging_conversations_started_by_one_of_them"),
        _points("conversations", "order_id", "orders.id"),
        _points("conversations", "low_id", "users.id"),
        _points("conversations", "high_id", "users.id"),
        _points("conversations", "started_by", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_messaging_conversations"),
        sa.UniqueConstraint("order_id", name="uq_messaging_conversations_order_id"),
    )
    op.create_index(
        "uq_messaging_conversations_pair",
        "messaging_conversations",
        ["low_id", "high_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'direct'"),
    )
    for side in ("low_id", "high_id"):
        op.create_index(f"ix_messaging_conversations_{side}", "messaging_conversations", [side, "last_at", "id"])
    op.create_table(
        "messaging_members",
        _id("conversation_id"),
        _id("user_id"),
        _count("read_seq"),
        _moment("read_at", nullable=True),
        _count("incoming_seq"),
        _moment("remind_at", nullable=True),
        _points("members", "conversation_id", "messaging_conversations.id"),
        _points("members", "user_id", "users.id"),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name="pk_messaging_members"),
    )
    op.create_index("ix_messaging_members_user_id", "messaging_members", ["user_id"])
    op.create_index(
        "ix_messaging_members_remind_at",
        "messaging_members",
        ["remind_at"],
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )


def _create_messages() -> None:
    op.create_table(
        "messaging_messages",
        _key(),
        _id("conversation_id"),
        _id("seq"),
        _id("sender_id"),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.String(3000), nullable=False),
        _moment("sent_at", default=_NOW),
        _moment("deleted_at", nullable=True),
        sa.CheckConstraint("deleted_at IS NULL OR body = ''", name="ck_messaging_messages_deleted_is_gone"),
        _points("messages", "conversation_id", "messaging_conversations.id"),
        _points("messages", "sender_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_messaging_messages"),
        sa.UniqueConstraint("conversation_id", "seq", name="uq_messaging_messages_conversation_id_seq"),
        sa.UniqueConstraint(
            "conversation_id",
            "sender_id",
            "client_id",
            name="uq_messaging_messages_conversation_id_sender_id_client_id",
        ),
    )
    op.create_table(
        "messaging_attachments",
        _id("media_id"),
        _id("conversation_id"),
        _id("owner_id"),
        _id("message_id", nullable=True),
        _moment("created_at", default=_NOW),
        _points("attachments", "media_id", "media_objects.id", "CASCADE"),
        _points("attachments", "conversation_id", "messaging_conversations.id"),
        _points("attachments", "owner_id", "users.id"),
        _points("attachments", "message_id", "messaging_messages.id"),
        sa.PrimaryKeyConstraint("media_id", name="pk_messaging_attachments"),
    )
    op.create_index("ix_messaging_attachments_message_id", "messaging_attachments", ["message_id"])
    op.create_index(
        "ix_messaging_attachments_unused",
        "messaging_attachments",
        ["created_at"],
        postgresql_where=sa.text("message_id IS NULL"),
    )


def _create_relations() -> None:
    for table, other in (("contacts", "contact_id"), ("blocks", "blocked_id")):
        op.create_table(
            f"messaging_{table}",
            _id("user_id"),
            _id(other),
            _moment("created_at", default=_NOW),
            sa.CheckConstraint(f"user_id <> {other}", name=f"ck_messaging_{table}_somebody_else"),
            _points(table, "user_id", "users.id", "CASCADE"),
            _points(table, other, "users.id", "CASCADE"),
            sa.PrimaryKeyConstraint("user_id", other, name=f"pk_messaging_{table}"),
        )
    op.create_index("ix_messaging_contacts_contact_id", "messaging_contacts", ["contact_id", "user_id"])
    op.create_index("ix_messaging_blocks_blocked_id", "messaging_blocks", ["blocked_id"])


def downgrade() -> None:
    op.execute("DROP INDEX ix_messaging_usernames")
    for table in ("statuses", "blocks", "contacts", "attachments", "messages", "members", "conversations"):
        op.drop_table(f"messaging_{table}")
