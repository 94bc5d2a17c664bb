"""How these tests move money: short names for the trade's effects."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from marketcore.ledger.accounts import AccountRef, provider_clearing, wallet
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer

CASH = provider_clearing("mpesa", "KES")


def move(debit: AccountRef, credit: AccountRef, minor: int, id: UUID | None = None, **fields: Any) -> Transfer:
    """Return a transfer with an id of its own unless one is given."""
    given = {"code": "test", "ref_type": "test", "ref_id": "1"} | fields
    return Transfer(id or uuid4(), debit, credit, minor, **given)


def hold(debit: AccountRef, credit: AccountRef, minor: int, expires_at: datetime | None = None) -> Transfer:
    """Return a pending transfer."""
    return move(debit, credit, minor, kind="pending", expires_at=expires_at)


def transfer(session: Session, *transfers: Transfer) -> list[str]:
    """Make the transfers as one event."""
    return list(LedgerService(session).transfer(transfers, event_id=uuid4()))


def fund(session: Session, user_id: int, minor: int) -> AccountRef:
    """Put money into a user's wallet and return the wallet."""
    account = wallet(user_id, "KES")
    transfer(session, move(CASH, account, minor))
    return account


def totals(session: Session, account: AccountRef) -> tuple[int, int, int, int]:
    """Return debits posted, credits posted, debits pending, credits pending."""
    found = LedgerService(session).balance(account)
    return found.debits_posted, found.credits_posted, found.debits_pending, found.credits_pending
