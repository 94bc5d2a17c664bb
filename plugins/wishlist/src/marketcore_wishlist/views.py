"""Wishlists over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY, PageQuery
from marketcore_wishlist import reading, schemas
from marketcore_wishlist.services import WishlistService

OWN = "wishlist.own"
STATE = {"responses": {200: schemas.WishState}, "refusals": [409]}


def _state(request: Any) -> dict[str, Any]:
    return reading.wish_state(request.db, request.valid.path["product_id"], request.identity)


@view_config(
    route_name="wishlist.items",
    request_method="GET",
    permission=OWN,
    openapi={"query": PageQuery, "responses": {200: schemas.WishPage}},
)
def list_wishes(request: Any) -> dict[str, Any]:
    """Show your wishlist, newest first, with how everything is on sale now."""
    query, scope = request.valid.query, f"wishlist {request.authenticated_userid}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = reading.page_of_wishes(request.db, request.authenticated_userid, before, query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.id],
        present=lambda row: reading.present_wish(request.registry, row),
    )


@view_config(route_name="wishlist.item", request_method="PUT", permission=OWN, openapi=STATE)
def put_wish(request: Any) -> dict[str, Any]:
    """Put a product on your wishlist; twice is once."""
    request.find_service(WishlistService).put(request.authenticated_userid, request.valid.path["product_id"])
    return _state(request)


@view_config(route_name="wishlist.item", request_method="DELETE", permission=OWN, openapi={"responses": {204: None}})
def remove_wish(request: Any) -> Any:
    """Take a product off your wishlist, if it is there."""
    request.find_service(WishlistService).remove(request.authenticated_userid, request.valid.path["product_id"])
    return HTTPNoContent()


@view_config(route_name="wishlist.product", request_method="POST", permission=OWN, openapi=STATE)
def toggle_wish(request: Any) -> dict[str, Any]:
    """Put a product on your wishlist, or take it off."""
    request.find_service(WishlistService).toggle(request.authenticated_userid, request.valid.path["product_id"])
    return _state(request)


@view_config(
    route_name="wishlist.product",
    request_method="GET",
    permission=OWN,
    openapi={"responses": {200: schemas.WishState}},
)
def read_wish(request: Any) -> dict[str, Any]:
    """Show whether a product is on your wishlist; its seller sees on how many it is."""
    return _state(request)


@view_config(
    route_name="wishlist.demand",
    request_method="GET",
    permission="wishlist.demand",
    openapi={"query": PageQuery, "responses": {200: schemas.DemandPage}},
)
def list_demand(request: Any) -> dict[str, Any]:
    """Show on how many wishlists each of your products is."""
    query, scope = request.valid.query, f"demand {request.authenticated_userid}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = reading.page_of_demand(request.db, request.authenticated_userid, before, query["limit"] + 1)
    return page(
        request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=reading.present_demand
    )
