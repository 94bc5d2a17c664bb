"""Listings: publishing them (see ``kinds.py`` for its body), steering them, finding them."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.catalog.kinds import listing_kinds
from marketcore.catalog.presenting import ids_by_kind, present_listing
from marketcore.catalog.rules import parse_rating
from marketcore.catalog.schemas import ListingChange, ListingDocument, ListingPage, ListingQuery
from marketcore.catalog.search import SORTS, Catalog, ListingFilter
from marketcore.catalog.services import ListingService
from marketcore.exceptions import Invalid
from marketcore.money import MAX_MINOR, Money, exponent
from marketcore.settings import section
from marketcore.web.pagination import decode_cursor, page


def publish_listing(request: Any) -> dict[str, Any]:
    """Put one of your products on sale."""
    given = dict(request.valid.body)
    product_id = given.pop("product_id")
    ((kind, fields),) = given.items()
    listing_id = request.find_service(ListingService).publish(request.authenticated_userid, product_id, kind, fields)
    request.response.status_int = 201
    return _document(request, listing_id)


@view_config(
    route_name="catalog.listings",
    request_method="GET",
    permission="public",
    openapi={"query": ListingQuery, "responses": {200: ListingPage}},
)
def search_listings(request: Any) -> dict[str, Any]:
    """Search everything on sale."""
    query = request.valid.query
    wanted, sort = _filter(request, query), SORTS[query["sort"]]
    scope = f"catalog.listings {query['sort']} {wanted.currency}"
    after = decode_cursor(request.registry, scope, query["cursor"], [int] * len(sort.start))
    rows = request.find_service(Catalog).listings(wanted, query["sort"], after, query["limit"] + 1)
    details = listing_kinds(request).present(ids_by_kind(rows[: query["limit"]]))
    registry = request.registry
    plain = registry["plain listings"]
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=sort.position,
        present=lambda row: present_listing(registry, row, details) if row.id in details else plain(row),
    )


@view_config(
    route_name="catalog.listing",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: ListingDocument}},
)
def read_listing(request: Any) -> dict[str, Any]:
    """Read a listing."""
    return _document(request, request.valid.path["listing_id"])


@view_config(
    route_name="catalog.listing",
    request_method="PATCH",
    permission="catalog.listing.write",
    openapi={"body": ListingChange, "responses": {200: ListingDocument}, "refusals": [409]},
)
def change_listing(request: Any) -> dict[str, Any]:
    """Change price, quantity or state of one of your listings."""
    listing_id = request.valid.path["listing_id"]
    request.find_service(ListingService).change(request.authenticated_userid, listing_id, request.valid.body)
    return _document(request, listing_id)


@view_config(
    route_name="catalog.listing",
    request_method="DELETE",
    permission="catalog.listing.write",
    openapi={"responses": {204: None}, "refusals": [409]},
)
def close_listing(request: Any) -> Any:
    """Close one of your listings."""
    request.find_service(ListingService).close(request.authenticated_userid, request.valid.path["listing_id"])
    return HTTPNoContent()


def _document(request: Any, listing_id: int) -> dict[str, Any]:
    row = request.find_service(Catalog).listing(listing_id)
    return present_listing(request.registry, row, listing_kinds(request).present({row.kind: [listing_id]}))


def _filter(request: Any, query: dict[str, Any]) -> ListingFilter:
    plain = {name: query[name] for name in ("q", "category", "seller_id", "kind", "in_stock")}
    plain["min_rating"] = query["min_rating"] and parse_rating(query["min_rating"])
    priced = query["min_price"] or query["max_price"] or query["currency"] or SORTS[query["sort"]].by_price
    if not priced:
        return ListingFilter(**plain)
    currency = query["currency"] or section(request.registry, "marketcore")["default_currency"]
    _check_currency(currency)
    return ListingFilter(
        **plain,
        currency=currency,
        low=_minor(query, "min_price", currency, 0),
        high=_minor(query, "max_price", currency, MAX_MINOR),
    )


def _check_currency(currency: str) -> None:
    try:
        exponent(currency)
    except ValueError as error:
        raise Invalid(errors={"currency": str(error)}) from None


def _minor(query: dict[str, Any], name: str, currency: str, otherwise: int) -> int:
    if query[name] is None:
        return otherwise
    try:
        return Money.parse(query[name], currency).minor
    except ValueError as error:
        raise Invalid(errors={name: str(error)}) from None
