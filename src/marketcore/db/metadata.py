"""Every table of the core in one metadata, for migrations and their checks."""

from __future__ import annotations

from importlib import import_module

from marketcore.db.base import Base

NOUNS = (
    "identity",
    "media",
    "catalog",
    "orders",
    "violations",
    "payments",
    "refunds",
    "disputes",
    "payouts",
    "reconciliation",
    "audit",
    "ledger",
    "jobs",
    "live",
    "web",
)


def core_metadata():  # type: ignore[no-untyped-def]
    """Import every model module of the core and return the shared metadata."""
    for noun in NOUNS:
        import_module(f"marketcore.{noun}.models")
    return Base.metadata
