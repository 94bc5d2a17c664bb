"""Advertisements over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.web.pagination import decode_cursor, page
from marketcore_escrow import schemas
from marketcore_escrow.applications import ApplicationService
from marketcore_escrow.presenting import present_advertisement, present_application
from marketcore_escrow.reading import EscrowReader
from marketcore_escrow.services import AdvertisementService


@view_config(
    route_name="escrow.advertisements",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.AdvertisementQuery, "responses": {200: schemas.AdvertisementPage}},
)
def list_advertisements(request: Any) -> dict[str, Any]:
    """List advertisements in one state, newest first."""
    query, reader = request.valid.query, request.find_service(EscrowReader)
    scope = f"escrow.advertisements {query['state']} {query['owner_id']}"
    rows = reader.page(query["state"], query["owner_id"], _position(request, scope), query["limit"] + 1)
    return _page(request, scope, rows, present_advertisement)


@view_config(
    route_name="escrow.advertisements",
    request_method="POST",
    permission="escrow.advertisement.write",
    openapi={"body": schemas.NewAdvertisement, "responses": {201: schemas.AdvertisementDocument}},
)
def open_advertisement(request: Any) -> dict[str, Any]:
    """Advertise: pay for it next, with `purpose` `advertisement`; until then nobody can be accepted."""
    given = request.valid.body
    advertisement_id = request.find_service(AdvertisementService).open(
        request.authenticated_userid, given["title"], given["description"], given["budget"], given["days"]
    )
    request.response.status_int = 201
    return _advertisement(request, advertisement_id)


@view_config(
    route_name="escrow.advertisement",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.AdvertisementDocument}},
)
def read_advertisement(request: Any) -> dict[str, Any]:
    """Read an advertisement."""
    return _advertisement(request, request.valid.path["advertisement_id"])


@view_config(
    route_name="escrow.cancellation",
    request_method="POST",
    permission="escrow.advertisement.write",
    idempotent=True,
    openapi={"responses": {200: schemas.AdvertisementDocument}, "refusals": [409]},
)
def cancel_advertisement(request: Any) -> dict[str, Any]:
    """End your advertisement, as long as nobody is at work for it; what is left of the budget goes back."""
    advertisement_id = request.valid.path["advertisement_id"]
    request.find_service(AdvertisementService).cancel(advertisement_id, request.authenticated_userid)
    return _advertisement(request, advertisement_id)


@view_config(
    route_name="escrow.own",
    request_method="GET",
    permission="escrow.application.read",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.AdvertisementPage}},
)
def list_own(request: Any) -> dict[str, Any]:
    """List your own advertisements, newest first."""
    scope = f"escrow.own {request.authenticated_userid}"
    limit = request.valid.query["limit"] + 1
    rows = request.find_service(EscrowReader).own(_position(request, scope), limit)
    return _page(request, scope, rows, present_advertisement)


@view_config(
    route_name="escrow.applications",
    request_method="GET",
    permission="escrow.application.read",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.ApplicationPage}},
)
def list_applications(request: Any) -> dict[str, Any]:
    """List the applications for your advertisement, newest first."""
    advertisement_id = request.valid.path["advertisement_id"]
    scope, limit = f"escrow.applications {advertisement_id}", request.valid.query["limit"] + 1
    rows = request.find_service(EscrowReader).applications(advertisement_id, _position(request, scope), limit)
    return _page(request, scope, rows, present_application)


@view_config(
    route_name="escrow.mine",
    request_method="GET",
    permission="escrow.application.read",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.ApplicationPage}},
)
def list_mine(request: Any) -> dict[str, Any]:
    """List your own applications, newest first."""
    scope = f"escrow.mine {request.authenticated_userid}"
    limit = request.valid.query["limit"] + 1
    rows = request.find_service(EscrowReader).mine(_position(request, scope), limit)
    return _page(request, scope, rows, present_application)


@view_config(
    route_name="escrow.disputed",
    request_method="GET",
    permission="escrow.dispute.decide",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.ApplicationPage}},
)
def list_disputed(request: Any) -> dict[str, Any]:
    """List the applications whose share is disputed, oldest first."""
    scope, limit = "escrow.disputed", request.valid.query["limit"] + 1
    rows = request.find_service(EscrowReader).disputed(_position(request, scope), limit)
    return _page(request, scope, rows, present_application)


@view_config(
    route_name="escrow.applications",
    request_method="POST",
    permission="escrow.application.write",
    openapi={
        "body": schemas.NewApplication,
        "responses": {201: schemas.ApplicationDocument},
        "refusals": [409],
    },
)
def apply_for(request: Any) -> dict[str, Any]:
    """Apply for somebody's advertisement, once."""
    advertisement_id, message = request.valid.path["advertisement_id"], request.valid.body["message"]
    applications = request.find_service(ApplicationService)
    application_id = applications.apply(advertisement_id, request.authenticated_userid, message)
    request.response.status_int = 201
    return _application(request, application_id)


