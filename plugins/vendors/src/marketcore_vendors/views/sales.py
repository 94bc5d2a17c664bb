"""Earnings, commission and sales over HTTP: as numbers, as CSV, and as charts."""

from __future__ import annotations

from datetime import date
from typing import Any

from pyramid.response import Response
from pyramid.view import view_config

from marketcore.db import clock
from marketcore.money import Money
from marketcore.settings import section
from marketcore.web.json import present_money
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import PageQuery
from marketcore_vendors import schemas
from marketcore_vendors.earnings import PARTS, category_rates, check_seller, commission_of, earnings_of
from marketcore_vendors.presenting import figures_as_row, present_figures
from marketcore_vendors.rules import period
from marketcore_vendors.rules.chart import Bar, column_chart, row_chart
from marketcore_vendors.rules.table import as_csv
from marketcore_vendors.sales import FIGURES, MONEY, MOST_ROWS, Span, sales_by_day, sales_by_product, total_of
from marketcore_vendors.views.profiles import vendor_of

READ = "vendors.sales.read"
BARS = 10
_FILE = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@view_config(
    route_name="vendors.earnings",
    request_method="GET",
    permission=READ,
    openapi={"responses": {200: schemas.Earnings}},
)
def read_earnings(request: Any) -> dict[str, Any]:
    """Show what a vendor has earned by currency: pending, available, on its way and withdrawn."""
    return {
        "items": [
            {
                "currency": earned["currency"],
                **{part: present_money(earned[part], earned["currency"]) for part in PARTS},
            }
            for earned in earnings_of(request.db, _seller(request))
        ]
    }


@view_config(
    route_name="vendors.commission",
    request_method="GET",
    permission=READ,
    openapi={"query": PageQuery, "responses": {200: schemas.CommissionDocument}},
)
def read_commission(request: Any) -> dict[str, Any]:
    """Show what the marketplace takes of a vendor's next sales, and in which categories it takes another part."""
    vendor_id, query = _seller(request), request.valid.query
    scope = f"vendor commission {vendor_id}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    after = position[0] if position else 0
    rows = category_rates(request.db, vendor_id, after=after, limit=query["limit"] + 1)
    default = section(request.registry, "orders")["commission_bp"]
    basis_points, agreed = commission_of(request.db, vendor_id, default)
    shown = page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.id],
        present=lambda row: {"category_id": row.id, "name": row.name, "basis_points": row.basis_points},
    )
    return {"basis_points": basis_points, "agreed": agreed, **shown}


@view_config(
    route_name="vendors.sales.days",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.DaysQuery, "responses": {200: schemas.DaysDocument}},
)
def read_days(request: Any) -> dict[str, Any]:
    """Show a vendor's sales day by day."""
    span, rows = _days(request)
    return {
        **_about(span),
        "total": present_figures(total_of(rows), span.currency),
        "items": [{"day": row.day.isoformat(), **present_figures(row._mapping, span.currency)} for row in rows],
    }


@view_config(
    route_name="vendors.sales.days.csv",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.DaysQuery, "responses": {200: "text/csv"}},
)
def download_days(request: Any) -> Response:
    """Download a vendor's sales day by day as CSV."""
    span, rows = _days(request)
    cells = [[row.day.isoformat(), span.currency, *figures_as_row(row._mapping, span.currency)] for row in rows]
    return _csv(span, "days", ("day", "currency", *FIGURES), cells)


@view_config(
    route_name="vendors.sales.days.svg",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.DaysChartQuery, "responses": {200: "image/svg+xml"}},
)
def draw_days(request: Any) -> Response:
    """Draw a vendor's sales day by day."""
    span, rows = _days(request)
    measure = request.valid.query["measure"]
    bars = [Bar(row.day.isoformat(), int(getattr(row, measure))) for row in rows]
    total = _written(measure, span, sum(bar.value for bar in bars))
    title = f"Sales by day: {measure}{_unit(measure, span)}"
    about = f"From {span.first} to {span.last}: {total} in all, a column for each day."
    return _svg(column_chart(title, about, bars, lambda value: _written(measure, span, value)))


