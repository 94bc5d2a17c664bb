"""The core's Alembic environment; each plugin brings a branch of its own."""
