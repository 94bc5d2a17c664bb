"""Commission rates over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore import audit
from marketcore.orders.commissions import CommissionRates
from marketcore.web.json import utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import PageQuery, Schema, key, moment, nullable, page_of, whole

_SCOPE = "commission rates"


class RateBody(Schema):
    """The platform's share of the sales of a seller, of a category, or of a seller in a category."""

    seller_id = key(missing=None)
    category_id = key(missing=None)
    basis_points = whole(0, 10_000, description="hundredths of a per cent")


class RateQuery(Schema):
    """Which rate: exactly what it was set for."""

    seller_id = key(missing=None)
    category_id = key(missing=None)


class RateDocument(Schema):
    """A rate that differs from the default; null stands for every seller or every category."""

    id = key()
    seller_id = nullable(key())
    category_id = nullable(key())
    basis_points = whole(0, 10_000)
    created_at = moment()


RatePage = page_of(RateDocument, "RatePage")


def _present(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "seller_id": row.seller_id,
        "category_id": row.category_id,
        "basis_points": row.basis_points,
        "created_at": utc(row.created_at),
    }


def _record(request: Any, act: str, row: Any) -> None:
    actor, detail = audit.actor_of(request.identity), {name: _present(row)[name] for name in _DETAIL}
    audit.record(request.db, actor, f"commission_rate.{act}", "commission_rate", row.id, **detail)


_DETAIL = ("seller_id", "category_id", "basis_points")


@view_config(
    route_name="orders.commission_rates",
    request_method="GET",
    permission="orders.commission.decide",
    openapi={"query": PageQuery, "responses": {200: RatePage}},
)
def list_rates(request: Any) -> dict[str, Any]:
    """List the commission rates that differ from the default, oldest first."""
    query = request.valid.query
    position = decode_cursor(request.registry, _SCOPE, query["cursor"], [int])
    rows = request.find_service(CommissionRates).page(position[0] if position else 0, query["limit"] + 1)
    return page(request, _SCOPE, rows, limit=query["limit"], position=lambda row: [row.id], present=_present)


@view_config(
    route_name="orders.commission_rates",
    request_method="PUT",
    permission="orders.commission.decide",
    openapi={"body": RateBody, "responses": {200: RateDocument}},
)
def put_rate(request: Any) -> dict[str, Any]:
    """Set the rate of a seller, a category, or both; orders already placed keep theirs."""
    row = request.find_service(CommissionRates).put(**request.valid.body)
    _record(request, "put", row)
    return _present(row)


@view_config(
    route_name="orders.commission_rates",
    request_method="DELETE",
    permission="orders.commission.decide",
    openapi={"query": RateQuery, "responses": {204: None}, "refusals": [404]},
)
def remove_rate(request: Any) -> Any:
    """Remove a rate: what it was for falls back to the next that fits."""
    row = request.find_service(CommissionRates).remove(**request.valid.query)
    _record(request, "remove", row)
    return HTTPNoContent()
