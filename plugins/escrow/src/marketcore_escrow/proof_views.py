"""Proofs over HTTP, and what becomes of shares."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore import audit
from marketcore.media.private import private_response
from marketcore_escrow import schemas
from marketcore_escrow.presenting import ProofImage
from marketcore_escrow.proofs import ProofService
from marketcore_escrow.reading import EscrowReader


@view_config(
    route_name="escrow.application.proofs",
    request_method="POST",
    permission="escrow.application.write",
    openapi={"body": schemas.NewProof, "responses": {201: schemas.ApplicationDocument}, "refusals": [409]},
)
def show_link(request: Any) -> dict[str, Any]:
    """Prove your work by a link to it."""
    application_id, given = request.valid.path["application_id"], request.valid.body
    proofs = request.find_service(ProofService)
    proofs.show_link(application_id, request.authenticated_userid, given["link"], given["note"])
    request.response.status_int = 201
    return _application(request)


@view_config(
    route_name="escrow.application.proof_images",
    request_method="POST",
    permission="escrow.application.write",
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: schemas.ApplicationDocument}, "refusals": [409]},
)
def show_image(request: Any) -> dict[str, Any]:
    """Prove your work by an image; only you, the owner of the advertisement and admins can see it."""
    application_id, upload = request.valid.path["application_id"], request.valid.upload
    request.find_service(ProofService).show_image(application_id, request.authenticated_userid, upload)
    request.response.status_int = 201
    return _application(request)


@view_config(
    route_name="escrow.image",
    request_method="GET",
    permission="escrow.application.read",
    openapi={"query": schemas.ImageQuery, "responses": {200: "image/webp"}, "refusals": [409]},
)
def read_image(request: Any) -> Any:
    """Get the image of a proof."""
    proof = request.find_service(EscrowReader).image(request.valid.path["proof_id"])
    return private_response(request, ProofImage(proof), request.valid.query["variant"])


@view_config(
    route_name="escrow.application.approval",
    request_method="POST",
    permission="escrow.advertisement.write",
    idempotent=True,
    openapi={"responses": {200: schemas.ApplicationDocument}, "refusals": [409]},
)
def approve_proof(request: Any) -> dict[str, Any]:
    """Approve the proof: the share is the applicant's, less the platform's commission."""
    application_id = request.valid.path["application_id"]
    request.find_service(ProofService).approve(application_id, request.authenticated_userid)
    return _application(request)


@view_config(
    route_name="escrow.application.rejection",
    request_method="POST",
    permission="escrow.advertisement.write",
    openapi={"body": schemas.ReasonBody, "responses": {200: schemas.ApplicationDocument}, "refusals": [409]},
)
def reject_proof(request: Any) -> dict[str, Any]:
    """Reject the proof and say why: the applicant may show a better one."""
    application_id, reason = request.valid.path["application_id"], request.valid.body["reason"]
    request.find_service(ProofService).reject(application_id, request.authenticated_userid, reason)
    return _application(request)


@view_config(
    route_name="escrow.application.dispute",
    request_method="POST",
    permission="escrow.application.write",
    openapi={"body": schemas.ReasonBody, "responses": {200: schemas.ApplicationDocument}, "refusals": [409]},
)
def dispute_share(request: Any) -> dict[str, Any]:
    """Dispute a share, as its applicant or as the owner: it is frozen until an admin decides."""
    application_id, reason = request.valid.path["application_id"], request.valid.body["reason"]
    request.find_service(ProofService).dispute(application_id, request.authenticated_userid, reason)
    return _application(request)


@view_config(
    route_name="escrow.application.decision",
    request_method="POST",
    permission="escrow.dispute.decide",
    idempotent=True,
    openapi={"body": schemas.DecisionBody, "responses": {200: schemas.ApplicationDocument}, "refusals": [409]},
)
def decide_dispute(request: Any) -> dict[str, Any]:
    """Decide a dispute: the share goes to the applicant, back to the budget, or is split."""
    application_id, given = request.valid.path["application_id"], request.valid.body
    outcome, reason = given["outcome"], given["reason"]
    released = request.find_service(ProofService).decide(
        application_id, request.authenticated_userid, outcome, given["to_applicant"], reason
    )
    actor = audit.actor_of(request.identity)
    detail = {"outcome": outcome, "released_minor": released, "reason": reason}
    audit.record(request.db, actor, "escrow.decide", "advertisement_application", application_id, **detail)
    return _application(request)


def _application(request: Any) -> dict[str, Any]:
    document: dict[str, Any] = request.find_service(EscrowReader).application(request.valid.path["application_id"])
    return document
