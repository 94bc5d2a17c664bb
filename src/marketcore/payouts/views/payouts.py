"""Payouts over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.view import view_config

from marketcore import audit
from marketcore.payouts import schemas
from marketcore.payouts.reading import balances_of, page_of_payouts
from marketcore.payouts.services import PayoutService
from marketcore.web.json import present_money, utc
from marketcore.web.pagination import decode_cursor, page


def present_payout(row: Any) -> dict[str, Any]:
    """Return a payout's document."""
    return {
        "id": str(row.id),
        "code": row.code,
        "user_id": row.user_id,
        "destination_id": str(row.destination_id),
        "provider": row.provider,
        "source": row.source,
        "amount": present_money(row.amount_minor, row.currency),
        "state": row.state,
        "reason": row.reason,
        "failure": row.failure,
        "receipt": row.provider_receipt,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


@view_config(
    route_name="payouts.payouts",
    request_method="POST",
    permission="payouts.payout.request",
    step_up=True,
    idempotent=True,
    openapi={"body": schemas.PayoutBody, "responses": {201: schemas.PayoutDocument}, "refusals": [409]},
)
def request_payout(request: Any) -> dict[str, Any]:
    """Ask to be paid: the amount is reserved at once, and leaves when it has been approved."""
    given = request.valid.body
    payout_id = request.find_service(PayoutService).request(
        request.authenticated_userid, UUID(given["destination_id"]), given["amount"], given["source"]
    )
    request.response.status_int = 201
    return _document(request, payout_id)


@view_config(
    route_name="payouts.payouts",
    request_method="GET",
    permission="payouts.payout.read",
    openapi={"query": schemas.PayoutQuery, "responses": {200: schemas.PayoutPage}},
)
def list_payouts(request: Any) -> dict[str, Any]:
    """List your payouts, newest first; an admin sees everybody's."""
    identity, query = request.identity, request.valid.query
    whose = None if "admin" in identity.roles else identity.user_id
    scope = f"payouts {identity.user_id} {query['state']}"
    after = decode_cursor(request.registry, scope, query["cursor"], (str, str))
    rows = page_of_payouts(request.db, whose, state=query["state"], after=after, limit=query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: (row.created_at.isoformat(), str(row.id)),
        present=present_payout,
    )


@view_config(
    route_name="payouts.payout",
    request_method="GET",
    permission="payouts.payout.read",
    openapi={"responses": {200: schemas.PayoutDocument}},
)
def read_payout(request: Any) -> dict[str, Any]:
    """Show a payout to its payee and to admins."""
    return _document(request, _payout_id(request))


@view_config(
    route_name="payouts.decision",
    request_method="POST",
    permission="payouts.payout.decide",
    idempotent=True,
    openapi={"body": schemas.DecisionBody, "responses": {200: schemas.PayoutDocument}, "refusals": [409]},
)
def decide_payout(request: Any) -> dict[str, Any]:
    """Approve a payout, or reject one that has not left yet; nobody decides about their own."""
    payout_id, given = _payout_id(request), request.valid.body
    service = request.find_service(PayoutService)
    service.decide(payout_id, request.authenticated_userid, approve=given["approve"], reason=given["reason"])
    act = "payout.approve" if given["approve"] else "payout.reject"
    audit.record(request.db, audit.actor_of(request.identity), act, "payout", payout_id, reason=given["reason"])
    return _document(request, payout_id)


@view_config(
    route_name="payouts.cancellation",
    request_method="POST",
    permission="payouts.payout.cancel",
    idempotent=True,
    openapi={"responses": {200: schemas.PayoutDocument}, "refusals": [409]},
)
def cancel_payout(request: Any) -> dict[str, Any]:
    """Take back a payout of yours that nobody has approved yet."""
    payout_id = _payout_id(request)
    request.find_service(PayoutService).cancel(payout_id, request.authenticated_userid)
    return _document(request, payout_id)


@view_config(
    route_name="payouts.balances",
    request_method="GET",
    permission="payouts.payout.read",
    openapi={"responses": {200: schemas.CurrencyBalances}},
)
def read_balances(request: Any) -> dict[str, Any]:
    """Show what is yours by currency: held, available, on its way out, owed, and in the wallet."""
    return {
        "items": [
            {
                "currency": row.currency,
                **{part: present_money(getattr(row, part), row.currency) for part in _PARTS},
            }
            for row in balances_of(request.db, request.authenticated_userid)
        ]
    }


_PARTS = ("held", "available", "in_payout", "debt", "wallet")


def _document(request: Any, payout_id: UUID) -> dict[str, Any]:
    return present_payout(request.find_service(PayoutService).read(payout_id, request.identity))


def _payout_id(request: Any) -> UUID:
    return UUID(request.matchdict["payout_id"])
