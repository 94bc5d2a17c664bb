"""Addresses of complaints."""

from __future__ import annotations

from typing import Any

ID = "[0-9]{1,18}"
ONE = f"/api/v1/complaints/{{complaint_id:{ID}}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("complaints.complaints", "/api/v1/complaints")
    config.add_route("complaints.complaint", ONE)
    config.add_route("complaints.messages", f"{ONE}/messages")
    config.add_route("complaints.withdrawal", f"{ONE}/withdrawal")
    config.add_route("complaints.files", f"{ONE}/files")
    config.add_route("complaints.file", f"{ONE}/files/{{media_id:{ID}}}")
    config.add_route("complaints.freeze", f"{ONE}/freeze")
    config.add_route("complaints.decision", f"{ONE}/decision")
