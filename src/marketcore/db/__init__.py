"""The database: one engine per process, one session per request, one clock."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    """Add the core's tables, ``request.db`` and the engine, and the events' two doors."""
    config.add_migrations("core", "marketcore:migrations/versions")
    config.include(".session")
    config.include(".facts")
