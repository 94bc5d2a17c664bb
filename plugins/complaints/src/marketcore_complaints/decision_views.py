"""What admins decide about complaints, over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore_complaints import schemas
from marketcore_complaints.deciding import Decisions
from marketcore_complaints.views import whole_complaint

DECIDE = "complaints.decide"
ANSWER = {"responses": {200: schemas.WholeComplaintDocument}, "refusals": [409]}


@view_config(route_name="complaints.freeze", request_method="PUT", permission=DECIDE, openapi=ANSWER)
def freeze(request: Any) -> dict[str, Any]:
    """Freeze the money of the order that is complained about, also what its seller has already."""
    complaint_id = request.valid.path["complaint_id"]
    request.find_service(Decisions).freeze(complaint_id, request.identity)
    return whole_complaint(request, complaint_id)


@view_config(route_name="complaints.freeze", request_method="DELETE", permission=DECIDE, openapi=ANSWER)
def unfreeze(request: Any) -> dict[str, Any]:
    """Free what is frozen for a complaint, which stays open."""
    complaint_id = request.valid.path["complaint_id"]
    request.find_service(Decisions).unfreeze(complaint_id, request.identity)
    return whole_complaint(request, complaint_id)


@view_config(
    route_name="complaints.decision",
    request_method="POST",
    permission=DECIDE,
    idempotent=True,
    openapi={"body": schemas.Decision, **ANSWER},
)
def decide(request: Any) -> dict[str, Any]:
    """Resolve or reject a complaint: what is frozen is freed, or goes back to the buyer."""
    complaint_id = request.valid.path["complaint_id"]
    request.find_service(Decisions).decide(complaint_id, request.identity, **request.valid.body)
    return whole_complaint(request, complaint_id)
