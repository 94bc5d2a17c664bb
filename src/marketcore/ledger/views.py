"""What the ledger shows to the people whose money it is; nothing here writes."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.ledger import schemas
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Entry
from marketcore.web.json import present_money, utc


def present_entry(entry: Entry) -> dict[str, Any]:
    """Return the document of one movement."""
    return {
        "id": str(entry.id),
        "code": entry.code,
        "kind": entry.kind,
        "debit": entry.debit_purpose,
        "credit": entry.credit_purpose,
        "amount": present_money(entry.amount.minor, entry.amount.currency),
        "at": utc(entry.created_at),
    }


@view_config(
    route_name="ledger.balances",
    request_method="GET",
    permission="ledger.balance.read",
    openapi={"responses": {200: schemas.Balances}},
)
def read_balances(request: Any) -> dict[str, Any]:
    """Show what your accounts hold."""
    balances = request.find_service(LedgerService).balances_of("user", request.authenticated_userid)
    return {
        "items": [
            {
                "purpose": account.purpose,
                "available": present_money(balance.available_minor, account.currency),
                "reserved": present_money(balance.reserved_minor, account.currency),
            }
            for account, balance in balances.items()
        ]
    }
