"""The run list, the pinned product and flash prices."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore_livestream import schemas
from marketcore_livestream.reading import StreamReader
from marketcore_livestream.runlist import RunList

_CHANGES: dict[str, Any] = {"responses": {200: schemas.RunListDocument}, "refusals": [409]}


def _document(request: Any) -> dict[str, Any]:
    return {"items": request.find_service(StreamReader).items(request.valid.path["stream_id"])}


def _ids(request: Any) -> tuple[int, int]:
    return request.valid.path["stream_id"], request.authenticated_userid


@view_config(
    route_name="livestream.items",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.RunListDocument}},
)
def read_run_list(request: Any) -> dict[str, Any]:
    """Show what a stream shows."""
    request.find_service(StreamReader).check(request.valid.path["stream_id"])
    return _document(request)


@view_config(
    route_name="livestream.items",
    request_method="POST",
    permission="livestream.stream.run",
    openapi={"body": schemas.NewItem, "responses": {201: schemas.RunListDocument}, "refusals": [409]},
)
def add_item(request: Any) -> dict[str, Any]:
    """Put one of your products at the end of the run list."""
    request.find_service(RunList).add(*_ids(request), request.valid.body["product_id"])
    request.response.status_int = 201
    return _document(request)


@view_config(
    route_name="livestream.items.order",
    request_method="PUT",
    permission="livestream.stream.run",
    openapi={"body": schemas.ItemOrder, **_CHANGES},
)
def arrange_items(request: Any) -> dict[str, Any]:
    """Put the run list into another order."""
    request.find_service(RunList).arrange(*_ids(request), request.valid.body["order"])
    return _document(request)


@view_config(
    route_name="livestream.item", request_method="DELETE", permission="livestream.stream.run", openapi=_CHANGES
)
def remove_item(request: Any) -> dict[str, Any]:
    """Take a product out of the run list; its flash price ends."""
    request.find_service(RunList).remove(*_ids(request), request.valid.path["item_id"])
    return _document(request)


@view_config(
    route_name="livestream.pin",
    request_method="PUT",
    permission="livestream.stream.run",
    openapi={"body": schemas.Pin, **_CHANGES},
)
def pin_item(request: Any) -> dict[str, Any]:
    """Say which product is shown now."""
    request.find_service(RunList).pin(*_ids(request), request.valid.body["item_id"])
    return _document(request)


@view_config(
    route_name="livestream.item.flash_price",
    request_method="PUT",
    permission="livestream.stream.run",
    openapi={"body": schemas.FlashPrice, **_CHANGES},
)
def set_flash_price(request: Any) -> dict[str, Any]:
    """Sell a product of the run list for less, until then or until the stream ends."""
    given = request.valid.body
    request.find_service(RunList).flash(*_ids(request), request.valid.path["item_id"], given["price"], given["until"])
    return _document(request)


@view_config(
    route_name="livestream.item.flash_price",
    request_method="DELETE",
    permission="livestream.stream.run",
    openapi=_CHANGES,
)
def end_flash_price(request: Any) -> dict[str, Any]:
    """Sell it at its usual price again."""
    request.find_service(RunList).end_flash(*_ids(request), request.valid.path["item_id"])
    return _document(request)
