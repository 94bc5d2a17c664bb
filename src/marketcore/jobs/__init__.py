"""Deferred and periodic work: rows written with the business change, run by leases, deleted with their effect."""

from __future__ import annotations

from typing import Any

from marketcore.jobs.settings import JobSettings


def includeme(config: Any) -> None:
    """Add ``request.enqueue`` and the worker process."""
    config.add_settings_schema("jobs", JobSettings())
    config.include(".calling")
    config.include(".enqueueing")
    config.add_process("worker", ".consumer.serve", about="jobs and deadlines")
