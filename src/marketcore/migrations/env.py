"""Alembic's entry: the connection and the metadata are handed over by ``marketcore.db.migrate``."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    include_name=context.config.attributes.get("include_name"),
    compare_type=True,
    transaction_per_migration=True,
    on_version_apply=context.config.attributes.get("on_version_apply", ()),
)
with context.begin_transaction():
    context.run_migrations()
