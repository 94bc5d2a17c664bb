"""The HTTP machinery: declarations on views, problem documents, JSON, pages, limits, documentation."""

from __future__ import annotations

from typing import Any

from marketcore.web.settings import WebSettings


def includeme(config: Any) -> None:
    """Add everything that every route shares."""
    config.add_settings_schema("web", WebSettings())
    config.declare_permission("public", "anyone")
    config.declare_permission("member", "member")
    config.declare_permission("admin", "admin")
    config.include(".addresses")
    config.include(".body")
    config.include(".json")
    config.include(".errors")
    config.include(".tweens")
    config.include(".cors")
    config.include(".derivers")
    config.include(".idempotency")
    config.include(".ratelimit")
    config.include(".metrics")
    config.include(".openapi")
    config.include(".health")
    config.add_process("web", ".server.serve", port_setting="web.port", page="/api/docs", about="the API, documented")
    config.add_periodic_job(".jobs.forget_old_answers", every_seconds=3600)
