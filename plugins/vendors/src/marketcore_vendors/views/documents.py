"""Papers over HTTP: for their owners, and for the admins who review them."""

from __future__ import annotations

from datetime import date
from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore import audit
from marketcore.exceptions import NotFound
from marketcore.media.private import private_response
from marketcore.web.pagination import decode_cursor, page
from marketcore_vendors import schemas
from marketcore_vendors.presenting import present_paper
from marketcore_vendors.services.documents import DocumentService


@view_config(
    route_name="vendors.documents",
    request_method="GET",
    permission="vendors.document.read",
    openapi={"query": schemas.DocumentQuery, "responses": {200: schemas.KycPage}},
)
def list_papers(request: Any) -> dict[str, Any]:
    """List your papers, oldest first; for an admin everybody's: `state=submitted` is the queue to be reviewed."""
    query = request.valid.query
    owner = _owner(request) or query["user_id"]
    if query["user_id"] not in (None, owner):
        raise NotFound("only admins see the papers of others")
    scope = f"kyc documents {owner} {query['state']}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = request.find_service(DocumentService).page(
        owner, state=query["state"], after=position[0] if position else 0, limit=query["limit"] + 1
    )
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.KycDocument.id],
        present=lambda row: present_paper(request, row.KycDocument, row.MediaObject),
    )


@view_config(
    route_name="vendors.documents",
    request_method="POST",
    permission="vendors.document.submit",
    rate_limit="upload",
    openapi={"upload": True, "query": schemas.Submission, "responses": {201: schemas.KycPaper}, "refusals": [409]},
)
def submit_paper(request: Any) -> dict[str, Any]:
    """Submit a paper, an image or a PDF, to be reviewed."""
    query = request.valid.query
    document_id = request.find_service(DocumentService).submit(
        request.authenticated_userid, query["kind"], _day(query["expires_on"]), request.valid.upload
    )
    request.response.status_int = 201
    return _document(request, document_id)


@view_config(
    route_name="vendors.document",
    request_method="GET",
    permission="vendors.document.read",
    openapi={"responses": {200: schemas.KycPaper}},
)
def read_paper(request: Any) -> dict[str, Any]:
    """Show a paper to its owner and to admins."""
    return _document(request, request.valid.path["document_id"])


@view_config(
    route_name="vendors.document",
    request_method="DELETE",
    permission="vendors.document.withdraw",
    openapi={"responses": {204: None}, "refusals": [409]},
)
def withdraw_paper(request: Any) -> Any:
    """Take back a paper of yours that is not decided about or was rejected, and its file."""
    service = request.find_service(DocumentService)
    service.withdraw(request.valid.path["document_id"], request.authenticated_userid)
    return HTTPNoContent()


@view_config(
    route_name="vendors.document.file",
    request_method="GET",
    permission="vendors.document.read",
    openapi={"query": schemas.FileQuery, "responses": {200: "*/*"}, "refusals": [409]},
)
def download_paper(request: Any) -> Response:
    """Download the file of a paper; who looks at somebody else's is written down."""
    document_id = request.valid.path["document_id"]
    paper, media = request.find_service(DocumentService).read(document_id, _owner(request))
    if paper.user_id != request.authenticated_userid:
        _record(request, "kyc_document.view", paper)
    return private_response(request, media, request.valid.query["variant"])


@view_config(
    route_name="vendors.document.decision",
    request_method="POST",
    permission="vendors.document.decide",
    openapi={"body": schemas.PaperDecision, "responses": {200: schemas.KycPaper}, "refusals": [409]},
)
def decide_paper(request: Any) -> dict[str, Any]:
    """Approve or reject a paper, once."""
    document_id, given = request.valid.path["document_id"], request.valid.body
    paper = request.find_service(DocumentService).decide(
        document_id,
        request.authenticated_userid,
        approve=given["approve"],
        reason=given["reason"],
        expires_on=_day(given["expires_on"]),
    )
    act = "kyc_document.approve" if given["approve"] else "kyc_document.reject"
    _record(request, act, paper, reason=given["reason"])
    return _document(request, document_id)


def _record(request: Any, act: str, paper: Any, **detail: Any) -> None:
    actor, about = audit.actor_of(request.identity), {"user_id": paper.user_id, "kind": paper.kind}
    audit.record(request.db, actor, act, "kyc_document", paper.id, **about, **detail)


def _owner(request: Any) -> int | None:
    """Return whose papers may be seen: one's own, or everybody's (``None``)."""
    identity = request.identity
    return None if "admin" in identity.roles else identity.user_id


def _document(request: Any, document_id: int) -> dict[str, Any]:
    paper, media = request.find_service(DocumentService).read(document_id, _owner(request))
    return present_paper(request, paper, media)


def _day(given: str | None) -> date | None:
    return date.fromisoformat(given) if given else None
