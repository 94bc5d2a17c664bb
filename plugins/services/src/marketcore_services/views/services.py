"""Services: managed by their vendors and by admins, looked at by customers."""

from __future__ import annotations

from functools import partial
from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.media.presenting import present_image
from marketcore.media.schemas import ImageDocument
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY
from marketcore_services import reading, schemas
from marketcore_services.images import ServiceImages
from marketcore_services.presenting import present_offer, present_service
from marketcore_services.rules import managed_by
from marketcore_services.services import ServiceDesk

READ = "services.service.read"
WRITE = "services.service.write"
LOOK = "services.offer.read"


@view_config(
    route_name="services.services",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.ManagedQuery, "responses": {200: schemas.ServicePage}},
)
def list_services(request: Any) -> dict[str, Any]:
    """List services, newest first: a vendor's own, an admin sees all."""
    own = managed_by(request.identity)
    query = request.valid.query
    vendor_id = query["vendor_id"] if own is None else own
    if own is not None and query["vendor_id"] not in (None, own):
        return {"items": [], "next": None}
    return _page(request, f"services {own}", {**query, "vendor_id": vendor_id}, present_service)


@view_config(
    route_name="services.offers",
    request_method="GET",
    permission=LOOK,
    openapi={"query": schemas.ServiceQuery, "responses": {200: schemas.OfferPage}},
)
def list_offers(request: Any) -> dict[str, Any]:
    """List approved services, newest first."""
    return _page(request, "offers", {**request.valid.query, "approved": True}, present_offer)


def _page(request: Any, name: str, wanted: dict[str, Any], present: Any) -> dict[str, Any]:
    filters = [wanted.get(part) for part in ("q", "category_id", "vendor_id", "approved")]
    scope = f"{name} {filters}"
    (before,) = decode_cursor(request.registry, scope, wanted["cursor"], [int]) or (MAX_KEY,)
    rows = reading.page_of_services(request.db, wanted, before, wanted["limit"] + 1)
    shown = partial(present, request.registry)
    return page(request, scope, rows, limit=wanted["limit"], position=lambda row: [row.id], present=shown)


@view_config(
    route_name="services.offer",
    request_method="GET",
    permission=LOOK,
    openapi={"responses": {200: schemas.OfferDocument}},
)
def read_offer(request: Any) -> dict[str, Any]:
    """Show an approved service."""
    return present_offer(request.registry, reading.read_approved(request.db, request.valid.path["service_id"]))


@view_config(
    route_name="services.services",
    request_method="POST",
    permission="services.service.add",
    openapi={"body": schemas.NewService, "responses": {201: schemas.ServiceDocument}},
)
def add_service(request: Any) -> dict[str, Any]:
    """Offer a service; customers see it once an admin has approved it."""
    service_id = request.find_service(ServiceDesk).add(request.authenticated_userid, **request.valid.body)
    request.response.status_int = 201
    return _document(request, service_id)


@view_config(
    route_name="services.service",
    request_method="GET",
    permission=READ,
    openapi={"responses": {200: schemas.ServiceDocument}},
)
def read_service(request: Any) -> dict[str, Any]:
    """Show a service of yours; an admin sees every one."""
    return _document(request, request.valid.path["service_id"])


@view_config(
    route_name="services.service",
    request_method="PUT",
    permission=WRITE,
    openapi={"body": schemas.NewService, "responses": {200: schemas.ServiceDocument}},
)
def replace_service(request: Any) -> dict[str, Any]:
    """Say anew everything about a service of yours, or as an admin about any."""
    return _changed(request)


@view_config(
    route_name="services.service",
    request_method="PATCH",
    permission=WRITE,
    openapi={"body": schemas.ServiceChange, "responses": {200: schemas.ServiceDocument}},
)
def change_service(request: Any) -> dict[str, Any]:
    """Change a service of yours, or as an admin any."""
    return _changed(request)


@view_config(
    route_name="services.service", request_method="DELETE", permission=WRITE, openapi={"responses": {204: None}}
)
def remove_service(request: Any) -> Any:
    """Remove a service of yours, or as an admin any; orders of it go on."""
    request.find_service(ServiceDesk).remove(request.identity, request.valid.path["service_id"])
    return HTTPNoContent()


@view_config(
    route_name="services.approval",
    request_method="PATCH",
    permission="services.service.approve",
    openapi={"body": schemas.Decision, "responses": {200: schemas.ServiceDocument}},
)
def decide_service(request: Any) -> dict[str, Any]:
    """Let customers see a service, or not any more."""
    service_id = request.valid.path["service_id"]
    request.find_service(ServiceDesk).decide(request.identity, service_id, **request.valid.body)
    return _document(request, service_id)


@view_config(
    route_name="services.images",
    request_method="POST",
    permission=WRITE,
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: ImageDocument}, "refusals": [409]},
)
def add_image(request: Any) -> dict[str, Any]:
    """Add an image to a service; it is processed within moments."""
    service_id = request.valid.path["service_id"]
    media = request.find_service(ServiceImages).upload(request.identity, service_id, request.valid.upload)
    request.response.status_int = 201
    return present_image(request.registry, media)


@view_config(
    route_name="services.images",
    request_method="PUT",
    permission=WRITE,
    openapi={"body": schemas.ImageOrder, "responses": {200: schemas.ImageList}},
)
def arrange_images(request: Any) -> dict[str, Any]:
    """Put the images of a service into order."""
    service_id, order = request.valid.path["service_id"], request.valid.body["order"]
    images = request.find_service(ServiceImages).arrange(request.identity, service_id, order)
    return {"items": [present_image(request.registry, media) for media in images]}


@view_config(route_name="services.image", request_method="DELETE", permission=WRITE, openapi={"responses": {204: None}})
def remove_image(request: Any) -> Any:
    """Remove an image of a service."""
    request.find_service(ServiceImages).remove(request.identity, **request.valid.path)
    return HTTPNoContent()


def _changed(request: Any) -> dict[str, Any]:
    service_id = request.valid.path["service_id"]
    request.find_service(ServiceDesk).change(request.identity, service_id, request.valid.body)
    return _document(request, service_id)


def _document(request: Any, service_id: int) -> dict[str, Any]:
    row = reading.read_service(request.db, service_id, managed_by(request.identity))
    return present_service(request.registry, row)
