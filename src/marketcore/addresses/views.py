"""Places and addresses over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.addresses import schemas
from marketcore.addresses.book import AddressBook
from marketcore.addresses.places import START, Places
from marketcore.web.json import utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import PageQuery

WRITE = "addresses.place.write"
MANAGE = "addresses.address.manage"


def present_province(row: Any) -> dict[str, Any]:
    """Return a province's document."""
    return {"id": row.id, "country": row.country, "name": row.name}


def present_city(row: Any) -> dict[str, Any]:
    """Return a city's document."""
    return {"id": row.id, "province_id": row.province_id, "name": row.name}


def present_address(row: Any) -> dict[str, Any]:
    """Return an address's document."""
    names = ("id", "label", "name", "phone", "line1", "line2", "postal_code", "city_id", "province_id", "city")
    return {
        **{name: getattr(row, name) for name in names},
        "region": row.region,
        "country": row.country,
        "default": row.is_default,
        "created_at": utc(row.created_at),
    }


@view_config(
    route_name="addresses.provinces",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.ProvinceQuery, "responses": {200: schemas.ProvincePage}},
)
def list_provinces(request: Any) -> dict[str, Any]:
    """List provinces by name, of one country or of all."""
    country = request.valid.query["country"]
    places = request.find_service(Places)
    return _page_by_name(request, f"provinces {country}", lambda *at: places.provinces(country, *at), present_province)


@view_config(
    route_name="addresses.provinces",
    request_method="POST",
    permission=WRITE,
    openapi={"body": schemas.NewProvince, "responses": {201: schemas.ProvinceDocument}, "refusals": [409]},
)
def add_province(request: Any) -> dict[str, Any]:
    """Add a province to a country."""
    places = request.find_service(Places)
    request.response.status_int = 201
    return present_province(places.province(places.add_province(**request.valid.body)))


@view_config(
    route_name="addresses.province",
    request_method="PATCH",
    permission=WRITE,
    openapi={"body": schemas.PlaceName, "responses": {200: schemas.ProvinceDocument}, "refusals": [409]},
)
def rename_province(request: Any) -> dict[str, Any]:
    """Rename a province."""
    places, province_id = request.find_service(Places), request.valid.path["province_id"]
    places.rename("provinces", province_id, request.valid.body["name"])
    return present_province(places.province(province_id))


@view_config(
    route_name="addresses.province",
    request_method="DELETE",
    permission=WRITE,
    openapi={"responses": {204: None}, "refusals": [409]},
)
def remove_province(request: Any) -> Any:
    """Remove a province without cities."""
    request.find_service(Places).remove("provinces", request.valid.path["province_id"])
    return HTTPNoContent()


@view_config(
    route_name="addresses.cities",
    request_method="GET",
    permission="public",
    openapi={"query": PageQuery, "responses": {200: schemas.CityPage}},
)
def list_cities(request: Any) -> dict[str, Any]:
    """List the cities of a province by name."""
    province_id = request.valid.path["province_id"]
    places = request.find_service(Places)
    return _page_by_name(request, f"cities {province_id}", lambda *at: places.cities(province_id, *at), present_city)


@view_config(
    route_name="addresses.cities",
    request_method="POST",
    permission=WRITE,
    openapi={"body": schemas.PlaceName, "responses": {201: schemas.CityDocument}, "refusals": [409]},
)
def add_city(request: Any) -> dict[str, Any]:
    """Add a city to a province."""
    places = request.find_service(Places)
    city_id = places.add_city(request.valid.path["province_id"], request.valid.body["name"])
    request.response.status_int = 201
    return present_city(places.city(city_id))


@view_config(
    route_name="addresses.city",
    request_method="PATCH",
    permission=WRITE,
    openapi={"body": schemas.PlaceName, "responses": {200: schemas.CityDocument}, "refusals": [409]},
)
def rename_city(request: Any) -> dict[str, Any]:
    """Rename a city."""
    places, city_id = request.find_service(Places), request.valid.path["city_id"]
    places.rename("cities", city_id, request.valid.body["name"])
    return present_city(places.city(city_id))


@view_config(
    route_name="addresses.city",
    request_method="DELETE",
    permission=WRITE,
    openapi={"responses": {204: None}, "refusals": [409]},
)
def remove_city(request: Any) -> Any:
    """Remove a city in which no address lies."""
    request.find_service(Places).remove("cities", request.valid.path["city_id"])
    return HTTPNoContent()


@view_config(
    route_name="addresses.addresses",
    request_method="GET",
    permission=MANAGE,
    openapi={"query": PageQuery, "responses": {200: schemas.AddressPage}},
)
def list_addresses(request: Any) -> dict[str, Any]:
    """List your addresses."""
    query, user_id = request.valid.query, request.authenticated_userid
    scope = f"addresses {user_id}"
    (after,) = decode_cursor(request.registry, scope, query["cursor"], [int]) or (0,)
    rows = request.find_service(AddressBook).page(user_id, after, query["limit"] + 1)
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=present_address)


@view_config(
    route_name="addresses.addresses",
    request_method="POST",
    permission=MANAGE,
    openapi={"body": schemas.NewAddress, "responses": {201: schemas.AddressDocument}, "refusals": [409]},
)
def add_address(request: Any) -> dict[str, Any]:
    """Keep another address of yours."""
    address_id = request.find_service(AddressBook).add(request.authenticated_userid, request.valid.body)
    request.response.status_int = 201
    return _address(request, address_id)


@view_config(
    route_name="addresses.address",
    request_method="GET",
    permission=MANAGE,
    openapi={"responses": {200: schemas.AddressDocument}},
)
def read_address(request: Any) -> dict[str, Any]:
    """Show an address of yours."""
    return _address(request, request.valid.path["address_id"])


@view_config(
    route_name="addresses.address",
    request_method="PATCH",
    permission=MANAGE,
    openapi={"body": schemas.AddressChange, "responses": {200: schemas.AddressDocument}},
)
def change_address(request: Any) -> dict[str, Any]:
    """Change an address of yours, or make it the default."""
    address_id = request.valid.path["address_id"]
    request.find_service(AddressBook).change(request.authenticated_userid, address_id, request.valid.body)
    return _address(request, address_id)


@view_config(
    route_name="addresses.address", request_method="DELETE", permission=MANAGE, openapi={"responses": {204: None}}
)
def remove_address(request: Any) -> Any:
    """Remove an address of yours; orders keep their copies."""
    request.find_service(AddressBook).remove(request.authenticated_userid, request.valid.path["address_id"])
    return HTTPNoContent()


def _address(request: Any, address_id: int) -> dict[str, Any]:
    return present_address(request.find_service(AddressBook).read(request.authenticated_userid, address_id))


def _page_by_name(request: Any, scope: str, read: Any, present: Any) -> dict[str, Any]:
    query = request.valid.query
    name, key = decode_cursor(request.registry, scope, query["cursor"], [str, int]) or START
    rows = read((name, key), query["limit"] + 1)
    position = lambda row: [row.sorted, row.id]  # noqa: E731 - as the other pages
    return page(request, scope, rows, limit=query["limit"], position=position, present=present)