@view_config(
    route_name="vendors.sales.products",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.ProductsQuery, "responses": {200: schemas.ProductsDocument}},
)
def read_products(request: Any) -> dict[str, Any]:
    """Show a vendor's sales by product, what brought most first."""
    span, query = _span(request), request.valid.query
    scope = f"vendor products {span}"
    after = decode_cursor(request.registry, scope, query["cursor"], [int, int])
    rows = sales_by_product(request.db, span, after=after, limit=query["limit"] + 1)
    shown = page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.gross, row.product_id],
        present=lambda row: _product(row, span),
    )
    return {**_about(span), **shown}


@view_config(
    route_name="vendors.sales.products.csv",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.SpanQuery, "responses": {200: "text/csv"}},
)
def download_products(request: Any) -> Response:
    """Download a vendor's sales by product as CSV; the ten thousand that brought most."""
    span = _span(request)
    rows = sales_by_product(request.db, span, after=None, limit=MOST_ROWS)
    cells = [[row.product_id, row.title, span.currency, *figures_as_row(row._mapping, span.currency)] for row in rows]
    return _csv(span, "products", ("product_id", "title", "currency", *FIGURES), cells)


@view_config(
    route_name="vendors.sales.products.svg",
    request_method="GET",
    permission=READ,
    openapi={"query": schemas.ProductsChartQuery, "responses": {200: "image/svg+xml"}},
)
def draw_products(request: Any) -> Response:
    """Draw the sales of the products that brought most."""
    span, measure = _span(request), request.valid.query["measure"]
    rows = sales_by_product(request.db, span, after=None, limit=BARS)
    bars = [Bar(row.title, int(getattr(row, measure))) for row in rows]
    title = f"Sales by product: {measure}{_unit(measure, span)}"
    about = f"From {span.first} to {span.last}: the {len(bars)} products that brought most, a bar for each."
    return _svg(row_chart(title, about, bars, lambda value: _written(measure, span, value)))


def _seller(request: Any) -> int:
    vendor_id = vendor_of(request)
    check_seller(request.db, vendor_id)
    return vendor_id


def _span(request: Any) -> Span:
    vendor_id, query = _seller(request), request.valid.query
    given = [date.fromisoformat(query[name]) if query[name] else None for name in ("from", "to")]
    first, last = period(given[0], given[1], clock.now(request.db).date())
    currency = query["currency"] or section(request.registry, "marketcore")["default_currency"]
    return Span(vendor_id, currency, first, last)


def _days(request: Any) -> tuple[Span, list[Any]]:
    span = _span(request)
    return span, sales_by_day(request.db, span, product_id=request.valid.query["product_id"])


def _about(span: Span) -> dict[str, str]:
    return {"currency": span.currency, "from": span.first.isoformat(), "to": span.last.isoformat()}


def _product(row: Any, span: Span) -> dict[str, Any]:
    return {"product_id": row.product_id, "title": row.title, **present_figures(row._mapping, span.currency)}


def _unit(measure: str, span: Span) -> str:
    return f" ({span.currency})" if measure in MONEY else ""


def _written(measure: str, span: Span, value: int) -> str:
    return Money(value, span.currency).amount if measure in MONEY else str(value)


def _csv(span: Span, what: str, columns: tuple[str, ...], rows: list[list[str | int]]) -> Response:
    response = Response(as_csv(columns, rows), content_type="text/csv", charset="utf-8")
    response.headers.update(_FILE)
    response.content_disposition = f'attachment; filename="sales-{what}-{span.first}-{span.last}.csv"'
    return response


def _svg(chart: str) -> Response:
    response = Response(chart, content_type="image/svg+xml", charset="utf-8")
    response.headers.update(_FILE)
    return response
