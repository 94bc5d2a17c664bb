"""Credits over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore import audit
from marketcore.refunds.schemas import RefundDocument
from marketcore.refunds.services import RefundService
from marketcore.refunds.views import present_refund
from marketcore.settings import section
from marketcore.web.json import present_money, utc
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY
from marketcore_livestream import session_schemas as schemas
from marketcore_livestream.credits import CreditService
from marketcore_livestream.purchases import PurchaseService
from marketcore_livestream.settings import read_prices


@view_config(
    route_name="livestream.credits",
    request_method="GET",
    permission="livestream.credits.read",
    openapi={"responses": {200: schemas.CreditsDocument}},
)
def read_credits(request: Any) -> dict[str, Any]:
    """Show how many credits you have, and what they cost."""
    settings = section(request.registry, "livestream")
    prices = read_prices(settings.get("credit_price") or {})
    return {
        "balance": request.find_service(CreditService).balance(request.authenticated_userid),
        "needed": settings["credits"],
        "slot_minutes": settings["slot_minutes"],
        "prices": [present_money(price.minor, currency) for currency, price in sorted(prices.items())],
    }


def _present_entry(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "change": row.change,
        "balance": row.balance,
        "stream_id": row.stream_id,
        "slot": row.slot,
        "note": row.note,
        "at": utc(row.at),
    }


@view_config(
    route_name="livestream.credits.history",
    request_method="GET",
    permission="livestream.credits.read",
    openapi={"query": schemas.CreditHistoryQuery, "responses": {200: schemas.CreditHistoryPage}},
)
def read_history(request: Any) -> dict[str, Any]:
    """Show what has changed your credits, newest first."""
    query, seller_id = request.valid.query, request.authenticated_userid
    scope = f"livestream.credits {seller_id}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = request.find_service(CreditService).history(seller_id, before, query["limit"] + 1)
    return page(request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=_present_entry)


@view_config(
    route_name="livestream.credits.grants",
    request_method="POST",
    permission="livestream.credits.grant",
    idempotent=True,
    openapi={"body": schemas.NewGrant, "responses": {201: schemas.GrantDocument}, "refusals": [409]},
)
def grant_credits(request: Any) -> dict[str, Any]:
    """Give a seller credits."""
    given, credits = request.valid.body, request.find_service(CreditService)
    credits.grant(given["seller_id"], given["credits"], given["note"], request.authenticated_userid)
    request.response.status_int = 201
    return {"seller_id": given["seller_id"], "balance": credits.balance(given["seller_id"])}


def _present_purchase(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "credits": row.credits,
        "price": present_money(row.total_minor, row.currency),
        "refunded": present_money(row.refunded_minor, row.currency),
        "payment_id": str(row.payment_id) if row.payment_id else None,
        "paid_at": utc(row.paid_at),
        "created_at": utc(row.created_at),
    }


@view_config(
    route_name="livestream.purchases",
    request_method="POST",
    permission="livestream.credits.buy",
    idempotent=True,
    rate_limit="payment",
    openapi={"body": schemas.NewPurchase, "responses": {201: schemas.PurchaseDocument}, "refusals": [409, 429]},
)
def open_purchase(request: Any) -> dict[str, Any]:
    """Begin to buy credits: pay for them next, with `purpose` `stream_credits`."""
    purchases, given = request.find_service(PurchaseService), request.valid.body
    currency = given["currency"] or section(request.registry, "marketcore")["default_currency"]
    purchase_id = purchases.open(request.authenticated_userid, given["credits"], currency)
    request.response.status_int = 201
    return _present_purchase(purchases.read(purchase_id, request.authenticated_userid))


@view_config(
    route_name="livestream.purchase",
    request_method="GET",
    permission="livestream.credits.read",
    openapi={"responses": {200: schemas.PurchaseDocument}},
)
def read_purchase(request: Any) -> dict[str, Any]:
    """Show one of your purchases of credits."""
    purchase_id = UUID(request.matchdict["purchase_id"])
    return _present_purchase(request.find_service(PurchaseService).read(purchase_id, request.authenticated_userid))


@view_config(
    route_name="livestream.purchase.refunds",
    request_method="POST",
    permission="livestream.credits.grant",
    idempotent=True,
    openapi={"body": schemas.PurchaseRefund, "responses": {201: RefundDocument}, "refusals": [409]},
)
def refund_purchase(request: Any) -> dict[str, Any]:
    """Give the price of unused credits back, and take them away."""
    refunds, given = request.find_service(RefundService), request.valid.body
    purchase_id = UUID(request.matchdict["purchase_id"])
    payment_id, minor = request.find_service(PurchaseService).payment_of(purchase_id, given["credits"])
    refund_id = refunds.request(
        payment_id, minor, target=given["target"], reason=given["reason"], by=request.authenticated_userid
    )
    actor = audit.actor_of(request.identity)
    audit.record(request.db, actor, "refund.request", "refund", refund_id, purchase=purchase_id)
    request.response.status_int = 201
    return present_refund(refunds.read(refund_id))
