"""The only writer of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from marketcore.exceptions import Conflict, InsufficientFunds, MarketError, NotFound
from marketcore.ledger import sql
from marketcore.ledger.accounts import AccountRef
from marketcore.ledger.ids import business_id
from marketcore.ledger.refusals import AlreadyPosted, AlreadyVoided, ExceedsHold, HoldExpired, TransferDiffers
from marketcore.ledger.transfers import Balance, Entry, Leg, Transfer, Written, demand, entry, legs, legs_of
from marketcore.money import Money

# The states that the triggers of migration core_0003 raise.
_TRIGGERS: dict[str, type[MarketError]] = {"ML001": HoldExpired, "ML002": Conflict, "ML003": ExceedsHold}


class LedgerService:
    """Moves money between accounts within the caller's transaction, and tells what stands where.

    ``session`` is a request's, or a plain one that the caller commits. A call that raises may have spoilt the
    transaction: the caller lets the error through, or wraps the call in ``session.begin_nested()``.
    Accounts come after order, payment and auction rows in the global lock order.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def transfer(self, transfers: Sequence[Transfer], *, event_id: UUID) -> list[Written]:
        """Make all of ``transfers`` or none, as legs of one business event; open the accounts they name first.

        Returns, per transfer, ``"created"`` or ``"exists"``: an id that is known, with the same kind, accounts,
        amount, code and reference, changes nothing (the event and expiry of the first stay). The transfers count
        together: what one brings in another may spend.

        Raises ``TransferDiffers`` for a known id with other fields and ``InsufficientFunds`` (with ``account``,
        ``needed``, ``currency``) where a guarded account does not cover its part.
        """
        if not transfers:
            return []
        created = self._record(transfers, event_id)
        self._compare([transfer for transfer in transfers if transfer.id not in created])
        fresh = [transfer for transfer in transfers if transfer.id in created]
        if fresh:
            self._move(fresh)
        return ["created" if transfer.id in created else "exists" for transfer in transfers]

    def move_once(
        self, code: str, about: UUID, cause: tuple[str, UUID], *, debit: AccountRef, credit: AccountRef, minor: int
    ) -> None:
        """Make one transfer for the ``cause`` (its type and id, which reconciliation looks movements up by).

        Said again of the same thing (``about``), code and cause, it moves nothing. Raises as ``transfer`` does.
        """
        kind, cause_id = cause
        transfer = Transfer(
            id=business_id(code, about, cause_id),
            debit=debit,
            credit=credit,
            minor=minor,
            code=code,
            ref_type=kind,
            ref_id=str(cause_id),
        )
        self.transfer([transfer], event_id=transfer.id)

    def post(self, pending_id: UUID, minor: int | None = None, *, id: UUID, event_id: UUID) -> Written:
        """Carry out a hold for ``minor`` units (all of it when ``None``); what is left over becomes free.

        Raises ``AlreadyPosted``, ``AlreadyVoided``, ``HoldExpired``, ``ExceedsHold`` or ``NotFound``.
        """
        if minor is not None and (type(minor) is not int or minor < 1):
            raise ValueError(f"{minor!r} of a hold cannot be posted: give whole minor units, at least 1")
        return self._resolve("post", pending_id, minor, id, event_id)

    def void(self, pending_id: UUID, *, id: UUID, event_id: UUID) -> Written:
        """Give a hold back; raises ``AlreadyPosted``, ``AlreadyVoided`` or ``NotFound``."""
        return self._resolve("void", pending_id, None, id, event_id)

    def void_expired(self, limit: int = 500, *, since: timedelta | None = None) -> int:
        """Void at most ``limit`` holds that have expired (within ``since``, else ever); return how many."""
        found = self._session.execute(sql.EXPIRED, {"limit": limit, "since": since}).scalars()
        ids = [(hold, business_id("hold-expired", hold)) for hold in found]
        return self._write_resolutions(
            "void", [{"id": id, "event_id": id, "pending_id": hold, "amount": None} for hold, id in ids]
        )

    def roll_deltas(self, account_id: UUID | None = None, *, limit: int = 5000) -> int:
        """Fold at most ``limit`` deltas into their accounts' rows, oldest first; return how many.

        Accounts that another roller works on are left to it.
        """
        accounts = self._session.execute(sql.LOCK_ROLLED, {"account_id": account_id}).scalars().all()
        if not accounts:
            return 0
        rolled: int = self._write(sql.ROLL, account_ids=_json(accounts), limit=limit).rowcount
        return rolled

    def balance(self, account: AccountRef) -> Balance:
        """Return what stands on ``account`` now; an account never used has zeros."""
        return self.balances([account])[account]

    def balances(self, accounts: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        """Return what stands on each of ``accounts``, all as of one moment."""
        wanted = {account.id: account for account in accounts}
        found = {account: Balance(normal=account.normal) for account in wanted.values()}
        for row in self._session.execute(sql.BALANCES, {"account_ids": _json(list(wanted))}):
            account = wanted[row.id]
            found[account] = Balance(
                row.debits_posted, row.credits_posted, row.debits_pending, row.credits_pending, account.normal
            )
        return found

    def balances_of(self, owner_type: str, owner_id: object) -> dict[AccountRef, Balance]:
        """Return what stands on every account of one owner, such as ``("user", 7)``, by purpose and currency."""
        rows = self._session.execute(sql.ACCOUNTS_OF, {"owner_type": owner_type, "owner_id": str(owner_id)})
        return self.balances([AccountRef(owner_type, str(owner_id), *row) for row in rows])

    def lock(self, accounts: Iterable[AccountRef]) -> dict[AccountRef, Balance]:
        """Lock the inline ones of ``accounts`` in the order of ids; return balances that stay true until commit.

        For callers that decide about many transfers at once; an account nobody has used yet is not locked.
        """
        accounts = list(accounts)
        self._session.execute(sql.LOCK, {"account_ids": _json([account.id for account in accounts])})
        return self.balances(accounts)

    def statement(self, ref_type: str, ref_id: str) -> list[Entry]:
        """Return every transfer of one thing, such as ``("order", "42")``, in order."""
        rows = self._session.execute(sql.STATEMENT, {"ref_type": ref_type, "ref_id": str(ref_id)})
        return [entry(row._mapping) for row in rows]

    def history(self, account: AccountRef, *, before: int | None = None, limit: int = 50) -> list[Entry]:
        """Return one account's transfers, newest first; ``before`` is the ``seq`` of the last line of a page."""
        rows = self._session.execute(sql.HISTORY, {"account_id": account.id, "before": before, "limit": limit})
        return [entry(row._mapping) for row in rows]

    def _record(self, transfers: Sequence[Transfer], event_id: UUID) -> set[UUID]:
        if len({transfer.id for transfer in transfers}) < len(transfers):
            raise ValueError("two transfers of one call have the same id")
        accounts = {ref.id: ref for transfer in transfers for ref in (transfer.debit, transfer.credit)}
        rows = [{"position": position, **_fields(transfer)} for position, transfer in enumerate(transfers)]
        opened = [{"id": id, **asdict(account)} for id, account in accounts.items()]
        return set(self._write(sql.RECORD, accounts=_json(opened), transfers=_json(rows), event_id=event_id).scalars())

    def _compare(self, known: Sequence[Transfer]) -> None:
        if not known:
            return
        rows = self._session.execute(sql.FIND, {"ids": _json([transfer.id for transfer in known])})
        stored = {row.id: row._mapping for row in rows}
        for transfer in known:
            fields = _fields(transfer)
            if any(stored[transfer.id][name] != fields[name] for name in stored[transfer.id]):
                self._refuse(TransferDiffers(f"transfer {transfer.id} exists with other fields than {transfer.code}"))

    def _move(self, transfers: Sequence[Transfer]) -> None:
        changes = [leg for transfer in transfers for leg in legs(transfer)]
        applied = self._apply(changes)
        for account in (ref for transfer in transfers for ref in (transfer.debit, transfer.credit)):
            if account.id not in applied:
                self._refuse(_insufficient(account, changes))
            if applied[account.id] != (account.guard, account.mode):
                self._refuse(ValueError(f"{account} is kept as {applied[account.id]}, not as the program says"))

    def _resolve(self, kind: str, pending_id: UUID, minor: int | None, id: UUID, event_id: UUID) -> Written:
        wish = {"id": id, "event_id": event_id, "pending_id": pending_id, "amount": minor}
        with _typed_refusals():
            written = self._write_resolutions(kind, [wish])
        if written:
            return "created"
        return self._earlier(kind, pending_id, minor, id)

    def _write_resolutions(self, kind: str, wishes: list[dict[str, Any]]) -> int:
        if not wishes:
            return 0
        rows = self._write(sql.RESOLVE, kind=kind, wishes=_json(wishes)).all()
        changes: list[Leg] = []
        for row in rows:
            posted = row.amount if kind == "post" else 0
            changes += legs_of(row.id, row.debit_id, row.credit_id, posted, -row.reserved)
        if changes:
            self._apply(changes)
        return len(rows)

    def _earlier(self, kind: str, pending_id: UUID, minor: int | None, id: UUID) -> Written:
        hold = self._session.execute(sql.HOLD, {"id": pending_id}).one_or_none()
        if hold is None:
            raise NotFound(f"there is no hold {pending_id} in the ledger")
        rows = self._session.execute(sql.RESOLUTION, {"id": id, "pending_id": pending_id}).all()
        same_id = next((row for row in rows if row.id == id), None)
        if same_id is None:
            refusal = AlreadyPosted if rows[0].kind == "post" else AlreadyVoided
            raise refusal(f"hold {pending_id} was resolved before, by {rows[0].kind} {rows[0].id}")
        if (same_id.kind, same_id.pending_id, same_id.amount) != (kind, pending_id, minor or hold.amount):
            raise TransferDiffers(f"transfer {id} exists with other fields than this {kind} of hold {pending_id}")
        return "exists"

    def _apply(self, changes: Sequence[Leg]) -> dict[UUID, tuple[str, str]]:
        rows = self._write(sql.APPLY, legs=_json([asdict(leg) for leg in changes]))
        return {row.id: (row.guard, row.mode) for row in rows}

    def _write(self, statement: Any, **parameters: Any) -> Any:
        return self._session.execute(statement, parameters)

    def _refuse(self, refusal: Exception) -> NoReturn:
        try:
            self._session.execute(sql.SPOIL, {"reason": str(refusal)})
        except DBAPIError:
            raise refusal from None
        raise AssertionError("unreachable: the database refuses")


@contextmanager
def _typed_refusals() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        refusal = _TRIGGERS.get(getattr(error.orig, "sqlstate", None) or "")
        if refusal is None:
            raise
        raise refusal(error.orig.diag.message_primary) from error  # type: ignore[union-attr]


def _fields(transfer: Transfer) -> dict[str, Any]:
    return {
        "id": transfer.id,
        "kind": transfer.kind,
        "debit_id": transfer.debit.id,
        "credit_id": transfer.credit.id,
        "currency": transfer.debit.currency,
        "amount": transfer.minor,
        "code": transfer.code,
        "ref_type": transfer.ref_type,
        "ref_id": transfer.ref_id,
        "expires_at": transfer.expires_at,
    }


def _insufficient(account: AccountRef, changes: Sequence[Leg]) -> InsufficientFunds:
    needed = Money(demand(account, changes), account.currency)
    return InsufficientFunds(
        f"the {account.purpose} balance does not cover {needed}",
        account=account.purpose,
        needed=needed.amount,
        currency=account.currency,
    )


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def ledger_service(_context: Any, request: Any) -> LedgerService:
    """Return the ledger within the request's transaction."""
    return LedgerService(request.db)
