"""Profiles over HTTP: their owners', admins', and what everybody sees of them."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore import audit
from marketcore.media.presenting import present_image
from marketcore.media.schemas import ImageDocument
from marketcore.settings import section
from marketcore.web.pagination import decode_cursor, page
from marketcore_vendors import schemas
from marketcore_vendors.presenting import present_seller, present_vendor
from marketcore_vendors.rules import check_removal, check_vendor
from marketcore_vendors.services.profiles import VendorService


def vendor_of(request: Any) -> int:
    """Return the vendor that the path names, where they or an admin ask; ``NotFound`` for anybody else."""
    vendor_id: int = request.valid.path["vendor_id"]
    check_vendor(request.identity.user_id, request.identity.roles, vendor_id)
    return vendor_id


@view_config(
    route_name="vendors.seller",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.SellerDocument}},
)
def read_seller(request: Any) -> dict[str, Any]:
    """Show a seller to everybody."""
    row = request.find_service(VendorService).read(request.valid.path["vendor_id"])
    return present_seller(request.registry, row)


@view_config(
    route_name="vendors.vendors",
    request_method="GET",
    permission="vendors.profile.read",
    openapi={"query": schemas.VendorQuery, "responses": {200: schemas.VendorPage}},
)
def list_vendors(request: Any) -> dict[str, Any]:
    """List the profiles of vendors: an admin sees all, a vendor their own."""
    identity, query = request.identity, request.valid.query
    owner = None if "admin" in identity.roles else identity.user_id
    scope = f"vendors {owner} {query['verified']}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = request.find_service(VendorService).page(
        owner, verified=query["verified"], after=position[0] if position else 0, limit=query["limit"] + 1
    )
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.VendorProfile.user_id],
        present=lambda row: present_vendor(request.registry, row),
    )


@view_config(
    route_name="vendors.vendors",
    request_method="POST",
    permission="vendors.profile.create",
    openapi={"body": schemas.VendorBody, "responses": {201: schemas.VendorDocument}, "refusals": [409]},
)
def create_vendor(request: Any) -> dict[str, Any]:
    """Write your profile."""
    user_id = request.authenticated_userid
    request.find_service(VendorService).create(user_id, request.valid.body)
    request.response.status_int = 201
    return _document(request, user_id)


@view_config(
    route_name="vendors.vendor",
    request_method="GET",
    permission="vendors.profile.read",
    openapi={"responses": {200: schemas.VendorDocument}},
)
def read_vendor(request: Any) -> dict[str, Any]:
    """Show a profile to its owner and to admins."""
    return _document(request, vendor_of(request))


@view_config(
    route_name="vendors.vendor",
    request_method="PUT",
    permission="vendors.profile.change",
    openapi={"body": schemas.VendorBody, "responses": {200: schemas.VendorDocument}},
)
def replace_vendor(request: Any) -> dict[str, Any]:
    """Replace a whole profile."""
    return _change(request, {"address": {}, **request.valid.body})


@view_config(
    route_name="vendors.vendor",
    request_method="PATCH",
    permission="vendors.profile.change",
    openapi={"body": schemas.VendorChange, "responses": {200: schemas.VendorDocument}},
)
def change_vendor(request: Any) -> dict[str, Any]:
    """Change some of a profile."""
    return _change(request, request.valid.body)


@view_config(
    route_name="vendors.vendor",
    request_method="DELETE",
    permission="vendors.profile.delete",
    openapi={"responses": {204: None}},
)
def delete_vendor(request: Any) -> Any:
    """Remove a profile: admins do, and its owner where the marketplace allows it."""
    identity, vendor_id = request.identity, request.valid.path["vendor_id"]
    owners_may = section(request.registry, "vendors")["owners_may_delete"]
    check_removal(identity.user_id, identity.roles, vendor_id, owners_may=owners_may)
    request.find_service(VendorService).delete(vendor_id)
    record_foreign(request, "vendor.delete", vendor_id)
    return HTTPNoContent()


@view_config(
    route_name="vendors.picture",
    request_method="POST",
    permission="vendors.profile.change",
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: ImageDocument}},
)
def set_vendor_picture(request: Any) -> dict[str, Any]:
    """Set the picture of a profile."""
    vendor_id = vendor_of(request)
    media = request.find_service(VendorService).set_picture(vendor_id, request.valid.upload)
    record_foreign(request, "vendor.picture", vendor_id)
    request.response.status_int = 201
    return present_image(request.registry, media)


@view_config(
    route_name="vendors.picture",
    request_method="DELETE",
    permission="vendors.profile.change",
    openapi={"responses": {204: None}},
)
def remove_vendor_picture(request: Any) -> Any:
    """Remove the picture of a profile."""
    vendor_id = vendor_of(request)
    request.find_service(VendorService).remove_picture(vendor_id)
    record_foreign(request, "vendor.picture", vendor_id)
    return HTTPNoContent()


@view_config(
    route_name="vendors.verification",
    request_method="PUT",
    permission="vendors.verification.decide",
    openapi={"body": schemas.VerificationBody, "responses": {200: schemas.VendorDocument}, "refusals": [409]},
)
def verify_vendor(request: Any) -> dict[str, Any]:
    """Vouch for a vendor, or stop to; saying it again changes nothing."""
    vendor_id, given = request.valid.path["vendor_id"], request.valid.body
    if request.find_service(VendorService).verify(vendor_id, request.authenticated_userid, **given):
        act = "vendor.verify" if given["verified"] else "vendor.revoke"
        actor = audit.actor_of(request.identity)
        audit.record(request.db, actor, act, "vendor", vendor_id, reason=given["reason"])
    return _document(request, vendor_id)


def record_foreign(request: Any, act: str, vendor_id: int, **detail: Any) -> None:
    """Write into the audit log what an admin does to somebody else's things."""
    if request.identity.user_id != vendor_id:
        audit.record(request.db, audit.actor_of(request.identity), act, "vendor", vendor_id, **detail)


def _change(request: Any, fields: dict[str, Any]) -> dict[str, Any]:
    vendor_id = vendor_of(request)
    request.find_service(VendorService).change(vendor_id, fields)
    record_foreign(request, "vendor.change", vendor_id, fields=sorted(fields))
    return _document(request, vendor_id)


def _document(request: Any, vendor_id: int) -> dict[str, Any]:
    return present_vendor(request.registry, request.find_service(VendorService).read(vendor_id))
