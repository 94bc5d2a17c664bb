"""Addresses of advertisements."""

from __future__ import annotations

from typing import Any

_ADVERTISEMENT = "/api/v1/advertisements/{advertisement_id:[0-9]{1,18}}"
_APPLICATION = "/api/v1/advertisement-applications/{application_id:[0-9]{1,18}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("escrow.advertisements", "/api/v1/advertisements")
    config.add_route("escrow.advertisement", _ADVERTISEMENT)
    config.add_route("escrow.cancellation", f"{_ADVERTISEMENT}/cancellation")
    config.add_route("escrow.applications", f"{_ADVERTISEMENT}/applications")
    config.add_route("escrow.acceptances", f"{_ADVERTISEMENT}/acceptances")
    config.add_route("escrow.own", "/api/v1/users/me/advertisements")
    config.add_route("escrow.mine", "/api/v1/users/me/advertisement-applications")
    config.add_route("escrow.disputed", "/api/v1/disputed-applications")
    config.add_route("escrow.application", _APPLICATION)
    for act in ("withdrawal", "refusal", "proofs", "proof-images", "approval", "rejection", "dispute", "decision"):
        config.add_route(f"escrow.application.{act.replace('-', '_')}", f"{_APPLICATION}/{act}")
    config.add_route("escrow.image", "/api/v1/advertisement-proofs/{proof_id:[0-9]{1,18}}/image")