@view_config(
    route_name="escrow.acceptances",
    request_method="POST",
    permission="escrow.advertisement.write",
    idempotent=True,
    openapi={"body": schemas.NewShares, "responses": {200: schemas.AdvertisementDocument}, "refusals": [409]},
)
def accept_applications(request: Any) -> dict[str, Any]:
    """Accept applications, each with a share of the budget that is held for it from now on."""
    advertisement_id = request.valid.path["advertisement_id"]
    shares = {share["application_id"]: share["share"] for share in request.valid.body["shares"]}
    request.find_service(ApplicationService).accept(advertisement_id, request.authenticated_userid, shares)
    return _advertisement(request, advertisement_id)


@view_config(
    route_name="escrow.application",
    request_method="GET",
    permission="escrow.application.read",
    openapi={"responses": {200: schemas.ApplicationDocument}},
)
def read_application(request: Any) -> dict[str, Any]:
    """Read an application with its proofs and history: yours, or one for your advertisement."""
    return _application(request, request.valid.path["application_id"])


@view_config(
    route_name="escrow.application.withdrawal",
    request_method="POST",
    permission="escrow.application.write",
    openapi={"responses": {200: schemas.ApplicationDocument}, "refusals": [409]},
)
def withdraw_application(request: Any) -> dict[str, Any]:
    """Take your application back; a share that was held for it is free again."""
    application_id = request.valid.path["application_id"]
    request.find_service(ApplicationService).withdraw(application_id, request.authenticated_userid)
    return _application(request, application_id)


@view_config(
    route_name="escrow.application.refusal",
    request_method="POST",
    permission="escrow.advertisement.write",
    openapi={"body": schemas.OptionalReasonBody, "responses": {200: schemas.ApplicationDocument}, "refusals": [409]},
)
def decline_application(request: Any) -> dict[str, Any]:
    """Decline an application for your advertisement."""
    application_id, reason = request.valid.path["application_id"], request.valid.body["reason"]
    request.find_service(ApplicationService).decline(application_id, request.authenticated_userid, reason)
    return _application(request, application_id)


def _advertisement(request: Any, advertisement_id: int) -> dict[str, Any]:
    document: dict[str, Any] = request.find_service(EscrowReader).advertisement(advertisement_id)
    return document


def _application(request: Any, application_id: int) -> dict[str, Any]:
    document: dict[str, Any] = request.find_service(EscrowReader).application(application_id)
    return document


def _position(request: Any, scope: str) -> int | None:
    found = decode_cursor(request.registry, scope, request.valid.query["cursor"], [int])
    return found[0] if found else None


def _page(request: Any, scope: str, rows: list[Any], present: Any) -> dict[str, Any]:
    limit = request.valid.query["limit"]
    return page(request, scope, rows, limit=limit, position=lambda row: [row.id], present=present)
