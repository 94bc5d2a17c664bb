"""Wallets over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore import audit
from marketcore.ledger.transfers import Balance, Entry
from marketcore.refunds.schemas import RefundDocument
from marketcore.refunds.services import RefundService
from marketcore.refunds.views import present_refund
from marketcore.settings import section
from marketcore.web.json import present_money, utc
from marketcore.web.pagination import decode_cursor, page
from marketcore_wallet import schemas
from marketcore_wallet.recharges import RechargeService
from marketcore_wallet.services import WalletService


def _present_wallet(currency: str, balance: Balance) -> dict[str, Any]:
    return {
        "currency": currency,
        "available": present_money(balance.available_minor, currency),
        "held": present_money(balance.reserved_minor, currency),
    }


def _present_movement(entry: Entry, user_id: int) -> dict[str, Any]:
    outgoing = (entry.debit_purpose, entry.debit_owner) == ("wallet", f"user:{user_id}")
    return {
        "id": str(entry.id),
        "kind": entry.kind,
        "direction": "out" if outgoing else "in",
        "amount": present_money(entry.amount.minor, entry.amount.currency),
        "code": entry.code,
        "ref_type": entry.ref_type,
        "ref_id": entry.ref_id,
        "hold": str(entry.pending_id) if entry.pending_id else None,
        "expires_at": utc(entry.expires_at),
        "at": utc(entry.created_at),
    }


def _present_recharge(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "amount": present_money(row.amount_minor, row.currency),
        "refunded": present_money(row.refunded_minor, row.currency),
        "payment_id": str(row.payment_id) if row.payment_id else None,
        "paid_at": utc(row.paid_at),
        "created_at": utc(row.created_at),
    }


@view_config(
    route_name="wallet.balances",
    request_method="GET",
    permission="wallet.balance.read",
    openapi={"responses": {200: schemas.Wallets}},
)
def read_wallets(request: Any) -> dict[str, Any]:
    """Show what is in your wallets."""
    balances = request.find_service(WalletService).balances(request.authenticated_userid)
    return {"items": [_present_wallet(currency, balance) for currency, balance in balances.items()]}


@view_config(
    route_name="wallet.history",
    request_method="GET",
    permission="wallet.balance.read",
    openapi={"query": schemas.HistoryQuery, "responses": {200: schemas.MovementPage}},
)
def read_history(request: Any) -> dict[str, Any]:
    """Show the movements of one of your wallets, newest first."""
    query, user_id = request.valid.query, request.authenticated_userid
    currency = query["currency"] or section(request.registry, "marketcore")["default_currency"]
    scope, limit = f"wallet.history:{user_id}:{currency}", query["limit"]
    (before,) = decode_cursor(request.registry, scope, query["cursor"], (int,)) or (None,)
    rows = request.find_service(WalletService).history(user_id, currency, before=before, limit=limit + 1)
    return page(
        request,
        scope,
        rows,
        limit=limit,
        position=lambda entry: (entry.seq,),
        present=lambda entry: _present_movement(entry, user_id),
    )


@view_config(
    route_name="wallet.recharges",
    request_method="POST",
    permission="wallet.recharge.make",
    idempotent=True,
    rate_limit="payment",
    openapi={"body": schemas.RechargeBody, "responses": {201: schemas.RechargeDocument}, "refusals": [409, 429]},
)
def open_recharge(request: Any) -> dict[str, Any]:
    """Begin to put money into your wallet: pay for it next, with `purpose` `wallet_recharge`."""
    recharges, user_id = request.find_service(RechargeService), request.authenticated_userid
    recharge_id = recharges.open(user_id, request.valid.body["amount"])
    request.response.status_int = 201
    return _present_recharge(recharges.read(recharge_id, user_id))


@view_config(
    route_name="wallet.recharge",
    request_method="GET",
    permission="wallet.balance.read",
    openapi={"responses": {200: schemas.RechargeDocument}},
)
def read_recharge(request: Any) -> dict[str, Any]:
    """Show one of your recharges."""
    recharge_id = UUID(request.matchdict["recharge_id"])
    return _present_recharge(request.find_service(RechargeService).read(recharge_id, request.authenticated_userid))


@view_config(
    route_name="wallet.recharge.refunds",
    request_method="POST",
    permission="wallet.recharge.refund",
    idempotent=True,
    openapi={"body": schemas.RechargeRefundBody, "responses": {201: RefundDocument}, "refusals": [409]},
)
def refund_recharge(request: Any) -> dict[str, Any]:
    """Give back what is still there of a recharge, or part of it."""
    refunds, given = request.find_service(RefundService), request.valid.body
    recharge_id, amount = UUID(request.matchdict["recharge_id"]), given["amount"]
    refund_id = refunds.request(
        request.find_service(RechargeService).payment_of(recharge_id, amount),
        amount.minor if amount else None,
        target=given["target"],
        reason=given["reason"],
        by=request.authenticated_userid,
    )
    actor = audit.actor_of(request.identity)
    audit.record(request.db, actor, "refund.request", "refund", refund_id, recharge=recharge_id)
    request.response.status_int = 201
    return present_refund(refunds.read(refund_id))
