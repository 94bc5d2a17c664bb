"""The part of the live room that belongs to the web process: tickets, and the description of the live API."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.live.tickets import TicketService
from marketcore.web.schema import Schema, text, whole


class TicketDocument(Schema):
    """A one-time right to open a socket: send it as the first frame, `{"op": "auth", "ticket": …}`."""

    ticket = text(100)
    expires_in = whole(1, 3600, description="seconds")


@view_config(
    route_name="live.tickets",
    request_method="POST",
    permission="live.ticket.issue",
    openapi={"responses": {201: TicketDocument}},
)
def issue_ticket(request: Any) -> dict[str, Any]:
    """Issue a ticket for one live connection."""
    identity = request.identity
    ticket = request.find_service(TicketService).issue(identity.user_id, identity.session_id)
    request.response.status_int = 201
    return {"ticket": ticket, "expires_in": 30}


def includeme(config: Any) -> None:
    """Add the addresses."""
    config.declare_permission("live.ticket.issue", "member")
    config.add_route("live.tickets", "/api/v1/live/tickets")
    config.scan(__name__)
    config.include(".documentation")
