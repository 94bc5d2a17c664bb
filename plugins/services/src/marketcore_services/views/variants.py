"""Variants of services, managed by vendors and admins."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY
from marketcore_services import reading, schemas
from marketcore_services.presenting import present_variant
from marketcore_services.rules import managed_by
from marketcore_services.services import ServiceDesk

READ = "services.service.read"
WRITE = "services.service.write"


@view_config(
    route_name="services.variants",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.VariantQuery, "responses": {200: schemas.VariantPage}},
)
def list_variants(request: Any) -> dict[str, Any]:
    """List service variants, newest first: a vendor's own, an admin sees all."""
    query, own = request.valid.query, managed_by(request.identity)
    scope = f"variants {own} {query['service_id']}"
    (before,) = decode_cursor(request.registry, scope, query["cursor"], [int]) or (MAX_KEY,)
    rows = reading.page_of_variants(request.db, own, query["service_id"], before, query["limit"] + 1)
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=present_variant)


@view_config(
    route_name="services.variants",
    request_method="POST",
    permission="services.service.add",
    openapi={"body": schemas.NewVariant, "responses": {201: schemas.VariantDocument}, "refusals": [409]},
)
def add_variant(request: Any) -> dict[str, Any]:
    """Offer a variant of a service of yours."""
    variant_id = request.find_service(ServiceDesk).add_variant(request.identity, **request.valid.body)
    request.response.status_int = 201
    return _document(request, variant_id)


@view_config(
    route_name="services.variant",
    request_method="GET",
    permission=READ,
    openapi={"responses": {200: schemas.VariantDocument}},
)
def read_variant(request: Any) -> dict[str, Any]:
    """Show a service variant of yours; an admin sees every one."""
    return _document(request, request.valid.path["variant_id"])


@view_config(
    route_name="services.variant",
    request_method="PUT",
    permission=WRITE,
    openapi={"body": schemas.VariantFields, "responses": {200: schemas.VariantDocument}, "refusals": [409]},
)
def replace_variant(request: Any) -> dict[str, Any]:
    """Say anew everything about a service variant of yours, or as an admin about any."""
    return _changed(request)


@view_config(
    route_name="services.variant",
    request_method="PATCH",
    permission=WRITE,
    openapi={"body": schemas.VariantChange, "responses": {200: schemas.VariantDocument}, "refusals": [409]},
)
def change_variant(request: Any) -> dict[str, Any]:
    """Change a service variant of yours, or as an admin any; orders keep their prices."""
    return _changed(request)


@view_config(
    route_name="services.variant", request_method="DELETE", permission=WRITE, openapi={"responses": {204: None}}
)
def remove_variant(request: Any) -> Any:
    """Remove a service variant of yours, or as an admin any; orders of it go on."""
    request.find_service(ServiceDesk).remove_variant(request.identity, request.valid.path["variant_id"])
    return HTTPNoContent()


def _changed(request: Any) -> dict[str, Any]:
    variant_id = request.valid.path["variant_id"]
    request.find_service(ServiceDesk).change_variant(request.identity, variant_id, request.valid.body)
    return _document(request, variant_id)


def _document(request: Any, variant_id: int) -> dict[str, Any]:
    return present_variant(reading.read_variant(request.db, variant_id, managed_by(request.identity)))
